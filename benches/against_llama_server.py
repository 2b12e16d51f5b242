#!/usr/bin/env python3
"""Time to a checked tool call beside llama.cpp's own llama-server, as ratios of process CPU time.

    benches/against_llama_server.py --model FILE.gguf --llama-server PATH [--callwright PATH] [--rounds 5]
        [--questions N] [--parts default best cold crowd]

Both get the same prompts, as callwright renders them, the same schemas with bounded strings, one thread, and choose
greedily. The server is asked for text that a JSON schema of the tools holds, since its chat endpoint drops the tools of
templates that know none; that its text is a call is checked here. Server and callwright take turns, so that a noisy
machine disturbs both alike. Warm: the tools have been read before, and neither side counts its start. Cold: a new
process on both sides, loading included, and callwright finds the tools' prefix on disk. Crowd: eight clients at once, answers
for a second of CPU time, and the time to the first token that 99 in 100 stay under. What is printed is callwright's
time over the server's: less is faster.

llama-server comes with PyPI's `llama-cpp-python` source archive; build it with -DGGML_NATIVE=OFF.
"""

import argparse
import concurrent.futures
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

# Warm against the server as it comes, warm against its best settings, cold, and eight clients at once.
PARTS = ["default", "best", "cold", "crowd"]
CLIENTS = 8

MORE = {
    "convert_units": ("converts an amount from one unit to another", {"amount": "number", "from": "string", "to": "string"}),
    "translate": ("translates a text", {"text": "string", "language": "string"}),
    "create_event": ("adds an event to the calendar", {"title": "string", "date": "string", "time": "string"}),
    "play_music": ("plays a song or an artist", {"query": "string"}),
    "read_file": ("reads a file", {"path": "string", "lines": "integer"}),
}


def bounded(schema):
    """The schema with every free string bounded, so that no side runs on for ever."""
    if isinstance(schema, list):
        return [bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: bounded(part) for key, part in schema.items()}
    if schema.get("type") == "string" and "enum" not in schema:
        schema["maxLength"] = 200
    return schema


def tools_of(file, more):
    tools = [bounded(tool.get("function", tool)) for tool in json.load(open(file))]
    for name, (description, parameters) in list(MORE.items())[: more]:
        properties = {key: bounded({"type": kind}) for key, kind in parameters.items()}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        tools.append({"name": name, "description": description, "parameters": schema})
    return tools


