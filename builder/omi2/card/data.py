"""What the card and its pictures tell of the rows, measured from the files of a release.

One pass over the shards, a row group at a time: memory holds one row group, and some 10 bytes for
each problem. A large column without a dictionary (the solutions, most of a release) is not read:
it is as large in memory as its pages are, within a ten-thousandth. The result is plain JSON, and
the same files give the same numbers.

Not covered: what a stage dropped. That is in the funnel, by the stages' own reports.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from omi2 import rows
from omi2.files import describe

LENGTH_BARS = 32
"""Bars of the lengths at most; each is as many tokens wide as it takes, a power of two."""
SHARES = 10
"""Bars of the votes: over 0% up to 10%, ..., over 90%; all votes alike counts as the last."""
SCORES = 10
"""Bars of the highest overlap of what was kept: 0 to 0.1, ..., 0.9 to 1."""
NARROW = ("problem_id", "problem_source", "votes", "votes_total", "answer_type", "solution_tokens")


LARGE = 1 << 20
"""Bytes of a column in a row group beyond which its pages' headers are next to nothing."""
FRESH = 1_000_000
"""Problems of row groups that are held before those that are the same are joined."""
Described = Mapping[str, Mapping[str, Any]]


def measure(root: Path, described: Described = MappingProxyType({})) -> dict[str, Any]:
    """The numbers of a release's folder: of the Parquet files in its `data/`.

    What is `described` already (`files.describe`), by name, is not hashed.
    """
    told: dict[str, Any] = {"rows": 0, "files": {}, "first_row": None}
    types: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    overlap: dict[str, dict[str, Any]] = {}
    voted, more = _VOTED, [_VOTED]
    for path in sorted((root / "data").glob("*.parquet")):
        name = f"data/{path.name}"
        about = described.get(name) or describe(path)
        file = told["files"][name] = {**about, **_stored(path)}
        if told["first_row"] is None:
            told["first_row"] = _first_row(path)
        for group in _groups(path, file["arrow"]):
            told["rows"] += group.num_rows
            frame = pl.DataFrame(pl.from_arrow(group.select(NARROW)))
            types.update(_counts(frame["answer_type"].fill_null("not known")))
            lengths.update(_counts(frame["solution_tokens"].drop_nulls()))
            more.append(_votes(frame))
            if sum(map(len, more)) > len(voted) + FRESH:
                voted, more = pl.concat([voted, *more]).unique(), []
            _add_overlap(overlap, group.select(["overlap"]))
    voted = pl.concat([voted, *more]).unique()
    return {
        **told,
        "problems": len(voted),
        "answer_types": dict(sorted(types.items(), key=lambda item: (-item[1], item[0]))),
        "solution_tokens": _lengths(lengths),
        "votes": _shares(voted),
        "overlap": dict(sorted(overlap.items())),
    }


_VOTED = pl.DataFrame(schema={"id": pl.UInt64, "share": pl.UInt8, "new": pl.Boolean})
UNANIMOUS = SHARES
"""The share that says all votes were alike; below it stand the bars."""
NO_VOTES = 255
"""The share where none is told."""


def _groups(path: Path, arrow: dict[str, int]) -> Iterator[pa.Table]:
    """The row groups without the columns that need not be read; all sizes are added to `arrow`."""
    with pq.ParquetFile(path) as shard:
        for at in range(shard.num_row_groups):
            meta = shard.metadata.row_group(at)
            chunks = {c.path_in_schema: c for c in map(meta.column, range(meta.num_columns))}
            sizes = {
                name: chunk.total_uncompressed_size
                for name, chunk in chunks.items()
                if name in arrow and name not in NARROW
                if chunk.total_uncompressed_size > LARGE and not chunk.has_dictionary_page
            }
            names = [name for name in arrow if name not in sizes]
            group = shard.read_row_group(at, columns=names).combine_chunks()
            sizes |= {name: group[name].nbytes for name in names}
            for name, size in sizes.items():
                arrow[name] += size
            yield group


