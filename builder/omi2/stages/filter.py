"""Stage 6, filter: which right solutions are good ones, and where to cut them.

Applies `omi2.rules` to every right sample, drops problems that are too long, and keeps each
(problem, solution) pair once. Writes ids and cut positions; no text.
"""

import polars as pl

from omi2 import rows
from omi2.engines import over_parts
from omi2.recipe import Recipe
from omi2.rules import count_tokens, judge, rewrite
from omi2.run import Report, Run, drop, problems, tally


def run(recipe: Recipe, run: Run) -> Report:
    """Write the rows that are kept."""
    return over_parts(part, recipe, run, "filter")


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Filter one part."""
    rules = recipe.filter
    texts = problems(run, part).select("problem_id", "problem")
    table = (
        run.read("grade", part)
        .select("problem_id", "sample")
        .join(run.read("solve", part), on=["problem_id", "sample"], how="left")
        .join(texts, on="problem_id", how="left")
        .sort("problem_id", "sample")
        .select("problem_id", "sample", "generation", "problem")
    )
    too_long = _too_long(texts, rules.max_problem_tokens)
    kept, dropped, flagged = [], [], 0
    seen: set[str] = set()
    for problem_id, sample, generation, problem in table.iter_rows():
        found = judge(generation, rules)
        reason, detail = found.reason, found.detail
        if problem_id in too_long:
            reason, detail = "problem_too_long", f"{too_long[problem_id]} tokens"
        solution = rewrite(generation, found.start, found.end, found.expanded)
        name = rows.row_id(problem, solution)
        if not reason and name in seen:
            reason, detail = "duplicate", name
        if reason:
            dropped.append(drop(problem_id, reason, detail, sample=sample))
            continue
        seen.add(name)
        flagged += "code" in found.flags
        kept.append(
            {
                "problem_id": problem_id,
                "sample": sample,
                "row_id": name,
                "start": found.start,
                "end": found.end,
                "expanded": found.expanded,
                "tokens": found.tokens,
                "flags": list(found.flags),
            }
        )
    run.write("filter", part, rows.KEPT, kept, dropped)
    return Report(
        "rows",
        came={"right": len(table)} if len(table) else {},
        left={"kept": len(kept)} if kept else {},
        dropped=tally(dropped),
        facts={"flagged_code": flagged, "expanded": sum(row["expanded"] for row in kept)},
    )


def _too_long(texts: pl.DataFrame, limit: int) -> dict[str, int]:
    counted = {name: count_tokens(text) for name, text in texts.iter_rows()}
    return {name: tokens for name, tokens in counted.items() if tokens > limit}
