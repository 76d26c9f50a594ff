r"""`omi2.rules.judge` for a column: millions of solutions.

Polars settles what most solutions are like (no box or one plain `\boxed{...}`, no heading, a cut
that opens no formula), finds runs of plain arithmetic and judges the simple ones; numpy counts
tokens. For every other row `rules.bounds` finds the ends, and a row whose arithmetic is not simply
right goes through `omi2.arithmetic`. The result is `judge`'s, row by row, but that what decides
nothing is left out: a row that an earlier rule drops has no tokens.
"""

import polars as pl

from omi2.arithmetic import claims, examine
from omi2.recipe import Filter
from omi2.rules import bounds, is_code, worst
from omi2.tokens import count_column

_BOX = r"\\(?:boxed|fbox|framebox)"
_FLAT = r"[^{}\\]|\\[^{}]"
_INSIDE = rf"(?:{_FLAT}|\{{(?:{_FLAT}|\{{(?:{_FLAT})*\}})*\}})*"
_SENTENCE = rf"(?s)^({_INSIDE}\}}.*?)(?:([.!?])(?:\s|$)|\n|$)"
_LINE = rf"(?s)^({_INSIDE}\}}[^\n]*)"
_ODD = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
_OPENS = ["\\[", "$$", "\\begin{"]
_MAYBE_CODE = ["```", "<llm-code>", "import ", "import\t", "def "]
_RUN = r"-?[0-9(](?:[0-9+\-*/()= ]|\.[0-9])*=(?:[0-9+\-*/()= ]|\.[0-9])*"
"""A run of plain arithmetic with an `=` in it: what `omi2.arithmetic` looks at."""
_N = r"([0-9]{1,12}(?:\.[0-9]{1,12})?)"
_SIMPLE = rf"^(-?){_N} ?([-+*/]) ?{_N} ?= ?(-?){_N}[-+*/(= ]*$"
_CLAIMS_NOTHING = r"^-?[^-+*/=]*=|^[^=]*=[-+*/(= ]*$"
_RESULT = ["start", "end", "expanded", "tokens", "reason", "detail", "code", "solution"]


def judge_column(generations: pl.Series, rules: Filter) -> pl.DataFrame:
    """What `judge` says of each text, and the solution that `rewrite` makes of it."""
    solution, steps = pl.col("solution"), pl.col("steps")
    frame = _cut(pl.DataFrame({"text": generations.cast(pl.String)}).with_row_index("at"), rules)
    several = (pl.col("boxes") > 1) if rules.one_box else pl.lit(False)
    gone = frame.filter(several).select(
        "at",
        "start",
        "end",
        reason=pl.lit("several_boxes"),
        detail=pl.format("{} boxes", "boxes"),
    )
    frame = frame.filter(~several)
    frame = frame.with_columns(code=_code(frame["text"])).drop("text", "boxes")
    frame = frame.join(_arithmetic(frame, rules), on="at", how="left", maintain_order="left")
    short = solution.str.len_chars() < max(rules.min_chars, 1)
    frame = frame.with_columns(
        solution=pl.coalesce("new", solution), expanded=pl.col("new").is_not_null()
    ).with_columns(
        reason=pl.when(steps > 1)
        .then(pl.lit("wrong_arithmetic"))
        .when(steps <= 1)
        .then(pl.lit("wrong_arithmetic_one_step"))
        .when(short)
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
        .when(short)
        .then(pl.format("{} characters", solution.str.len_chars()))
        .when(long)
        .then(pl.format("{} tokens", "tokens"))
        .otherwise(pl.lit("")),
    )
    return pl.concat([frame, gone], how="diagonal").sort("at").select(_RESULT)


