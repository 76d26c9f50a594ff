"""Stage 5, grade: which samples have the right answer?

With a gold answer: those whose answer equals it. Without: the answers of a problem's samples are
sorted into classes of equal ones (not equal strings), and the largest class wins; its most common
spelling becomes `expected_answer`. A tie at the top drops the problem unless the recipe says
otherwise, and a comparison that came to nothing is no vote for anyone (paper, section 3.2; the
original counted raw strings and gave ties to the first file). Of a problem with very many different
answers the rare ones are compared with the winner alone, and it wins only if no way to sort the
rare ones could change that: else the problem is dropped as `too_many_answers`.

Answers are found, and votes counted (`stages.votes`), for whole columns; Python sees each distinct
answer of a problem once, not each sample; what was read, and what a worker said, is remembered
across the problems of a process (both bounded). The report tells how many problems were voted on
and how many of those were unanimous; a row carries its class's votes and all votes of its problem.
"""

import polars as pl

from omi2 import rows
from omi2.ablate import noisy
from omi2.answers import Verdict, answer_type, compare_many, extract_column
from omi2.engines import over_parts
from omi2.recipe import Recipe
from omi2.run import Report, Run, counted, problems
from omi2.stages.votes import by_vote

_REASONS = {Verdict.EQUAL: "", Verdict.DIFFERENT: "wrong_answer", Verdict.UNKNOWN: "unknown"}


def run(recipe: Recipe, run: Run) -> Report:
    """Write the samples that are right, with their votes."""
    return over_parts(part, recipe, run, "grade")


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Grade one part."""
    rules = recipe.grade
    table = problems(run, part, ("problem_id", "gold")).sort("problem_id")
    known = pl.Enum(table["problem_id"])  # as numbers, ids are sorted and joined faster
    samples = run.read("solve", part, columns=("problem_id", "sample", "generation"))
    answers = extract_column(samples["generation"], rules.extract).alias("answer")
    samples = samples.select(pl.col("problem_id").cast(known), "sample", answers)
    samples = samples.sort("problem_id", "sample")
    answered = samples.drop_nulls("answer")
    distinct = answered.group_by("problem_id", "answer", maintain_order=True).len("count")
    golds = table.select(pl.col("problem_id").cast(known), "gold").filter(pl.col("gold") != "")
    compared = _by_gold(distinct.join(golds, on="problem_id"), rules.timeout_s)
    voted = by_vote(distinct.join(golds, on="problem_id", how="anti"), rules)
    told = _told(pl.concat([compared, voted]))
    graded = answered.join(told, on=["problem_id", "answer"], how="left", maintain_order="left")
    graded, samples = (t.cast({"problem_id": pl.String}) for t in (graded, samples))
    graded = noisy(graded, rules.noise)
    kept = graded.filter(reason="")
    expected = pl.format("{}, not {}", "answer", "expected_answer")
    silent = samples.filter(pl.col("answer").is_null())
    dropped = pl.concat(
        [
            silent.select("problem_id", "sample", reason=pl.lit("no_answer"), detail=pl.lit("")),
            graded.filter(pl.col("reason") != "").select(
                "problem_id",
                "sample",
                "reason",
                detail=pl.when(pl.col("expected_answer") == "").then("answer").otherwise(expected),
            ),
        ]
    )
    run.put("grade", part, rows.GRADES, kept, dropped)
    reason = pl.col("reason")
    found = voted.group_by("problem_id").agg(
        same=(reason == "").all(), tied=(reason == "tie").any()
    )
    return Report(
        "samples",
        came={"samples": len(samples)} if len(samples) else {},
        left={"right": len(kept)} if len(kept) else {},
        dropped=counted(dropped),
        facts={
            "problems_with_a_right_sample": kept["problem_id"].n_unique(),
            "problems_voted": len(found),
            "problems_unanimous": int(found["same"].sum()),
            "problems_tied": int(found["tied"].sum()),
        },
    )


def _by_gold(distinct: pl.DataFrame, timeout: float) -> pl.DataFrame:
    """What `by_vote` tells, of answers that came with a `gold` one."""
    pairs = list(distinct.select("answer", "gold").iter_rows())
    verdicts = compare_many(pairs, workers=1, timeout=timeout)  # parts are parallel
    reason = pl.Series("reason", [_REASONS[verdict] for verdict in verdicts], pl.String)
    return distinct.rename({"gold": "expected_answer"}).with_columns(reason)


def _told(found: pl.DataFrame) -> pl.DataFrame:
    """What is written of each distinct answer."""
    count, right = pl.col("count").cast(pl.Int32), pl.col("reason") == ""
    votes = pl.when(right).then(count).otherwise(0).sum().over("problem_id")
    found = found.with_columns(votes=votes, votes_total=count.sum().over("problem_id"))
    kinds = {text: answer_type(text) for text in found.filter(right)["expected_answer"].unique()}
    kind = pl.col("expected_answer").replace_strict(kinds, default="", return_dtype=pl.String)
    kind = pl.when(pl.col("votes") > 0).then(kind).otherwise(pl.lit(""))
    return found.drop("count").with_columns(answer_type=kind)
