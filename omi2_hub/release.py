"""A release directory as it lies on disk: its manifest, and what the files themselves say.

`read_manifest` turns manifest.json into a `Manifest`, naming the key that is wrong; the same
function reads the manifests of published versions. `measure` then goes over every file once: its
sha256 (two threads), and for Parquet what the footer and one column say. The gates compare the two.

Nothing here trusts the manifest: paths that lead out of the folder are refused before they are
opened. Not covered: whether the rows are right; `omi2 build` answers for that.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from omi2_hub.errors import HubError, UsageError, status, transient

MANIFEST = "manifest.json"
CARD = "README.md"
FORMAT = 1
TEXTS = {"problem", "generated_solution"}
"""The long columns. The others are narrow, and together a small part of a file."""
SAMPLE_ROWS = 500
"""Rows of each file that are searched for secrets: the first of its first row group."""
TEXT_BYTES = 8 << 20
"""How much of a text file is read; a card is a few KB."""


@dataclass(frozen=True)
class FileEntry:
    """What the manifest says of a file; `rows` only for data."""

    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True)
class Split:
    """A split: how many rows, and the files they lie in. Splits share files."""

    rows: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """manifest.json, checked for shape. `raw` is the whole of it."""

    name: str
    rows: int
    schema: tuple[tuple[str, str], ...]
    files: Mapping[str, FileEntry]
    splits: Mapping[str, Split]
    sources: Mapping[str, int]
    decontamination: Mapping[str, Any]
    licence: str | None
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def data(self) -> list[str]:
        """The data files, in order."""
        return sorted(path for path, entry in self.files.items() if entry.rows is not None)


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
    stamps: Mapping[str, int] = field(default_factory=dict)  # when each was written, in ns


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
    try:
        text = (root / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"{root} holds no {MANIFEST}, so it is not a finished release: it is written last; run"
            " `omi2 build` to its end"
        ) from None
    manifest = read_manifest(text, str(root / MANIFEST))
    return Release(root, manifest, measure(root, manifest))


def read_manifest(text: bytes, where: str) -> Manifest:
    """The manifest, or an error that names the key that is missing or of the wrong kind."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise HubError(f"{where} is not JSON ({error}): build the release again") from None
    if not isinstance(raw, dict) or raw.get("omi2") != "release":
        raise HubError(
            f'{where} is not the manifest of an omi2 release: it wants "omi2": "release"'
        )
    if raw.get("format") != FORMAT:
        raise HubError(
            f"{where} has format {raw.get('format')!r}, and this omi2-hub reads format {FORMAT}:"
            " install the omi2 that wrote it"
        )
    licence = raw.get("licence")
    return Manifest(
        name=_get(raw, "name", str, where),
        rows=_count(raw, "rows", where),
        schema=_schema(raw, where),
        files=_files(raw, where),
        splits={
            name: Split(_count(s, "rows", w), tuple(map(str, _get(s, "files", list, w))))
            for name, s, w in _items(raw, "splits", where)
        },
        sources={name: _count(s, "rows", w) for name, s, w in _items(raw, "sources", where)},
        decontamination=_get(raw, "decontamination", dict, where),
        licence=licence if isinstance(licence, str) and licence.strip() else None,
        raw=raw,
    )


def measure(root: Path, manifest: Manifest) -> Facts:
    """Hash every file under `root`, read every Parquet footer, and gather what is searched."""
    paths = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path != root / MANIFEST
    )
    stamps = {path: (root / path).stat().st_mtime_ns for path in paths}
    with ThreadPoolExecutor(2) as pool:
        hashes = dict(zip(paths, pool.map(lambda p: hash_file(root / p), paths), strict=True))
        tables = [p for p in paths if p.endswith(".parquet")]
        data = dict(zip(tables, pool.map(lambda p: data_facts(root / p), tables), strict=True))
    card = _text(root / CARD)
    texts = {p: _text(root / p) for p in (MANIFEST, *paths) if not p.endswith(".parquet")}
    texts |= {f"{p} (its first rows)": _sample(root / p) for p in tables if not data[p].broken}
    return Facts(hashes, data, card, texts, stamps)


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
    except (pa.ArrowException, EOFError) as error:
        return DataFacts(broken=str(error).splitlines()[0])
    except OSError as error:  # Arrow's word for a broken footer, and the network's for a failure
        if status(error) is not None or transient(error):
            raise
        return DataFacts(broken=str(error).splitlines()[0])


def _nulls(table: Any, group: int, names: list[str], column: str) -> int:
    """How many values of a column are null, from the footer; all of them when it does not say."""
    if column not in names:
        return 0
    part = table.metadata.row_group(group)
    stats = part.column(names.index(column)).statistics
    return (
        int(stats.null_count) if stats is not None and stats.has_null_count else int(part.num_rows)
    )


def _sample(path: Path) -> str:
    """The first rows of a data file, as text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as table:
        for batch in table.iter_batches(SAMPLE_ROWS, use_threads=False):
            texts = [c for c in batch.columns if pa.types.is_string(c.type)]
            return "\n".join(
                str(value) for column in texts for value in column.to_pylist() if value
            )
    return ""


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(TEXT_BYTES).decode("utf-8", errors="replace")


def _get(raw: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = raw.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise HubError(f"{where}: {key} is {value!r}, not {_KINDS[kind]}: build the release again")
    return value


_KINDS = {str: "text", int: "a number", list: "a list", dict: "a table"}


def _count(raw: Mapping[str, Any], key: str, where: str) -> int:
    value = int(_get(raw, key, int, where))
    if value < 0:
        raise HubError(f"{where}: {key} is {value}, less than 0: build the release again")
    return value


def _items(raw: Mapping[str, Any], key: str, where: str) -> list[tuple[str, dict[str, Any], str]]:
    table = _get(raw, key, dict, where)
    return [
        (name, _get(table, name, dict, f"{where}: {key}"), f"{where}: {key}.{name}")
        for name in table
    ]


def _schema(raw: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    columns = _get(raw, "schema", list, where)
    if any(not isinstance(c, list) or len(c) != 2 for c in columns):
        raise HubError(f"{where}: schema is not a list of [name, type]: build the release again")
    return tuple((str(name), str(kind)) for name, kind in columns)


def _files(raw: Mapping[str, Any], where: str) -> dict[str, FileEntry]:
    files = {}
    for path, entry, at in _items(raw, "files", where):
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or "\\" in path:
            raise HubError(f"{where}: files names {path!r}, which is no path inside the release")
        rows = _count(entry, "rows", at) if "rows" in entry else None
        files[path] = FileEntry(_count(entry, "bytes", at), _get(entry, "sha256", str, at), rows)
    return files
