r"""`omi2.arithmetic` for a column: which texts have a chain that does not hold, or steps to show.

Most runs of plain arithmetic are one step that holds: floats tell so for sure. What a run of another
shape claims is worked out once for each distinct run, by `arithmetic.claim`; whether it counts where
it stands is told for all such runs at once, by what stands before and after. Only texts with
characters whose handling differs between Python and Polars are looked at one by one.
"""

import polars as pl

from omi2.arithmetic import Claim, claim, expand, wrong_arithmetic

_RUN = r"-?[0-9(](?:[0-9+\-*/()= ]|\.[0-9])*=(?:[0-9+\-*/()= ]|\.[0-9])*"
"""A run of plain arithmetic with an `=` in it: what `omi2.arithmetic` looks at."""
_N = r"([0-9]{1,12}(?:\.[0-9]{1,12})?)"
_SIMPLE = rf"^(-?){_N} ?([-+*/]) ?{_N} ?= ?(-?){_N}[-+*/(= ]*$"
_CLAIMS_NOTHING = r"^-?[^-+*/=]*=|^[^=]*=[-+*/(= ]*$"
_ODD = r"[\x00-\x08\x0b-\x1f\x7f]"
_LEFT = (
    r"(?:[\w\\{}^%,.)\]'|]|\d:|[-+*/^]\s*|\\(?:times|cdot|div|pm|mp)\s*|\bof\s+)\n?$"
)
_VARIABLE = r"\b[A-Za-z]\s+$"
_RIGHT = (
    r"^(?:[\w{}^%|(\[!]|,\d|:\d|\s*[-+*/^_]|\s*x\s*\d|\s*\(?mod\b|\s*(?:R|r|remainder)\b)"
)
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
    frame = frame.select("at", "solution").filter(text.str.contains("=", literal=True))
    minus = frame.select(text.str.contains("−", literal=True)).to_series().arg_true()
    plain = frame["solution"]
    if len(minus):
        plain = plain.scatter(minus, plain.gather(minus).str.replace_all("−", "-", literal=True))
    runs = frame.select("at", run=plain.str.extract_all(_RUN)).explode("run").drop_nulls()
    claims = _claims(runs.select(pl.col("run").unique()))
    looked = runs.join(claims, on="run", how="semi").select(pl.col("at").unique())
    frame = frame.join(looked, on="at", how="semi", maintain_order="left")
    simple = (text.str.len_bytes() == text.str.len_chars()) & ~text.str.contains(_ODD)
    counting = _counting(frame.filter(simple), claims)
    odd = [_read(at, one) for at, one in frame.filter(~simple).iter_rows()]
    wrong = (
        counting.filter(pl.col("chain").is_not_null())
        .sort("at", "operators", descending=[False, True], maintain_order=True)
        .unique("at", keep="first", maintain_order=True)
        .select("at", "chain", "operators")
    )
    found = wrong.join(_expanded(counting), on="at", how="full", coalesce=True)
    return pl.concat([found.select(*FOUND), pl.DataFrame(odd, FOUND, orient="row")])


def _read(at: int, text: str) -> tuple[int, str | None, int | None, str | None]:
    chain, operators = max(wrong_arithmetic(text), key=lambda w: w[1], default=(None, None))
    made = expand(text)
    return at, chain, operators, None if made == text else made


def _claims(runs: pl.DataFrame) -> pl.DataFrame:
    """What distinct runs claim: those that may be wrong, or have steps."""
    told: list[tuple[str, *Claim]] = []
    for run in runs.filter(~_harmless(runs["run"]))["run"]:
        if (found := claim(run)) is not None:
            told.append((run, *found))
    return pl.DataFrame(told, _CLAIMS, orient="row")


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


def _counting(frame: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    """The claims of ASCII texts that count where they stand, in order, with `start` and `end`."""
    text, run = pl.col("solution"), pl.col("run")
    runs = frame.with_columns(
        run=text.str.extract_all(_RUN), before=text.str.split(_RUN, literal=False)
    )
    runs = runs.with_columns(pl.col("before").list.head(run.list.len()))
    length = run.str.len_bytes().cast(pl.Int64)
    runs = runs.explode("run", "before").with_columns(
        begin=(pl.col("before").str.len_bytes() + length).cum_sum().over("at") - length
    )
    runs = runs.join(claims, on="run", how="inner", maintain_order="left")
    begin, opened, start = pl.col("begin"), pl.col("opened"), pl.col("start")
    raw, first = text.cast(pl.Binary).bin, pl.max_horizontal(start - _REACH, pl.lit(0))
    runs = runs.with_columns(start=begin + opened).with_columns(
        end=start + pl.col("length"),
        left=raw.slice(first, pl.max_horizontal(begin - first, pl.lit(0))).cast(pl.String),
    )
    left, right = pl.col("left"), raw.slice(pl.col("end")).cast(pl.String)
    runs = runs.with_columns(
        left=pl.when(opened > 0).then(left.str.strip_suffix("\\")).otherwise(left), right=right
    )
    right = pl.col("right")
    part = (
        (pl.col("bracket") & left.str.contains(_VARIABLE))
        | left.str.contains(_LEFT)
        | right.str.contains(_RIGHT)
        | (right.str.contains(_COMMAND) & ~right.str.contains(_APART))
    )
    return runs.filter(~part)


def _expanded(counting: pl.DataFrame) -> pl.DataFrame:
    """The texts with the steps of their chains written out."""
    raw, end = pl.col("solution").cast(pl.Binary).bin, pl.col("end")
    done = end.shift(1).over("at").fill_null(0)
    piece = raw.slice("done", pl.col("start") - pl.col("done")).cast(pl.String) + pl.col("shown")
    return (
        counting.filter(pl.col("shown").is_not_null())
        .with_columns(done=done)
        .with_columns(piece=piece)
        .group_by("at", maintain_order=True)
        .agg(pl.col("piece").str.join(), pl.col("solution").first(), end.last())
        .select("at", expanded=pl.col("piece") + raw.slice("end").cast(pl.String))
    )
