"""Stage 7, split: order the rows fairly, cut them into nested tiers, write the shards.

Fair (paper, section 3.3): every problem's first row, by hash, before anyone's second, and so on.
A row's place is one 64-bit number, its round above a hash; the tiers are cut from the sorted places
of all rows (8 bytes a row: 112 MB for 14 million), and nothing else is ever held at once. Then each
part's rows are made whole and routed to their shards, and each shard is sorted by hash and written
with content-defined chunks, so that a later release with few changes stores few new bytes.

A tier holds only its own rows: `train_2M` is tiers 0 and 1. No row is stored twice.
"""

import shutil
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from omi2 import rows
from omi2.answers import grader
from omi2.engines import over_parts
from omi2.files import atomic
from omi2.recipe import Recipe
from omi2.rules import rewrite
from omi2.run import Report, Run, problems

ROUND_BITS = 12
"""Rounds that are told apart (4096, far above the paper's 512 samples a problem); the other 52 bits
are hash, so that two of a million rows of one round share a place once in ten thousand releases."""
ROW_GROUP_BYTES = 64 << 20
"""Text in a row group: well under the 100 MB that readers of pages like."""


def run(recipe: Recipe, run: Run) -> Report:
    """Write the release's shards under `data/` in the stage's folder."""
    route = run.stage("split") / ".route"
    for folder in (route, run.stage("split") / "counts", run.stage("split") / "data"):
        shutil.rmtree(
            folder, ignore_errors=True
        )  # routed rows are scratch: begun anew, not resumed
    places = np.sort(np.concatenate([_places(run, part) for part in range(run.parts)]))
    sizes = [size for size in recipe.split.tiers if size < len(places)]
    bounds = tuple(int(places[size]) for size in sizes)  # the first place beyond each tier
    bytes_ = sum(_text_bytes(run, part) for part in range(run.parts))
    shards = _shards(len(places), sizes, bytes_, recipe.split.shard_mb << 20)
    report = over_parts(partial(route_part, bounds=bounds, shards=shards), recipe, run, "split")
    for tier, count in enumerate(shards):
        for shard in range(count):
            _write_shard(run, tier, shard, count)
    shutil.rmtree(route, ignore_errors=True)
    return report


def route_part(
    recipe: Recipe, run: Run, part: int, *, bounds: tuple[int, ...], shards: tuple[int, ...]
) -> Report:
    """Make one part's rows whole and write them to the shards they belong to."""
    placed = pl.DataFrame(
        {"row_id": run.read("filter", part)["row_id"], "place": _places(run, part)}
    )
    table = released(run, part).join(placed, on="row_id", how="left")
    routed: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in table.iter_rows(named=True):
        tier = int(np.searchsorted(np.array(bounds, np.uint64), row.pop("place"), "right"))
        shard = rows.order("shard", row["row_id"]) * shards[tier] >> 64
        routed.setdefault((tier, shard), []).append(row)
    for (tier, shard), found in routed.items():
        with atomic(_routed(run, tier, shard) / f"part-{part:05}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(found, rows.ROWS), temporary)
    kept = len(table)
    by_source = dict(
        table["problem_source"].value_counts(sort=True).sort("problem_source").iter_rows()
    )
    by_problem = table.group_by("problem_source").agg(pl.col("problem_id").n_unique())
    by_teacher = table["teacher"].fill_null("not recorded").value_counts()
    return Report(
        "rows",
        came={"kept": kept} if kept else {},
        left={"released": kept} if kept else {},
        facts={
            **{f"rows {name}": count for name, count in by_source.items()},
            **{f"problems {name}": count for name, count in sorted(by_problem.iter_rows())},
            **{f"teacher {name}": count for name, count in sorted(by_teacher.iter_rows())},
        },
    )


def released(run: Run, part: int) -> pl.DataFrame:
    """The rows of a part as they are released."""
    table = (
        run.read("filter", part)
        .join(run.read("grade", part), on=["problem_id", "sample"], how="left")
        .join(run.read("solve", part), on=["problem_id", "sample"], how="left")
        .join(
            problems(run, part).select("problem_id", "problem", "problem_source", "seed_id"),
            on="problem_id",
            how="left",
        )
        .join(
            run.read("decontaminate", part).select(
                "problem_id", "score", "benchmark", "item", "verdict"
            ),
            on="problem_id",
            how="left",
        )
    )
    cut = ["generation", "start", "end", "expanded"]
    checked = pl.col("verdict") == "clean"
    return table.with_columns(
        pl.Series(
            "generated_solution",
            [rewrite(*row) for row in table.select(cut).iter_rows()],
            pl.String,
        ),
        solution_tokens=pl.col("tokens"),
        grader=pl.lit(grader()),
        overlap=pl.when(checked).then(pl.struct("score", "benchmark", "item")),
    ).select(rows.ROWS.names)


def _places(run: Run, part: int) -> npt.NDArray[np.uint64]:
    """Each kept row's place in the fair order, in the order of the filter's rows."""
    table = run.read("filter", part).select("problem_id", "row_id")
    by_hash = sorted(
        (problem_id, rows.order("round", row_id), at)
        for at, (problem_id, row_id) in enumerate(table.iter_rows())
    )
    places = np.zeros(len(by_hash), np.uint64)
    before, number = None, 0
    for problem_id, _, at in by_hash:
        number = number + 1 if problem_id == before else 0
        before = problem_id
        place = min(number, 2**ROUND_BITS - 1) << (64 - ROUND_BITS)
        row_id = table["row_id"][at]
        places[at] = place | rows.order("place", row_id) >> ROUND_BITS
    return places


def _text_bytes(run: Run, part: int) -> int:
    """About the bytes of a part's released text."""
    kept = run.read("filter", part)
    per_problem = problems(run, part).select("problem_id", size=pl.col("problem").str.len_bytes())
    sized = kept.join(per_problem, on="problem_id", how="left")
    return sum(end - start + size for end, start, size in sized["end", "start", "size"].iter_rows())


def _shards(count: int, sizes: list[int], bytes_: int, shard_bytes: int) -> tuple[int, ...]:
    """How many shards each tier takes, all of about one size."""
    edges = [0, *sizes, count]
    return tuple(
        max(1, -(-bytes_ * (high - low) // (shard_bytes * max(count, 1))))
        for low, high in pairwise(edges)
    )


def _routed(run: Run, tier: int, shard: int) -> Path:
    return run.stage("split") / ".route" / f"{tier}-{shard:05}"


def _write_shard(run: Run, tier: int, shard: int, count: int) -> None:
    """One shard: its rows from every part, shuffled by hash."""
    tables = [pq.read_table(path) for path in sorted(_routed(run, tier, shard).glob("*.parquet"))]
    table = pa.concat_tables([rows.ROWS.empty_table(), *tables])
    order = np.array(
        [rows.order("shuffle", name) for name in table["row_id"].to_pylist()], np.uint64
    )
    table = table.take(np.argsort(order, kind="stable"))
    row_bytes = max(1, table.nbytes // max(1, table.num_rows))
    with atomic(run.stage("split") / "data" / f"tier{tier}-{shard:05}-of-{count:05}.parquet") as to:
        pq.write_table(
            table,
            to,
            row_group_size=max(1, ROW_GROUP_BYTES // row_bytes),
            compression="zstd",
            use_content_defined_chunking=True,
            write_page_index=True,
        )
