"""The ledger: what teachers said, one JSON line each, appended as it comes.

It is named by the request alone (model, prompt, sampling, seed), not by the stage that asked, so a
changed filter, a resumed build or a new part of the same recipe pays for no token twice. Every line
carries a checksum. After a kill the file may end in half a line: that line is cut off; a damaged
line elsewhere counts as not recorded and is asked again.

How it works: a line is written as soon as it is known, and survives a kill from then on; the pool
syncs all ledgers about once a second, and a power cut costs that second. In memory are a hash and a
place of each line, 16 bytes; its text is read when it is asked for. A second writer is refused.

Once the part is whole, `seal` puts the lines into a Parquet file beside (see `sealed`) and takes
the lines away: the Parquet file is synced and has its name before the first line goes, so a kill in
between leaves both, which say the same. A sealed ledger can be written again: new lines stand
beside the Parquet file until the next seal.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import xxhash

from omi2.errors import Omi2Error
from omi2.files import sync_folder
from omi2.teachers import sealed
from omi2.teachers.protocol import Completion
from omi2.teachers.sealed import Entry, Sealed

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
        self._recent: dict[int, int] = {}
        self.dirty = False
        self._file = _locked(path)
        try:
            self._hashes, self._places, self._end = self._load()
            self._sealed = Sealed(sealed.path_of(path)) if sealed.path_of(path).exists() else None
        except BaseException:
            os.close(self._file)
            raise

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
        return len(self._hashes) + len(self._recent) + len(self._sealed or ())

    def get(self, key: str) -> Completion | None:
        """What was said to this, or None."""
        found = self._line(key)
        return found if found or self._sealed is None else self._sealed.get(key)

    def _line(self, key: str) -> Completion | None:
        """What the lines hold under this key."""
        wanted = int(key[:16], 16)
        place = self._recent.get(wanted)
        if place is None:
            if not len(self._hashes):
                return None
            at = int(np.searchsorted(self._hashes, np.uint64(wanted)))
            if at == len(self._hashes) or int(self._hashes[at]) != wanted:
                return None
            place = int(self._places[at])
        found = self._at(place)
        return found[1] if found and found[0] == key else None

    def _at(self, place: int) -> Entry | None:
        """The line at this place, or None where it is damaged."""
        line = os.pread(self._file, place & (1 << LENGTH_BITS) - 1, place >> LENGTH_BITS)
        if not _sound(line):
            return None
        entry = json.loads(line[17:])
        return entry.pop("key"), Completion(**entry)

    def add(self, key: str, said: Completion) -> None:
        """Record what was said. Raises OSError, and then keeps nothing of it."""
        seed = "" if said.seed is None else f', "seed": {said.seed}'
        told = (
            f'{{"key": "{key}", "text": {_quoted(said.text)}, "finish_reason": '
            f'{_quoted(said.finish_reason)}, "tokens": {said.tokens}, "model": '
            f'{_quoted(said.model)}, "refused": {_quoted(said.refused)}'
            f"{seed}}}"
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
        """Sync and close; once is enough. A file of no lines is taken away again."""
        if self._file < 0:
            return
        try:
            if self.dirty:
                self.sync()
            if not self._end:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._file)
            self._file = -1
            if self._sealed is not None:
                self._sealed.close()

    def seal(self, order: Iterable[str] = ()) -> None:
        """Put the lines into the sealed file, these keys first and in this order, and close."""
        if self._end:
            sealed.write(sealed.path_of(self.path), self._entries(order))
            os.ftruncate(self._file, 0)  # after the other file has its name
            self._end, self.dirty = 0, False
        self.close()
        sync_folder(self.path.parent)

    def _entries(self, order: Iterable[str]) -> Iterator[Entry]:
        """Every entry once: those of `order`, then the rest as they were written."""
        self._merge()
        given: set[int] = set()
        for key in order:
            said = self.get(key)
            if said is not None and int(key, 16) not in given:
                given.add(int(key, 16))
                yield key, said
        lines = (found for place in np.sort(self._places) if (found := self._at(int(place))))
        for source in (self._sealed or (), lines):
            for key, said in source:
                if int(key, 16) not in given:
                    given.add(int(key, 16))
                    yield key, said

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


def _locked(path: Path) -> int:
    """The file, held. Raises Omi2Error where another run holds it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise Omi2Error(
                f"another run is writing the ledger {path}: wait for it, or use another --run"
            ) from None
        try:
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        os.close(file)  # its last owner took it away while we came: that name is a new file


def _sound(line: bytes) -> bool:
    return line[:16] == xxhash.xxh3_64_hexdigest(line[17:-1]).encode()


def _sorted(hashes: Places, places: Places) -> tuple[Places, Places]:
    """Both by hash; of equal hashes the first written stands first."""
    order = np.argsort(hashes, kind="stable")
    return hashes[order], places[order]
