"""Proves that the CLI and llama.cpp's own server understand each other, through its OpenAI chat endpoint.

Needs a built `llama-server` and a GGUF model that can answer (SmolLM2-135M-Instruct is enough):

    cargo build --no-default-features --features cloud,cli
    python3 tests/servers/llama_server.py --server PATH/llama-server --model PATH/model.gguf

`--raw target/debug/deps/provider_raw-..` (a built test program: cargo test --no-default-features --features cloud --no-run
--test provider_raw) also runs the proof of raw completion, tools and all, on a model whose own template knows none.

Starts the server on a free port of 127.0.0.1 with `--jinja`, once with a template that knows tools and once with the
model's own, and stops it by its pid.
"""

import os
import pathlib
import subprocess

from common import MODEL, Checks, Home, Server, arguments, free_port, row
from proofs import ADD, QUESTION, answers, dies, wrong_model

# What scripts need that start this server.
LLAMA = {"server": (None, "the llama-server program"), **MODEL}
TEMPLATE = pathlib.Path(__file__).with_name("chatml_tools.jinja")


def start(words, *more):
    """The server, and the settings that name it."""
    port = free_port()
    command = [words.server, "-m", words.model, "--host", "127.0.0.1", "--port", str(port), "--jinja", "-c", "4096"]
    server = Server([*command, "-t", words.threads, "--no-webui", *more], f"http://127.0.0.1:{port}/health")
    return server, f"http://127.0.0.1:{port}/v1"


def main():
    words = arguments(__doc__, **LLAMA, raw=("", "the built test program provider_raw"))
    checks, name = Checks(), "llama-server"
    server, base = start(words, "--chat-template-file", str(TEMPLATE), "--alias", "small")
    with server, Home(words.callwright, row(name, base)) as home:
        answers(checks, home, name)
        wrong_model(checks, home, name, refuses=False)
        dies(checks, home, name, server.kill)
    # With a template that knows no tools this server drops them and answers in prose: that must be told, never passed on.
    server, base = start(words)
    with server, Home(words.callwright, row(name, base)) as home:
        tools = home.write("tools.json", [ADD])
        ran = home.run("run", "--provider", name, QUESTION, "--tools", tools, "--tool-choice", "required", "-n", "60")
        told = ran.code == 1 and "a tool call was required, but none was made" in ran.err
        checks.that("where the server drops the tools, the missing call is told", told, ran)
        if words.raw:
            own = {**os.environ, "CALLWRIGHT_TEST_LLAMA_SERVER": base.removesuffix("/v1")}
            command = [words.raw, "a_real_llama_server", "--nocapture"]
            ran = subprocess.run(command, env=own, capture_output=True, text=True)
            checks.that("raw completion makes calls on the same server", "1 passed" in ran.stdout, ran.stdout + ran.stderr)
    checks.end()


if __name__ == "__main__":
    main()
