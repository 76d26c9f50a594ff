"""Evidence: every match with its texts, as `overlap.parquet`, and a summary.

A row for each row of the input that overlaps, whether the policy calls it contamination or not, or
that a judge was asked about; other clean rows are counted and not listed. The item's own text
stands there where it was at hand; an index alone names the item.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from omi2 import rows
from omi2.files import atomic, write_table
from omi2.overlap.checker import NONE, Match
from omi2.overlap.inputs import Problems

Row = dict[str, Any]
SCHEMA = rows.schema(
    [
        ("row", pa.int64()),  # in the order of the input
        ("id", pa.string()),  # the row's own name
        ("problem_id", pa.string()),
        ("verdict", pa.string()),  # clean, contaminated, unknown
        ("rule", pa.string()),  # exact, near_dup, rephrase, number_change, judge, unknown, none
        ("score", pa.float32()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("problem", pa.string()),
        ("item_problem", pa.string()),  # null where only hashes of it were at hand
        ("judge", pa.string()),  # the answers in both orders, no/no; null where nobody was asked
    ],
    required=("row", "id", "problem_id", "verdict", "rule", "score", "problem"),
)


def listed(
    found: Problems,
    compared: Sequence[Match],
    place: Mapping[str, int],
    texts: Mapping[tuple[str, str], str],
    *,
    strict: bool,
    judged: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[Row], dict[str, int]]:
    """The rows of evidence, and how many rows of the input have each verdict.

    `compared` are the matches of distinct problems, `place` says which is a problem's, and `judged`
    what a judge said of a problem.
    """
    told: list[Row] = []
    verdicts: Counter[str] = Counter()
    for at, (problem, name) in enumerate(zip(found.problems, found.ids, strict=True)):
        match = compared[place[problem]]
        verdict = match.verdict(strict=strict)
        verdicts[verdict] += 1
        if match.rule == NONE and problem not in judged:
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
                "judge": judged.get(problem),
            }
        )
    return told, dict(sorted(verdicts.items()))


def write(path: Path, told: Iterable[Row]) -> None:
    """Write `overlap.parquet`, whole or not at all."""
    write_table(path, pa.Table.from_pylist(list(told), SCHEMA))


def write_ids(path: Path, told: Iterable[Mapping[str, Any]]) -> None:
    """Write the names of the rows to remove, a line each."""
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8") as lines:
        for row in told:
            if row["verdict"] != "clean":
                lines.write(" ".join(row["id"].split()) + "\n")


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
