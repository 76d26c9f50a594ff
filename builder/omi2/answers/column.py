"""`extract` for a Polars column: millions of rows.

The common endings (one box near the end, "The answer is 5.", "#### 5", or nothing that announces an
answer) are settled by Polars, mostly on the last few hundred characters of every text; the other
rows go through `extract` one by one. The result is the same as `extract`'s, row by row: where the
two might disagree (what is space, what is a word) the patterns here ask for more than `extract`.
"""

from typing import TYPE_CHECKING

from omi2.answers.boxed import MAX_ANSWER
from omi2.answers.extract import checked, extract, stated_number

if TYPE_CHECKING:
    import polars as pl

_TAIL = 300
"""Characters at the end in which the common endings lie."""
_AFTER = 90
"""Bytes after a box, at most: so the tail shows the 200 characters before it, where a box that is
not in braces, `\\boxed(`, may begin and end behind it."""
_ANY = r"\\(?:boxed|fbox|framebox)"
_FLAT = r"[^{}\\\x1c-\x1f]|\\[^{}\x1c-\x1f]"
_ONE = rf"(?:{_FLAT}|\{{(?:{_FLAT}|\{{(?:{_FLAT})*\}})*\}})*"
_BOX = rf"^({_ONE})\}}(?:{_FLAT}|\{{(?:{_FLAT})*\}})*$"
"""A box's content, nested twice at most, and after it nothing that could close a box around it."""
_BESIDE = r"[^ \t\n$,;:&\\{}quadtexnor\x1c-\x1f]"
_LAST = (
    rf"^[^{{}}\\]*\}}[^{{}}\\]*{_BESIDE}[^{{}}\\]*\\boxed\{{({_ONE})\}}"
    rf"(?:{_FLAT}|\{{(?:{_FLAT})*\}})*$"
)
"""The content of the last of two plain boxes that form no list, from within the first."""
_ANOTHER = rf"{_ANY}|inal answer"
_APART = r"(?s)[ \n].*[^ \t\n$,;:&\\{}quadtexnor][ \t\n$,;:&\\{quadtexnor]{0,59}$"
"""What stands before a box that forms no list with a box before it: see `extract._GLUE`."""
_VALUE = r"-?[0-9][0-9,]*(?:\.[0-9]+)?"
_SAID = r"(?:\n####|\nA:|[ \n][Tt]he answer is:?|\nAnswer:|[ \n][Ff]inal [Aa]nswer:?(?: is)?:?) "
_NUMBER = rf"{_SAID}\$?({_VALUE})\.?[ \n]*$"
_PHRASE = rf"{_SAID}\$?({_VALUE}%?(?: [a-z]{{1,15}}){{0,2}})\.?[ \n]*$"
_FINAL = (
    rf"[ \n][Ff]inal answer is (?:\$?({_VALUE})\$?|\$([^$\n\x1c-\x1f]{{1,150}})\$)\."
    r"(?: I hope it is correct\.?)?[ \n]*$"
)
_ANNOUNCED = r"nswer[ \t*]*(?:is|[:=\n]|$|(?:to|of|for)[^\n.:=$\\]{1,60}[ \t]+is)|####|A:|ANSWER:"
"""What every text with an announcement has; each way begins with letters that are soon found."""


