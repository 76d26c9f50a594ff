"""A local Hub: a real HTTP server on loopback that huggingface_hub 2.x and datasets 5.x talk to.

Covered, as the client's source expects it: repos (create, info, refs, tree with pages, paths-info,
commits, squash), preupload, LFS (batch, upload in one or many parts, verify), commits as ndjson
with 412 on a stale parent, tags, branches, resolve with HEAD and Range and a redirect of large
files to another host, Xet tokens (a `local://` store of hf_xet), validate-yaml, whoami, tokens that
may write, may only read, or are wrong.

Not covered: pull requests, buckets, gated repositories, rate limits by count, collections, git.

`Hub.fault` is asked before each request and may break it: an error status, a connection closed
before or after the request was done, or anything it does itself (such as killing the client).
`Hub.log` lists every request. Large bodies go from the socket to disk and back, never whole in
memory, so that the client's memory and time can be measured.
"""

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from . import hub_yaml, xet_store
from .hub_store import Commit, Entry, Refused, Repo, Store

WRITE, READ = "hf_localwritetokenlocalwritetoken00", "hf_localreadtokenlocalreadtoken0000"
PART_BYTES = 64 << 20
"""A larger file is uploaded in parts of this size."""
PAGE = 1000
BLOCK = 1 << 20
Fault = Callable[[int, str, str], str | None]
"""(number of the request, method, path) -> None, "500", "403", ..., "drop" or "drop-after"; it may
raise `Refused` as well."""


