"""Votes, for whole columns: of each problem's answers the largest class of equal ones wins.

`by_vote` takes each distinct answer of a problem once, with how often it came (`count`). Numbers
are sorted into classes by their keys; only the answers of problems that have others, or numbers so
near that one may be the other rounded, are compared in Python, and of those one by one.

Not covered: `_MOST` answers of one problem and more are not all compared with each other.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl

from omi2 import ids
from omi2.answers import Verdict, classes, compare_many
from omi2.answers.normalise import key
from omi2.recipe import Grade

_LARGE = 1_000_000
"""Where two decimals that differ may still be within the policy's tolerance, or nearly."""
_APART = 99
"""Numbers that differ by more than one part in this many are different, rounded or not."""
_WIDE = 20
"""Characters of a plain number; a longer answer is for `classes`."""
_NUMBER = r"^(-?[0-9]{1,18})/([1-9][0-9]{0,17})$"
"""A number's key."""
_MOST = 256
"""Different answers of one problem that are compared each with each; half the paper's samples."""


def by_vote(distinct: pl.DataFrame, rules: Grade) -> pl.DataFrame:
    """`distinct` (problem_id, answer, count) with the `expected_answer` of each problem ("" where
    there is none) and the `reason` of each answer: "" where it is right, or why not."""
    ballots = _classed(distinct, rules.timeout_s)
    size, named = pl.col("size"), pl.col("class").is_not_null()
    common = ballots.sort("count", descending=True, maintain_order=True)  # and then the first
    sizes = common.group_by("problem_id", "class").agg(
        spelled=pl.first("answer"), size=pl.sum("count")
    )
    whole = sizes.group_by("problem_id").agg(
        whole=size.sum(),
        open=size.filter(~named).sum(),
        most=size.filter(named).max(),
        second=size.filter(named).top_k(2).sum() - size.filter(named).max(),
    )
    top = sizes.filter(named).join(whole, on="problem_id").filter(size == pl.col("most"))
    place = ids.orders("tie", top["problem_id"].cast(pl.String) + "\n" + top["spelled"])
    top = top.with_columns(place=pl.Series(place), tied=pl.len().over("problem_id") > 1)
    won = top.sort("place").unique("problem_id", keep="first").rename({"class": "winner"})
    most, drop = pl.col("most"), pl.lit(rules.ties == "drop")
    told = ballots.join(won, on="problem_id", maintain_order="left").with_columns(
        nobody=pl.when((pl.col("open") > 0) & (most <= pl.col("open") + pl.col("second")))
        .then(pl.lit("too_many_answers"))
        .when(pl.col("tied") & drop)
        .then(pl.lit("tie")),
    )
    reason = (
        pl.when((most < rules.min_votes) | (most < rules.min_share * pl.col("whole")))
        .then(pl.lit("too_few_votes"))
        .when(pl.col("class").eq_missing(pl.col("winner")))
        .then(pl.lit(""))
        .otherwise(pl.lit("minority"))
    )
    expected = pl.when(pl.col("nobody").is_null()).then("spelled").otherwise(pl.lit(""))
    return told.select(
        *distinct.columns, expected_answer=expected, reason=pl.coalesce("nobody", reason)
    )


def number_classes(distinct: pl.DataFrame) -> pl.DataFrame:
    """`distinct` with the `class` of each answer, its key, where all answers of its problem are
    plain numbers, far enough apart that `classes` would say the same; else null.

    Most problems are like this: 1200 and 1,200 and 1200.00 are one class, 1201 is another, and
    nobody has to compare them for that.
    """
    keys = [key(text) if len(text) <= _WIDE else "" for text in distinct["answer"]]
    table = distinct.with_columns(pl.Series("class", keys, pl.String)).with_row_index("at")
    number = pl.col("class").str.extract_groups(_NUMBER).struct
    top, bottom = (number[at].cast(pl.Int64) for at in (0, 1))
    table = table.with_columns(value=top / bottom, broken=bottom > 1)
    table = table.sort("problem_id", "value", "class")  # so that near ones are neighbours
    value, broken = pl.col("value"), pl.col("broken")
    other = pl.col("class").ne(pl.col("class").shift())
    wide = pl.max_horizontal(value.abs(), value.abs().shift())
    near = other & (broken | broken.shift()) & (value.diff() * _APART <= wide)
    near &= pl.col("problem_id") == pl.col("problem_id").shift()
    far = table.select(far=(value.abs() < _LARGE).fill_null(False) & ~near.fill_null(False))
    told = pl.when(pl.col("far").all().over("problem_id")).then("class").alias("class")
    return table.hstack(far).with_columns(told).sort("at").select(*distinct.columns, "class")


def _classed(distinct: pl.DataFrame, timeout: float) -> pl.DataFrame:
    """`distinct` with the `class` of each answer; null where it is only known not to be of the
    largest."""
    table = number_classes(distinct)
    rest = table.filter(pl.col("class").is_null())
    ballots = rest.group_by("problem_id", maintain_order=True).agg("answer", "count")
    found = [
        None if number is None else str(number)
        for _, answers, counts in ballots.iter_rows()
        for number in _compared(answers, counts, timeout)
    ]
    compared = rest.with_columns(pl.Series("class", found, pl.String))
    return pl.concat([table.drop_nulls("class"), compared])


def _compared(answers: Sequence[str], counts: Sequence[int], timeout: float) -> list[int | None]:
    """The class of each answer; beyond `_MOST` answers the rare ones join the largest, or none.

    To sort n answers into classes takes n * n / 2 comparisons, which has no end for the thousands
    of formulas that a teacher may give to one problem. So the common ones are sorted, and each rare
    one is compared with the largest class alone. What is not equal to it is None: it may be any
    class, and the vote counts all of it for the one that comes second.
    """
    if len(answers) <= _MOST:
        return [*classes(answers, timeout=timeout)]
    order = sorted(range(len(answers)), key=lambda at: -counts[at])
    common, rare = order[:_MOST], order[_MOST:]
    found: list[int | None] = [*classes([answers[at] for at in common], timeout=timeout)]
    sizes = _sizes(found, [counts[at] for at in common])
    largest = max(sizes, key=lambda number: sizes[number])
    head = answers[common[found.index(largest)]]
    told = compare_many([(answers[at], head) for at in rare], workers=1, timeout=timeout)
    found += [largest if verdict is Verdict.EQUAL else None for verdict in told]
    return [number for _, number in sorted(zip(order, found, strict=True))]


def _sizes(classed: Iterable[int | None], counts: Iterable[int]) -> Counter[int | None]:
    """The votes of each class."""
    sizes: Counter[int | None] = Counter()
    for number, count in zip(classed, counts, strict=True):
        sizes[number] += count
    return sizes
