"""manifest.json of a release, read without trust: the same for a folder and for what is published.

`read_manifest` names the key that is missing or of the wrong kind. Paths that lead out of the
folder, that the Hub refuses or that omi2-hub writes itself are refused before they are opened, and
so is text that cannot be shown. Not covered: whether the numbers are right (`counts`) and the files
are there (`gates`, `verify`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from omi2_hub.errors import HubError
from omi2_hub.text import brief, plain

MANIFEST = "manifest.json"
CARD = "README.md"
FORMAT = 1
OURS = frozenset({MANIFEST, "notices.json", ".gitattributes"})
"""What omi2-hub and the Hub write next to a release's files; none of them may be one."""
FORBIDDEN = frozenset({".git", ".cache", ".omi2-pull"})
"""Folders that no file may lie in: the Hub's client refuses the first two, a pull uses the last."""
NAME_BYTES, COUNT = 255, 1 << 62
"""The longest name of a file that disks take, and more than any number of rows or bytes."""


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


def read_manifest(text: bytes, where: str) -> Manifest:
    """The manifest, or an error that names the key that is missing or of the wrong kind."""
    try:
        raw = json.loads(text, parse_constant=_no_number)
        json.dumps(raw, ensure_ascii=False).encode()  # half of a surrogate pair can't be written
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else plain(str(error))
        raise HubError(f"{where} is not JSON ({why}): build the release again") from None
    if not isinstance(raw, dict) or raw.get("omi2") != "release":
        raise HubError(
            f'{where} is not the manifest of an omi2 release: it wants "omi2": "release"'
        )
    if raw.get("format") != FORMAT or raw["format"] is True:
        raise HubError(
            f"{where} has format {brief(raw.get('format'))}, and this omi2-hub reads format"
            f" {FORMAT}: install the omi2 that wrote it"
        )
    licence = raw.get("licence")
    return Manifest(
        name=_shown(_get(raw, "name", str, where), "name", where),
        rows=_count(raw, "rows", where),
        schema=_schema(raw, where),
        files=_files(raw, where),
        splits={
            name: Split(_count(s, "rows", w), tuple(map(str, _get(s, "files", list, w))))
            for name, s, w in _items(raw, "splits", where)
        },
        sources={name: _count(s, "rows", w) for name, s, w in _items(raw, "sources", where)},
        decontamination=_get(raw, "decontamination", dict, where),
        licence=_shown(licence, "licence", where)
        if isinstance(licence, str) and licence.strip()
        else None,
        raw=raw,
    )


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _get(raw: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = raw.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise HubError(
            f"{where}: {key} is {brief(value)}, not {_KINDS[kind]}: build the release again"
        )
    return value


_KINDS = {str: "text", int: "a number", list: "a list", dict: "a table"}


def _count(raw: Mapping[str, Any], key: str, where: str) -> int:
    value = int(_get(raw, key, int, where))
    if value < 0:
        raise HubError(f"{where}: {key} is {value}, less than 0: build the release again")
    if value > COUNT:
        raise HubError(f"{where}: {key} is {brief(value)}, which nothing holds: build it again")
    return value


def _items(raw: Mapping[str, Any], key: str, where: str) -> list[tuple[str, dict[str, Any], str]]:
    table = _get(raw, key, dict, where)
    return [
        (
            _shown(name, key, where),
            _get(table, name, dict, f"{where}: {key}"),
            f"{where}: {key}.{name}",
        )
        for name in table
    ]


def _shown(text: str, key: str, where: str) -> str:
    """Text that will be shown: nothing in it that a terminal would act on."""
    if not text.isprintable():
        raise HubError(f"{where}: {key} holds {brief(text)}, with characters that no name has")
    return text


def _schema(raw: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    columns = _get(raw, "schema", list, where)
    if any(not isinstance(c, list) or len(c) != 2 for c in columns):
        raise HubError(f"{where}: schema is not a list of [name, type]: build the release again")
    return tuple((str(name), str(kind)) for name, kind in columns)


def _files(raw: Mapping[str, Any], where: str) -> dict[str, FileEntry]:
    files = {}
    listed = _items(raw, "files", where)
    folders = {str(parent) for path, *_ in listed for parent in PurePosixPath(path).parents}
    for path, entry, at in listed:
        if why := _refused(path, folders):
            raise HubError(f"{where}: files names {brief(path)}, which {why}")
        rows = _count(entry, "rows", at) if "rows" in entry else None
        files[path] = FileEntry(_count(entry, "bytes", at), _get(entry, "sha256", str, at), rows)
    return files


def _refused(path: str, folders: set[str]) -> str:
    """Why this cannot be the path of a released file; empty when it can."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or str(pure) != path or "\\" in path:
        return "is no path inside the release"
    if path in folders:  # "." is the folder of every file
        return "is a folder"
    if path in OURS:
        return "omi2-hub or the Hub writes itself: leave it out of the release"
    if odd := FORBIDDEN & set(pure.parts):
        return f"lies under {min(odd)}/, where no released file may lie"
    if any(len(part.encode()) > NAME_BYTES for part in pure.parts):
        return f"has a name of more than {NAME_BYTES} bytes"
    return ""
