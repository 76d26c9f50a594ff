"""Stage 5, grade: which samples have the right answer?

With a gold answer: those whose answer equals it. Without: the answers of a problem's samples are
sorted into classes of equal ones (not equal strings), and the largest class wins; its most common
spelling becomes `expected_answer`. A tie at the top drops the problem unless the recipe says
otherwise, and a comparison that came to nothing is no vote for anyone (paper, section 3.2; the
original counted raw strings and gave ties to the first file).

Equal strings are compared once per problem; what was read, and what a worker said, is remembered
across the problems of a process (both bounded). The report tells how many problems were voted on
and how many of those were unanimous; a row carries its class's votes and all votes of its problem.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from omi2 import rows
from omi2.answers import Verdict, answer_type, classes, compare_many, extract
from omi2.engines import over_parts
from omi2.recipe import Grade, Recipe
from omi2.run import Report, Run, drop, problems, tally

Row = dict[str, Any]


def run(recipe: Recipe, run: Run) -> Report:
    """Write the samples that are right, with their votes."""
    return over_parts(part, recipe, run, "grade")


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Grade one part."""
    rules = recipe.grade
    table = problems(run, part)
    golds = dict(zip(table["problem_id"], table["gold"], strict=True))
    samples = run.read("solve", part).sort("problem_id", "sample")
    kept: list[Row] = []
    dropped: list[Row] = []
    answered = []
    voted: dict[str, bool] = {}
    for row in samples.iter_rows(named=True):
        answer = extract(row["generation"], rules.extract)
        if answer is None:
            dropped.append(drop(row["problem_id"], "no_answer", sample=row["sample"]))
        else:
            answered.append((row["problem_id"], row["sample"], answer))
    for problem_id, group in groupby(answered, key=lambda row: row[0]):
        votes = [(sample, answer) for _, sample, answer in group]
        gold = golds[problem_id]
        found = _by_gold(gold, votes, rules) if gold else _by_vote(problem_id, votes, rules)
        if not gold:
            voted[problem_id] = not any(found.verdicts)
        for (sample, answer), verdict in zip(votes, found.verdicts, strict=True):
            if verdict:
                detail = f"{answer}, not {found.expected}" if found.expected else answer
                dropped.append(drop(problem_id, verdict, detail, sample=sample))
            else:
                kept.append(
                    {
                        "problem_id": problem_id,
                        "sample": sample,
                        "answer": answer,
                        "expected_answer": found.expected,
                        "votes": found.verdicts.count(""),
                        "votes_total": len(votes),
                        "answer_type": answer_type(found.expected),
                    }
                )
    run.write("grade", part, rows.GRADES, kept, dropped)
    return Report(
        "samples",
        came={"samples": len(samples)} if len(samples) else {},
        left={"right": len(kept)} if kept else {},
        dropped=tally(dropped),
        facts={
            "problems_with_a_right_sample": len({row["problem_id"] for row in kept}),
            "problems_voted": len(voted),
            "problems_unanimous": sum(voted.values()),
            "problems_tied": len({row["problem_id"] for row in dropped if row["reason"] == "tie"}),
        },
    )


class _Found:
    """The expected answer, and for each sample "" (right) or why not."""

    def __init__(self, expected: str, verdicts: list[str]) -> None:
        self.expected = expected
        self.verdicts = verdicts


def _by_gold(gold: str, votes: list[tuple[int, str]], rules: Grade) -> _Found:
    pairs = [(answer, gold) for _, answer in votes]
    compared = compare_many(pairs, workers=1, timeout=rules.timeout_s)  # parts run in parallel
    reasons = {Verdict.EQUAL: "", Verdict.DIFFERENT: "wrong_answer", Verdict.UNKNOWN: "unknown"}
    return _Found(gold, [reasons[verdict] for verdict in compared])


def _by_vote(problem_id: str, votes: list[tuple[int, str]], rules: Grade) -> _Found:
    answers = [answer for _, answer in votes]
    classed = classes(answers, timeout=rules.timeout_s)
    sizes = Counter(classed)
    most = max(sizes.values())
    top = sorted(number for number, size in sizes.items() if size == most)
    if len(top) > 1 and rules.ties == "drop":
        return _Found("", ["tie"] * len(votes))
    spelled = {number: _commonest(a for a, c in zip(answers, classed, strict=True) if c == number)
               for number in top}  # fmt: skip
    winner = min(top, key=lambda number: rows.order("tie", problem_id, spelled[number]))
    if most < rules.min_votes or most < rules.min_share * len(votes):
        return _Found(spelled[winner], ["too_few_votes"] * len(votes))
    return _Found(spelled[winner], ["" if c == winner else "minority" for c in classed])


def _commonest(answers: Iterable[str]) -> str:
    """The most common spelling; of equally common ones, the first."""
    return Counter(answers).most_common(1)[0][0]
