"""What changed since the version before, as a section at the end of the card on the Hub.

A release learns its version when it is published, so the section is added by the push, from the two
manifests alone: rows, schema, settings, grader, decontamination. Rows one by one are `diff`'s. Like
the block of versions that were taken back, it is marked, and `notices.strip` takes it off again;
a first version has none.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from omi2_hub.manifest import Manifest
from omi2_hub.versions import Version

SHOWN = 12
"""Settings that are told; the rest are counted."""
CELL = 200
"""Letters of a value."""


def section(before: Manifest, after: Manifest, old: Version, new: Version) -> str:
    """The section's Markdown, with no name of the dataset, which may be moved."""
    from omi2.card.markdown import fill, table

    lines = [
        tuple(" ".join(cell.split())[:CELL] for cell in line) for line in _changes(before, after)
    ]
    changes = table(("", str(old), str(new)), lines)
    return fill("changelog.md.j2", changes=changes, old=str(old), new=str(new))


def _changes(before: Manifest, after: Manifest) -> Iterator[tuple[str, str, str]]:
    """What differs: a name, and its value before and after."""
    yield from _differ("rows", before.rows, after.rows)
    for name in sorted(before.sources.keys() | after.sources.keys()):
        yield from _differ(f"rows of {name}", before.sources.get(name), after.sources.get(name))
    old, new = dict(before.schema), dict(after.schema)
    for name in [*old, *(n for n in new if n not in old)]:
        yield from _differ(f"column {name}", old.get(name), new.get(name))
    for key in ("grader", "licence", "teachers"):
        yield from _differ(key, before.raw.get(key), after.raw.get(key))
    for key in ("benchmarks", "layers", "strict", "texts", "verdicts"):
        one, two = before.decontamination.get(key), after.decontamination.get(key)
        yield from _differ(f"decontamination: {key}", _told(one), _told(two))
    one, two = _flat(before.raw.get("recipe")), _flat(after.raw.get("recipe"))
    names = [n for n in [*one, *(n for n in two if n not in one)] if one.get(n) != two.get(n)]
    for name in names[:SHOWN]:
        yield from _differ(f"setting {name}", one.get(name), two.get(name))
    if len(names) > SHOWN:
        yield f"{len(names) - SHOWN} settings more", "", ""


def _differ(name: str, one: object, two: object) -> Iterator[tuple[str, str, str]]:
    if one != two:
        yield name, _word(_told(one)), _word(_told(two))


def _word(value: object) -> str:
    if value is None or value == "":
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _told(value: Any) -> Any:
    """A table or a list as one line; a benchmark as its name and size."""
    if isinstance(value, Mapping):
        if "name" in value and "items" in value:
            return f"{value['name']} ({value['items']})"
        return ", ".join(f"{key} {_told(inner)}" for key, inner in value.items())
    return ", ".join(str(_told(v)) for v in value) if isinstance(value, list) else value


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """A recipe's settings by their dotted names."""
    if not isinstance(value, Mapping):
        return {name: value} if name else {}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{name}.{key}" if name else str(key))
    return found
