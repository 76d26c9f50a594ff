"""Recorded generations, made by perturbing real ones: any number of rows, the same for one key.

A problem is a real one with most of its longer words exchanged for others and a condition of its
own; a generation is made of a real solution of that problem and of two others, without the lines
that state their answers and with other words exchanged in every row, a few calculations of its own
and an ending of a known kind: right, right but written differently, wrong, without a box, with two
boxes, or with text after the answer. Nothing is random but by the key.

By zstd (level 3) the texts shrink to a quarter, as the real ones do: 22,040 of GSM8K to 0.23 of
their size, 3,329 of MATH to 0.23. Not real: the calculations in the real texts recur from one
perturbed copy to the next (one in some thousands), and a perturbed text makes no sense.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 50_000
"""About the rows of a row group; whole problems."""
GRADE_SCHOOL = 0.18
"""Of the problems; the others are MATH's (the published set: 18% and 82% of the rows)."""
WORDINGS = 64
"""Ways in which words are exchanged within a chunk: those of one problem's rows differ."""
_STATED = re.compile(r"[^\n.]*(?:[Aa]nswer|####|\bA:)[^\n]*\n?|\\\\?(?:boxed|fbox)")
_RUNAWAY = re.compile(r"\d{40}")
_DIGITS = str.maketrans("123456789", "694725138")
SCHEMA = pa.schema([(n, pa.large_string()) for n in ("problem", "generation", "model")])


@dataclass(frozen=True)
class Shares:
    """What share of the generations is of each kind; the rest is right."""

    wrong: float = 0.3
    boxless: float = 0.06
    two_boxes: float = 0.03
    bad_arithmetic: float = 0.03
    respelled: float = 0.12
    trailing: float = 0.10
    symbolic: float = 0.0
    """Problems whose answer is a formula of the real data, not a number."""


USUAL = Shares()
ALL_KEPT = Shares(wrong=0.0, boxless=0.0, two_boxes=0.0, bad_arithmetic=0.0)
SYMBOLIC = Shares(symbolic=0.5, respelled=0.3)


@dataclass(frozen=True)
class Base:
    """The real texts: problems with their answers, and the solutions of each."""

    problems: list[str]
    golds: list[str]
    bodies: pl.Series
    first: np.ndarray
    """Where each problem's solutions begin; one more entry than problems."""
    math: int
    """The problems from here on are MATH's, those before it GSM8K's."""
    vocabulary: list[str]


def base(folder: Path) -> Base:
    """Read the real generations: text without code, 40 to 1,500 characters each."""
    from omi2.arithmetic import wrong_arithmetic

    files = [
        pl.read_parquet(folder / f"{name}.parquet").with_columns(set=pl.lit(name))
        for name in ("gsm8k", "math")
    ]
    table = pl.concat(files, how="diagonal_relaxed").filter(form="text")
    problems, golds, bodies, first, math = [], [], [], [0], 0
    for (name, problem, gold), group in table.group_by(
        "set", "problem", "gold", maintain_order=True
    ):
        found = [_STATED.sub("", text).strip() for text in group["generation"]]
        found = [t for t in found if 40 < len(t) < 1500 and not _RUNAWAY.search(t)]
        found = [t for t in found if not any(wrong_arithmetic(t))]
        if not found:
            continue
        bodies += found
        math += name == "gsm8k"
        problems.append(str(problem).translate(_DIGITS))
        golds.append(str(gold))
        first.append(len(bodies))
    words = pl.Series(bodies).str.extract_all(r" [a-z]{4,12}\b").explode().value_counts(sort=True)
    vocabulary = sorted(words.head(2000).to_series().to_list())
    return Base(problems, golds, pl.Series(bodies), np.array(first), math, vocabulary)


def chunks(real: Base, rows: int, shares: Shares = USUAL, key: int = 1) -> Iterator[pl.DataFrame]:
    """The rows, in chunks of whole problems, 20 to 32 generations each."""
    made, number = 0, 0
    while made < rows:
        table = _chunk(real, shares, np.random.Generator(np.random.PCG64([key, number])), number)
        table = table.head(rows - made)
        made, number = made + len(table), number + 1
        yield table


