"""A release directory as it lies on disk: its manifest, and what the files themselves say.

`read` takes the manifest (`manifest.py`) and goes over every file once: its sha256 (two threads),
and for Parquet what the footer and one column say. The gates compare the two.

Not covered: whether the rows are right; `omi2 build` answers for that.
"""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omi2_hub.errors import HubError, UsageError, status, transient
from omi2_hub.manifest import CARD, MANIFEST, Manifest, read_manifest
from omi2_hub.text import plain

__all__ = ["CARD", "MANIFEST", "Manifest", "Release", "read", "read_manifest"]

TEXTS = {"problem", "generated_solution"}
"""The long columns. The others are narrow, and together a small part of a file."""
SAMPLE_ROWS = 500
"""Rows of each file that are searched for secrets: the first of its first row group."""
TEXT_BYTES = 8 << 20
"""How much of a text file is read; a card is a few KB."""


@dataclass(frozen=True)
class DataFacts:
    """What a Parquet file itself says, or why it cannot be read."""

    rows: int = 0
    schema: tuple[tuple[str, str], ...] = ()
    unchecked: int = 0  # rows without an overlap score: decontamination never saw them
    sources: Mapping[str, int] = field(default_factory=dict)
    broken: str = ""


@dataclass(frozen=True)
class Facts:
    """What the directory holds, whatever its manifest says."""

    hashes: Mapping[str, tuple[int, str]]  # path -> bytes, sha256; every file but manifest.json
    data: Mapping[str, DataFacts]
    card: str
    texts: Mapping[str, str]  # what is searched for secrets, by where it is
    stamps: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # see `stamp`
    links: frozenset[str] = frozenset()  # what would publish a file from elsewhere on this machine


@dataclass(frozen=True)
class Release:
    """A release directory that could be read."""

    root: Path
    manifest: Manifest
    facts: Facts


def read(root: Path) -> Release:
    """Read and measure a release directory."""
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder: give the folder that `omi2 build` wrote, ./omi2")
    path = root / MANIFEST
    try:
        before = stamp(path)
        text = path.read_bytes()
        manifest = read_manifest(text, str(path))
        facts = measure(root, manifest)
    except FileNotFoundError:
        if path.exists():
            raise HubError(f"a file of {root} went away while it was read: try again") from None
        raise UsageError(
            f"{root} holds no {MANIFEST}, so it is not a finished release: it is written last; run"
            " `omi2 build` to its end"
        ) from None
    except OSError as error:
        raise HubError(
            f"{error.filename or root} cannot be read ({error.strerror}): let it be read, or build"
            " the release again"
        ) from None
    return Release(root, manifest, replace(facts, stamps={**facts.stamps, MANIFEST: before}))


def stamp(path: Path) -> tuple[int, int]:
    """When a file was written, in ns, and its bytes: whether anybody wrote to it since."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def measure(root: Path, manifest: Manifest) -> Facts:
    """Hash every file under `root`, read every Parquet footer, and gather what is searched."""
    paths = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path != root / MANIFEST
    )
    stamps = {path: stamp(root / path) for path in paths}
    with ThreadPoolExecutor(2) as pool:
        hashes = dict(zip(paths, pool.map(lambda p: hash_file(root / p), paths), strict=True))
        tables = [p for p in paths if p.endswith(".parquet")]
        data = dict(zip(tables, pool.map(lambda p: data_facts(root / p), tables), strict=True))
    card = _text(root / CARD)
    texts = {p: _text(root / p) for p in (MANIFEST, *paths) if not p.endswith(".parquet")}
    for path in (p for p in tables if not data[p].broken):
        sample, broken = _sample(root / path)
        texts[f"{path} (its first rows)"] = sample
        data[path] = replace(data[path], broken=broken)
    links = frozenset(path for path in (*paths, MANIFEST) if _leads_out(root, path))
    return Facts(hashes, data, card, texts, stamps, links)


def _leads_out(root: Path, path: str) -> bool:
    """Whether a file of the folder is reached by a link, its own or a folder's above it."""
    at = root / path
    return any(one.is_symlink() for one in (at, *at.parents) if one != root and root in one.parents)


def hash_file(path: Path) -> tuple[int, str]:
    """Bytes and sha256 of a file, without holding it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def schema_of(schema: Any) -> tuple[tuple[str, str], ...]:
    """An Arrow schema as the manifest writes it."""
    return tuple((column.name, str(column.type)) for column in schema)


def data_facts(file: Any, *, footer_only: bool = False) -> DataFacts:
    """What one Parquet file (a path or an open file) says of itself: footer and one column."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            schema = table.schema_arrow
            names = [table.schema.column(at).path for at in range(len(table.schema))]
            unchecked = 0
            sources: dict[str, int] = {}
            for group in range(table.num_row_groups):
                unchecked += _nulls(table, group, names, "overlap.score")
                if "problem_source" in schema.names and not footer_only:
                    column = table.read_row_group(group, ["problem_source"])["problem_source"]
                    for count in pc.value_counts(column).to_pylist():
                        name = str(count["values"])
                        sources[name] = sources.get(name, 0) + count["counts"]
            return DataFacts(table.metadata.num_rows, schema_of(schema), unchecked, sources)
    except (pa.ArrowException, EOFError, UnicodeDecodeError) as error:
        return DataFacts(broken=_first_line(error))
    except OSError as error:  # Arrow's word for a broken footer, and the network's for a failure
        if status(error) is not None or transient(error):
            raise
        return DataFacts(broken=_first_line(error))


def _nulls(table: Any, group: int, names: list[str], column: str) -> int:
    """How many values of a column are null, from the footer; all of them when it does not say."""
    if column not in names:
        return 0
    part = table.metadata.row_group(group)
    stats = part.column(names.index(column)).statistics
    return (
        int(stats.null_count) if stats is not None and stats.has_null_count else int(part.num_rows)
    )


def _sample(path: Path) -> tuple[str, str]:
    """The first rows of a data file, as text, and why they cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as table:
            for batch in table.iter_batches(SAMPLE_ROWS, use_threads=False):
                texts = [c for c in batch.columns if pa.types.is_string(c.type)]
                values = (value for column in texts for value in column.to_pylist())
                return "\n".join(value for value in values if value), ""
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        return "", _first_line(error)
    return "", ""


def _first_line(error: Exception) -> str:
    return plain((str(error).splitlines() or [type(error).__name__])[0])


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(TEXT_BYTES).decode("utf-8", errors="replace")
