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

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omi2 import ablate, ids, rows
from omi2.answers import grader
from omi2.engines import over_parts, over_tasks
from omi2.errors import Omi2Error
from omi2.files import atomic, write_table
from omi2.recipe import Recipe
from omi2.run import Report, Run, as_arrow, counted, problems

ROUND_BITS = 12
"""Rounds that are told apart (4096, far above the paper's 512 samples a problem); the other 52 bits
are hash, so that two of a million rows of one round share a place once in ten thousand releases."""
ROW_GROUP_BYTES = 64 << 20
"""Text in a row group: well under the 100 MB that readers of pages like."""
OTHER_BYTES = 250
"""About what a row's other columns take."""
_TEXT = ("problem", "generated_solution")
_DISTINCT = (*_TEXT, "row_id")
"""Columns for which a dictionary would be begun and given up, in every row group."""
_LEAVES = [
    f"{field.name}.{child.name}" if pa.types.is_struct(field.type) else field.name
    for field in rows.ROWS
    for child in (field.type if pa.types.is_struct(field.type) else [field])
]
"""The columns as Parquet has them."""
_ROUTED = pa.schema([f.with_type(pa.large_string()) if f.name in _TEXT else f for f in rows.ROWS])
"""A shard's rows before they are shuffled: its text together may be more than 2 GB."""
_SPILL = pa.ipc.IpcWriteOptions(compression="lz4")


def run(recipe: Recipe, run: Run) -> Report:
    """Write the release's shards under `data/` in the stage's folder."""
    route = run.stage("split") / ".route"
    for folder in (route, run.stage("split") / "counts", run.stage("split") / "data"):
        shutil.rmtree(
            folder, ignore_errors=True
        )  # routed rows are scratch: begun anew, not resumed
    route.mkdir(parents=True)
    kept = (_kept(run, part) for part in range(run.parts))
    plan = ablate.plan(recipe.split, kept, route / "coverage.parquet")
    sizes, bytes_ = zip(*(_measure(run, part, plan) for part in range(run.parts)), strict=True)
    places = np.concatenate([_load(run, part) for part in range(run.parts)])
    if not sum(sizes) and not recipe.split.allow_empty:
        raise Omi2Error(_nothing_left(run))
    tiers = [size for size in recipe.split.tiers if size < len(places)]
    bounds = cuts(places, tiers)
    del places
    shards = _shards(sum(sizes), tiers, sum(bytes_), recipe.split.shard_mb << 20)
    report = over_parts(
        partial(route_part, bounds=bounds, shards=shards, plan=plan), recipe, run, "split"
    )
    tasks = [(tier, shard, count) for tier, count in enumerate(shards) for shard in range(count)]
    over_tasks(write_shard, recipe, run, "split", tasks)
    shutil.rmtree(route, ignore_errors=True)
    return report


def cuts(places: npt.NDArray[np.uint64], sizes: list[int]) -> tuple[int, ...]:
    """The first place beyond each tier, given every row's place; `places` is reordered."""
    if sizes:
        places.partition(sizes)
    return tuple(int(places[size]) for size in sizes)


