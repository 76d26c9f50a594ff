"""A teacher that answers from a recording, and the recorder that makes one.

`Recorded` speaks POST /v1/completions on loopback. A request is known by what decides its answer:
prompt, sampling, seed. `replay` answers from a file of JSON lines, one a request; a request that is
not in it is answered with status 400 and counted, since it means that what omi2 asks has drifted.
`record` passes requests on to a real server and writes down what it says.

Not covered: several choices of one request. It gives one, as TGI does.
"""

import hashlib
import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DECIDE = ("prompt", "temperature", "top_p", "max_tokens", "stop", "seed")
"""The fields of a request that decide its answer."""


def key(request: Mapping[str, Any]) -> str:
    """The name of a request."""
    told = json.dumps([request.get(name) for name in DECIDE], ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


class Recorded:
    """The server's state: what is known, what was asked, and what was not known."""

    def __init__(self, model: str, known: dict[str, Any], ask: str = "") -> None:
        self.model, self.known, self.ask = model, known, ask
        self.asked: set[str] = set()
        self.missing: list[str] = []
        self.lock = threading.Lock()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """What is said to a request; None where it is not known."""
        name = key(request)
        with self.lock:
            self.asked.add(name)
            if name not in self.known and self.ask:
                self.known[name] = _asked(self.ask, request)
            elif name not in self.known:
                self.missing.append(str(request.get("prompt", ""))[-60:])
                return None
            return dict(self.known[name])


def load(path: Path) -> dict[str, Any]:
    """The recording in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {entry.pop("key"): entry for entry in map(json.loads, lines)}


def save(path: Path, known: Mapping[str, Any]) -> None:
    """Write a recording, sorted, so that the same one gives the same bytes."""
    lines = [json.dumps({"key": name, **known[name]}, ensure_ascii=True) for name in sorted(known)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@contextmanager
def serve(recorded: Recorded) -> Iterator[str]:
    """The address of the teacher while the context lasts."""

    class Handler(_Handler):
        state = recorded

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Recorded
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are sent apart

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._say(200, {"object": "list", "data": [{"id": self.state.model}]})
        else:
            self._say(404, {"error": {"message": f"no {self.path} here"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = self.state.answer(json.loads(body)) if self.path == "/v1/completions" else None
        if said is None:
            self._say(400, {"error": {"message": "this request was not recorded"}})
            return
        choice = {"index": 0, "text": said["text"], "finish_reason": said["finish_reason"]}
        usage = {"completion_tokens": said["tokens"]}
        self._say(200, {"object": "text_completion", "choices": [choice], "usage": usage})

    def _say(self, status: int, value: Mapping[str, Any]) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _asked(url: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the real server for one completion."""
    body = json.dumps({**request, "n": 1}).encode()
    headers = {"Content-Type": "application/json"}
    asking = urllib.request.Request(f"{url}/v1/completions", body, headers)  # noqa: S310 (loopback)
    with urllib.request.urlopen(asking, timeout=300) as answer:  # noqa: S310
        value = json.load(answer)
    choice = value["choices"][0]
    return {
        "text": choice["text"],
        "finish_reason": choice["finish_reason"],
        "tokens": value["usage"]["completion_tokens"],
    }
