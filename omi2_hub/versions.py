"""Versions of a dataset: v1.2.3, semver of data, and which one comes next.

Patch: only the card, the reports or the manifest changed. Minor: rows were added, removed or
changed (the data files differ). Major: the schema changed. A version is the exact successor of the
highest tag there is, yanked or not, because everybody who reads it compares it with that one.

Kinds are decided from two manifests, without a download: rewriting the same rows into other
shards counts as minor.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from omi2_hub.errors import UsageError
from omi2_hub.manifest import Manifest

Kind = Literal["none", "patch", "minor", "major"]
_SHAPE = re.compile(r"v(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")
FIRST = "v0.1.0"
CHANGES: dict[Kind, str] = {
    "patch": "only card, reports or manifest changed",
    "minor": "rows changed",
    "major": "the schema changed",
}


@dataclass(frozen=True, order=True)
class Version:
    """v1.2.3; versions compare as numbers, not as text."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"

    def next(self, kind: Kind) -> "Version":
        """The version after this one for a change of this kind."""
        if kind == "major":
            return Version(self.major + 1, 0, 0)
        if kind == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)


def parse(text: str) -> Version:
    """The version that `text` names, or an error that says how versions look."""
    found = _SHAPE.fullmatch(text)
    if not found:
        near = "v" + text.removeprefix("v")
        cure = (
            f"; did you mean {near}?" if _SHAPE.fullmatch(near) else "; versions look like v1.2.0"
        )
        raise UsageError(f"{text!r} is not a version{cure}")
    return Version(*map(int, found.groups()))


def versions_of(tags: Iterable[str]) -> list[Version]:
    """The versions among the tags, lowest first; other tags are left alone."""
    return sorted(parse(tag) for tag in tags if _SHAPE.fullmatch(tag))


def kind_of_change(before: Manifest, after: Manifest) -> Kind:
    """What kind of version leads from one release to the other."""
    if before.raw == after.raw:
        return "none"
    if before.schema != after.schema:
        return "major"
    data = [
        {p: f.sha256 for p, f in m.files.items() if f.rows is not None} for m in (before, after)
    ]
    return "patch" if data[0] == data[1] and before.splits == after.splits else "minor"