def _cut(frame: pl.DataFrame, rules: Filter) -> pl.DataFrame:
    """Where each solution begins and ends, its text, and how many boxes there are."""
    text, rest, body = pl.col("text"), pl.col("rest"), pl.col("body")
    frame = frame.with_columns(
        body=text.str.strip_chars_end(),
        boxes=text.str.count_matches(_BOX).cast(pl.Int32),
        rest=text.str.splitn("\\boxed{", 2).struct[1],
    )
    boxed = pl.col("boxes") == 1
    end, cut, hard = body.str.len_chars(), pl.lit(False), pl.lit(False)
    if rules.trim != "off":
        kept = rest.str.extract(_LINE)
        if rules.trim == "sentence":
            kept = rest.str.extract(_SENTENCE) + rest.str.extract(_SENTENCE, 2).fill_null("")
        frame = frame.with_columns(kept=pl.when(boxed).then(kept))
        stop = text.str.len_chars() - rest.str.len_chars() + pl.col("kept").str.len_chars()
        cut = boxed & (stop < body.str.len_chars())
        end = pl.when(cut).then(stop).otherwise(end)
        opens = pl.any_horizontal([text.str.contains(mark, literal=True) for mark in _OPENS])
        hard = boxed & (pl.col("kept").is_null() | rest.str.contains(_ODD)) | (cut & opens)
    headed = text.str.contains(r"^[\s\x1c-\x1f]*(?:\*\*)?[Mm]y solution")
    hard = hard | (pl.col("boxes") > 1) | headed | body.str.tail(1).str.contains(_ODD)
    if rules.one_box and rules.trim == "off":
        hard = hard | boxed  # one mention may be no box at all
    frame = frame.select(
        "at", "text", "boxes", start=pl.lit(0, pl.Int32), end=end.cast(pl.Int32),
        solution=pl.when(cut).then(text.str.slice(0, end)).otherwise(body),
        hard=hard.fill_null(True),
    )  # fmt: skip
    rows = frame["hard"].arg_true()
    frame = frame.drop("hard")
    if len(rows):
        texts = frame["text"].gather(rows).to_list()
        told = [bounds(one, rules) for one in texts]
        made = [one[start:end] for one, (start, end, _) in zip(texts, told, strict=True)]
        found = pl.DataFrame(told, {n: pl.Int32 for n in ("start", "end", "boxes")}, orient="row")
        found = found.with_columns(solution=pl.Series(made, dtype=pl.String))
        frame = frame.with_columns(frame[n].scatter(rows, found[n]) for n in found.columns)
    return frame


def _code(texts: pl.Series) -> pl.Series:
    """Whether there is code in each text."""
    found = pl.any_horizontal([pl.col("text").str.contains(w, literal=True) for w in _MAYBE_CODE])
    maybe = pl.DataFrame({"text": texts}).select(found).to_series()
    at = maybe.arg_true()
    told = [is_code(one) for one in texts.gather(at).to_list()]
    return maybe.scatter(at, told) if told else maybe


def _arithmetic(frame: pl.DataFrame, rules: Filter) -> pl.DataFrame:
    """The chain that does not hold, with its steps, and the new text, of the rows with either."""
    told: list[tuple[int, str | None, int | None, str | None]] = []
    if rules.arithmetic or rules.arithmetic_split:
        for at, text, runs, claimed in _suspicious(frame).iter_rows():
            wrong, made = examine(text, zip(runs, claimed, strict=True))
            chain, steps = (worst(wrong) if rules.arithmetic else None) or (None, None)
            new = made if rules.arithmetic_split and made != text else None
            if chain is not None or new is not None:
                told.append((at, chain, steps, new))
    schema = {"at": pl.UInt32, "chain": pl.String, "steps": pl.Int32, "new": pl.String}
    return pl.DataFrame(told, schema, orient="row")


def _suspicious(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with arithmetic that may be wrong or has steps to show: their runs, in order."""
    text, run = pl.col("solution"), pl.col("run")
    runs = (
        frame.filter(text.str.contains("=", literal=True))
        .select("at", run=text.str.replace_all("−", "-", literal=True).str.extract_all(_RUN))
        .explode("run")
        .drop_nulls()
    )
    known = runs.select(run.unique())
    known = known.filter(~_harmless(known["run"]))
    known = known.filter(pl.Series([claims(one) for one in known["run"]], dtype=pl.Boolean))
    runs = runs.join(known.with_columns(claimed=True), on="run", how="left", maintain_order="left")
    runs = runs.with_columns(pl.col("claimed").fill_null(False))
    looked = runs.filter("claimed").select(pl.col("at").unique())
    runs = runs.join(looked, on="at", how="semi", maintain_order="left")
    runs = runs.group_by("at", maintain_order=True).agg("run", "claimed")
    texts = frame.select("at", text)
    return runs.join(texts, on="at", how="left").select("at", "solution", "run", "claimed")


def _harmless(runs: pl.Series) -> pl.Series:
    """Whether a run is no chain, or one `a op b = c` that holds: what floats can tell for sure."""
    run, g = pl.col("run"), pl.col("g")
    number = {at: g.struct[at].cast(pl.Float64, strict=False) for at in (1, 3, 5)}
    sign = {at: pl.when(g.struct[at] == "-").then(-1.0).otherwise(1.0) for at in (0, 4)}
    frame = pl.DataFrame({"run": runs}).with_columns(g=run.str.extract_groups(_SIMPLE))
    frame = frame.select(
        "run", a=number[1] * sign[0], b=number[3], c=number[5] * sign[4], op=g.struct[2]
    )
    a, b, c, op = (pl.col(name) for name in ("a", "b", "c", "op"))
    times = pl.when(op == "*").then(a * b).otherwise(a / b)
    made = pl.when(op == "+").then(a + b).when(op == "-").then(a - b).otherwise(times)
    near = (made - c).abs() <= 0.5e-4 * pl.max_horizontal(made.abs(), c.abs())
    harmless = (near & made.is_finite()).fill_null(False) | run.str.contains(_CLAIMS_NOTHING)
    return frame.select(harmless).to_series()
