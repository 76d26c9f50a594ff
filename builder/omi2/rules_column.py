r"""`omi2.rules.judge` for a column: millions of solutions.

Most solutions are whole: one plain `\boxed{...}` in the last sentence, which Polars tells by what
stands after the first "box". Of the others it settles those with no heading and a cut that opens no
formula; `rules.bounds` finds the ends of the rest. `arithmetic_column` judges plain arithmetic;
numpy counts tokens. The result is `judge`'s, row by row, but that what decides nothing is left out:
a row that an earlier rule drops has no tokens.
"""

import polars as pl

from omi2 import arithmetic_column
from omi2.marks import mark_column
from omi2.recipe import Filter
from omi2.rules import bounds
from omi2.tokens import count_column

_BOX = r"\\(?:boxed|fbox|framebox)"
_FLAT = r"[^{}\\]|\\[^{}]"
_INSIDE = rf"(?:{_FLAT}|\{{(?:{_FLAT}|\{{(?:{_FLAT})*\}})*\}})*"
_CLOSED = rf"{_BOX}\{{{_INSIDE}\}}"
_LAST = rf'^boxed\{{{_INSIDE}\}}(?:[ "-\-/->@-~]*[!-~])?$'
"""A box after its backslash, and what ends a text that is not cut: no sentence before the end, no
odd character."""
_MAY_HEAD = ("", "!"), ("*", "+"), ("M", "N"), ("m", "n")
"""What a text begins with that has a heading: a space, a star, or "my"."""
_SENTENCE = rf"(?s)^({_INSIDE}\}}.*?)(?:([.!?])(?:\s|$)|\n|$)"
_LINE = rf"(?s)^({_INSIDE}\}}[^\n]*)()"
_ODD = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
_RESULT = ["start", "end", "expanded", "tokens", "reason", "detail", "flags", "solution"]


def judge_column(generations: pl.Series, rules: Filter) -> pl.DataFrame:
    """What `judge` says of each text, and the solution that `rewrite` makes of it."""
    steps, size = pl.col("operators"), pl.col("size")
    frame = pl.DataFrame({"text": generations.cast(pl.String)}).with_row_index("at")
    frame = frame.with_columns(whole=_whole(frame))
    rest = _cut(frame.filter(~pl.col("whole")), rules)
    whole = frame.filter("whole").select(
        "at",
        "whole",
        solution="text",
        start=pl.lit(0, pl.Int32),
        end=pl.col("text").str.len_chars().cast(pl.Int32),
        boxes=pl.lit(1, pl.Int32),
    )
    frame = pl.concat([whole, rest.select(whole.columns)]).sort("at")
    several = (pl.col("boxes") > 1) if rules.one_box else pl.lit(False)
    gone = frame.filter(several).select(
        "at",
        "start",
        "end",
        reason=pl.lit("several_boxes"),
        detail=pl.format("{} boxes", "boxes"),
    )
    frame = frame.filter(~several)
    frame = frame.join(_arithmetic(frame, rules), on="at", how="left", maintain_order="left")
    rows = frame["expanded"].is_not_null().arg_true()
    frame = frame.with_columns(
        solution=frame["solution"].scatter(rows, frame["expanded"].gather(rows)),
        expanded=pl.col("expanded").is_not_null(),
        size=pl.coalesce(pl.col("expanded").str.len_chars(), pl.col("end") - pl.col("start")),
    ).with_columns(short=size < max(rules.min_chars, 1))
    frame = frame.with_columns(
        reason=pl.when(steps > 1)
        .then(pl.lit("wrong_arithmetic"))
        .when(steps <= 1)
        .then(pl.lit("wrong_arithmetic_one_step"))
        .when("short")
        .then(pl.lit("too_short"))
        .otherwise(pl.lit(""))
    )
    good = frame.filter(reason="")
    counted = good.select("at", count_column(good["solution"]).alias("tokens"))
    frame = frame.join(counted, on="at", how="left", maintain_order="left")
    long = (pl.col("tokens") > rules.max_tokens).fill_null(False)
    frame = frame.with_columns(
        reason=pl.when(long).then(pl.lit("too_long")).otherwise("reason"),
        detail=pl.when(steps.is_not_null())
        .then("chain")
        .when("short")
        .then(pl.format("{} characters", size))
        .when(long)
        .then(pl.format("{} tokens", "tokens"))
        .otherwise(pl.lit("")),
    )
    judged = pl.concat([frame, gone], how="diagonal").sort("at")
    return mark_column(judged, generations, rules).select(_RESULT)


