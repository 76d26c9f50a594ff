r"""`omi2.arithmetic` for a column: which texts have a chain that does not hold, or steps to show.

What a run of plain arithmetic claims is worked out once for each distinct run: by columns where it
has a common shape, else by `arithmetic.claim`. Most are one step that holds, and claim nothing.
Whether a claim counts where it stands is told for all of them at once, by what stands before and
after. Only texts with characters there that Python and Polars treat differently, or with another
minus sign, are read one by one.
"""

import polars as pl

from omi2.arithmetic import WITHIN, claim, expand, wrong_arithmetic

_SIDE = r"(?:[0-9+\-*/() ]|\.[0-9])*"
_SIDES = r"(?:[0-9+\-*/()= ]|\.[0-9])*"
_END = r"(?:[0-9)]|\.[0-9])"
_RUN = rf"-?[0-9(](?:{_SIDE}{_END})? *[-+*/]{_SIDE}=[-+*/(= ]*{_END}{_SIDES}"
"""A run of plain arithmetic that `omi2.arithmetic` looks at: an operator, `=`, and what it makes.

Only its first `=` can end a side: so the pattern is found by looking for `=` and reading back.
"""
_INNER = rf"[0-9(]{_SIDE}={_SIDES}$"
"""What stands before a `_RUN` that is the end of a longer one, which claims nothing."""
_N = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_MADE = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
_SIMPLE = rf"^\(?(-?{_N}) ?([-+*/]) ?({_N}) ?= ?(-?{_MADE})[-+*/(= ]*$"
_EDGES = (0.9999 / WITHIN, 1.0001 / WITHIN)
"""Floats of `_N` are no further off than this, but where two of them nearly cancel out."""
_W = r"([0-9]{1,6})"
_THREE = rf"^{_W} ?([-+*]) ?{_W} ?([-+*]) ?{_W}( ?)= ?{_W}[-+*/(= ]*$"
_UNREAD = r"^[^=]*(?:[0-9)] *\(|\) *[0-9]|[0-9] +[0-9]|[^0-9=]\.)[^=]*="
"""A first side that is no expression, such as 2(3), and claims nothing."""
_ODD = r"[^\t\n -~]"
_ODD_RIGHT = rf"^[,:]?\s*[\\(]?[A-Za-z]*\s*{_ODD}"
"""No further than this do `_RIGHT`, `_COMMAND` and `_APART` look."""
_LEFT = r"(?:[\w\\{}^%,.)\]'|]|\d:|[-+*/^]\s*|\\(?:times|cdot|div|pm|mp)\s*|\bof\s+)\n?$"
_VARIABLE = r"\b[A-Za-z]\s+$"
_RIGHT = r"^(?:[\w{}^%|(\[!]|,\d|:\d|\s*[-+*/^_]|\s*x\s*\d|\s*\(?mod\b|\s*(?:R|r|remainder)\b)"
_COMMAND, _APART = r"^\s*\\", r"^\s*\\(?:[\])\\!,;: ]|text|mbox|mathrm|quad)"
"""`arithmetic._OPEN_LEFT` and `_OPEN_RIGHT` for ASCII, without what Polars has not."""
_REACH = 12
"""Characters before a chain that are looked at."""
_CLAIMS = {
    "run": pl.String, "opened": pl.Int64, "length": pl.Int64, "bracket": pl.Boolean,
    "chain": pl.String, "operators": pl.Int32, "shown": pl.String,
}  # fmt: skip
FOUND = {"at": pl.UInt32, "chain": pl.String, "operators": pl.Int32, "expanded": pl.String}


