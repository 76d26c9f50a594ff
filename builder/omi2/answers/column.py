"""`extract` for a Polars column: millions of rows.

The common endings (one box near the end, "The answer is 5.", "#### 5", or nothing that announces an
answer) are settled by Polars on the last few hundred characters of every text; the other rows go
through `extract` one by one. The result is the same as `extract`'s, row by row.
"""

from typing import TYPE_CHECKING

from omi2.answers.extract import MAX_ANSWER, extract

if TYPE_CHECKING:
    import polars as pl

_TAIL = 300
"""Characters at the end in which the common endings lie."""
_FLAT = r"[^{}\\]|\\[^{}]"
_ONE = rf"(?:{_FLAT}|\{{(?:{_FLAT}|\{{(?:{_FLAT})*\}})*\}})*"
_ANY = r"\\(?:boxed|fbox|framebox)"
_BOX = rf"^({_ONE})\}}(?:{_FLAT}|\{{(?:{_FLAT})*\}})*$"
_NUMBER = (
    r"(?:\n####|\nA:|\b[Tt]he answer is:?|\nAnswer:|\b[Ff]inal [Aa]nswer:?(?: is)?:?) \$?"
    r"(-?[0-9][0-9,]*(?:\.[0-9]+)?)\.?\s*$"
)
_FINAL = (
    r"\b[Ff]inal answer is \$?(-?[0-9][0-9,]*(?:\.[0-9]+)?)\$?\.?(?: I hope it is correct\.?)?\s*$"
)
_ANNOUNCED = [
    "nswer is",
    "nswer:",
    "nswer*",
    "nswer  ",
    "nswer =",
    "nswer :",
    "nswer\t",
    "####",
    "A:",
    "ANSWER:",
]


def extract_column(column: "pl.Series", mode: str = "strict") -> "pl.Series":
    """The final answers of a column of texts; null where there is none."""
    import polars as pl

    text, tail = pl.col("text"), pl.col("tail")
    frame = pl.DataFrame({"text": column.cast(pl.String)}).with_columns(tail=text.str.tail(_TAIL))
    frame = frame.with_columns(
        boxes=tail.str.count_matches(_ANY),
        halves=tail.str.splitn("\\boxed{", 2),
        unboxed=~text.str.contains(_ANY),
    )
    before, after = (pl.col("halves").struct[at] for at in (0, 1))
    last = (pl.col("boxes") == 1) & ~after.str.contains("inal answer", literal=True)
    alone = (before.str.len_chars() > 100) | (text.str.len_chars() <= _TAIL)
    frame = frame.with_columns(
        content=pl.when(last & alone).then(after.str.extract(_BOX).str.strip_chars()),
        stated=pl.when("unboxed").then(tail.str.extract(_NUMBER)),
        final=tail.str.extract(_FINAL),
    )
    silent = pl.col("unboxed") & ~text.str.contains_any(_ANNOUNCED) if mode == "strict" else False
    found = pl.coalesce("final", "content", "stated")
    good = found.is_not_null() & (found != "") & (found.str.len_chars() <= MAX_ANSWER)
    frame = frame.select(
        "text", found.alias("found"), good.fill_null(False).alias("good"), silent=silent
    )
    rest = frame.select(pl.col("silent") | pl.col("good") | text.is_null()).to_series()
    answers = frame.select(pl.when("good").then("found")).to_series()
    todo = (~rest).arg_true()
    told = [extract(value, mode) for value in frame["text"].gather(todo).to_list()]
    answers = answers.scatter(todo, pl.Series(told, dtype=pl.String)) if told else answers
    return answers.alias(column.name)