class Hub:
    """The server, its state, and what it saw."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.root = root
        self.log: list[tuple[str, str]] = []
        self.sent = 0  # bytes of large files that were downloaded
        self.fault: Fault = lambda number, method, path: None
        self.cas: Path | None = None  # the folder of the Xet store; None: this Hub has no Xet
        self.xet: dict[str, str] = {}  # sha256 -> Xet hash of the files that were committed
        self.store.elsewhere = self.from_xet
        self.tokens = {WRITE: "write", READ: "read"}
        self.heard = ""  # the Authorization header of the last request
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self})
        )
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Hub":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def from_xet(self, oid: str) -> int | None:
        """The size of a file that came through Xet, which is then kept for plain HTTP too."""
        known = xet_store.files(self.cas) if self.cas else {}
        if self.cas is None or oid not in known:
            return None
        self.xet[oid], size = known[oid]
        part = self.root / f"{uuid.uuid4().hex}.part"
        xet_store.rebuild(self.cas, self.xet[oid], size, part)
        self.store.keep(part, oid)
        return size

    def requests(self) -> list[str]:
        """Every request so far, as "METHOD path"."""
        return [f"{method} {path}" for method, path in self.log]


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True  # or head and body, sent apart, wait 40 ms for each other

    def log_message(self, format: str, *args: Any) -> None:
        """The log is `Hub.log`."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, Dropped):
            self.close_connection = True

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def answer(self) -> None:
        url = urlsplit(self.path)
        self.where, self.query = unquote(url.path), parse_qs(url.query)
        with self.hub.lock:
            self.hub.log.append((self.command, self.path))
            number = len(self.hub.log) - 1
        self.unread = int(self.headers.get("Content-Length") or 0)
        self.hub.heard = self.headers.get("Authorization", "")
        try:
            broken = self.hub.fault(number, self.command, self.where)
            if broken == "drop":
                raise Dropped
            if broken and broken.isdigit():
                raise Refused(int(broken), "injected")
            self.may()
            self.late = broken == "drop-after"
            for method, pattern, route in ROUTES:
                found = re.fullmatch(pattern, self.path.split("?")[0])
                if found and self.command in method:
                    route(self, *map(unquote, found.groups()))
                    return
            raise Refused(404, f"no such route: {self.command} {self.where}")
        except Refused as error:
            self.late = False
            self.drain()
            headers = {"X-Error-Message": error.message}
            if error.code:
                headers["X-Error-Code"] = error.code
            self.send({"error": error.message}, error.status, headers)

    def may(self) -> None:
        """Whether the token may do this: wrong ones never, reading ones only read."""
        word = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.role = self.hub.tokens.get(word, "") if word else ""
        if word and not self.role:
            raise Refused(401, "Invalid credentials in Authorization header")
        reading = ("/paths-info/", "/api/validate-yaml")
        writes = self.command in ("POST", "DELETE") and not any(r in self.where for r in reading)
        if (writes or "xet-write-token" in self.where) and not self.where.startswith("/lfs/"):
            if not self.role:
                raise Refused(401, "Invalid username or password.")
            if self.role != "write":
                raise Refused(403, "You don't have the required permissions")

    def repo(self, kind: str, name: str) -> Repo:
        try:
            found = self.hub.store.repo(kind, name)
        except Refused:
            raise Refused(
                404 if self.role else 401, "Repository not found", "RepoNotFound"
            ) from None
        if found.private and not self.role:
            raise Refused(401, "Repository not found", "RepoNotFound")
        return found

    def blocks(self) -> Iterator[bytes]:
        """The body, in blocks."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        while self.unread:
            block = self.rfile.read(min(BLOCK, self.unread))
            if not block:
                raise ConnectionError("the client went away")
            self.unread -= len(block)
            yield block

    def body(self) -> bytes:
        return b"".join(self.blocks())

    def drain(self) -> None:
        for _ in self.blocks():
            pass

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body() or b"{}")
        return found

    def send(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(data).encode()
        self.start(status, {"Content-Type": "application/json", **(headers or {})}, len(text))
        if self.command != "HEAD":
            self.wfile.write(text)

    def start(self, status: int, headers: dict[str, str], length: int) -> None:
        if getattr(self, "late", False):
            raise Dropped
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


# Repositories


def whoami(h: Handler) -> None:
    if not h.role:
        raise Refused(401, "Invalid username or password.")
    h.send({"type": "user", "name": "acme", "orgs": [], "auth": {"accessToken": {"role": h.role}}})


def create(h: Handler) -> None:
    asked = h.json()
    name = f"{asked.get('organization') or 'acme'}/{asked['name']}"
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    kind = asked.get("type", "model")
    url = f"{h.hub.url}/{kind}s/{name}"
    try:
        h.hub.store.create(kind, name, private)
    except Refused as error:
        h.send({"error": error.message, "url": url}, error.status)
        return
    h.send({"url": url, "name": name})


def info(h: Handler, kind: str, name: str, revision: str = "main") -> None:
    repo = h.repo(kind, name)
    commit = repo.find(revision)
    siblings = [{"rfilename": path} for path in sorted(commit.tree)]
    h.send(
        {
            "_id": "0", "id": name, "author": name.split("/")[0], "sha": commit.oid, "tags": [],
            "private": repo.private, "disabled": False, "gated": False, "downloads": 0, "likes": 0,
            "lastModified": commit.date, "createdAt": commit.date, "siblings": siblings,
        }
    )  # fmt: skip


def refs(h: Handler, kind: str, name: str) -> None:
    repo = h.repo(kind, name)

    def listed(prefix: str, names: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": n, "ref": f"{prefix}/{n}", "targetCommit": c} for n, c in names.items()]

    branches, tags = listed("refs/heads", repo.branches), listed("refs/tags", repo.tags)
    h.send({"branches": branches, "tags": tags, "converts": []})


def commits(h: Handler, kind: str, name: str, revision: str) -> None:
    found = h.repo(kind, name).history(revision)
    h.send(
        [
            {
                "id": c.oid,
                "title": c.title,
                "message": c.message,
                "date": c.date,
                "authors": [{"user": "acme"}],
            }
            for c in found
        ]
    )


def described(path: str, entry: Entry, commit: Commit, expand: bool) -> dict[str, Any]:
    """A file as tree and paths-info tell it."""
    said: dict[str, Any] = {"type": "file", "path": path, "size": entry.size, "oid": entry.blob}
    if entry.lfs:
        said["lfs"] = {"oid": entry.lfs, "size": entry.size, "pointerSize": 130}
    if expand:
        said["lastCommit"] = {"id": commit.oid, "title": commit.title, "date": commit.date}
    return said


def folders(commit: Commit) -> set[str]:
    return {"/".join(p.split("/")[:n]) for p in commit.tree for n in range(1, p.count("/") + 1)}


def tree(h: Handler, kind: str, name: str, revision: str, under: str = "") -> None:
    commit = h.repo(kind, name).find(revision)
    expand = h.query.get("expand", [""])[0].lower() == "true"
    deep = h.query.get("recursive", [""])[0].lower() == "true"
    prefix = under + "/" if under else ""
    if under and under not in folders(commit):
        raise Refused(404, f"{under} does not exist", "EntryNotFound")
    found: list[dict[str, Any]] = [
        {"type": "directory", "path": f, "size": 0, "oid": "0" * 40} for f in folders(commit)
    ]
    found += [described(path, entry, commit, expand) for path, entry in commit.tree.items()]
    found = [f for f in found if f["path"].startswith(prefix)]
    found = sorted((f for f in found if deep or "/" not in f["path"][len(prefix) :]), key=_path)
    start = int(h.query.get("cursor", ["0"])[0])
    headers = {}
    if start + PAGE < len(found):
        h.query["cursor"] = [str(start + PAGE)]
        again = "&".join(f"{key}={value[0]}" for key, value in h.query.items())
        headers["Link"] = f'<{h.hub.url}{h.path.split("?")[0]}?{again}>; rel="next"'
    h.send(found[start : start + PAGE], headers=headers)


def _path(said: dict[str, Any]) -> str:
    return str(said["path"])


def paths_info(h: Handler, kind: str, name: str, revision: str) -> None:
    text = h.body()
    typed = "json" in h.headers.get("Content-Type", "")
    asked = json.loads(text) if typed else parse_qs(text.decode())
    commit = h.repo(kind, name).find(revision)
    expand = str(asked.get("expand", [""])).lower().find("true") >= 0
    found = [
        described(p, commit.tree[p], commit, expand) for p in asked["paths"] if p in commit.tree
    ]
    found += [
        {"type": "directory", "path": p, "size": 0, "oid": "0" * 40}
        for p in asked["paths"]
        if p in folders(commit)
    ]
    h.send(found)


def tag(h: Handler, kind: str, name: str, revision: str) -> None:
    repo, asked = h.repo(kind, name), h.json()
    with h.hub.store.lock:
        if asked["tag"] in repo.tags:
            raise Refused(409, f"Tag reference exists already: {asked['tag']}")
        repo.tags[asked["tag"]] = repo.find(revision).oid
    h.send({})


def untag(h: Handler, kind: str, name: str, tag: str) -> None:
    if h.repo(kind, name).tags.pop(tag, None) is None:
        raise Refused(404, f"no tag {tag}", "RevisionNotFound")
    h.send({})


def branch(h: Handler, kind: str, name: str, branch: str) -> None:
    repo, asked = h.repo(kind, name), h.json()
    if branch in repo.branches:
        raise Refused(409, f"Reference already exists: {branch}")
    repo.branches[branch] = repo.find(asked.get("startingPoint", "main")).oid
    h.send({})


def squash(h: Handler, kind: str, name: str, branch: str) -> None:
    """One commit with the branch's tree; tags keep their commits."""
    repo = h.repo(kind, name)
    with h.hub.store.lock:
        held = repo.find(branch).tree
        del repo.branches[branch]
        repo.add(branch, held, h.json().get("message", "squash"))
    h.send({})


