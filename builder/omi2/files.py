"""Files that are whole or not there: written under a temporary name, synced, renamed.

Nothing that is written here holds a clock, a path or a host: the same value is the same bytes.
"""

import contextlib
import functools
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from omi2.errors import Omi2Error

BATCH = 4096
"""Rows that `write_rows` holds: about 8 MB of solutions."""


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`: written by the caller, synced and renamed on leaving.

    Its name is new each time, so that two writers of one file (a worker on a machine that was
    thought lost, and the one that has its part now) never write into each other's; what a kill
    leaves, `sweep` takes away. Scratch that no later command reads need not be `durable`: it is not
    synced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if durable:
            with open(temporary, "rb+") as handle:
                os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # pyarrow does not say on which disk there is no room
        raise
    if durable:
        sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what killed writers left anywhere in a folder that nobody else writes in."""
    for left in folder.rglob(".*.tmp"):
        left.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make renames in this folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: sorted keys, so that the same value is the same bytes."""
    with atomic(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_table(path: Path, table: pa.Table) -> None:
    """Write an intermediate Parquet file atomically.

    Zstandard writes ids and figures small, and is slow with solutions: LZ4 takes two thirds of the
    time, and 40% more space.
    """
    codecs = {name: "lz4" if name == "text" else "zstd" for name in table.schema.names}
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression=codecs)


def write_rows(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write an intermediate Parquet file atomically, a batch of rows at a time: memory holds one.

    Returns how many rows there were.
    """
    remaining, count = iter(rows), 0
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", compression_level=3) as file,
    ):
        while batch := list(islice(remaining, BATCH)):
            file.write_table(pa.Table.from_pylist(batch, schema))
            count += len(batch)
    return count


def read_table(path: Path, columns: tuple[str, ...] | None = None) -> pl.DataFrame:
    """A Parquet file of ours, or some of its columns. Raises Omi2Error where it is damaged."""
    try:
        chosen = None if columns is None else list(columns)
        return pl.read_parquet(path, columns=chosen, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Omi2Error(
            f"{path} cannot be read ({str(error).splitlines()[0]}): delete its folder and run the "
            "same command again; what teachers said is kept in the ledger"
        ) from None


def sha256(path: Path) -> str:
    """A file's sha256, in hex."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def known_sha256(path: Path) -> str:
    """A file's sha256, read once in this process while its size and date stay: for large inputs.

    Where damage is looked for, use `sha256`: a disk that forgets leaves no date.
    """
    seen = path.stat()
    return _known_sha256(path, seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)


@functools.cache
def _known_sha256(path: Path, *_seen: int) -> str:
    return sha256(path)


def describe(path: Path) -> dict[str, Any]:
    """A file's size in bytes and sha256, and its rows if it is Parquet."""
    entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    if path.suffix == ".parquet" and path.stat().st_size:
        entry["rows"] = pq.read_metadata(path).num_rows
    return entry


def read_json(path: Path) -> Any:
    """A JSON file's value, or None where it is absent or cut short."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