def write(real: Base, path: Path, rows: int, shares: Shares = USUAL, key: int = 1) -> None:
    """Write the rows as Parquet (zstd 3), a chunk a row group."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=3) as writer:
        for table in chunks(real, rows, shares, key):
            writer.write_table(table.to_arrow().cast(SCHEMA), row_group_size=CHUNK)


def _chunk(real: Base, shares: Shares, dice: np.random.Generator, number: int) -> pl.DataFrame:
    count = CHUNK // 26
    easy = dice.random(count) < GRADE_SCHOOL
    chosen = np.where(
        easy,
        dice.integers(0, real.math, count),
        dice.integers(real.math, len(real.problems), count),
    )
    samples = dice.integers(20, 33, count)
    shuffled = [real.vocabulary[at] for at in dice.permutation(len(real.vocabulary))]
    swap = dict(zip(shuffled, [*shuffled[1:], shuffled[0]], strict=True))
    problems = pl.DataFrame(
        {
            "k": np.arange(count),
            "text": [real.problems[at] for at in chosen],
            "formula": [real.golds[at] for at in chosen],
            "p": dice.integers(2, 900, count),
            "q": dice.integers(2, 900, count),
            "gold": np.exp(dice.uniform(0, 12, count)).astype(np.int64) + 1,
            "kind": dice.random(count),
            "easy": easy,
            "first": real.first[chosen],
            "of": real.first[chosen + 1] - real.first[chosen],
        }
    )
    numeric = pl.col("formula").str.contains(r"^[-\d,.$ ]+$")
    gold, kind = pl.col("gold"), pl.col("kind")
    symbolic = (kind < shares.symbolic) & ~numeric
    displayed = pl.col("formula").str.replace_all("\\frac", "\\dfrac", literal=True)
    half, many = (gold % 97 + 3).cast(pl.String), gold.cast(pl.String)
    long = many.str.replace(r"(\d)(\d{3})$", "$1,$2")
    odd = (gold % 5 * 2 + 1).cast(pl.String)
    problems = problems.with_columns(
        problem=_said(
            "@ In case @-@, take @ and @ as well.",
            pl.col("text").str.replace_many(swap), pl.lit(number), "k", "p", "q",
        ),
        right=pl.when(symbolic).then("formula").when(kind < 0.9).then(many)
        .when(kind < 0.95).then(_said("@.5", half)).otherwise(_said("\\frac{@}{@}", odd, half)),
        other=pl.when(symbolic).then(_said("$ @ $", displayed))
        .when(kind < 0.6).then(_said("@.00", many)).when(kind < 0.75).then(long)
        .when(kind < 0.9).then(_said("\\text{ }@", many))
        .when(kind < 0.95).then(_said("@.50", half)).otherwise(_said("@/@", odd, half)),
    )  # fmt: skip
    k = np.repeat(np.arange(count), samples)
    total = len(k)
    rows = problems[k].with_columns(
        sample=pl.Series(np.arange(total) - np.repeat(np.cumsum(samples) - samples, samples)),
        u=pl.Series(dice.random(total)),
        v=pl.Series(dice.random(total)),
        w=pl.Series(dice.random(total)),
        a=pl.Series(dice.integers(2, 5000, total)),
        b=pl.Series(dice.integers(2, 5000, total)),
        off=pl.Series(dice.integers(1, 4, total)),
    )
    own = real.bodies[(rows["first"] + rows["sample"] % rows["of"]).to_numpy()]
    edge, easy = int(real.first[real.math]), rows["easy"].to_numpy()
    schools = (
        dice.integers(0, edge, (2, total)),
        dice.integers(edge, len(real.bodies), (2, total)),
    )
    others = [real.bodies[np.where(easy, *pair)] for pair in zip(*schools, strict=True)]
    second = pl.when("easy").then(pl.concat_str("a", "b", "c", separator="\n"))
    body = (
        rows.select("easy")
        .with_columns(own.alias("a"), others[0].alias("b"), others[1].alias("c"))
        .select(body=second.otherwise(pl.concat_str("a", "b", separator="\n")))
        .to_series()
    )
    body = _worded(body, shuffled, dice.integers(0, WORDINGS, total))
    cuts = np.cumsum([shares.wrong, shares.boxless, shares.two_boxes])
    u, v, w = pl.col("u"), pl.col("v"), pl.col("w")
    bad = (w < shares.bad_arithmetic).cast(pl.Int64)
    a, b, p, q = (pl.col(name) for name in "abpq")
    answer = (
        pl.when(u < cuts[0]).then((gold + pl.col("off") * 2).cast(pl.String))
        .when(v < shares.respelled).then("other").otherwise("right")
    )  # fmt: skip
    end = (
        pl.when((u >= cuts[0]) & (u < cuts[1])).then(pl.lit("It cannot be said."))
        .when((u >= cuts[1]) & (u < cuts[2]))
        .then(_said("So it is \\boxed{@}. That is, \\boxed{@}.", pl.lit(1), answer))
        .when(w > 1 - shares.trailing)
        .then(_said("So the answer is $\\boxed{@}$.\nEvery step was looked at again.", answer))
        .otherwise(_said("Therefore, the answer is $\\boxed{@}$.", answer))
    )  # fmt: skip
    steps = (
        pl.when(v > 0.94).then(_said(" Then @ + @ * 2 = @.", p, q, p + q * 2)).otherwise(pl.lit(""))
    )
    return rows.with_columns(body).select(
        "problem",
        generation=_said(
            "In way @, we note that @ + @ = @ and @ * @ = @.@\n@\n\n@",
            "sample", a, b, a + b + bad, p, q, p * q, steps, "body", end,
        ),
        model=pl.lit("perturbed"),
    )  # fmt: skip


def _worded(texts: pl.Series, words: list[str], wording: np.ndarray) -> pl.Series:
    """Texts with their words exchanged, in one of several ways each."""
    order = np.argsort(wording, kind="stable")
    edges = np.searchsorted(wording[order], np.arange(WORDINGS + 1))
    pieces = []
    for way in range(WORDINGS):
        other = words[way + 1 :] + words[: way + 1]
        swap = dict(zip(words, other, strict=True))
        pieces.append(texts[order[edges[way] : edges[way + 1]]].str.replace_many(swap))
    return pl.concat(pieces)[np.argsort(order, kind="stable")]


def _said(text: str, *values: pl.Expr | str) -> pl.Expr:
    """A text whose every @ is a value of the row."""
    pieces = text.split("@")
    told = [pl.col(v) if isinstance(v, str) else v for v in values]
    mixed = [pl.lit(pieces[0])]
    for value, piece in zip(told, pieces[1:], strict=True):
        mixed += [value.cast(pl.String), pl.lit(piece)]
    return pl.concat_str(mixed)