def examine(frame: pl.DataFrame) -> pl.DataFrame:
    """The texts (columns `at`, `solution`) with a wrong chain or with steps to show, as `FOUND`.

    `chain` is the wrong one with most operators, the first of them; `expanded` the text as
    `arithmetic.expand` writes it, null where that is the text itself.
    """
    text = pl.col("solution")
    frame = frame.select("at", "solution", minus=text.str.contains("−", literal=True))
    minus, plain = frame["minus"].arg_true(), frame["solution"]
    if len(minus):
        plain = plain.scatter(minus, plain.gather(minus).str.replace_all("−", "-", literal=True))
    frame = frame.with_columns(runs=plain.str.extract_all(_RUN))
    runs = frame.select("at", run="runs").explode("run").drop_nulls()
    claims = claims_of(runs["run"].unique())
    looked = runs.join(claims, on="run", how="semi").select(pl.col("at").unique())
    frame = frame.join(looked, on="at", how="semi", maintain_order="left")
    placed = _placed(frame.filter(~pl.col("minus")), claims)
    odd = pl.col("minus") | pl.col("at").is_in(placed.filter("odd")["at"].implode())
    read = frame.filter(odd).select("at", "solution")
    counting = placed.filter(~pl.col("part")).join(read, on="at", how="anti", maintain_order="left")
    wrong = (
        counting.filter(pl.col("chain").is_not_null())
        .sort("at", "operators", descending=[False, True], maintain_order=True)
        .unique("at", keep="first", maintain_order=True)
        .select("at", "chain", "operators")
    )
    found = wrong.join(_expanded(counting), on="at", how="full", coalesce=True)
    told = pl.DataFrame([_read(*row) for row in read.iter_rows()], FOUND, orient="row")
    return pl.concat([found.select(*FOUND), told])


def _read(at: int, text: str) -> tuple[int, str | None, int | None, str | None]:
    chain, operators = max(wrong_arithmetic(text), key=lambda w: w[1], default=(None, None))
    made = expand(text)
    return at, chain, operators, None if made == text else made


def claims_of(runs: pl.Series) -> pl.DataFrame:
    """What distinct runs claim, as `arithmetic.claim` says: those that may be wrong, or have steps.

    Columns tell of `a op b = c`, and of three whole numbers without a division; Python of the rest.
    """
    one, rest = _one_step(runs)
    two, rest = _two_steps(rest.filter(~rest.str.contains(_UNREAD)))
    told = [(run, *found) for run in rest if (found := claim(run)) is not None]
    return pl.concat([one, two, pl.DataFrame(told, _CLAIMS, orient="row")])


