"""The ledger: what teachers said, one JSON line each, appended as it comes and never rewritten.

It is named by the request alone (model, prompt, sampling, seed), not by the stage that asked, so a
changed filter, a resumed build or a new part of the same recipe pays for no token twice. Every line
carries a checksum. After a kill the file may end in half a line: that line is cut off; a damaged
line elsewhere counts as not recorded and is asked again.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import xxhash

from omi2.teachers.protocol import Completion

SYNC_EVERY = 64
"""Lines between two fsyncs: a power cut costs at most this many; a kill costs none."""


class Ledger:
    """One ledger file: `recorded` is what it held when it was opened, `add` appends what is new."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.recorded: dict[str, Completion] = {}
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (closed in __exit__)
        self._unsynced = 0
        self._load()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, key: str, completion: Completion) -> None:
        """Record what was said."""
        told = json.dumps({"key": key, **asdict(completion)}, ensure_ascii=True)
        line = f"{_check(told)} {told}\n".encode()
        written = 0
        while written < len(line):
            written += self._file.write(line[written:]) or 0
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._unsynced = 0

    def close(self) -> None:
        """Sync and close."""
        os.fsync(self._file.fileno())
        self._file.close()

    def _load(self) -> None:
        end = 0
        with open(self.path, "rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    self._file.truncate(end)
                    break
                end += len(line)
                check, _, told = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
                if check == _check(told):
                    entry = json.loads(told)
                    key = entry.pop("key")
                    self.recorded[key] = Completion(**entry)


def _check(told: str) -> str:
    return xxhash.xxh3_64_hexdigest(told.encode("utf-8", "replace"))
