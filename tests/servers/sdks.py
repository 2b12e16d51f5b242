"""Proves that callwright speaks the vendors' dialects as the vendors' own Python clients speak them.

For each of openai (chat and responses), anthropic, google-genai, mistralai, cohere and ollama, over loopback only:

1. What callwright sends (recorded from the CLI: a conversation of several turns with parallel calls, a forced call, a
   call of one tool) is taken by the client's own request types, and has no field that they do not know.
2. The events that our tests feed our dialects (tests/snapshots/provider_wire__events.snap) are taken by the client's own
   response types, and the client reads the same calls out of them as callwright does.
3. The client holds the same conversation with the same stub; its requests and ours are compared field by field. A
   difference must be one that `vendors.py` explains.

    cargo build --no-default-features --features cloud,cli
    python3 -m venv DIR && DIR/bin/pip install -r tests/servers/requirements-sdks.txt
    DIR/bin/python tests/servers/sdks.py [--callwright BINARY] [--only NAME]

No key is needed and nothing leaves the machine.
"""

import importlib.metadata
import json
import re

from common import ROOT, Checks, Home, Stub, arguments
from conversation import FIRST, KEY, RESULTS, SECOND, SYSTEM, TOOLS
from models import differences
from vendors import VENDORS

PACKAGES = ["openai", "anthropic", "google-genai", "mistralai", "cohere", "ollama"]


def replies():
    """The events by dialect and reply, as our own tests have them."""
    text = (ROOT / "tests/snapshots/provider_wire__events.snap").read_text()
    return json.loads(text.split("\n---\n", 1)[1])


def as_mistral(events):
    """The same as Mistral says it: ids of nine letters, and each call whole in one event."""
    whole, text = [], json.dumps(events)
    for letter in "abc":
        text = text.replace(f"call_{letter}", letter * 9)
    for kind, data in json.loads(text):
        calls = data["choices"][0]["delta"].get("tool_calls") if data != "[DONE]" and data["choices"] else None
        if calls and "id" not in calls[0]:
            last = whole[-1][1]["choices"][0]["delta"]["tool_calls"][0]
            last["function"]["arguments"] += calls[0]["function"]["arguments"]
        else:
            whole.append((kind, data))
    return whole


def framed(dialect, events):
    """The bytes of a stream."""
    text = lambda data: data if isinstance(data, str) else json.dumps(data)  # noqa: E731
    if dialect == "ollama":
        return "application/x-ndjson", "".join(f"{text(data)}\n" for _, data in events).encode()
    named = lambda kind: f"event: {kind}\n" if kind else ""  # noqa: E731
    return "text/event-stream", "".join(f"{named(kind)}data: {text(data)}\n\n" for kind, data in events).encode()


def stub(vendor, said, order):
    """A server that gives these replies, one after the other."""
    return Stub(lambda number, _: framed(vendor.dialect, said[order[min(number, len(order) - 1)]]))


CONVERSATION = ["two_calls", "one_call", "words", "words"]


def ours(vendor, said, binary):
    """The requests that the CLI makes: of the conversation, and of two forced calls."""
    offered = [{"name": name, "description": about, "input_schema": schema} for name, about, schema in TOOLS]
    typed = [FIRST, RESULTS["get_weather"], RESULTS["add"], RESULTS["add"], SECOND]
    found = {}
    for case, order in [("conversation", CONVERSATION), ("any", ["one_call"]), ("add", ["one_call"])]:
        with stub(vendor, said, order) as server:
            settings = (
                f'[providers.{vendor.provider}]\nkind = "local"\nbase_url = "{server.address}{vendor.base or ""}"\n'
                f'model = "{vendor.model}"\n{vendor.row}\n'
            )
            if vendor.dialect == "anthropic":
                settings = settings.replace(server.address, f"{server.address}/v1")
            keys = {name: KEY for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "COHERE_API_KEY")}
            with Home(binary, settings, **keys) as home:
                words = ["--provider", vendor.provider, "--tools", home.write("tools.json", offered), "-n", "1024"]
                if case == "conversation":
                    ran = home.run("chat", *words, "--system", SYSTEM, said="\n".join(typed) + "\n")
                else:
                    choice = "required" if case == "any" else case
                    ran = home.run("run", FIRST, *words, "--json", "--single-call", "--tool-choice", choice)
            found[case] = {"requests": server.came, "said": ran}
    return found


def theirs(vendor, said):
    """The requests that the vendor's client makes, and what it read out of the replies."""
    found = {}
    with stub(vendor, said, CONVERSATION) as server:
        read = vendor(server.address).converse()
        found["conversation"] = server.came
    for case in ("any", "add"):
        with stub(vendor, said, ["one_call"]) as server:
            vendor(server.address).force(None if case == "any" else case)
            found[case] = server.came
    return found, read


def foreign(vendor, said, binary, checks):
    """Calls that came without a signature go back with what Google's documentation names for calls of another origin."""
    bare = {reply: json.loads(json.dumps(sent).replace('"thoughtSignature": "c2ln"', '"unsigned": true')) for reply, sent in said.items()}
    talk = ours(vendor, bare, binary)["conversation"]["requests"]
    parts = [part for content in talk[-1]["body"]["contents"] for part in content["parts"] if "functionCall" in part]
    marks = [part.get("thoughtSignature") for part in parts]
    wanted = ["skip_thought_signature_validator", None, "skip_thought_signature_validator"]
    checks.that("gemini: the first unsigned call of each turn is marked as foreign", marks == wanted, marks)