def _one_step(runs: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """What is told of the runs that are no chain or one `a op b = c`; and the other runs.

    A float tells whether it holds; what is at the very edge, or cancels out, or begins with a
    bracket and is not the same to the last bit, is for `claim`.
    """
    run, g = pl.col("run"), pl.col("g")
    number = {at: g.struct[at].cast(pl.Float64, strict=False) for at in (0, 2, 3)}
    frame = runs.alias("run").to_frame().with_columns(g=run.str.extract_groups(_SIMPLE))
    frame = frame.select("run", a=number[0], b=number[2], c=number[3], op=g.struct[1])
    a, b, c, op = (pl.col(name) for name in ("a", "b", "c", "op"))
    frame = frame.with_columns(
        made=pl.when(op == "+").then(a + b).when(op == "-").then(a - b)
        .when(op == "*").then(a * b).otherwise(a / b)
    )  # fmt: skip
    made = pl.col("made")
    off = (made - c).abs() / pl.max_horizontal(made.abs(), c.abs())
    cancels = made.abs() * 1e6 < pl.max_horizontal(a.abs(), b.abs())
    sure = made.is_finite() & ((made == c) | ~(cancels | run.str.starts_with("(")))
    frame = frame.with_columns(off=pl.when(sure).then(off.fill_nan(0.0)))
    wrong = frame.filter(pl.col("off") >= _EDGES[1]).select("run", operators=1, shown=None)
    rest = frame.filter(pl.col("off").is_null() | pl.col("off").is_between(*_EDGES, "none"))
    return _chained(wrong), rest["run"]


def _two_steps(runs: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """What is told of `a op b op c = d`, and the other runs."""
    g = runs.alias("run").to_frame().select("run", g=pl.col("run").str.extract_groups(_THREE))
    texts = dict(zip(("a", "p", "b", "q", "c", "space", "d"), range(7), strict=True))
    frame = g.select("run", *(pl.col("g").struct[at].alias(name) for name, at in texts.items()))
    a, b, c, d = (pl.col(name).cast(pl.Int64) for name in "abcd")
    p, q = pl.col("p"), pl.col("q")
    late = (q == "*") & (p != "*")  # the second operation comes first
    step = pl.when(late).then(b * c).otherwise(_done(a, p, b))
    made = pl.when(late).then(_done(a, p, pl.col("step"))).otherwise(_done(pl.col("step"), q, c))
    frame = frame.with_columns(step=step).with_columns(made=made)
    told = (pl.col("step") >= 0) & (pl.col("made") >= 0)
    off = (pl.col("made") - d).abs() * WITHIN > pl.max_horizontal("made", d)
    first = pl.col("run").str.split("=").list.first().str.strip_chars()
    gap = pl.when(first.str.contains(" ", literal=True)).then(pl.lit(" ")).otherwise(pl.lit(""))
    left = pl.when(late).then("a").otherwise(pl.col("step").cast(pl.String))
    right = pl.when(late).then(pl.col("step").cast(pl.String)).otherwise("c")
    shown = pl.concat_str(
        first, "equals", left, gap, pl.when(late).then(p).otherwise(q), gap, right, "equals", "d"
    )
    found = frame.filter(told).with_columns(equals=pl.format("{}={}", "space", "space"))
    found = found.select("run", operators=pl.when(off).then(2), shown=shown)
    return _chained(found), frame.filter(told.fill_null(False).not_())["run"]


def _done(left: pl.Expr, operator: pl.Expr, right: pl.Expr) -> pl.Expr:
    """What one operation on whole numbers comes to."""
    times = pl.when(operator == "*").then(left * right)
    return times.when(operator == "+").then(left + right).otherwise(left - right)


def _chained(frame: pl.DataFrame) -> pl.DataFrame:
    """Runs that are a chain from their first character, as `_CLAIMS`."""
    stripped = pl.col("run").str.strip_chars_end("+-*/(= ")
    chain = stripped.str.replace(r" *= *", "=")
    return frame.select(
        "run",
        opened=pl.lit(0, pl.Int64),
        length=stripped.str.len_bytes().cast(pl.Int64),
        bracket=pl.lit(False),
        chain=pl.when(pl.col("operators").is_not_null()).then(chain),
        operators=pl.col("operators").cast(pl.Int32),
        shown=pl.col("shown").cast(pl.String),
    )


def _placed(frame: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    """The claims of texts, in order, with `start` and `end` in bytes.

    `part`: it is part of a larger formula and does not count; `odd`: this is for Python to tell.
    `frame` has the `runs` of each text. What stands beside a run is read no further than the runs
    next to it, which no pattern looks across; after a text's last one stands an empty one.
    """
    text, run, before, opened = (pl.col(name) for name in ("solution", "run", "before", "opened"))
    size, length = text.str.len_bytes().cast(pl.Int64), run.str.len_bytes().cast(pl.Int64)
    runs = frame.select(
        "at",
        "solution",
        others=size.cum_sum() - size,
        before=text.str.split(_RUN, literal=False),
        run=pl.concat_list("runs", pl.lit("")),
    ).explode("before", "run")
    begin = (before.str.len_bytes() + length).cum_sum() - length - pl.col("others")
    runs = runs.with_columns(
        start=begin,
        last=run.shift(1, fill_value=""),
        after=before.shift(-1),
        next=run.shift(-1),
    ).join(claims, on="run", how="inner", maintain_order="left")
    stop, reach = opened + pl.col("length"), pl.max_horizontal(_REACH - opened, pl.lit(0))
    runs = runs.filter(~before.str.contains(_INNER)).with_columns(
        start=pl.col("start") + opened,
        end=pl.col("start") + stop,
        left=(pl.col("last") + before).str.tail(reach),
        right=pl.concat_str(run.str.slice(stop), "after", "next"),
    )
    left, right = pl.col("left"), pl.col("right")
    inner = pl.when(opened > 0).then(left.str.strip_suffix("\\")).otherwise(left)
    part = (
        (pl.col("bracket") & inner.str.contains(_VARIABLE))
        | inner.str.contains(_LEFT)
        | right.str.contains(_RIGHT)
        | (right.str.contains(_COMMAND) & ~right.str.contains(_APART))
    )
    odd = left.str.contains(_ODD) | right.str.contains(_ODD_RIGHT)
    return runs.with_columns(part=part, odd=odd)


def _expanded(counting: pl.DataFrame) -> pl.DataFrame:
    """The texts with the steps of their chains written out."""
    raw, at, end = pl.col("solution").cast(pl.Binary).bin, pl.col("at"), pl.col("end")
    done = pl.when(at == at.shift(1)).then(end.shift(1)).otherwise(0)
    piece = raw.slice(done, pl.col("start") - done).cast(pl.String) + pl.col("shown")
    return (
        counting.filter(pl.col("shown").is_not_null())
        .with_columns(piece=piece)
        .group_by("at", maintain_order=True)
        .agg("piece", pl.col("solution").first(), end.last())
        .select("at", expanded=pl.col("piece").list.join("") + raw.slice("end").cast(pl.String))
    )
