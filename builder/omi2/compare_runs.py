"""What changed from one run directory to another, and why.

For every stage: its counts in both, and what made it differ: a setting of the recipe (by name, with
both values), the code, a library, a file, or merely its input, that is, an earlier stage. Read from
the reports, the recipes and the stages' `made_from.json`; no row is read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from omi2.files import read_json
from omi2.recipe import CHANGES_NO_ROW, Recipe, as_table
from omi2.run import STAGE_NUMBERS, Report, Run

_WHY = {
    "code": "the code",
    "libraries": "the version of a library",
    "files": "a file or few-shot set",
    "teacher": "the teacher or the replayed file",
    "parts": "the number of parts",
}
Change = dict[str, Any]


def compare(one: tuple[Run, Recipe], other: tuple[Run, Recipe]) -> list[Change]:
    """Each stage that differs: its name, why, and each count that changed as [before, after]."""
    found = []
    settings = dict(_settings(as_table(one[1]), as_table(other[1])))
    for stage in STAGE_NUMBERS:
        counts = _counts(one[0].report(stage), other[0].report(stage))
        why = _why(one[0], other[0], stage)
        mine = {key: both for key, both in settings.items() if key.startswith(f"{stage}.")}
        if counts or why or mine:
            found.append({"stage": stage, "why": why, "settings": mine, "counts": counts})
    return found


def _why(one: Run, other: Run, stage: str) -> list[str]:
    """What the stage was made from that differs."""
    before, after = (read_json(run.stage(stage) / "made_from.json") for run in (one, other))
    if not isinstance(before, dict) or not isinstance(after, dict):
        whole = [run.report(stage) is not None for run in (one, other)]
        if whole[0] != whole[1]:
            return ["it is not made in one of the runs"]
        return ["not recorded: a run of an older version"] if all(whole) and before != after else []
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    reasons = [_WHY[name] for name in changed if name in _WHY]
    reasons += ["the recipe"] if "settings" in changed else []
    if not reasons and "inputs" in changed:
        reasons = ["its input: an earlier stage"]
    return reasons


def _counts(one: Report | None, other: Report | None) -> dict[str, list[int]]:
    """Every count that differs."""
    tables = [_flat(report) for report in (one, other)]
    both = {name: [table.get(name, 0) for table in tables] for name in {**tables[0], **tables[1]}}
    return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


def _flat(report: Report | None) -> dict[str, int]:
    if report is None:
        return {}
    kinds = {"came": report.came, "left": report.left, "dropped": report.dropped}
    return {f"{kind} {name}": n for kind, table in kinds.items() for name, n in table.items()}


def _settings(one: Any, other: Any, at: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Every setting that differs, by name, with both values, but for what changes no row."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _settings(one.get(key), other.get(key), f"{at}.{key}" if at else key)
    elif _long(one) and _long(other) and len(one) == len(other):  # sources, say: name what differs
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _settings(*pair, f"{at}[{number}]")
    elif one != other and at not in CHANGES_NO_ROW:
        yield at, [one, other]


def _long(value: Any) -> bool:
    """Whether it is a list of tables."""
    return isinstance(value, list | tuple) and any(isinstance(entry, Mapping) for entry in value)
