"""Stage 5, grade: which samples have the right answer?

With a gold answer: those whose answer equals it. Without: the answers of a problem's samples are
sorted into classes of equal ones (not equal strings), and the largest class wins; its most common
spelling becomes `expected_answer`. A tie at the top drops the problem unless the recipe says
otherwise, and a comparison that came to nothing is no vote for anyone (paper, section 3.2; the
original counted raw strings and gave ties to the first file). Of a problem with very many different
answers the rare ones are compared with the winner alone, and it wins only if no way to sort the
rare ones could change that: else the problem is dropped as `too_many_answers`.

Answers are found for a whole column at once, and Python sees each distinct answer of a problem
once, not each sample; what was read, and what a worker said, is remembered across the problems of a
process (both bounded). The report tells how many problems were voted on and how many of those were
unanimous; a row carries its class's votes and all votes of its problem.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from operator import itemgetter

import polars as pl

from omi2 import rows
from omi2.ablate import noisy
from omi2.answers import Verdict, answer_type, classes, compare_many, extract_column
from omi2.answers.normalise import rational
from omi2.engines import over_parts
from omi2.recipe import Grade, Recipe
from omi2.run import Report, Run, counted, problems

_LARGE = 1_000_000
"""Where two decimals that differ may still be within the policy's tolerance, or nearly."""
_APART = 100
"""Numbers that differ by more than one part in this many are different, rounded or not."""
_WIDE = 20
"""Characters of a plain number; a longer answer is for `classes`."""
_MOST = 256
"""Different answers of one problem that are compared each with each; half the paper's samples."""
_OPEN = -1
"""The class of an answer of which only is known that it is not in the largest."""
_DIGITS = re.compile(r"[0-9]{1,6}")
_REASONS = {Verdict.EQUAL: "", Verdict.DIFFERENT: "wrong_answer", Verdict.UNKNOWN: "unknown"}
_TOLD = {
    "reason": pl.String,
    "expected_answer": pl.String,
    "votes": pl.Int32,
    "votes_total": pl.Int32,
    "answer_type": pl.String,
}


@dataclass(frozen=True)
class Ballot:
    """A problem's distinct answers in the order in which they came, and how often each did."""

    problem_id: str
    answers: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """The expected answer, and for each distinct answer "" (right) or why not."""

    expected: str
    reasons: tuple[str, ...]


