"""What the local Hub remembers: repositories, commits, tags and the bytes of large files.

A commit is a whole tree (path -> entry) with its parent; branches and tags name commits. Bytes of
large files lie under `root/lfs/` by sha256, written to a temporary name and renamed, so that a lost
connection leaves nothing half; small files are kept in memory by git's blob id.
"""

import base64
import datetime
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LFS_BYTES = 10 << 20
"""The Hub stores larger files as LFS whatever they are called."""


@dataclass(frozen=True)
class Entry:
    """A file in a tree. `lfs` is its sha256 when it is a large one."""

    size: int
    blob: str
    lfs: str | None = None


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    message: str
    date: str
    tree: dict[str, Entry]


class Refused(Exception):
    """An answer that is not 200: its status, the Hub's error code and message."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass
class Repo:
    """One repository."""

    kind: str
    name: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> Commit:
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def add(self, branch: str, tree: dict[str, Entry], title: str, message: str = "") -> Commit:
        parent = self.branches.get(branch)
        date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        seed = repr((parent, sorted(tree.items()), title, date, len(self.commits)))
        oid = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
        self.commits[oid] = Commit(oid, parent, title, message, date, tree)
        self.branches[branch] = oid
        return self.commits[oid]

    def history(self, revision: str) -> list[Commit]:
        found: list[Commit] = []
        oid: str | None = self.find(revision).oid
        while oid is not None:
            found.append(self.commits[oid])
            oid = self.commits[oid].parent
        return found


class Store:
    """Every repository, and their bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.stored: list[
            tuple[str, int]
        ] = []  # every large file that arrived whole: sha256, bytes
        self.elsewhere: Callable[[str], int | None] = lambda oid: None  # size of a file in Xet
        (root / "lfs").mkdir(parents=True)

    def repo(self, kind: str, name: str) -> Repo:
        found = self.repos.get((kind, name))
        if found is None:
            raise Refused(404, "Repository not found", "RepoNotFound")
        return found

    def create(self, kind: str, name: str, private: bool) -> Repo:
        with self.lock:
            if (kind, name) in self.repos:
                raise Refused(409, f"You already created this {kind} repo: {name}")
            repo = self.repos[kind, name] = Repo(kind, name, private)
            attributes = self.blob(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n")
            repo.add("main", {".gitattributes": attributes}, "initial commit")
            return repo

    def blob(self, text: bytes) -> Entry:
        oid = blob_id(text)
        self.blobs[oid] = text
        return Entry(len(text), oid)

    def large(self, oid: str) -> Path:
        return self.root / "lfs" / oid

    def size(self, oid: str) -> int | None:
        """The size of a large file that is stored whole."""
        path = self.large(oid)
        return path.stat().st_size if path.exists() else self.elsewhere(oid)

    def keep(self, part: Path, oid: str) -> None:
        """A large file has arrived: check it, then give it its name."""
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != oid:
            part.unlink()
            raise Refused(400, f"the bytes have sha256 {found}, not {oid}")
        part.rename(self.large(oid))
        self.stored.append((oid, self.large(oid).stat().st_size))

    def keep_bytes(self, text: bytes) -> Entry:
        """A large file that is put there by hand."""
        oid = hashlib.sha256(text).hexdigest()
        self.large(oid).write_bytes(text)
        return Entry(len(text), blob_id(oid.encode()), oid)

    def mode(self, path: str, size: int) -> str:
        return (
            "lfs"
            if path.endswith((".parquet", ".arrow", ".bin")) or size > LFS_BYTES
            else "regular"
        )

    def commit(self, repo: Repo, branch: str, lines: list[dict[str, Any]]) -> Commit:
        """Apply one commit's lines to the branch, all or nothing."""
        with self.lock:
            header = lines[0]["value"]
            head = repo.find(branch)
            wanted = header.get("parentCommit")
            if wanted is not None and not head.oid.startswith(wanted):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            tree = dict(head.tree)
            for line in lines[1:]:
                self._apply(tree, line["key"], line["value"])
            return repo.add(branch, tree, header["summary"], header.get("description", ""))

    def _apply(self, tree: dict[str, Entry], key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            tree[path] = self.blob(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            size = self.size(value["oid"])
            if size is None:
                raise Refused(400, f"LFS pointer of {path} points to a file that does not exist")
            oid = value["oid"]
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
            tree[path] = Entry(size, blob_id(pointer.encode()), value["oid"])
        elif key == "deletedFile":
            if path not in tree:
                raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
            del tree[path]
        elif key == "deletedFolder":
            for inside in [p for p in tree if p.startswith(path.rstrip("/") + "/")]:
                del tree[inside]
        else:
            raise Refused(400, f"unknown line {key} in a commit")


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