# Uploads


def validate_yaml(h: Handler) -> None:
    said, missing = hub_yaml.errors(h.json()["content"])
    told = {"errors": said, "warnings": missing}
    h.send({k: [{"message": m} for m in v] for k, v in told.items()}, 400 if said else 200)


def preupload(h: Handler, kind: str, name: str, revision: str) -> None:
    asked = h.json()
    held = h.repo(kind, name).find(revision).tree
    files = [
        {
            "path": f["path"],
            "uploadMode": h.hub.store.mode(f["path"], f["size"]),
            "shouldIgnore": False,
            "oid": (held[f["path"]].lfs or held[f["path"]].blob) if f["path"] in held else None,
        }
        for f in asked["files"]
    ]
    h.send({"files": files})


def commit(h: Handler, kind: str, name: str, revision: str) -> None:
    lines = [json.loads(line) for line in h.body().splitlines()]
    made = h.hub.store.commit(h.repo(kind, name), revision, lines)
    url = f"{h.hub.url}/{kind}s/{name}/commit/{made.oid}"
    h.send({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})


def batch(h: Handler, prefix: str, name: str) -> None:
    h.repo(prefix.removesuffix("s/") or "model", name)
    objects = []
    for wanted in h.json()["objects"]:
        oid, size = wanted["oid"], wanted["size"]
        said: dict[str, Any] = {"oid": oid, "size": size}
        if h.hub.store.size(oid) is None:
            verify = {"href": f"{h.hub.url}/lfs/verify/{oid}", "header": {}}
            said["actions"] = {"upload": upload_action(h.hub, oid, size), "verify": verify}
        objects.append(said)
    h.send({"transfer": "basic", "objects": objects})


