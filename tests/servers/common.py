"""What the scripts of this folder share: checks, a home of its own for the CLI, servers that are stopped by their own pid.

Python's standard library only. Everything listens on 127.0.0.1, on ports that the system hands out; everything that is
written lies in a temporary folder that goes away with the script.
"""

import argparse
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


# What scripts need that run a model on a server.
MODEL = {"model": (None, "a model in GGUF"), "threads": ("2", "threads for the server")}


def row(name, base, model="small"):
    """The settings that name a server."""
    return f'[providers.{name}]\nbase_url = "{base}"\nmodel = "{model}"\n'


def arguments(about, **more):
    """The command line: where the CLI is, and what else the script needs (name = (default, help))."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    binary = ROOT / "target/debug/callwright"
    parser.add_argument("--callwright", default=str(binary), help="the CLI, built with the feature `cloud`")
    for name, (default, text) in more.items():
        required = default is None
        parser.add_argument("--" + name.replace("_", "-"), default=default, required=required, help=text)
    words = parser.parse_args()
    if not shutil.which(words.callwright):
        parser.error(f"{words.callwright} is not there: cargo build --no-default-features --features cloud,cli")
    return words


class Checks:
    """Says of each thing whether it holds, and ends the script with the count."""

    def __init__(self):
        self.held, self.failed = 0, []

    def that(self, name, holds, found=""):
        if holds:
            self.held += 1
            print(f"ok   {name}", flush=True)
        else:
            self.failed.append(name)
            print(f"BAD  {name}: {found}", flush=True)
        return holds

    def note(self, text):
        print(f"     {text}", flush=True)

    def end(self):
        print(f"\n{self.held} hold, {len(self.failed)} do not" + "".join(f"\n  BAD {name}" for name in self.failed))
        sys.exit(1 if self.failed else 0)


class Said:
    """How a command ended and what it said."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.out}\n{self.err}"


class Home:
    """A home folder with its own settings, for the CLI to run in. Nothing of the caller's environment but PATH."""

    def __init__(self, binary, settings, **environment):
        self.binary = str(pathlib.Path(shutil.which(binary)).resolve())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="callwright-servers-"))
        place = self.folder / ".config/callwright"
        place.mkdir(parents=True)
        (place / "callwright.toml").write_text(settings)
        self.environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], **environment}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, value):
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    def start(self, *words, **more):
        """Starts the CLI and leaves it running."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE}
        return subprocess.Popen(
            [self.binary, *words], env=self.environment, cwd=self.folder, text=True, **pipes, **more
        )

    def run(self, *words, said="", seconds=300):
        started = time.monotonic()
        process = self.start(*words)
        try:
            out, err = process.communicate(said, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return Said(process.returncode, out, err, time.monotonic() - started)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server as a child process: ready when its address answers, stopped by its own pid."""

    def __init__(self, command, ready, seconds=180, environment=None):
        self.log = tempfile.NamedTemporaryFile(prefix="callwright-server-", suffix=".log")
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
        )
        try:
            self.wait(ready, seconds)
        except BaseException:
            self.stop()
            raise

    def wait(self, ready, seconds):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}:\n{self.said()[-4000:]}")
            with contextlib.suppress(urllib.error.URLError, OSError):
                if opener.open(ready, timeout=5).status == 200:
                    return
            time.sleep(0.3)
        raise SystemExit(f"the server did not get ready in {seconds} s:\n{self.said()[-4000:]}")

    def said(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def kill(self):
        """Ends it without a last word, as a crash would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Stub:
    """A server on loopback that keeps what came and answers by a function: (number, request) to (type, bytes).

    A request is a dict of path, headers (lower case) and body (JSON where it is).
    """

    def __init__(self, answer):
        stub = self
        self.came, self.lock = [], threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = {"method": self.command, "path": self.path, "headers": headers}
                with contextlib.suppress(ValueError):
                    request["body"] = json.loads(raw)
                with stub.lock:
                    number = len(stub.came)
                    stub.came.append(request)
                kind, body, *status = answer(number, request)
                self.send_response(status[0] if status else 200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_HEAD = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self):
        return [request["body"] for request in self.came if "body" in request]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
