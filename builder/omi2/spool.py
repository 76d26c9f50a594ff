"""Rows on their way to another part, on disk: the pipeline's one exchange in little memory.

A row is a line of JSON in the file of the part it goes to, in the order in which it was added. The
folder is ours alone: it begins empty, and is taken away at the end. Nothing in it is worth keeping;
what a kill leaves there, the next `Spool` throws away. Not covered: rows that JSON cannot hold.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

Row = dict[str, Any]
BUFFER = 8 * 2**20
"""Characters that are held, over all parts, before they are written."""


class Spool:
    """`add` rows, each for a part, then read `rows` of a part. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: dict[int, list[str]] = {}
        self._size = 0

    def __enter__(self) -> Self:
        self._remove()
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def add(self, part: int, row: Row) -> None:
        """Put a row down for a part. Raises OSError."""
        line = json.dumps(row)
        self._waiting.setdefault(part, []).append(line)
        self._size += len(line)
        if self._size >= BUFFER:
            self._flush()

    def rows(self, part: int) -> Iterator[Row]:
        """The rows for a part, in the order in which they came."""
        self._flush()
        path = self._path(part)
        if path.exists():
            with open(path, encoding="ascii") as lines:
                yield from map(json.loads, lines)

    def _flush(self) -> None:
        for part, lines in self._waiting.items():
            with open(self._path(part), "a", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in lines)
        self._waiting.clear()
        self._size = 0

    def _path(self, part: int) -> Path:
        return self.folder / f"part-{part:05}.jsonl"

    def _remove(self) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
