"""Proves that the CLI and the LiteLLM proxy understand each other, with llama.cpp's server behind it.

Needs a Python environment with `litellm[proxy]` (its program `litellm`), a built `llama-server` and a GGUF model that
can answer:

    cargo build --no-default-features --features cloud,cli
    python3 tests/servers/litellm_proxy.py --litellm DIR/bin/litellm --server PATH/llama-server --model PATH/model.gguf

Starts both on free ports of 127.0.0.1 and stops them by their pids. The proxy is told to fetch no price list.
"""

import os
import pathlib
import tempfile

from common import Checks, Home, Server, arguments, free_port, row
from llama_server import LLAMA, TEMPLATE, start
from proofs import answers, dies, wrong_model

MASTER = "sk-only-on-loopback"


def settings(base):
    """The proxy's own settings: one model, a key, no telemetry."""
    lines = ["model_list:", "  - model_name: small", "    litellm_params:", "      model: openai/small"]
    lines += [f"      api_base: {base}", "      api_key: none"]
    lines += ["litellm_settings:", "  telemetry: false", "  num_retries: 0"]
    return "\n".join([*lines, "general_settings:", f"  master_key: {MASTER}"]) + "\n"


def main():
    words = arguments(__doc__, litellm=(None, "the proxy's program"), **LLAMA)
    checks, name, port = Checks(), "litellm", free_port()
    behind, base = start(words, "--chat-template-file", str(TEMPLATE), "--alias", "small")
    with behind, tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config.yaml")
        config.write_text(settings(base))
        command = [words.litellm, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        # It looks for its settings and its home in the environment.
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": folder, "PATH": os.environ["PATH"], "NO_PROXY": "*"}
        named = row(name, f"http://127.0.0.1:{port}/v1")
        ready = f"http://127.0.0.1:{port}/health/liveliness"
        with Server(command, ready, environment=quiet) as proxy, Home(words.callwright, named, LITELLM_API_KEY=MASTER) as home:
            answers(checks, home, name)
            wrong_model(checks, home, name, refuses=True)
            refused(checks, words, named)
            dies(checks, home, name, behind.kill, front_dies=False)
            checks.that("the proxy itself is still there", proxy.process.poll() is None)
    checks.end()


def refused(checks, words, named):
    """A wrong key is told as that, with where to set the right one."""
    wrong = "sk-wrong-0123456789"
    with Home(words.callwright, named, LITELLM_API_KEY=wrong) as home:
        ran = home.run("run", "--provider", "litellm", "Say hello.", "-n", "8")
        told = ran.code == 2 and "the key was refused" in ran.err and "LITELLM_API_KEY" in ran.err
        checks.that("a wrong key is told, and not shown", told and wrong not in ran.err, ran)
        checks.note(ran.err.strip().replace("\n", " | ")[:300])


if __name__ == "__main__":
    main()
