"""Evidence: every match with its texts, as `overlap.parquet`, and a summary.

A row for each row of the input that overlaps, whether the policy calls it contamination or not;
clean rows are counted and not listed. The item's own text stands there where it was at hand; an
index alone names the item.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from omi2 import rows
from omi2.files import write_table
from omi2.overlap.checker import NONE, Checker, Match
from omi2.overlap.inputs import Problems

Row = dict[str, Any]
SCHEMA = rows.schema(
    [
        ("row", pa.int64()),  # in the order of the input
        ("id", pa.string()),  # the row's own name
        ("problem_id", pa.string()),
        ("verdict", pa.string()),  # clean, contaminated, unknown
        ("rule", pa.string()),  # exact, near_dup, rephrase, number_change, unknown
        ("score", pa.float32()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("problem", pa.string()),
        ("item_problem", pa.string()),  # null where only hashes of it were at hand
    ],
    required=("row", "id", "problem_id", "verdict", "rule", "score", "problem"),
)


def matches(
    found: Problems, checker: Checker, texts: Mapping[tuple[str, str], str], *, strict: bool
) -> tuple[list[Row], dict[str, int]]:
    """What overlaps, a row each, and how many rows have each verdict. Equal problems are compared
    once."""
    distinct = {problem: at for at, problem in enumerate(dict.fromkeys(found.problems))}
    return listed(found, checker.check_many(distinct), distinct, texts, strict=strict)


def listed(
    found: Problems,
    compared: Sequence[Match],
    place: Mapping[str, int],
    texts: Mapping[tuple[str, str], str],
    *,
    strict: bool,
) -> tuple[list[Row], dict[str, int]]:
    """The rows of evidence, and how many rows of the input have each verdict."""
    told: list[Row] = []
    verdicts: Counter[str] = Counter()
    for at, (problem, name) in enumerate(zip(found.problems, found.ids, strict=True)):
        match = compared[place[problem]]
        verdict = match.verdict(strict=strict)
        verdicts[verdict] += 1
        if match.rule == NONE:
            continue
        told.append(
            {
                "row": at,
                "id": name,
                "problem_id": rows.problem_id(problem),
                "verdict": verdict,
                "rule": match.rule,
                "score": match.score,
                "benchmark": match.benchmark,
                "item": match.item,
                "problem": problem,
                "item_problem": texts.get((match.benchmark or "", match.item or "")),
            }
        )
    return told, dict(sorted(verdicts.items()))


def write(path: Path, told: Iterable[Row]) -> None:
    """Write `overlap.parquet`, whole or not at all."""
    write_table(path, pa.Table.from_pylist(list(told), SCHEMA))


def summary(told: Iterable[Mapping[str, Any]]) -> list[Row]:
    """How many rows each rule found in each benchmark, and how many the policy calls contaminated.

    >>> summary([{"benchmark": "b", "rule": "exact", "verdict": "contaminated"}])
    [{'benchmark': 'b', 'rule': 'exact', 'rows': 1, 'removed': 1}]
    """
    counted: Counter[tuple[str, str]] = Counter()
    removed: Counter[tuple[str, str]] = Counter()
    for row in told:
        key = (row["benchmark"] or "", row["rule"])
        counted[key] += 1
        removed[key] += row["verdict"] != "clean"
    return [
        {"benchmark": benchmark, "rule": rule, "rows": n, "removed": removed[benchmark, rule]}
        for (benchmark, rule), n in sorted(counted.items())
    ]