def route_part(
    recipe: Recipe,
    run: Run,
    part: int,
    *,
    bounds: tuple[int, ...],
    shards: tuple[int, ...],
    plan: ablate.Plan | None = None,
) -> Report:
    """Make one part's rows whole and write them to the shards they belong to."""
    table = released(run, part)
    told = ablate.chosen(table.select("problem_id", "row_id"), plan)
    table = table.filter(told["gone"] == "")
    left_out = told.filter(pl.col("gone") != "")
    dropped = left_out.select("problem_id", reason="gone", detail="row_id")
    write_table(run.part("split", part, dropped=True), as_arrow(dropped, rows.DROPPED))
    tier = np.searchsorted(np.array(bounds, np.uint64), _load(run, part), "right")
    shard = _share(ids.orders("shard", table["row_id"]), np.array(shards, np.uint64)[tier])
    table = table.with_columns(
        tier=pl.Series(tier.astype(np.int32)), shard=pl.Series(shard.astype(np.int32))
    ).sort("tier", "shard", maintain_order=True)
    made, begin = as_arrow(table, _ROUTED), 0
    groups = table.group_by("tier", "shard", maintain_order=True).len()
    for to, number, count in groups.iter_rows():
        with atomic(_routed(run, to, number) / f"part-{part:05}.arrow", durable=False) as file:
            _spill(made.slice(begin, count), file)
        begin += count
    by_problem = table.group_by("problem_source").agg(pl.col("problem_id").n_unique())
    by_teacher = table.select(pl.col("teacher").fill_null("not recorded"))
    return Report(
        "rows",
        came={"kept": len(told)} if len(told) else {},
        left={"released": len(table)} if len(table) else {},
        dropped=counted(dropped),
        facts={
            "wrong_on_purpose": table.filter(votes=0).height,
            **{f"rows {name}": count for name, count in counted(table, "problem_source").items()},
            **{f"problems {name}": count for name, count in sorted(by_problem.iter_rows())},
            **{f"teacher {name}": count for name, count in counted(by_teacher, "teacher").items()},
        },
    )


