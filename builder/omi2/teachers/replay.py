"""The replay teacher: generations that exist already, in a Parquet file.

Columns `problem` and `generation`; `gold` and `model` where there are. A problem's generations keep
the order of the file, wherever in it they stand. The file's sha256 stands for its content in
fingerprints. The file is read once, some 300,000 rows at a time, whatever its size.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from omi2 import ids
from omi2.errors import UsageError
from omi2.recipe import Source, Teacher
from omi2.sources import check_columns

PREFIX = "replay:"
BATCH = 300_000
"""Rows that are held at once at most: about 400 MB of text."""


def file_of(teacher: Teacher) -> Path | None:
    """The file to replay, or None where the teacher is a server."""
    specs = [spec for spec in teacher.endpoints if spec.startswith(PREFIX)]
    if specs and len(teacher.endpoints) > 1:
        raise UsageError("a replay cannot share the work with other endpoints: name it alone")
    return Path(specs[0].removeprefix(PREFIX)) if specs else None


def source(path: Path) -> Source:
    """The file's own problems as seeds."""
    answer = "gold" if "gold" in check_columns(path, ("problem", "generation"), ("gold",)) else ""
    return Source(name=path.stem, file=str(path), answer=answer, split="", distinct=True)


def samples(path: Path, parts: int) -> Iterator[pl.DataFrame]:
    """The file's rows in file order: problem_id, sample (its number), generation, teacher, part."""
    have = check_columns(path, ("problem", "generation"), ("model",))
    columns = [name for name in ("problem", "generation", "model") if name in have]
    file = pl.scan_parquet(path, hive_partitioning=False).select(pl.col(columns).cast(pl.String))
    seen: Counter[str] = Counter()
    for begin, size in _batches(path):
        try:
            table = file.slice(begin, size).collect()
        except pl.exceptions.PolarsError as error:
            raise UsageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
        model = pl.col("model") if "model" in columns else pl.lit(None, pl.String)
        table = table.with_columns(ids.problem_ids(table["problem"])).select(
            "problem_id",
            "generation",
            sample=pl.int_range(pl.len(), dtype=pl.Int32).over("problem_id"),
            teacher=pl.when(model != "").then(model).otherwise(pl.lit("replay")),
        )
        counts = table.group_by("problem_id", maintain_order=True).len()
        names = counts["problem_id"].to_list()
        before = counts.select(
            "problem_id", before=pl.Series([seen[name] for name in names], dtype=pl.Int32)
        )
        seen.update(dict(zip(names, counts["len"].to_list(), strict=True)))
        table = table.join(before, on="problem_id", how="left", maintain_order="left")
        yield table.select(
            "problem_id",
            "generation",
            "teacher",
            sample=pl.col("sample") + pl.col("before"),
            part=pl.Series(ids.buckets(table["problem_id"], parts)),
        )


def _batches(path: Path) -> Iterator[tuple[int, int]]:
    """Where each batch begins, and its rows: whole row groups, as a part of one costs all."""
    begin = end = 0
    meta = pq.read_metadata(path)
    for size in (meta.row_group(at).num_rows for at in range(meta.num_row_groups)):
        if begin < end and end + size - begin > BATCH:
            yield begin, end - begin
            begin = end
        end += size
        while end - begin > BATCH:
            yield begin, BATCH
            begin += BATCH
    if begin < end:
        yield begin, end - begin


def rows(path: Path) -> int:
    """How many rows a file has, by its footer. Raises UsageError."""
    check_columns(path, ("problem", "generation"))
    return int(pl.scan_parquet(path, hive_partitioning=False).select(pl.len()).collect().item())