def call_schema(tools):
    def one(tool):
        parameters = dict(tool["parameters"], additionalProperties=False)
        properties = {"name": {"const": tool["name"]}, "arguments": parameters}
        return {"type": "object", "properties": properties, "required": ["name", "arguments"], "additionalProperties": False}

    return {"anyOf": [one(tool) for tool in tools]}


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Server:
    """A llama-server on loopback."""

    def __init__(self, a, flags, clients=1):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [a.llama_server, "-m", a.model, "-t", "1", "-tb", "1", "-c", str(4096 * clients), "-np", str(clients)]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--no-webui", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5)
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"llama-server ended with {self.process.returncode}")
                time.sleep(0.1)
        sys.exit("llama-server did not come up")

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def post(self, prompt, schema, **more):
        body = {"prompt": prompt, "json_schema": schema, "n_predict": 256, "temperature": 0, "cache_prompt": True, **more}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return urllib.request.urlopen(request, timeout=600)

    def first_token(self, prompt, schema):
        """Seconds to the first token of a streamed answer, which is read to its end."""
        began, first = time.monotonic(), None
        for line in self.post(prompt, schema, stream=True):
            if line.startswith(b"data: ") and first is None:
                first = time.monotonic() - began
        return first

    def ask(self, prompt, schema):
        """Whether the answer is a call, and its tokens."""
        answer = json.load(self.post(prompt, schema))
        try:
            return isinstance(json.loads(answer["content"]), dict), answer["tokens_predicted"]
        except ValueError:
            return False, answer["tokens_predicted"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def callwright(a, home, arguments):
    environment = dict(os.environ, CALLWRIGHT_CACHE=home, OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
    before = children()
    done = subprocess.run([a.callwright, *arguments, "--quiet"], env=environment, capture_output=True, text=True)
    if done.returncode == 2:
        sys.exit(done.stderr)
    return children() - before, done.stdout


def prompts_of(a, home, tools, questions):
    opened = []
    for question in questions:
        arguments = ["prompt", a.model, question, "--tools", tools, "--format", "hermes", "--tool-choice", "required", "--json"]
        opened.append(json.loads(callwright(a, home, arguments)[1])["text"] + "<tool_call>\n")
    return opened


def warm(a, home, tools_file, tools, questions, flags):
    """callwright's CPU time over the server's for all questions but the first."""
    prompts, schema = prompts_of(a, home, tools_file, questions), call_schema(tools)
    server = Server(a, flags)
    try:
        server.ask(prompts[0], schema)
        base = ["bench", "run", a.model, "--tasks", a.tasks, "--tools", tools_file, "--format", "hermes", "-t", "1"]
        base += ["-n", "256", "--mode", "enforced", "--no-prefix-cache", "--json", "--limit"]
        ratios, ours, theirs = [], [], []
        for _ in range(a.rounds):
            began = server.cpu()
            whole, tokens = map(sum, zip(*(server.ask(prompt, schema) for prompt in prompts[1:])))
            theirs.append((server.cpu() - began) / (len(prompts) - 1))
            long, report = callwright(a, home, base + [str(len(questions))])
            short, _ = callwright(a, home, base + ["1"])
            ours.append((long - short) / (len(questions) - 1))
            ratios.append(ours[-1] / theirs[-1])
        tally = json.loads(report)[0]
        print(
            f"warm, {len(tools)} tools, llama-server {' '.join(flags) or 'as it comes'}: {1000 * statistics.median(ours):.0f} ms"
            f" against {1000 * statistics.median(theirs):.0f} ms of CPU a call; ratio {statistics.median(ratios):.3f}"
            f" ({min(ratios):.3f} to {max(ratios):.3f}, {a.rounds} rounds); valid {tally['valid']} of {len(questions)}"
            f" against {whole} of {len(prompts) - 1}; {tally['tokens']:.0f} against {tokens / (len(prompts) - 1):.0f} tokens"
        )
    finally:
        server.stop()


def cold(a, home, tools_file, tools, questions, flags):
    """The same for one call of a new process, loading included."""
    prompts, schema = prompts_of(a, home, tools_file, questions[: a.rounds + 1]), call_schema(tools)
    base = ["--tools", tools_file, "--format", "hermes", "-t", "1", "-n", "256", "--single-call", "--tool-choice", "required", "--json"]
    callwright(a, home, ["run", a.model, questions[0], *base])
    ratios, ours, theirs = [], [], []
    for question, prompt in zip(questions[1:], prompts[1:]):
        server = Server(a, flags)
        try:
            server.ask(prompt, schema)
            theirs.append(server.cpu())
        finally:
            server.stop()
        ours.append(callwright(a, home, ["run", a.model, question, *base])[0])
        ratios.append(ours[-1] / theirs[-1])
    print(
        f"cold, {len(tools)} tools, llama-server {' '.join(flags) or 'as it comes'}: {1000 * statistics.median(ours):.0f} ms"
        f" against {1000 * statistics.median(theirs):.0f} ms of CPU; ratio {statistics.median(ratios):.3f}"
        f" ({min(ratios):.3f} to {max(ratios):.3f}, {len(ratios)} pairs)"
    )


def crowd(a, home, tools_file, tools, questions, flags):
    """Clients at once, each asking again as soon as it was answered."""
    prompts, schema = prompts_of(a, home, tools_file, questions), call_schema(tools)
    base = ["bench", "run", a.model, "--tasks", a.tasks, "--tools", tools_file, "--format", "hermes", "-t", "1"]
    base += ["-n", "256", "--mode", "enforced", "--no-prefix-cache", "--json", "--clients", str(CLIENTS), "--limit"]
    server = Server(a, flags, CLIENTS)
    try:
        server.ask(prompts[0], schema)
        ratios, ours, theirs = [], [], []
        for _ in range(a.rounds):
            began = server.cpu()
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
                firsts = sorted(clients.map(lambda prompt: server.first_token(prompt, schema), prompts))
            used = (server.cpu() - began) / len(prompts)
            # A start, with the tools read by one client, is taken off, as it is not counted on the other side.
            long, report = callwright(a, home, base + [str(len(questions))])
            short, _ = callwright(a, home, base + ["1"])
            theirs.append((used, 1000 * firsts[len(firsts) * 99 // 100]))
            ours.append(((long - short) / (len(questions) - 1), json.loads(report)[0]["p99_first_token_ms"]))
            ratios.append(ours[-1][0] / used)
        middle = lambda side, which: statistics.median(entry[which] for entry in side)
        print(
            f"{CLIENTS} clients, {len(tools)} tools, llama-server -np {CLIENTS} {' '.join(flags)}: {1000 * middle(ours, 0):.0f} ms"
            f" against {1000 * middle(theirs, 0):.0f} ms of CPU a call; ratio {statistics.median(ratios):.3f}"
            f" ({min(ratios):.3f} to {max(ratios):.3f}, {a.rounds} rounds); p99 to the first token"
            f" {middle(ours, 1):.0f} ms against {middle(theirs, 1):.0f} ms"
        )
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--callwright", default="target/release/callwright")
    parser.add_argument("--tools", default="examples/tools.json")
    parser.add_argument("--tasks", default="examples/questions.jsonl")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, help="only the first so many")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    a = parser.parse_args()
    questions = [json.loads(line)["question"] for line in open(a.tasks)][: a.questions]
    with tempfile.TemporaryDirectory() as home:
        for more in (0, 5):
            tools = tools_of(a.tools, more)
            file = os.path.join(home, f"tools{len(tools)}.json")
            with open(file, "w") as out:
                json.dump(tools, out)
            for part, flags in (("default", []), ("best", ["-fa", "off"])):
                if part in a.parts:
                    warm(a, home, file, tools, questions, flags)
            if more and "cold" in a.parts:
                cold(a, home, file, tools, questions, [])
            if "crowd" in a.parts:
                crowd(a, home, file, tools, questions, ["-fa", "off"])


if __name__ == "__main__":
    main()
