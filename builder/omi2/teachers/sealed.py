"""A sealed ledger: what was said for a part that is whole, as one Parquet file, never changed.

A ledger in use is lines that are appended. Once its part is written, `write` puts them into Parquet
(zstd, page checksums): about a quarter of the bytes, in the order in which the stage asks, so that
a rerun reads it from front to back. It holds the same completions under the same keys, so nothing
that was paid for depends on which of the two forms is there.

In memory are a hash and a row number of each key, 12 bytes; rows are decoded a group at a time, and
the last few groups are kept. A damaged file is an error that says so: what it holds was paid for,
and is asked for again only if a person deletes it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from omi2.errors import Omi2Error
from omi2.files import atomic
from omi2.teachers.protocol import Completion, utf8

GROUP = 2048
"""Rows that are decoded together: about 3 MB of solutions."""
GROUPS_KEPT = 4
SCHEMA = pa.schema(
    [
        pa.field("key", pa.binary(16), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        ("finish_reason", pa.string()),
        ("tokens", pa.int64()),
        ("model", pa.string()),
        ("refused", pa.string()),
        ("seed", pa.int64()),
    ]
)

Entry = tuple[str, Completion]


def path_of(ledger: Path) -> Path:
    """The sealed file beside a ledger."""
    return ledger.with_suffix(".parquet")


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write a sealed file whole, a group at a time."""
    remaining = iter(entries)
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(
            temporary, SCHEMA, compression="zstd", compression_level=3, write_page_checksum=True
        ) as writer,
    ):
        while group := list(islice(remaining, GROUP)):
            table = pa.Table.from_pylist([_row(key, said) for key, said in group], SCHEMA)
            writer.write_table(table)


def _row(key: str, said: Completion) -> dict[str, Any]:
    """An entry as Parquet can hold it: an endpoint's words may have half of a character pair."""
    values = {name: utf8(v) if isinstance(v, str) else v for name, v in vars(said).items()}
    return {"key": bytes.fromhex(key), **values}


class Sealed:
    """The completions of a sealed file: `get` by key, or iterate over all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._groups: OrderedDict[int, list[dict[str, Any]]] = OrderedDict()
        try:
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            keys = b"".join(self._file.read(columns=["key"])["key"].to_pylist())
            sizes = [
                self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)
            ]
        except (pa.ArrowException, OSError, KeyError, TypeError) as error:
            raise self._damaged(error) from None
        self._ends = np.cumsum(np.array(sizes, np.int64))
        hashes = np.frombuffer(keys, ">u8")[::2].astype(np.uint64)
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._rows = hashes[order], order.astype(np.uint32)

    def __len__(self) -> int:
        return len(self._hashes)

    def __iter__(self) -> Iterator[Entry]:
        for group in range(len(self._ends)):
            for row in self._group(group):
                yield row["key"].hex(), _completion(row)

    def get(self, key: str) -> Completion | None:
        """What was said to this, or None. Raises Omi2Error where the file is damaged."""
        wanted = np.uint64(int(key[:16], 16))
        at = int(np.searchsorted(self._hashes, wanted))
        if at == len(self._hashes) or self._hashes[at] != wanted:
            return None
        place = int(self._rows[at])
        group = int(np.searchsorted(self._ends, place, side="right"))
        row = self._group(group)[place - int(self._ends[group])]
        return _completion(row) if row["key"].hex() == key else None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _group(self, number: int) -> list[dict[str, Any]]:
        found = self._groups.get(number)
        if found is None:
            try:
                found = self._file.read_row_group(number).to_pylist()
            except (pa.ArrowException, OSError, ValueError) as error:
                raise self._damaged(error) from None
            self._groups[number] = found
            if len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        else:
            self._groups.move_to_end(number)
        return found

    def _damaged(self, error: Exception) -> Omi2Error:
        reason = (str(error).splitlines() or ["no reason"])[0]
        return Omi2Error(
            f"the sealed ledger {self.path} is damaged ({reason}): put back a copy of it, or "
            "delete it to have what it holds asked for again"
        )


def _completion(row: dict[str, Any]) -> Completion:
    return Completion(**{name: value for name, value in row.items() if name != "key"})
