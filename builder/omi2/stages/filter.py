"""Stage 6, filter: which right solutions are good ones, and where to cut them.

Applies `omi2.rules` to every right sample, drops problems that are too long, and keeps each
(problem, solution) pair once. Writes ids and cut positions, and no text but where the rules wrote
some: a solution whose arithmetic was expanded.
"""

import polars as pl

from omi2 import ids, rows
from omi2.engines import over_parts
from omi2.recipe import Recipe
from omi2.rules_column import judge_column
from omi2.run import Report, Run, counted, problems
from omi2.sections import MARKS
from omi2.tokens import count_column


def run(recipe: Recipe, run: Run) -> Report:
    """Write the rows that are kept."""
    return over_parts(part, recipe, run, "filter")


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Filter one part."""
    rules = recipe.filter
    texts = problems(run, part).select("problem_id", "problem")
    graded = run.read("grade", part, columns=("problem_id", "sample"))
    samples = run.read("solve", part, columns=("problem_id", "sample", "generation"))
    table = graded.join(samples, on=["problem_id", "sample"], how="left").sort(
        "problem_id", "sample"
    )
    found = judge_column(table["generation"], rules)
    table = table.drop("generation").hstack(found)
    table = table.join(texts, on="problem_id", how="left", maintain_order="left")
    table = table.join(
        _too_long(texts, rules.max_problem_tokens),
        on="problem_id",
        how="left",
        maintain_order="left",
    )
    too_long = pl.col("problem_tokens").is_not_null()
    table = table.with_columns(
        reason=pl.when(too_long).then(pl.lit("problem_too_long")).otherwise("reason"),
        detail=pl.when(too_long).then(pl.format("{} tokens", "problem_tokens")).otherwise("detail"),
    )
    good = table.filter(reason="")
    good = good.with_columns(ids.row_ids(good["problem"], good["solution"])).with_columns(
        again=~pl.col("row_id").is_first_distinct()
    )
    again = good.filter("again").select(
        "problem_id", "sample", reason=pl.lit("duplicate"), detail="row_id"
    )
    kept = good.filter(~pl.col("again")).with_columns(
        text=pl.when("expanded").then("solution"),
    )
    bad = table.filter(pl.col("reason") != "").select("problem_id", "sample", "reason", "detail")
    dropped = pl.concat([bad, again]).sort("problem_id", "sample")
    run.put("filter", part, rows.KEPT, kept, dropped)
    return Report(
        "rows",
        came={"right": len(table)} if len(table) else {},
        left={"kept": len(kept)} if len(kept) else {},
        dropped=counted(dropped),
        facts={**_flagged(kept["flags"]), "expanded": int(kept["expanded"].sum())},
    )


def _flagged(flags: pl.Series) -> dict[str, int]:
    """How many rows have each mark."""
    found = flags.explode().drop_nulls()
    return {f"flagged_{mark}": int((found == mark).sum()) for mark in MARKS}


def _too_long(texts: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The problems above the limit; a token has at least one byte."""
    long = texts.filter(pl.col("problem").str.len_bytes() > limit)
    counted_ = count_column(long["problem"]).alias("problem_tokens")
    return long.select("problem_id", counted_).filter(pl.col("problem_tokens") > limit)
