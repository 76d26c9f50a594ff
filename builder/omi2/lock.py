"""One build at a time in a folder: a lock that ends with the process, and words that outlive it.

Among the processes of one machine the lock on `.lock` decides, and among several machines where the
file system carries locks (NFSv4 does). Where it does not, the words in the file do, which say who
took it and are gone once it is given back: what a build on another machine took and did not give
back is refused, whether that build is dead or alive, since nobody can tell from here. After a kill
-9 the same machine goes on at once. Machines are told apart by host name and boot id, so those of a
cluster need different names; containers of one machine share its kernel and the lock.
"""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from omi2.errors import Omi2Error

LOCK = ".lock"


@contextlib.contextmanager
def locked(path: Path, file: Path | None = None) -> Iterator[None]:
    """Hold a folder, by a lock file in it or elsewhere. Raises Omi2Error where another does."""
    file = file or path / LOCK
    with open(file, "a+", encoding="utf-8") as handle:
        if not _taken(handle, fcntl.LOCK_EX, tries=10):
            raise Omi2Error(
                f"another omi2 build is at work in {path}: wait for it, or use another folder"
            )
        handle.seek(0)
        if who := _stranger(handle.read(), me := _myself()):
            raise Omi2Error(
                f"{path} was taken by a build on another machine ({who}) that has not given it "
                f"back: wait for it; or, once that process is surely dead, delete {file} and run "
                "the same command again"
            )
        handle.truncate(0)
        handle.write(json.dumps(me))
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)


def holder(path: Path) -> dict[str, Any] | None:
    """Who is at work in a folder, as far as this machine can tell; None where nobody is."""
    try:
        with open(path / LOCK, encoding="utf-8") as handle:
            told = handle.read()
            free = _taken(handle, fcntl.LOCK_SH)
    except FileNotFoundError:
        return None
    return _read(told) if told and (not free or _stranger(told, _myself())) else None


def _taken(handle: IO[str], how: int, *, tries: int = 1) -> bool:
    """Lock a file, or say that another process has it; one that only looks has it for no time."""
    for _ in range(tries):
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            time.sleep(0.02 * (tries > 1))
        else:
            return True
    return False


def _myself() -> dict[str, Any]:
    """Who holds a lock; `once` is different each time."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return {
        "host": socket.gethostname(),
        "boot": boot.read_text(encoding="ascii").strip() if boot.exists() else "",
        "pid": os.getpid(),
        "once": secrets.token_hex(8),
    }


def _read(told: str) -> dict[str, Any]:
    """The words of a lock; what cannot be read was written by someone unknown."""
    unknown = {"host": "an unknown host", "boot": "?", "pid": "?"}
    try:
        found = json.loads(told)
    except ValueError:
        return unknown
    return {**unknown, **found} if isinstance(found, dict) else unknown


def _stranger(told: str, me: Mapping[str, Any]) -> str:
    """Who of another machine wrote these words, or ""."""
    found = _read(told) if told else {**me}
    if found["host"] == me["host"] or found["boot"] == me["boot"]:
        return ""
    return f"process {found['pid']} of {found['host']}"
