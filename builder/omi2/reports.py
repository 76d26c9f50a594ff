"""What a stage tells of its work: counts that add up; and the rows it drops, with the reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa


@dataclass(frozen=True)
class Report:
    """What came to a stage, what left it and what it dropped and why; the numbers add up.

    `facts` are further counts, `details` what is not a count. Reports of parts add up to the
    stage's. Raises ValueError where came is not left plus dropped.
    """

    unit: str
    came: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        came, left, dropped = (sum(x.values()) for x in (self.came, self.left, self.dropped))
        if came != left + dropped:
            raise ValueError(
                f"{came} {self.unit} came, {left} left and {dropped} were dropped: "
                f"{came - left - dropped} are not accounted for"
            )

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.unit,
            _added(self.came, other.came),
            _added(self.left, other.left),
            _added(self.dropped, other.dropped),
            _added(self.facts, other.facts),
            {**self.details, **other.details},
        )


def _added(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in sorted({*a, *b})}


def drop(problem_id: str, reason: str, detail: str = "", *, sample: int | None = None,
         text: str | None = None) -> dict[str, Any]:  # fmt: skip
    """A row of `rows.DROPPED`."""
    return {
        "problem_id": problem_id,
        "sample": sample,
        "reason": reason,
        "detail": detail,
        "text": text,
    }


def as_frame(found: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    """Rows as a frame of this schema's columns; what a row lacks is null."""
    listed = list(found)
    return pl.DataFrame(
        {n: [row.get(n) for row in listed] for n in schema.names}, pl.Schema(schema)
    )


def as_arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    """A frame as a table of this schema, in one chunk; a column that is missing is null."""
    missing = [pl.lit(None).alias(name) for name in schema.names if name not in frame.columns]
    table = frame.with_columns(missing).select(schema.names)
    return table.to_arrow(compat_level=pl.CompatLevel.newest()).cast(schema).combine_chunks()


def counted(frame: pl.DataFrame, column: str = "reason") -> dict[str, int]:
    """How many rows have each value, in the order of the values: for a report."""
    return dict(frame[column].value_counts().sort(column).iter_rows())


def tally(dropped: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows were dropped for each reason, for a report."""
    return dict(sorted(Counter(row["reason"] for row in dropped).items()))
