"""Proves that the CLI and llama-cpp-python's own server understand each other, through its OpenAI chat endpoint.

Needs a Python with `llama-cpp-python[server]` (0.3.36 was used; from source: CMAKE_ARGS="-DGGML_NATIVE=OFF
-DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON" pip install 'llama-cpp-python[server]') and a GGUF model that can answer:

    cargo build --no-default-features --features cloud,cli
    python3 tests/servers/llama_cpp_python.py --python DIR/bin/python --model PATH/model.gguf

Starts the server on a free port of 127.0.0.1 and stops it by its pid.
"""

from common import MODEL, Checks, Home, Server, arguments, free_port, row
from proofs import answers, dies


def main():
    words = arguments(__doc__, python=(None, "a Python that has llama-cpp-python[server]"), **MODEL)
    port = free_port()
    command = [words.python, "-m", "llama_cpp.server", "--model", words.model, "--model_alias", "small"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "4096", "--n_threads", words.threads]
    # Its format that puts the tools into the prompt and holds forced calls to a grammar.
    command += ["--chat_format", "chatml-function-calling"]
    checks, name = Checks(), "llama-cpp-python"
    base = f"http://127.0.0.1:{port}/v1"
    with Server(command, f"{base}/models") as server, Home(words.callwright, row(name, base)) as home:
        # It cannot be left to choose while it streams: it answers with nothing.
        answers(checks, home, name, choice="add")
        dies(checks, home, name, server.kill)
    checks.end()


if __name__ == "__main__":
    main()
