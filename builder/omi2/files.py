"""Files that are whole or not there: written under a temporary name, synced, renamed.

Nothing that is written here holds a clock, a path or a host: the same value is the same bytes.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from omi2.errors import Omi2Error


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`: written by the caller, synced and renamed on leaving."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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
    """Write an intermediate Parquet file atomically."""
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=3)


def read_table(path: Path) -> pl.DataFrame:
    """A Parquet file of ours. Raises Omi2Error where it is damaged."""
    try:
        return pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Omi2Error(
            f"{path} cannot be read ({str(error).splitlines()[0]}): delete its folder and run the "
            "same command again; what teachers said is kept in the ledger"
        ) from None


def describe(path: Path) -> dict[str, Any]:
    """A file's size in bytes and sha256, and its rows if it is Parquet."""
    with open(path, "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": digest}
    if path.suffix == ".parquet" and path.stat().st_size:
        entry["rows"] = pq.read_metadata(path).num_rows
    return entry


def read_json(path: Path) -> Any:
    """A JSON file's value, or None where it is absent or cut short."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