def _first_row(path: Path) -> dict[str, Any] | None:
    with pq.ParquetFile(path) as shard:
        return next((batch.to_pylist()[0] for batch in shard.iter_batches(1)), None)


def _stored(path: Path) -> dict[str, dict[str, int]]:
    """Bytes of each column in the file, and as many zeros for those in memory."""
    stored: dict[str, int] = dict.fromkeys(rows.ROWS.names, 0)
    meta = pq.read_metadata(path)
    for at in range(meta.num_row_groups):
        group = meta.row_group(at)
        for column in map(group.column, range(group.num_columns)):
            stored[column.path_in_schema.partition(".")[0]] += column.total_compressed_size
    return {"stored": stored, "arrow": dict.fromkeys(stored, 0)}


def _counts(values: pl.Series) -> dict[Any, int]:
    return dict(values.value_counts().iter_rows())


def _votes(frame: pl.DataFrame) -> pl.DataFrame:
    """Each problem once: the beginning of its id, its bar, whether it is a new one."""
    share = pl.col("votes") / pl.col("votes_total")
    bar = (
        pl.when(pl.col("votes") == pl.col("votes_total"))
        .then(UNANIMOUS)
        .otherwise((share * SHARES).ceil() - 1)
    )
    return (
        frame.select(
            id=pl.col("problem_id").str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64),
            share=pl.when(pl.col("votes") > 0).then(bar).otherwise(NO_VOTES).fill_null(NO_VOTES),
            new=pl.col("problem_source").fill_null("").str.starts_with("augmented_"),
        )
        .unique()
        .cast(_VOTED.schema)
    )


def _shares(voted: pl.DataFrame) -> dict[str, Any]:
    """Problems by the share of the votes that the expected answer got; seeds and new ones apart."""
    told = {}
    for name, which in (("seeds", ~pl.col("new")), ("new", pl.col("new"))):
        shares = voted.filter(which)["share"].to_numpy()
        bars = np.bincount(np.minimum(shares[shares != NO_VOTES], SHARES - 1), minlength=SHARES)
        told[name] = {
            "problems": len(shares),
            "unanimous": int((shares == UNANIMOUS).sum()),
            "bars": bars.tolist(),
        }
    return told


def _lengths(lengths: Mapping[int, int]) -> dict[str, Any]:
    longest, step = max(lengths, default=0), 1
    while longest >= step * LENGTH_BARS:
        step *= 2
    bars = [0] * LENGTH_BARS
    for tokens, count in lengths.items():
        bars[max(tokens, 0) // step] += count
    return {
        "median": _quantile(lengths, 0.5),
        "p95": _quantile(lengths, 0.95),
        "longest": longest,
        "step": step,
        "bars": bars,
    }


def _quantile(counts: Mapping[int, int], share: float) -> int:
    """The smallest value that at least this share of all does not exceed."""
    left = share * sum(counts.values())
    for value in sorted(counts):
        left -= counts[value]
        if left <= 1e-9:
            return value
    return 0


def _add_overlap(told: dict[str, dict[str, Any]], group: pa.Table) -> None:
    """Add the rows' highest overlap with a benchmark, by that benchmark."""
    frame = pl.DataFrame(pl.from_arrow(group)).unnest("overlap").drop_nulls("score")
    for (name,), found in frame.group_by("benchmark"):
        entry = told.setdefault(
            str(name or "none"), {"rows": 0, "highest": 0.0, "bars": [0] * SCORES}
        )
        entry["rows"] += len(found)
        highest = found["score"].max()
        entry["highest"] = max(entry["highest"], round(float(highest), 6))  # type: ignore[arg-type]
        at = (found["score"] * SCORES).floor().clip(0, SCORES - 1).cast(pl.Int64)
        for bar, count in _counts(at).items():
            entry["bars"][bar] += count