def _share(
    hashes: npt.NDArray[np.uint64], counts: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """hash * count >> 64, exactly: which of `count` equal shares each hash lies in."""
    low, high = hashes & np.uint64(0xFFFFFFFF), hashes >> np.uint64(32)
    carried = low * counts >> np.uint64(32)
    shares: npt.NDArray[np.uint64] = (high * counts + carried) >> np.uint64(32)
    return shares


def released(run: Run, part: int) -> pl.DataFrame:
    """The rows of a part as they are released, in the order of the filter's rows."""
    key = ["problem_id", "sample"]
    about = problems(run, part).select("problem_id", "problem", "problem_source", "seed_id")
    overlap = run.read("decontaminate", part).select(
        "problem_id", "score", "benchmark", "item", "verdict"
    )
    solution = pl.col("generation").str.slice("start", pl.col("end") - pl.col("start"))
    table = (
        run.read("filter", part)
        .join(run.read("grade", part), on=key, how="left", maintain_order="left")
        .join(run.read("solve", part), on=key, how="left", maintain_order="left")
        .join(about, on="problem_id", how="left", maintain_order="left")
        .join(overlap, on="problem_id", how="left", maintain_order="left")
    )
    return table.select(
        "problem",
        pl.coalesce("text", solution).alias("generated_solution"),
        *rows.ROWS.names[2:15],
        pl.col("tokens").alias("solution_tokens"),
        pl.lit(grader()).alias("grader"),
        pl.when(pl.col("verdict") == "clean")
        .then(pl.struct("score", "benchmark", "item"))
        .alias("overlap"),
    )


def places(table: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """The place in the fair order of each row of a table with `problem_id` and `row_id`.

    A problem's rows stand side by side.
    """
    rounds = table.select(
        problem=pl.col("problem_id").rle_id(), hash=pl.Series(ids.orders("round", table["row_id"]))
    )
    number = rounds.select(pl.col("hash").rank("ordinal").over("problem") - 1)
    at = number.to_series().to_numpy().astype(np.uint64)
    top = np.minimum(at, np.uint64(2**ROUND_BITS - 1)) << np.uint64(64 - ROUND_BITS)
    order = ids.orders("place", table["row_id"]) >> np.uint64(ROUND_BITS)
    return np.asarray(top | order, np.uint64)


def _kept(run: Run, part: int) -> pl.DataFrame:
    return run.read("filter", part, columns=("problem_id", "row_id", "start", "end"))


def _measure(run: Run, part: int, plan: ablate.Plan | None) -> tuple[int, int]:
    """Put down the places of a part's rows; returns how many, and about the bytes of their text."""
    kept = ablate.chosen(_kept(run, part), plan).filter(gone="")
    with atomic(_place_file(run, part), durable=False) as temporary:
        temporary.write_bytes(places(kept).tobytes())
    per_problem = problems(run, part).select("problem_id", size=pl.col("problem").str.len_bytes())
    sized = kept.join(per_problem, on="problem_id", how="left")
    text = sized.select((pl.col("end") - pl.col("start") + pl.col("size")).sum()).item()
    return len(kept), int(text)


def _place_file(run: Run, part: int) -> Path:
    return run.stage("split") / ".route" / f"places-{part:05}"


def _load(run: Run, part: int) -> npt.NDArray[np.uint64]:
    return np.fromfile(_place_file(run, part), np.uint64)


def _nothing_left(run: Run) -> str:
    """What to say where no row is left, and what dropped most."""
    reasons = [
        (count, f"{stage}: {reason}")
        for stage in ("seed", "augment", "decontaminate", "solve", "grade", "filter")
        for reason, count in ((run.report(stage) or Report("")).dropped).items()
    ]
    if left := sum((run.report("filter") or Report("")).left.values()):
        reasons = [(left, "split: left out by match, problems or rows_per_problem")]
    most = ", ".join(f"{why} {count:,}" for count, why in sorted(reasons, reverse=True)[:3])
    return (
        f"0 rows are left, so no release is written ({most or 'no sample came'}): `omi2 status` "
        "tells where they went; change the recipe and run the same command again"
    )


def _shards(count: int, sizes: list[int], bytes_: int, shard_bytes: int) -> tuple[int, ...]:
    """How many shards each tier takes, all of about one size."""
    edges = [0, *sizes, count]
    return tuple(
        max(1, -(-bytes_ * (high - low) // (shard_bytes * max(count, 1))))
        for low, high in pairwise(edges)
    )


def _routed(run: Run, tier: int, shard: int) -> Path:
    return run.stage("split") / ".route" / f"{tier}-{shard:05}"


def write_shard(recipe: Recipe, run: Run, task: tuple[int, int, int]) -> None:
    """One shard (its tier, number and how many there are): its rows, shuffled by hash.

    What was routed to it is taken away then, so that disk never holds all of the text twice over.
    Where two workers have the same task (one was thought lost), the first to be done has written
    the shard before it takes anything away: the other looks for that once it has read.
    """
    tier, shard, count = task
    to = run.stage("split") / "data" / f"tier{tier}-{shard:05}-of-{count:05}.parquet"
    try:
        files = sorted(_routed(run, tier, shard).glob("part-*.arrow"))
        tables = [pa.Table.from_batches([], _ROUTED), *map(_spilled, files)]
        table = pa.concat_tables(tables).combine_chunks()
    except FileNotFoundError:
        if not to.exists():
            raise
    if to.exists():
        return
    order = np.argsort(ids.orders("shuffle", pl.Series(table["row_id"])), kind="stable")
    text = sum(pc.sum(pc.binary_length(table[name])).as_py() or 0 for name in _TEXT)
    size = max(1, ROW_GROUP_BYTES // (text // max(1, len(table)) + OTHER_BYTES))
    with (
        atomic(to) as temporary,
        pq.ParquetWriter(
            temporary,
            rows.ROWS,
            compression="zstd",
            use_dictionary=[name for name in _LEAVES if name not in _DISTINCT],
            write_statistics=[name for name in _LEAVES if name not in _TEXT],
            use_content_defined_chunking=True,
            write_page_index=True,
        ) as file,
    ):
        for begin in range(0, len(order), size):  # memory holds one row group twice
            group = table.take(pl.Series(order[begin : begin + size]).to_arrow())
            file.write_table(group.cast(rows.ROWS).combine_chunks(), row_group_size=size)
    shutil.rmtree(_routed(run, tier, shard), ignore_errors=True)


def _spill(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema, options=_SPILL) as file:
        file.write_table(table)


def _spilled(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()