def run(recipe: Recipe, run: Run) -> Report:
    """Write the samples that are right, with their votes."""
    return over_parts(part, recipe, run, "grade")


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Grade one part."""
    rules = recipe.grade
    samples = run.read("solve", part, columns=("problem_id", "sample", "generation"))
    answers = extract_column(samples["generation"], rules.extract).alias("answer")
    samples = samples.select("problem_id", "sample", answers).sort("problem_id", "sample")
    answered = samples.drop_nulls("answer")
    distinct = answered.group_by("problem_id", "answer", maintain_order=True).len("count")
    table = problems(run, part)
    golds = dict(zip(table["problem_id"], table["gold"], strict=True))
    found = _judged(list(_ballots(distinct)), golds, rules)
    told = [row for ballot, finding in found for row in _rows(ballot, finding)]
    distinct = distinct.hstack(pl.DataFrame(told, _TOLD, orient="row"))
    graded = answered.join(distinct, on=["problem_id", "answer"], how="left", maintain_order="left")
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
    voted = [finding for ballot, finding in found if not golds[ballot.problem_id]]
    return Report(
        "samples",
        came={"samples": len(samples)} if len(samples) else {},
        left={"right": len(kept)} if len(kept) else {},
        dropped=counted(dropped),
        facts={
            "problems_with_a_right_sample": kept["problem_id"].n_unique(),
            "problems_voted": len(voted),
            "problems_unanimous": sum(not any(finding.reasons) for finding in voted),
            "problems_tied": sum("tie" in finding.reasons for finding in voted),
        },
    )


def _ballots(distinct: pl.DataFrame) -> Iterator[Ballot]:
    for problem_id, group in groupby(distinct.iter_rows(), key=itemgetter(0)):
        _, answers, counts = zip(*group, strict=True)
        yield Ballot(problem_id, answers, counts)


def _judged(
    ballots: list[Ballot], golds: dict[str, str | None], rules: Grade
) -> list[tuple[Ballot, Found]]:
    """What is right of each ballot."""
    pairs = [(a, gold) for b in ballots if (gold := golds[b.problem_id]) for a in b.answers]
    verdicts = iter(compare_many(pairs, workers=1, timeout=rules.timeout_s))  # parts are parallel
    found = []
    for ballot in ballots:
        if gold := golds[ballot.problem_id]:
            reasons = tuple(_REASONS[next(verdicts)] for _ in ballot.answers)
            found.append((ballot, Found(gold, reasons)))
        else:
            found.append((ballot, _by_vote(ballot, rules)))
    return found


def _by_vote(ballot: Ballot, rules: Grade) -> Found:
    classed = number_classes(ballot.answers)
    if classed is None:
        classed = _classed(ballot, rules.timeout_s)
    sizes = _sizes(classed, ballot.counts)
    most, whole = max(sizes.values()), sum(ballot.counts)
    if (open_ := sizes.pop(_OPEN, 0)) and most <= open_ + sorted([0, *sizes.values()])[-2]:
        return Found("", ("too_many_answers",) * len(classed))
    top = sorted(number for number, size in sizes.items() if size == most)
    if len(top) > 1 and rules.ties == "drop":
        return Found("", ("tie",) * len(classed))
    spelled = _commonest(classed, ballot)
    winner = min(top, key=lambda number: rows.order("tie", ballot.problem_id, spelled[number]))
    if most < rules.min_votes or most < rules.min_share * whole:
        return Found(spelled[winner], ("too_few_votes",) * len(classed))
    return Found(spelled[winner], tuple("" if c == winner else "minority" for c in classed))


def _classed(ballot: Ballot, timeout: float) -> list[int]:
    """The class of each answer; beyond `_MOST` answers the rare ones join the largest, or none.

    To sort n answers into classes takes n * n / 2 comparisons, which has no end for the thousands
    of formulas that a teacher may give to one problem. So the common ones are sorted, and each rare
    one is compared with the largest class alone. What is not equal to it is `_OPEN`: it may be any
    class, and the vote counts all of it for the one that comes second.
    """
    if len(ballot.answers) <= _MOST:
        return classes(ballot.answers, timeout=timeout)
    order = sorted(range(len(ballot.answers)), key=lambda at: -ballot.counts[at])
    common, rare = order[:_MOST], order[_MOST:]
    found = classes([ballot.answers[at] for at in common], timeout=timeout)
    sizes = _sizes(found, [ballot.counts[at] for at in common])
    largest = max(sizes, key=lambda number: sizes[number])
    head = ballot.answers[common[found.index(largest)]]
    told = compare_many([(ballot.answers[at], head) for at in rare], workers=1, timeout=timeout)
    found += [largest if verdict is Verdict.EQUAL else _OPEN for verdict in told]
    return [number for _, number in sorted(zip(order, found, strict=True))]


def _sizes(classed: Iterable[int], counts: Iterable[int]) -> Counter[int]:
    """The votes of each class."""
    sizes: Counter[int] = Counter()
    for number, count in zip(classed, counts, strict=True):
        sizes[number] += count
    return sizes


def number_classes(answers: tuple[str, ...]) -> list[int] | None:
    """What `classes` says of answers that are all plain numbers, far enough apart; else None.

    Most ballots are like this: 1200 and 1,200 and 1200.00 are one class, 1201 is another, and
    nobody has to read them for that.
    """
    numbers: dict[Fraction, int] = {}
    classed = []
    for answer in answers:
        if len(answer) > _WIDE:
            return None
        value = Fraction(int(answer)) if _DIGITS.fullmatch(answer) else rational(answer)
        if value is None or abs(value) >= _LARGE:
            return None
        classed.append(numbers.setdefault(value, len(numbers)))
    broken = any(number.denominator > 1 for number in numbers)
    for low, high in pairwise(sorted(numbers) if broken else ()):
        whole = low.denominator == high.denominator == 1
        if not whole and (high - low) * _APART <= max(abs(low), abs(high)):
            return None
    return classed


def _commonest(classed: Iterable[int], ballot: Ballot) -> dict[int, str]:
    """The most common spelling of each class; of equally common ones, the first."""
    best: dict[int, tuple[int, str]] = {}
    for number, answer, count in zip(classed, ballot.answers, ballot.counts, strict=True):
        if number not in best or count > best[number][0]:
            best[number] = count, answer
    return {number: answer for number, (_, answer) in best.items()}


def _rows(ballot: Ballot, found: Found) -> Iterator[tuple[str, str, int, int, str]]:
    """What is said of each distinct answer, as `_TOLD` has it."""
    right = sum(n for n, reason in zip(ballot.counts, found.reasons, strict=True) if not reason)
    plain, whole = _DIGITS.fullmatch(found.expected), sum(ballot.counts)
    kind = "" if not right else "integer" if plain else answer_type(found.expected)
    for reason in found.reasons:
        yield reason, found.expected, right, whole, kind
