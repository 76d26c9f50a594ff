"""The ids and orders of `omi2.rows`, for whole columns: the same values, some twenty times as fast.

Texts of ASCII and common signs are normalised by Polars; any other goes through `rows` itself, one
by one. All are hashed by the `polars-hash` plugin. `tests/test_columns.py` holds the two together.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash  # noqa: F401 (gives expressions their `nchash`)
import pyarrow as pa

from omi2 import rows

_LINES = [lines + " " * spaces for lines in ("\n\n", "\n") for spaces in range(8, -1, -1)]
"""What is one space, most often."""
_ODD_SPACE = "[\t\r\x0b\x0c\x1c-\x1f]"
"""What Python calls white space in ASCII, but for the space and the end of a line."""
_SPACES = r" *[\t-\r\x1c-\x1f][ \t-\r\x1c-\x1f]*| {2,}"
"""White space in ASCII that is not one space."""
_STABLE = r"^[\x00-\x7f’“”‘–—…−×÷·°√π≤≥≠≈→½¼¾²³€£∠△∞θα]*$"
"""Texts that NFC leaves as they are, with no other white space: ASCII and what is frequent."""


def problem_ids(problems: pl.Series) -> pl.Series:
    """`rows.problem_id` of each text; null counts as empty. Equal texts are hashed once."""
    texts = problems.cast(pl.String).fill_null("").alias("problem")
    known = texts.unique(maintain_order=True)
    names = _hex(_normalised(known).to_frame("text").select(_hash128(pl.col("text"))))
    told = pl.DataFrame({"problem": known, "problem_id": names})
    return texts.to_frame().join(told, on="problem", how="left", maintain_order="left")[
        "problem_id"
    ]


def row_ids(problems: pl.Series, solutions: pl.Series) -> pl.Series:
    """`rows.row_id` of each pair."""
    frame = pl.DataFrame({"problem": problems, "solution": solutions}).with_columns(
        pl.col("problem", "solution").cast(pl.String)
    )
    named = frame.select(pl.col("problem").unique(maintain_order=True))
    named = named.with_columns(name=_normalised(named["problem"]))
    frame = frame.join(named, on="problem", how="left", maintain_order="left").with_columns(
        plain=_normalised(frame["solution"])
    )
    hashed = frame.select(_hash128(pl.concat_str("name", pl.lit("\n"), "plain")))
    return _hex(hashed).alias("row_id")


def _normalised(texts: pl.Series) -> pl.Series:
    """`rows.normalise` of each text: lines are joined, then the rows that need more are mended."""
    text, plain = pl.col("text"), pl.col("plain")
    frame = pl.DataFrame({"text": texts}).with_columns(
        plain=text.str.replace_many(_LINES, [" "], leftmost=True)
    )
    odd = (text.str.len_bytes() != text.str.len_chars()) | plain.str.contains(_ODD_SPACE)
    wide = plain.str.contains("  ", literal=True)
    at_end = (plain < "!") | plain.str.ends_with(" ")
    frame = frame.select("text", "plain", odd=odd, spaced=~odd & (wide | at_end))
    spaced, rest, made = frame["spaced"].arg_true(), frame["odd"].arg_true(), frame["plain"]
    closed = made.gather(spaced).str.replace_all(" {2,}", " ").str.strip_chars(" ")
    made = made.scatter(spaced, closed) if len(spaced) else made
    return made.scatter(rest, _mended(frame["text"].gather(rest))) if len(rest) else made


def _mended(texts: pl.Series) -> pl.Series:
    """`rows.normalise` of texts that need it: stable ones by a regex, others one by one."""
    text = pl.col("text")
    spaced = text.str.replace_all(_SPACES, " ").str.strip_chars(" ")
    stable = pl.when(text.str.contains(_STABLE)).then(spaced)
    known = pl.DataFrame({"text": texts}).select(stable).to_series()
    rest = known.is_null().arg_true()
    told = [rows.normalise(one) for one in texts.gather(rest).to_list()]
    return known.scatter(rest, told) if told else known


def orders(salt: str, ids: pl.Series) -> npt.NDArray[np.uint64]:
    """`rows.order(salt, id)` of each id."""
    text = pl.concat_str(pl.lit(f"{salt}\n"), pl.col("id").cast(pl.String))
    hashed = pl.DataFrame({"id": ids}).select(text.nchash.xxh3_64())  # type: ignore[attr-defined]
    return hashed.to_series().to_numpy()


def buckets(problem_ids: pl.Series, parts: int) -> npt.NDArray[np.int64]:
    """`rows.bucket` of each problem_id."""
    first = problem_ids.str.head(8).str.to_integer(base=16).to_numpy().astype(np.uint64)
    return (first * np.uint64(parts) >> np.uint64(32)).astype(np.int64)


def _hash128(text: pl.Expr) -> pl.Expr:
    hashed: pl.Expr = text.nchash.xxh3_128()  # type: ignore[attr-defined]
    return hashed


def _hex(hashed: pl.DataFrame) -> pl.Series:
    """128-bit numbers as 32 hex digits."""
    column = hashed.to_series()
    shifted = hashed.select(
        high=(pl.col(column.name) // 2**64).cast(pl.UInt64),
        low=(pl.col(column.name) % 2**64).cast(pl.UInt64),
    )
    both = np.column_stack([shifted["high"].to_numpy(), shifted["low"].to_numpy()])
    digits = both.astype(">u8").tobytes().hex().encode()
    offsets = np.arange(0, len(digits) + 1, 32, dtype=np.int64)
    made = pa.LargeStringArray.from_buffers(
        len(column), pa.py_buffer(offsets), pa.py_buffer(digits)
    )
    return pl.Series(pl.from_arrow(made))