def extract_column(column: "pl.Series", mode: str = "strict") -> "pl.Series":
    """The final answers of a column of texts; null where there is none."""
    checked(mode)
    import polars as pl

    texts = column.cast(pl.String).alias("text")
    tail = pl.col("text").str.tail(_TAIL).cast(pl.Binary)
    tail = tail.bin.tail(4 * _TAIL).cast(pl.String)  # all of it, copied to lie side by side
    frame = texts.to_frame().with_row_index("at").with_columns(tail=tail)
    frame = frame.with_columns(box=pl.col("tail").str.find("\\boxed{", literal=True))
    last = frame["box"].is_not_null()
    boxed, others = _boxed(frame.filter(last), mode), _stated(frame.filter(~last), mode)
    found = pl.concat([boxed, others.select("at", "found")])
    good = (pl.col("found") != "") & (pl.col("found").str.len_chars() <= MAX_ANSWER)
    told = found.filter(good.fill_null(False))
    done = pl.concat([told["at"], others.filter("silent")["at"], texts.is_null().arg_true()])
    answers = pl.Series(column.name, [None], dtype=pl.String).new_from_index(0, len(texts))
    rest = frame.select(~pl.col("at").is_in(done.implode())).to_series().arg_true()
    slow = [extract(text, mode) for text in texts.gather(rest).to_list()]
    answers = answers.scatter(told["at"], told["found"])
    return answers.scatter(rest, pl.Series(slow, dtype=pl.String)) if slow else answers


def _boxed(frame: "pl.DataFrame", mode: str) -> "pl.DataFrame":
    r"""What is in the box, of texts with \boxed{ near the end; null where that is not plain."""
    import polars as pl

    tail, box = pl.col("tail").cast(pl.Binary), pl.col("box")
    before, after = pl.col("before"), pl.col("after")
    short = after.str.len_bytes() <= _AFTER
    plain = short & before.str.contains(_APART) & ~after.str.contains(_ANOTHER)
    alone = ~before.cast(pl.Binary).bin.contains(b"box")
    frame = frame.select(
        "at",
        before=tail.bin.head(box).cast(pl.String),
        after=tail.bin.slice(box + len("\\boxed{")).cast(pl.String),
    ).with_columns(found=pl.when(plain & alone).then(after.str.extract(_BOX)))
    rest = frame.filter(pl.col("found").is_null()).with_columns(
        first=~before.str.contains(_ANY)  # of a box before it nobody knows here where it ends
    )
    last = pl.col("first") & short & (after.str.count_matches(_ANY) == 1)
    last &= ~after.str.contains("inal answer", literal=True)
    content = (
        pl.when(plain & pl.col("first")).then(after.str.extract(_BOX))
        .when(last).then(after.str.extract(_LAST))
    )  # fmt: skip
    final = pl.when(~after.str.contains(_ANY)).then(_final(after, mode))
    rest = rest.with_columns(found=pl.coalesce(content, final))
    found = pl.concat([frame.drop_nulls("found"), rest.select(frame.columns)])
    return found.select("at", pl.col("found").str.strip_chars())


def _stated(frame: "pl.DataFrame", mode: str) -> "pl.DataFrame":
    """The number that ends the other texts; `silent` where nothing announces an answer."""
    import polars as pl

    text, tail = pl.col("text"), pl.col("tail")
    frame = frame.with_columns(unboxed=~text.str.contains(_ANY))  # asked three times
    unboxed = pl.col("unboxed")
    final = pl.when(unboxed | ~tail.str.contains(_ANY)).then(_final(tail, mode))
    pattern = _PHRASE if mode == "strict" else _NUMBER
    stated = pl.when(unboxed).then(tail.str.extract(pattern))
    silent = unboxed & ~text.str.contains(_ANNOUNCED) if mode == "strict" else pl.lit(False)
    return frame.select("at", found=pl.coalesce(final, stated), silent=silent)


def _final(text: "pl.Expr", mode: str) -> "pl.Expr":
    """What "the final answer is" states at the very end: a number, or a formula in dollar signs."""
    import polars as pl

    found = text.str.extract_groups(_FINAL).struct
    formula = found["2"].str.strip_chars()
    if mode == "relaxed":
        formula = formula.map_batches(_relaxed, return_dtype=pl.String)
    return pl.coalesce(found["1"], formula)


def _relaxed(formulas: "pl.Series") -> "pl.Series":
    """What is taken of each formula: itself, if it can be read; else its last number."""
    import polars as pl

    told = {formula: stated_number(formula) for formula in formulas.drop_nulls().unique()}
    return formulas.replace_strict(told, default=None, return_dtype=pl.String)
