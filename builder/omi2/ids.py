"""The ids and orders of `omi2.rows`, for whole columns: the same values, some twenty times as fast.

Texts of plain ASCII words are normalised by Polars and hashed by the `polars-hash` plugin; any
other text goes through `rows` itself, one by one. `tests/test_columns.py` holds the two together.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash  # noqa: F401 (gives expressions their `nchash`)
import pyarrow as pa

from omi2 import rows

_HEX = np.array([f"{byte:02x}" for byte in range(256)], "S2")
_ODD_SPACE = "[\t\r\x0b\x0c\x1c-\x1f]"
"""What Python calls white space in ASCII, but for the space and the end of a line."""


def problem_ids(problems: pl.Series) -> pl.Series:
    """`rows.problem_id` of each text; null counts as empty. Equal texts are hashed once."""
    texts = problems.cast(pl.String).fill_null("").alias("problem")
    known = texts.unique(maintain_order=True)
    names = [rows.problem_id(text) for text in known.to_list()]
    told = pl.DataFrame({"problem": known, "problem_id": pl.Series(names, dtype=pl.String)})
    return texts.to_frame().join(told, on="problem", how="left", maintain_order="left")[
        "problem_id"
    ]


def row_ids(problems: pl.Series, solutions: pl.Series) -> pl.Series:
    """`rows.row_id` of each pair."""
    frame = pl.DataFrame({"problem": problems, "solution": solutions}).with_columns(
        pl.col("problem", "solution").cast(pl.String)
    )
    named = frame.select(pl.col("problem").unique(maintain_order=True))
    told = [rows.normalise(text) for text in named["problem"].to_list()]
    named = named.with_columns(name=pl.Series(told, dtype=pl.String))
    text = pl.col("solution")
    frame = frame.join(named, on="problem", how="left", maintain_order="left").with_columns(
        plain=text.str.replace_all("\n\n", " ", literal=True).str.replace_all(
            "\n", " ", literal=True
        )
    )
    plain = pl.col("plain")
    easy = (
        (text.str.len_bytes() == text.str.len_chars())
        & ~plain.str.contains("  ", literal=True)
        & ~plain.str.starts_with(" ")
        & ~plain.str.ends_with(" ")
        & ~plain.str.contains(_ODD_SPACE)
    )
    odd = frame.select(~easy).to_series().arg_true()
    if len(odd):
        mended = [rows.normalise(one) for one in frame["solution"].gather(odd).to_list()]
        frame = frame.with_columns(plain=frame["plain"].scatter(odd, mended))
    hashed = frame.select(_hash128(pl.concat_str("name", pl.lit("\n"), "plain")))
    return _hex(hashed).alias("row_id")


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
    digits = _HEX[np.frombuffer(both.astype(">u8").tobytes(), np.uint8)].tobytes()
    offsets = np.arange(0, len(digits) + 1, 32, dtype=np.int64)
    made = pa.LargeStringArray.from_buffers(
        len(column), pa.py_buffer(offsets), pa.py_buffer(digits)
    )
    return pl.Series(pl.from_arrow(made))
