#!/usr/bin/env python3
"""Prefill and decode of `callwright run` beside llama.cpp's own llama-bench, as ratios of process CPU time.

    benches/against_llama_bench.py --model FILE.gguf --llama-bench PATH [--callwright PATH] [--backend candle] [--pairs 15]

Both run one thread with flash attention off, and have a context about as long as what they compute, as llama-bench makes
it: values lie further apart in a longer one. They take turns, so that a noisy machine disturbs both alike. Loading and
starting are cancelled by taking the difference of a long and a short run of the same kind. What is printed is
callwright's speed over llama-bench's: 1.0 is equal, more is faster. The interval is the 95 % one of the median
(order statistics of the pairs).

llama-bench is not part of the crate's sources; build it from the ones in PyPI's `llama-cpp-python` source archive
(tools/llama-bench over the llama.cpp of the crate llama-cpp-sys-2 gives one libllama for both), with
-DGGML_NATIVE=OFF.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys

STORY = "Write a very long story about a lighthouse keeper, a storm and a lost ship. Tell every detail."


def cpu(command):
    """Runs a command; gives its CPU seconds and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{command} failed: {done.stderr.decode()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def callwright(a, prompt, tokens, context):
    command = [a.callwright, "run", a.model, prompt, "-t", "1", "-n", str(tokens), "-c", str(context), "--json"]
    command += ["--offline", "--quiet"]
    command += ["--backend", a.backend] if a.backend else []
    seconds, out = cpu(command)
    usage = json.loads(out)["usage"]
    return seconds, usage["prompt_tokens"], usage["completion_tokens"]


def bench(a, prompt, tokens):
    command = [a.llama_bench, "-m", a.model, "-p", str(prompt), "-n", str(tokens), "-t", "1", "-fa", "0", "-r", "1"]
    return cpu(command + ["--no-warmup", "-ub", "512", "-b", "512"])[0]


def decode(a):
    # llama-bench has no prompt here; the story's takes 50 tokens.
    context = a.tokens + 64
    long, _, many = callwright(a, STORY, a.tokens, context)
    short, _, few = callwright(a, STORY, 1, context)
    ours = (many - few) / (long - short)
    theirs = (many - few) / (bench(a, 0, many) - bench(a, 0, few))
    return ours, theirs


def prefill(a):
    text = " ".join(["the ship sailed north through cold water"] * (a.prompt // 7))
    context = a.prompt + 128
    long, many, _ = callwright(a, text, 1, context)
    short, few, _ = callwright(a, "hello", 1, context)
    ours = (many - few) / (long - short)
    theirs = (many - few) / (bench(a, many, 0) - bench(a, few, 0))
    return ours, theirs


def interval(values):
    """The 95 % interval of the median by order statistics (binomial)."""
    values, n = sorted(values), len(values)
    k = max(0, int(n / 2 - 0.98 * n**0.5))
    return values[k], values[n - 1 - k]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--callwright", default="target/release/callwright")
    parser.add_argument("--backend", help="the engine, where the build has several")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=129)
    parser.add_argument("--prompt", type=int, default=500)
    a = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", CANDLE_NUM_THREADS="1", HF_HUB_OFFLINE="1")
    for name, measure in (("decode", decode), ("prefill", prefill)):
        pairs = [measure(a) for _ in range(a.pairs)]
        ratios = [ours / theirs for ours, theirs in pairs]
        low, high = interval(ratios)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        print(
            f"{name}: {ours:.1f} against {theirs:.1f} tokens/s of CPU time;"
            f" ratio {statistics.median(ratios):.3f}, 95 % interval {low:.3f} to {high:.3f}, {a.pairs} pairs"
        )


if __name__ == "__main__":
    main()
