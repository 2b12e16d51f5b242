"""Shows what a day costs: 200 requests over several providers and models, and what `callwright usage` says of them.

The providers are stubs on loopback under the names and models of real ones, so that the price list of the binary
applies. Each answers in its dialect with counts of tokens drawn from a fixed seed; some fail, some are too dear for the
budget. The table's sums are computed a second time here, from the prices as `callwright prices` prints them, and must
agree to the picodollar.

    cargo build --no-default-features --features cloud,cli
    python3 tests/servers/day.py [--requests 200]
"""

import json
import random

from common import Checks, Home, Stub, arguments

# Provider, model, dialect, how many requests of a hundred, prompt and answer tokens on the average.
SHARES = [
    ("openai", "gpt-6-luna", "openai_responses", 40, 1800, 250),
    ("anthropic", "claude-opus-5-5", "anthropic", 15, 6000, 700),
    ("gemini", "gemini-3.8-flash", "gemini", 20, 2500, 300),
    ("mistral", "mistral-large-latest", "openai_chat", 15, 2000, 300),
    ("llama-server", "small", "openai_chat", 10, 900, 150),
]
KEYS = {name: "sk-of-nobody" for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")}


def answer(dialect, model, counted):
    """A stream that says "ok" and these counts: prompt, of it from the cache, answer."""
    prompt, cached, wrote = counted
    if dialect == "openai_responses":
        usage = {"input_tokens": prompt, "output_tokens": wrote, "input_tokens_details": {"cached_tokens": cached}}
        events = [
            {"type": "response.output_text.delta", "output_index": 0, "delta": "ok"},
            {"type": "response.completed", "response": {"model": model, "status": "completed", "usage": usage}},
        ]
    elif dialect == "anthropic":
        usage = {"input_tokens": prompt - cached, "cache_read_input_tokens": cached, "output_tokens": 1}
        events = [
            {"type": "message_start", "message": {"id": "m", "model": model, "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "ok"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": wrote}},
            {"type": "message_stop"},
        ]
    elif dialect == "gemini":
        usage = {"promptTokenCount": prompt, "cachedContentTokenCount": cached, "candidatesTokenCount": wrote}
        candidate = {"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}
        events = [{"candidates": [candidate], "modelVersion": model, "usageMetadata": usage}]
    else:
        usage = {"prompt_tokens": prompt, "completion_tokens": wrote, "prompt_tokens_details": {"cached_tokens": cached}}
        choice = {"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}
        events = [{"model": model, "choices": [choice]}, {"choices": [], "usage": usage}]
    return "text/event-stream", "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def main():
    words = arguments(__doc__, requests=("200", "how many"))
    chance, checks, drawn = random.Random(5), Checks(), {}

    def serve(provider, model, dialect, prompt, wrote):
        def reply(_, request):
            if chance.random() < 0.04:
                return "application/json", b'{"error": {"message": "no such parameter"}}', 400
            size = max(50, round(chance.gauss(prompt, prompt / 3)))
            cached = size // 2 if chance.random() < 0.3 else 0
            counted = (size, cached, max(5, round(chance.gauss(wrote, wrote / 3))))
            drawn.setdefault(provider, []).append(counted)
            return answer(dialect, model, counted)

        return Stub(reply)

    stubs = {share[0]: serve(share[0], share[1], share[2], share[4], share[5]) for share in SHARES}
    settings = "[fallback]\nusd_a_request = 0.20\nusd_a_day = 0.75\n"
    for provider, model, dialect, *_ in SHARES:
        settings += f'[providers.{provider}]\nkind = "local"\nbase_url = "{stubs[provider].address}/v1"\n'
        settings += f'dialect = "{dialect}"\nmodel = "{model}"\nlimits = {{ retries = 0 }}\n'
    refused = 0
    with Home(words.callwright, settings, **KEYS) as home:
        for _ in range(int(words.requests)):
            provider, model = chance.choices(SHARES, [share[3] for share in SHARES])[0][:2]
            ran = home.run("run", "--provider", f"{provider}:{model}", "Say ok.", "-n", "2000")
            refused += "may cost" in ran.err
        for by in ("day", "provider", "session", "request"):
            table = home.run("usage", "--by", by)
            lines = table.out.splitlines()
            print(f"\n$ callwright usage --by {by}")
            print("\n".join(line.rstrip() for line in (lines if len(lines) < 12 else [*lines[:4], f".. {len(lines) - 4} more"])))
        sums = {line["name"]: line for line in home.run("usage", "--by", "provider", "--json").json()}
        day = home.run("usage", "--json").json()[0]
        requests = home.run("usage", "--by", "request", "--json").json()
        prices = {entry["model"]: entry["microdollars_a_million"] for entry in home.run("prices", "--json").json()}
    print()
    for provider, model, *_ in SHARES:
        counts, line = drawn[provider], sums[provider]
        told = (line["prompt_tokens"], line["completion_tokens"])
        meant = (sum(count[0] for count in counts), sum(count[2] for count in counts))
        checks.that(f"{provider}: every token is counted once", told == meant, (told, meant))
        # Microdollars a million tokens are picodollars a token.
        price = prices.get(f"{provider}/{model}", {"input": 0, "output": 0})
        due = meant[0] * price["input"] + meant[1] * price["output"]
        checks.that(f"{provider}: the cost is right to the picodollar", line["picodollars"] == due, (line, due))
        checks.note(f"{provider}/{model}: {len(counts)} answers, {due / 1e12:.6f} USD")
    checks.that("the day is the sum of its providers", day["picodollars"] == sum(s["picodollars"] for s in sums.values()))
    checks.that("and of its requests", day["picodollars"] == sum(line["picodollars"] for line in requests))
    checks.that("every request has its line", day["requests"] == len(requests) == int(words.requests), day)
    checks.that("failures are counted", day["failed"].get("the request was refused", 0) > 0, day)
    checks.that("what was not sent is no try", day["attempts"] == day["requests"] - refused, day)
    checks.note(f"{refused} requests were not sent, because the day's budget might not have been enough")
    checks.that("the day's budget held", day["picodollars"] <= 0.75e12, day)
    for stub in stubs.values():
        stub.__exit__()
    checks.end()


if __name__ == "__main__":
    main()