def _whole(frame: pl.DataFrame) -> pl.Series:
    """Whether each text has one box, at its end, and is its own solution; False says nothing."""
    text, last = pl.col("text"), pl.col("last")
    raw, at = text.cast(pl.Binary).bin, text.str.find("box", literal=True).cast(pl.Int64)
    frame = frame.select(
        "text",
        last=raw.slice(at).cast(pl.String),
        command=(at > 0) & (raw.slice(at - 1, 1) == b"\\"),
    )
    headed = pl.any_horizontal(
        text.is_between(pl.lit(low), pl.lit(high), "left") for low, high in _MAY_HEAD
    )
    one = pl.col("command") & last.str.contains(_LAST)
    one &= ~last.str.slice(1).str.contains("box", literal=True)
    return frame.select(one.fill_null(False) & ~headed & (text < "\x7f")).to_series()


def _cut(frame: pl.DataFrame, rules: Filter) -> pl.DataFrame:
    """Where each solution begins and ends, its text, and how many boxes there are."""
    text, rest, body, kept = (pl.col(name) for name in ("text", "rest", "body", "kept"))
    raw = text.cast(pl.Binary).bin
    frame = frame.with_columns(
        body=text.str.strip_chars_end(),
        boxes=text.str.count_matches(_BOX).cast(pl.Int32),
        stop=text.str.len_bytes(),
    )
    boxed = pl.col("boxes") == 1
    if rules.trim != "off":
        after = raw.slice(text.str.find("\\boxed{", literal=True) + 7).cast(pl.String)
        frame = frame.with_columns(rest=pl.when(boxed).then(after))
        pattern = _SENTENCE if rules.trim == "sentence" else _LINE
        groups = rest.str.extract_groups(pattern).struct
        frame = frame.with_columns(kept=groups[0] + groups[1].fill_null(""))
        frame = frame.with_columns(
            stop=pl.col("stop") - (rest.str.len_bytes() - kept.str.len_bytes()).fill_null(0)
        )
        hard = boxed & (kept.is_null() | rest.str.contains(_ODD))
    else:  # one mention may be no box at all
        hard = boxed & rules.one_box
    headed = text.str.contains(r"^[\s\x1c-\x1f]*(?:\*\*)?[Mm]y solution")
    hard = hard | headed | body.str.tail(1).str.contains(_ODD)
    frame = frame.with_columns(cut=pl.col("stop") < body.str.len_bytes(), hard=hard.fill_null(True))
    frame = frame.with_columns(
        solution=pl.when("cut").then(raw.slice(0, "stop").cast(pl.String)).otherwise("body")
    )
    several = frame.filter(pl.col("boxes") > 1)
    if rules.one_box:
        several = several.filter(text.str.count_matches(_CLOSED) != pl.col("boxes"))
    opens = _opens(frame.filter(pl.col("cut")))
    frame = frame.with_columns(
        start=pl.lit(0, pl.Int32),
        end=pl.col("solution").str.len_chars().cast(pl.Int32),
        hard=pl.col("hard") | pl.col("at").is_in(pl.concat([opens, several["at"]]).implode()),
    )
    rows = frame["hard"].arg_true()
    if len(rows):
        texts = frame["text"].gather(rows).to_list()
        told = [bounds(one, rules) for one in texts]
        made = [one[start:end] for one, (start, end, _) in zip(texts, told, strict=True)]
        found = pl.DataFrame(told, {n: pl.Int32 for n in ("start", "end", "boxes")}, orient="row")
        found = found.with_columns(solution=pl.Series(made, dtype=pl.String))
        frame = frame.with_columns(frame[n].scatter(rows, found[n]) for n in found.columns)
    return frame


def _opens(frame: pl.DataFrame) -> pl.Series:
    """The rows whose cut would leave a formula or an environment open that the text closes."""

    def count(mark: str) -> pl.Expr:
        return pl.col("solution").str.count_matches(mark, literal=True)

    left = pl.col("text").cast(pl.Binary).bin.slice(pl.col("stop")).cast(pl.String)
    frame = frame.filter(left.str.contains(r"\\\]|\$\$|\\end\{"))
    left_open = (
        (count("\\[") > count("\\]"))
        | (count("$$") % 2 == 1)
        | (count("\\begin{") > count("\\end{"))
    )
    return frame.filter(left_open)["at"]


def _arithmetic(frame: pl.DataFrame, rules: Filter) -> pl.DataFrame:
    """What `arithmetic_column` finds, as far as the rules ask for it."""
    if not (rules.arithmetic or rules.arithmetic_split):
        return pl.DataFrame(schema=arithmetic_column.FOUND)
    found = arithmetic_column.examine(frame)
    if not rules.arithmetic:
        found = found.with_columns(chain=pl.lit(None, pl.String), operators=pl.lit(None, pl.Int32))
    if not rules.arithmetic_split:
        found = found.with_columns(expanded=pl.lit(None, pl.String))
    return found
