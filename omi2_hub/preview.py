"""A release as a small web site, to look at before it is published.

`site.pages` makes the pages; `serve` shows them on this machine's loopback address alone, out of
memory, and `write` puts them into a folder, which can be uploaded as a static Space of the Hub.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from omi2_hub.errors import UsageError
from omi2_hub.site import EXPLORER, POLICY

HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TYPES = {".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml", ".md": "text/markdown"}
MARK = "omi2-preview.json"
"""The file by which `write` knows a folder of its own."""

Site = Mapping[str, bytes]


def write(made: Site, out: Path, name: str) -> None:
    """Write the site into a folder, whole or not at all. Raises UsageError."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: name a folder with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise UsageError(
            f"{out} holds something that is no preview: nothing was touched; name another folder"
        )
    title = json.dumps(f"omi2 {name}, a preview", ensure_ascii=True)
    space = f"---\ntitle: {title}\nsdk: static\npinned: false\n---\n\nMade by omi2-hub preview.\n"
    files = {
        **made,
        "README.md": space.encode(),
        MARK: json.dumps({"omi2": "preview", "files": len(made)}).encode(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        new = Path(folder) / "site"
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(text)
        old = Path(folder) / "old"
        if out.exists():
            os.rename(out, old)
        os.rename(new, out)
        shutil.rmtree(old, ignore_errors=True)


def serve(made: Site, port: int, ready: Callable[[str], None]) -> None:
    """Show the site on the loopback address until interrupted. Raises UsageError."""

    class Handler(_Handler):
        files = made

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}): name another with --port, or 0 for"
            " any that is free"
        ) from None
    server.daemon_threads = True
    with server:
        ready(f"http://127.0.0.1:{server.server_address[1]}/")
        server.serve_forever(poll_interval=0.2)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the files of one site; asks no file system."""

    files: ClassVar[Site] = {}
    server_version = "omi2-hub"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody wants a line for each request."""

    def _answer(self, *, body: bool) -> None:
        host = re.sub(r":\d+$", "", self.headers.get("Host", ""))
        if host not in ("127.0.0.1", "localhost"):  # a page elsewhere that has us resolved
            self.send_error(421, "Ask for 127.0.0.1")
            return
        path = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
        found = self.files.get(path)
        text = b"There is no such page." if found is None else found
        kind = TYPES.get(Path(path).suffix, "text/plain") if found is not None else "text/plain"
        self.send_response(404 if found is None else 200)
        headers = dict(HEADERS)
        if kind == TYPES[".svg"]:  # its own style sheet turns it dark
            headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        if path == EXPLORER:  # names its one script by its hash
            del headers["Content-Security-Policy"]
        charset = "; charset=utf-8"
        headers |= {"Content-Type": kind + charset, "Content-Length": str(len(text))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(text)