# What the replies say, for the client to have read.
MEANT = [
    ("Let me look – señor", [("get_weather", {"city": 'Oslo "N" 🌧'}), ("add", {"a": 1, "b": [2, {"c": None}]})]),
    ("", [("add", {"a": 2, "b": []})]),
    ("It rains.", []),
]


def compare(vendor, mine, other, checks, name):
    explained, bad = {}, []
    for case in mine:
        pairs = list(zip(mine[case]["requests"], other[case]))
        if len(mine[case]["requests"]) != len(other[case]):
            bad.append(f"{case}: {len(mine[case]['requests'])} requests of ours, {len(other[case])} of theirs")
        for number, (our, their) in enumerate(pairs):
            both = [{"path": side["path"], "key": keys(side), **respelt(side["body"], vendor)} for side in (our, their)]
            for path, a, b in differences(*both):
                why = meant(vendor, path, a, b)
                if why:
                    explained.setdefault(why, (path, a, b))
                else:
                    bad.append(f"{case} {number}: {path}: ours {shown(a)}, theirs {shown(b)}")
    checks.that(f"{name}: requests are those of the vendor's client, or the difference is meant", not bad, "\n     ".join(["", *bad[:12]]))
    for why, (path, a, b) in explained.items():
        checks.note(f"meant: {path}: ours {shown(a)}, theirs {shown(b)}: {why}")
    return len(explained), len(bad)


def meant(vendor, path, a, b):
    """Why these two may differ, if they may."""
    for pattern, why, *holds in vendor.explained:
        if re.fullmatch(pattern, path) and all(test(a, b) for test in holds):
            return why
    return None


def keys(request):
    """The headers that carry the key."""
    return ", ".join(sorted(name for name, value in request["headers"].items() if KEY in value))


def respelt(body, vendor):
    """The same with the keys that the vendor's client spells in another way spelt as we do."""
    text = json.dumps(body)
    for theirs, ours in getattr(vendor, "spelt", {}).items():
        text = text.replace(f'"{theirs}":', f'"{ours}":')
    return json.loads(text)


def known(checks, name, flaws, client):
    """Whether there is no flaw but those that the vendor's list explains."""
    left, meant = [], {}
    for where, flaw in flaws:
        why = next((why for field, why in getattr(client, "beyond", []) if re.match(rf"{field}: not a field", flaw)), None)
        if why:
            meant.setdefault(why, f"{where}: {flaw}")
        else:
            left.append(f"{where}: {flaw}")
    checks.that(name, not left, "\n     ".join(["", *left[:12]]))
    for why, flaw in meant.items():
        checks.note(f"meant: {flaw}: {why}")
    return not left


def shown(value):
    return "absent" if value is ... else json.dumps(value, ensure_ascii=False)[:90]


def main():
    words = arguments(__doc__, only=("", "one provider only"))
    checks, rows, events = Checks(), [], replies()
    for vendor in VENDORS:
        name = f"{vendor.provider} {vendor.dialect}"
        if words.only not in name:
            continue
        said = events[vendor.dialect]
        if vendor.dialect == "gemini":
            foreign(vendor, said, words.callwright, checks)
        if vendor.provider == "mistral":
            said = {reply: as_mistral(sent) for reply, sent in said.items()}
        mine = ours(vendor, said, words.callwright)
        talk = mine["conversation"]
        checks.that(f"{name}: the CLI holds the conversation", len(talk["requests"]) == 4, talk["said"])
        for case in ("any", "add"):
            ran = mine[case]["said"]
            checks.that(f"{name}: a forced call ({case}) comes back checked", ran.code == 0 and '"name": "add"' in ran.out, ran)
        client = vendor("http://127.0.0.1:1")
        refused = [
            (f"{case} {number}", flaw)
            for case in mine
            for number, request in enumerate(mine[case]["requests"])
            for flaw in client.request(request)
        ]
        taken = known(checks, f"{name}: our requests are taken by its types", refused, client)
        broken = [
            (f"{reply} {number}", flaw)
            for reply, sent in said.items()
            for number, (kind, data) in enumerate(sent)
            for flaw in client.event(kind, data)
        ]
        read_too = known(checks, f"{name}: our tests' events are taken by its types", broken, client)
        other, read = theirs(vendor, said)
        checks.that(f"{name}: its client reads the same calls and text", read == MEANT, read)
        counts = compare(vendor, mine, other, checks, name)
        rows.append((name, taken, read_too, *counts))
    print("\n" + ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES))
    print(f"{'dialect':28} requests taken  events taken  differences meant  not meant")
    for name, *rest in rows:
        yes = ["yes" if value is True else "NO" if value is False else str(value) for value in rest]
        print(f"{name:28} {yes[0]:14}  {yes[1]:12}  {yes[2]:>17}  {yes[3]:>9}")
    checks.end()


if __name__ == "__main__":
    main()
