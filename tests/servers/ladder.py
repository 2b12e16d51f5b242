"""Measures the rungs of the repair ladder live, the fallback among them: of 100 faulty outputs, how many each rung saved.

The local model is the one inside callwright (it writes freely, temperature 1, so that it errs); the provider of the
fallback is llama.cpp's own server with another small model, named in the settings and on loopback. The questions are
those of fixtures/models/questions_new_tools.jsonl. Three ladders:

    whole      fixed, asked again at home with the grammar (twice at the most), asked the provider
    as kept    fixed, asked the provider: no re-ask at home, as where the local model has no time for one
    free       like `as kept`, with a provider that is asked for a call and not made to (tool choice auto)

Needs a CLI with an engine (the features `llama` or `candle`) and `cloud`, a built `llama-server`, and a GGUF model:

    cargo build --release
    python3 tests/servers/ladder.py --callwright target/release/callwright --server PATH/llama-server --model PATH/model.gguf
"""

import json

from common import ROOT, Checks, Home, arguments, row
from llama_server import LLAMA, TEMPLATE, start

# Ways of setting the ladder up: name, re-asks at home, whether a call is demanded.
LADDERS = [("whole", 2, "required"), ("as kept", 0, "required"), ("free", 0, "auto")]
TURNS = 2000


def settings(base, reasks):
    """A callwright.toml whose fallback is the server on loopback."""
    return row("llama-server", base) + (
        f'[engine]\nenforce = "reask"\n[repair]\nreasks = {reasks}\n'
        '[fallback]\nenabled = true\nchain = ["llama-server"]\n'
    )


def rung(response):
    """Which rung the answer stands on."""
    if response["faults"]:
        return "given up"
    if response["served_by"] != "local":
        return "asked the provider" if response["calls"] else "prose from there"
    if len([attempt for attempt in response["attempts"] if attempt["by"] == "local"]) > 1:
        return "asked again"
    return "fixed" if response["fixes"] else "fine as written"


def climb(words, base, name, reasks, choice):
    """Makes turns until there are enough faulty outputs; how often each rung held, and was right."""
    tasks = [json.loads(line) for line in (ROOT / "fixtures/models/questions_new_tools.jsonl").read_text().splitlines()]
    held, right, kinds, milliseconds = {}, {}, {}, []
    with Home(words.callwright, settings(base, reasks)) as home:
        for turn in range(TURNS):
            task = tasks[turn % len(tasks)]
            tools = home.write("tools.json", task["tools"])
            more = ["--tool-choice", choice, "--temp", "1", "--seed", str(turn + 1), "-n", "200", "--json"]
            ran = home.run("run", task["question"], "--tools", tools, *more)
            if not ran.out:
                kinds[ran.err.strip().splitlines()[0]] = kinds.get(ran.err.strip().splitlines()[0], 0) + 1
                held["error"] = held.get("error", 0) + 1
                continue
            response = ran.json()
            at = rung(response)
            made = [(call["name"], call["arguments"]) for call in response["calls"]]
            is_right = made == [(call["name"], call["arguments"]) for call in task["expected"]]
            held[at] = held.get(at, 0) + 1
            right[at] = right.get(at, 0) + (is_right and at != "given up")
            for attempt in response["attempts"]:
                if attempt["by"] != "local" and attempt["total_ms"]:
                    milliseconds.append(attempt["total_ms"])
            if at == "given up":
                for fault in response["faults"]:
                    kind = fault if isinstance(fault, str) else fault.get("kind") or next(iter(fault))
                    kinds[kind] = kinds.get(kind, 0) + 1
            if sum(count for key, count in held.items() if key != "fine as written") >= int(words.faulty):
                break
        turns = turn + 1
    print(f"\n{name}: {turns} turns, {held.pop('fine as written', 0)} fine as written ({right.get('fine as written', 0)} right)")
    for key in ("fixed", "asked again", "asked the provider", "prose from there", "given up", "error"):
        if key in held or key in ("fixed", "asked the provider", "given up"):
            print(f"  {key:20} {held.get(key, 0):3}   ({right.get(key, 0)} right)")
    if milliseconds:
        middle = sorted(milliseconds)[len(milliseconds) // 2]
        print(f"  {len(milliseconds)} requests to the provider, {middle:.0f} ms each in the middle")
    if kinds:
        print(f"  faults that were left: {kinds}")
    return held, milliseconds


def main():
    words = arguments(
        __doc__,
        **LLAMA,
        faulty=("100", "faulty outputs to be gathered"),
        only=("", "one ladder only"),
    )
    checks = Checks()
    server, base = start(words, "--chat-template-file", str(TEMPLATE), "--alias", "small")
    with server:
        for name, reasks, choice in LADDERS:
            if words.only in name:
                held, asked = climb(words, base, name, reasks, choice)
                saved = held.get("asked the provider", 0)
                checks.that(f"{name}: what the provider saved was asked of it", saved <= len(asked), (saved, len(asked)))
    checks.end()


if __name__ == "__main__":
    main()
