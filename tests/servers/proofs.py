"""What must hold between the CLI and any real server: the list that each server's script goes through.

The server is one that speaks OpenAI's chat endpoint, with a model that can make calls (of SmolLM2's size at the least;
`chatml_tools.jinja` shows it two examples).
"""

import json
import time

ADD = {
    "name": "add",
    "description": "Adds two integers",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
# The kinds of failure that a death in the middle of an answer may be told as.
CUT = {"the answer was cut off", "the provider is overloaded"}
QUESTION = "Use the tool to add 2 and 3."


def answers(checks, home, provider, choice="auto"):
    """Reachability, the list of models, a forced call, a streamed text, the count of tokens. `choice` is what a talk with
    tools leaves the model to choose."""
    tools = home.write("tools.json", [ADD])
    tested = home.run("providers", "test", provider, "--json")
    steps = {step["what"]: step for step in tested.json()["steps"]} if tested.out else {}
    checks.that("the server is reached", steps.get("reach", {}).get("ok"), tested)
    listed = steps.get("models", {})
    checks.that("the model is listed", listed.get("ok") and "is listed" in listed["found"], tested)
    checks.that("`providers test` makes a call", steps.get("tool call", {}).get("ok") and tested.code == 0, tested)
    for step in steps.values():
        checks.note(f"{step['what']}: {step['found']}")

    for forced in ("required", "add"):
        words = ["--tools", tools, "--tool-choice", forced, "-n", "200", "--json"]
        ran = home.run("run", "--provider", provider, QUESTION, *words)
        response = ran.json() if ran.out else {}
        made = [(call["name"], call["arguments"]) for call in response.get("calls", [])]
        right = ran.code == 0 and made == [("add", {"a": 2, "b": 3})] and not response["faults"]
        checks.that(f"a forced call ({forced}) comes back checked", right, ran)
        if response:
            usage = response["usage"]
            checks.that("its tokens are told", usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0, usage)
            served = (response["served_by"], response["left_machine"])
            checks.that("who answered is told, and that nothing left the machine", served[0] == provider, served)
            checks.note(f"model {response['model']}, {usage['prompt_tokens']} + {usage['completion_tokens']} tokens")

    pieces, ended, err = streamed(home, provider, "Say hello to Anna.", 40)
    checks.that("text comes as it is written", len(pieces) > 3 and ended == 0, (len(pieces), ended, err))
    checks.that("no warning with it", "warning" not in err, err)
    checks.note(f"{len(pieces)} pieces: {''.join(pieces)[:60]!r}")

    words = ["--tools", tools, "--tool-choice", choice, "-n", "100"]
    talk = home.run("chat", "--provider", provider, *words, said=f"{QUESTION}\n5\n")
    checks.that("a result goes back and the talk goes on", talk.code == 0 and "error" not in talk.err, talk)

    sums = home.run("usage", "--by", "provider", "--json").json()
    of = next((line for line in sums if line["name"] == provider), {})
    counted = of.get("prompt_tokens", 0) > 0 and of.get("completion_tokens", 0) > 0 and not of.get("failed")
    checks.that("`callwright usage` has it", counted, sums)
    audit = home.run("audit", "--json").json()
    checks.that("each send has its line in the audit", len(audit) >= 6 and {line["provider"] for line in audit} == {provider})


def streamed(home, provider, question, length, after=None):
    """Reads an answer letter by letter as it comes: its pieces, the exit code, what was said on the side. `after`, once
    ten letters are there, does something to the server."""
    process = home.start("run", "--provider", provider, question, "-n", str(length))
    process.stdin.close()
    pieces, at, letters = [], time.monotonic(), 0
    while letter := process.stdout.read(1):
        now = time.monotonic()
        letters += 1
        if pieces and now - at < 0.002:
            pieces[-1] += letter
        else:
            pieces.append(letter)
        at = now
        if after and letters == 10:
            after()
            after = None
    err = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    return pieces, process.wait(), err


def wrong_model(checks, home, provider, refuses):
    """A model that is not there: an error that says so, or, of a server with one model, that one's answer, named."""
    ran = home.run("run", "--provider", f"{provider}:no-such-model", "Say hello.", "-n", "8", "--json")
    if refuses:
        told = ran.code == 2 and "no-such-model" in ran.err
        checks.that("a model that is not there is an error that names it", told, ran)
        checks.note(ran.err.strip().replace("\n", " | "))
    else:
        answered = ran.code == 0 and ran.json()["model"] != "no-such-model"
        checks.that("the server answers with the model that it has, and that one is told", answered, ran)


def dies(checks, home, provider, kill, front_dies=True):
    """The server dies in the middle of an answer, and is then not there at all."""
    before = failures(home, provider)
    pieces, ended, err = streamed(home, provider, "Tell me a very long story about a king.", 1500, kill)
    kinds = failures(home, provider)
    fresh = {kind for kind, count in kinds.items() if count > before.get(kind, 0)}
    checks.that("a server that dies while it answers is an error, not an answer", ended == 2 and pieces, (ended, err))
    checks.that("of the right kind", fresh and fresh <= CUT, kinds)
    checks.note(f"{fresh}: {err.strip().splitlines()[0] if err.strip() else ''}")
    ran = home.run("run", "--provider", provider, "Say hello.", "-n", "8")
    said = "check that it is running" in ran.err or not front_dies
    checks.that("a server that is not there is an error with a way out", ran.code == 2 and said, ran)
    checks.note(ran.err.strip().replace("\n", " | "))
    tested = home.run("providers", "test", provider)
    checks.that("`providers test` says so too", tested.code == 1 and "BAD" in tested.out, tested)


def failures(home, provider):
    ran = home.run("usage", "--by", "provider", "--json")
    lines = json.loads(ran.out) if ran.out.strip() else []
    return next((line["failed"] for line in lines if line["name"] == provider), {})
