"""The ledger: what teachers said, one JSON line each, appended as it comes and never rewritten.

It is named by the request alone (model, prompt, sampling, seed), not by the stage that asked, so a
changed filter, a resumed build or a new part of the same recipe pays for no token twice. Every line
carries a checksum. After a kill the file may end in half a line: that line is cut off; a damaged
line elsewhere counts as not recorded and is asked again.

How it works: a line is written as soon as it is known, and survives a kill from then on; the pool
syncs all ledgers about once a second, and a power cut costs that second. In memory are a hash and a
place of each line, 16 bytes; its text is read when it is asked for. A second writer is refused.
There is no compaction: a line is written once and never changed, so there is nothing to gain.
"""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import xxhash

from omi2.errors import Omi2Error
from omi2.teachers.protocol import Completion

HEAD = len('0123456789abcdef {"key": "')
"""Bytes before a line's key, which is 32 hexadecimal digits."""
LENGTH_BITS = 28
"""A line's place is its offset above its length: lines up to 256 MB, files up to 64 GB."""
RECENT = 65_536
"""Lines written since the arrays were last sorted."""
_quoted = json.encoder.encode_basestring_ascii
"""As json.dumps does it, without building an encoder for each line."""
Places = npt.NDArray[np.uint64]


class Ledger:
    """One ledger file: `get` what it holds, `add` what is new. Not safe for threads by itself."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._recent: dict[int, int] = {}
        self.dirty = False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise Omi2Error(
                f"another run is writing the ledger {path}: wait for it, or use another --run"
            ) from None
        self._hashes, self._places, self._end = self._load()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._hashes) + len(self._recent)

    def get(self, key: str) -> Completion | None:
        """What was said to this, or None."""
        wanted = int(key[:16], 16)
        place = self._recent.get(wanted)
        if place is None:
            if not len(self._hashes):
                return None
            at = int(np.searchsorted(self._hashes, np.uint64(wanted)))
            if at == len(self._hashes) or int(self._hashes[at]) != wanted:
                return None
            place = int(self._places[at])
        line = os.pread(self._file, place & (1 << LENGTH_BITS) - 1, place >> LENGTH_BITS)
        if line[HEAD : HEAD + 32] != key.encode() or not _sound(line):
            return None
        entry = json.loads(line[17:])
        del entry["key"]
        return Completion(**entry)

    def add(self, key: str, said: Completion) -> None:
        """Record what was said. Raises OSError, and then keeps nothing of it."""
        told = (
            f'{{"key": "{key}", "text": {_quoted(said.text)}, "finish_reason": '
            f'{_quoted(said.finish_reason)}, "tokens": {said.tokens}, "model": '
            f'{_quoted(said.model)}, "refused": {_quoted(said.refused)}}}'
        ).encode()
        line = b"%s %s\n" % (xxhash.xxh3_64_hexdigest(told).encode(), told)
        written = 0
        try:
            while written < len(line):
                written += os.pwrite(self._file, line[written:], self._end + written)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._recent.setdefault(int(key[:16], 16), self._end << LENGTH_BITS | len(line))
        self._end += len(line)
        self.dirty = True
        if len(self._recent) >= RECENT:
            self._merge()

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        self.dirty = False
        os.fsync(self._file)

    def close(self) -> None:
        """Sync and close."""
        try:
            if self.dirty:
                self.sync()
        finally:
            os.close(self._file)

    def _merge(self) -> None:
        """Move the recent lines into the sorted arrays."""
        count = len(self._recent)
        hashes = np.fromiter(self._recent.keys(), np.uint64, count)
        places = np.fromiter(self._recent.values(), np.uint64, count)
        self._hashes, self._places = _sorted(
            np.concatenate([self._hashes, hashes]), np.concatenate([self._places, places])
        )
        self._recent.clear()

    def _load(self) -> tuple[Places, Places, int]:
        """The hashes, sorted, with their places, and where the last whole line ends."""
        keys, places, end = bytearray(), [], 0
        digest = xxhash.xxh3_64_hexdigest
        chunks: list[Places] = []
        with open(self.path, "rb", buffering=1 << 20) as lines:
            for line in lines:
                if line[-1:] != b"\n":
                    os.ftruncate(self._file, end)
                    break
                if line[:16] == digest(line[17:-1]).encode():
                    keys += line[HEAD : HEAD + 16]
                    places.append(end << LENGTH_BITS | len(line))
                    if len(places) == RECENT:
                        chunks.append(np.array(places, np.uint64))
                        places.clear()
                end += len(line)
        chunks.append(np.array(places, np.uint64))
        hashes = np.frombuffer(bytes.fromhex(keys.decode()), ">u8").astype(np.uint64)
        return *_sorted(hashes, np.concatenate(chunks)), end


def _sound(line: bytes) -> bool:
    return line[:16] == xxhash.xxh3_64_hexdigest(line[17:-1]).encode()


def _sorted(hashes: Places, places: Places) -> tuple[Places, Places]:
    """Both by hash; of equal hashes the first written stands first."""
    order = np.argsort(hashes, kind="stable")
    return hashes[order], places[order]
