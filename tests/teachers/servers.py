"""Servers that speak the endpoints' protocols over real sockets, for tests.

They stand in for what cannot run here: text-generation-inference, and vLLM, SGLang or llama.cpp on
a GPU. They check requests as TGI does (top_p strictly between 0 and 1, temperature above 0, an
input, at most four stops) and answer in the real shapes. Not covered: streaming, tokenisation,
speed. `behave` decides what a request gets: a text, or an (HTTP status, body) pair.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behave = Callable[[str, int], Any]


@dataclass
class Served:
    """A running server: its address and what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Server(ThreadingHTTPServer):
    """Room for every connection that a pool opens at once."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is part of the tests; anything else is not."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def tgi_refusal(body: dict[str, Any]) -> str | None:
    """Why TGI would refuse this request (router/src/validation.rs), or None."""
    parameters = body.get("parameters", {})
    if not body.get("inputs"):
        return "`inputs` cannot be empty"
    if "top_p" in parameters and not 0 < parameters["top_p"] < 1:
        return "`top_p` must be > 0.0 and < 1.0"
    if "temperature" in parameters and not parameters["temperature"] > 0:
        return "`temperature` must be strictly positive"
    if len(parameters.get("stop", [])) > 4:
        return "`stop` supports up to 4 stop sequences"
    return None


@contextmanager
def serve(protocol: str, behave: Behave, model: str = "made-model") -> Iterator[Served]:
    """A server on a free loopback port; `behave(prompt, how many times it was asked)`."""
    counts: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            if protocol == "tgi" and self.path == "/info":
                self.answer(200, {"model_id": model, "model_sha": "abc", "version": "3.3.7"})
            elif protocol == "openai" and self.path == "/v1/models":
                self.answer(200, {"object": "list", "data": [{"id": model}]})
            else:
                self.answer(404, {"error": "no such route"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with served.lock:
                served.asked.append(body)
                served.headers.append(dict(self.headers))
                served.at_once += 1
                served.most_at_once = max(served.most_at_once, served.at_once)
                prompt = body.get("inputs") or body.get("prompt") or ""
                counts[prompt] = counts.get(prompt, 0) + 1
            try:
                self.complete(body, prompt)
            finally:
                with served.lock:
                    served.at_once -= 1

        def complete(self, body: dict[str, Any], prompt: str) -> None:
            if protocol == "tgi" and (refusal := tgi_refusal(body)):
                self.answer(422, {"error": refusal, "error_type": "validation"})
                return
            said = behave(prompt, counts[prompt])
            if isinstance(said, tuple):
                self.answer(*said)
            elif protocol == "tgi":
                details = {"finish_reason": "eos_token", "generated_tokens": 7, "seed": 1}
                self.answer(200, {"generated_text": said, "details": details})
            else:
                choice = {"text": said, "index": 0, "finish_reason": "stop"}
                usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
                self.answer(200, {"choices": [choice], "usage": usage, "model": model})

    server = Server(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
