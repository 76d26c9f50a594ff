"""What a release leaves out on purpose, for comparisons as the paper makes them (section 3).

Three settings of `[split]`: `match`, `problems` and `rows_per_problem`, applied in this order; none
is on by default. Choices are by hash, with the salts of the fair order, so a smaller number takes a
part of what a larger one takes: sets of 1,000, 2,000 and 4,000 problems lie inside each other. What
is left out is told with its reason and counted, like any other row.

`[grade] noise` is the fourth (`noisy`): wrong solutions in the place of right ones. The format of
solutions is decided where they are asked for, by the few-shot set (`[solve] prompt`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from omi2 import ids
from omi2.errors import UsageError
from omi2.sections import Split

ALL = 2**64


@dataclass(frozen=True)
class Plan:
    """Which rows a part releases: problems whose hash is below `below`, `rows` of each at most."""

    below: int = ALL
    rows: int = 0
    covered: Path | None = None
    """A Parquet file: how many rows (`rows`) the other release has of each `problem_id`."""


def plan(rules: Split, kept: Iterator[pl.DataFrame], scratch: Path) -> Plan | None:
    """What to leave out, or None for nothing, given each part's rows. Raises UsageError."""
    if not (rules.match or rules.problems or rules.rows_per_problem):
        return None
    covered = _coverage(Path(rules.match), scratch) if rules.match else None
    below = ALL
    if rules.problems:
        matched = Plan(covered=covered)
        hashes = [_hashes(chosen(part, matched).filter(gone="")) for part in kept]
        known = np.sort(np.unique(np.concatenate(hashes)))
        below = int(known[rules.problems]) if rules.problems < len(known) else ALL
    return Plan(below, rules.rows_per_problem, covered)


def chosen(table: pl.DataFrame, plan: Plan | None) -> pl.DataFrame:
    """`table` (problem_id, row_id, ...) with `gone`: why a row is left out, or ""."""
    if plan is None:
        return table.with_columns(gone=pl.lit(""))
    number = pl.Series("number", ids.orders("round", table["row_id"]))
    told = table.select("problem_id", number, here=pl.Series(_orders(table) < plan.below))
    told = told.with_columns(number=pl.col("number").rank("ordinal").over("problem_id") - 1)
    most = pl.lit(None, pl.UInt32)
    if plan.covered is not None:
        known = pl.read_parquet(plan.covered)
        told = told.join(known, on="problem_id", how="left", maintain_order="left")
        most = pl.col("rows")
    rounds = pl.lit(plan.rows or None, pl.UInt32)
    unmatched = most.is_null() if plan.covered is not None else pl.lit(False)
    gone = (
        pl.when(unmatched | (pl.col("number") >= most))
        .then(pl.lit("not_in_matched_release"))
        .when(~pl.col("here"))
        .then(pl.lit("beyond_problems"))
        .when(pl.col("number") >= rounds)
        .then(pl.lit("beyond_rows_per_problem"))
        .otherwise(pl.lit(""))
    )
    return table.hstack(told.select(gone=gone))


def noisy(samples: pl.DataFrame, share: float) -> pl.DataFrame:
    """Exchange about this share of each problem's right samples for wrong ones, if it has them.

    `samples` has problem_id, sample and reason ("" where right). A wrong one that is taken comes
    back with the reason "" and no votes, a right one that made room for it with the reason
    `made_room_for_noise`: how many rows a problem has stays the same.
    """
    if not share:
        return samples
    wrong = pl.col("reason").is_in(["wrong_answer", "minority"])
    name = samples["problem_id"] + "\n" + samples["sample"].cast(pl.String)
    table = samples.select(
        "problem_id",
        wrong=wrong,
        right=pl.col("reason") == "",
        place=pl.Series(ids.orders("noise sample", name)),
        dice=pl.Series(ids.orders("noise", samples["problem_id"]) / 2.0**64),
    )
    rights, wrongs = (pl.col(kind).sum().over("problem_id") for kind in ("right", "wrong"))
    swaps = pl.min_horizontal((rights * share + pl.col("dice")).floor(), wrongs)
    place = pl.col("place").rank("ordinal").over("problem_id", "right", "wrong")
    table = table.with_columns(swapped=place <= swaps)
    taken = table["swapped"] & table["wrong"]
    return samples.with_columns(
        reason=pl.when(taken)
        .then(pl.lit(""))
        .when(table["swapped"] & table["right"])
        .then(pl.lit("made_room_for_noise"))
        .otherwise("reason"),
        votes=pl.when(taken).then(pl.lit(0, pl.Int32)).otherwise("votes"),
    )


def _orders(table: pl.DataFrame) -> npt.NDArray[np.uint64]:
    return ids.orders("problems", table["problem_id"])


def _hashes(table: pl.DataFrame) -> npt.NDArray[np.uint64]:
    return np.unique(_orders(table))


def _coverage(folder: Path, scratch: Path) -> Path:
    """Count the rows of each problem of a release. Raises UsageError where it is none."""
    files = sorted((folder / "data").glob("*.parquet"))
    if not files:
        raise UsageError(
            f"match is {folder}: no release of omi2 (there is no data/*.parquet in it)"
        )
    names = pl.scan_parquet(files, hive_partitioning=False)
    if "problem_id" not in names.collect_schema():
        raise UsageError(f"match is {folder}: its rows have no problem_id")
    counted = names.group_by("problem_id").agg(pl.len().alias("rows"))
    counted.collect().sort("problem_id").write_parquet(scratch)
    return scratch