def upload_action(hub: Hub, oid: str, size: int) -> dict[str, Any]:
    if size <= PART_BYTES:
        return {"href": f"{hub.url}/lfs/one/{oid}", "header": {}}
    count = -(-size // PART_BYTES)
    parts = {str(n): f"{hub.url}/lfs/part/{oid}/{n}" for n in range(1, count + 1)}
    return {
        "href": f"{hub.url}/lfs/whole/{oid}",
        "header": {"chunk_size": str(PART_BYTES), **parts},
    }


def upload_one(h: Handler, oid: str) -> None:
    part = h.hub.store.root / f"{uuid.uuid4().hex}.part"
    save(h, part)
    h.hub.store.keep(part, oid)
    h.send({})


def upload_part(h: Handler, oid: str, number: str) -> None:
    save(h, h.hub.store.root / f"{oid}.{number}")
    h.start(200, {"ETag": f'"{oid}-{number}"'}, 0)


def upload_whole(h: Handler, oid: str) -> None:
    whole = h.hub.store.root / f"{uuid.uuid4().hex}.part"
    numbers = [part["partNumber"] for part in h.json()["parts"]]
    with whole.open("wb") as to:
        for number in numbers:
            part = h.hub.store.root / f"{oid}.{number}"
            with part.open("rb") as file:
                copy(file, to, part.stat().st_size)
            part.unlink()
    h.hub.store.keep(whole, oid)
    h.send({})


def save(h: Handler, part: Path) -> None:
    try:
        with part.open("wb") as file:
            for block in h.blocks():
                file.write(block)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def verify(h: Handler, oid: str) -> None:
    if h.hub.store.size(oid) != h.json()["size"]:
        raise Refused(404, f"{oid} is not stored whole")
    h.send({})


def xet_token(h: Handler, kind: str, name: str, right: str, revision: str) -> None:
    h.repo(kind, name)
    if h.hub.cas is None:
        raise Refused(404, "this Hub has no Xet")
    h.send(
        {"casUrl": f"local://{h.hub.cas}", "accessToken": "local", "exp": 4102444800},
        headers={
            "X-Xet-Cas-Url": f"local://{h.hub.cas}",
            "X-Xet-Access-Token": "local",
            "X-Xet-Token-Expiration": "4102444800",
        },
    )


# Downloads


def resolve(h: Handler, prefix: str, name: str, revision: str, path: str) -> None:
    commit = h.repo(prefix.removesuffix("s/") or "model", name).find(revision)
    entry = commit.tree.get(path)
    headers = {"X-Repo-Commit": commit.oid}
    if entry is None:
        h.start(
            404,
            {**headers, "X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"},
            0,
        )
        return
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{entry.lfs}"', "X-Linked-Size": str(entry.size)}
        if h.hub.cas and entry.lfs in h.hub.xet:
            route = f"{h.hub.url}/api/datasets/{name}/xet-read-token/{commit.oid}"
            headers |= {"X-Xet-Hash": h.hub.xet[entry.lfs], "X-Xet-Refresh-Route": route}
        headers["Location"] = f"http://localhost:{h.hub.server.server_port}/cdn/{entry.lfs}"
        h.start(302, headers, 0)
        return
    text = h.hub.store.blobs[entry.blob]
    h.start(200, {**headers, "ETag": f'"{entry.blob}"', "Accept-Ranges": "bytes"}, len(text))
    if h.command != "HEAD":
        h.wfile.write(text)


def cdn(h: Handler, oid: str) -> None:
    path = h.hub.store.large(oid)
    size = path.stat().st_size
    start, stop, status = 0, size, 200
    headers = {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", h.headers.get("Range", ""))
    if asked:
        low, high = asked.groups()
        start = int(low) if low else max(0, size - int(high))
        stop = min(size, int(high) + 1) if low and high else size
        if start >= size:
            raise Refused(416, "range not satisfiable")
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    h.start(status, headers, stop - start)
    if h.command != "HEAD":
        with path.open("rb") as file:
            file.seek(start)
            copy(file, h.wfile, stop - start)
        with h.hub.lock:
            h.hub.sent += stop - start


def copy(file: BinaryIO, to: Any, count: int) -> None:
    while count:
        block = file.read(min(BLOCK, count))
        to.write(block)
        count -= len(block)


_REPO = r"/api/(dataset|model|space)s/([^/]+/[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., None]]] = [
    ("GET", r"/api/whoami-v2", whoami),
    ("POST", r"/api/repos/create", create),
    ("POST", r"/api/validate-yaml", validate_yaml),
    ("GET", rf"{_REPO}", info),
    ("GET", rf"{_REPO}/revision/([^/]+)", info),
    ("GET", rf"{_REPO}/refs", refs),
    ("GET", rf"{_REPO}/commits/([^/]+)", commits),
    ("GET", rf"{_REPO}/tree/([^/]+)", tree),
    ("GET", rf"{_REPO}/tree/([^/]+)/(.+)", tree),
    ("POST", rf"{_REPO}/paths-info/([^/]+)", paths_info),
    ("POST", rf"{_REPO}/preupload/([^/]+)", preupload),
    ("POST", rf"{_REPO}/commit/([^/]+)", commit),
    ("POST", rf"{_REPO}/tag/([^/]+)", tag),
    ("DELETE", rf"{_REPO}/tag/([^/]+)", untag),
    ("POST", rf"{_REPO}/branch/([^/]+)", branch),
    ("POST", rf"{_REPO}/super-squash/([^/]+)", squash),
    ("GET", rf"{_REPO}/xet-(read|write)-token/([^/]+)", xet_token),
    ("POST", r"/(datasets/|)([^/]+/[^/]+)\.git/info/lfs/objects/batch", batch),
    ("PUT", r"/lfs/one/([0-9a-f]{64})", upload_one),
    ("PUT", r"/lfs/part/([0-9a-f]{64})/(\d+)", upload_part),
    ("POST", r"/lfs/whole/([0-9a-f]{64})", upload_whole),
    ("POST", r"/lfs/verify/([0-9a-f]{64})", verify),
    ("GET HEAD", r"/(datasets/|)([^/]+/[^/]+)/resolve/([^/]+)/(.+)", resolve),
    ("GET HEAD", r"/cdn/([0-9a-f]{64})", cdn),
]
