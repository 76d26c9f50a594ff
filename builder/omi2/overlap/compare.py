"""All layers on the problems of a file: what `omi2 overlap` does, for scripts too.

The layers of words first, then embeddings where they are asked for, then a judge where one is
named: about what is clean by then, comes near an item (`judge_from` and up) and has its text at
hand. The judge's answers are kept in a folder: the same comparison asks nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omi2.errors import UsageError
from omi2.overlap import evidence
from omi2.overlap.against import Texts, checker, texts_of
from omi2.overlap.checker import CLEAN, CONTAMINATED, JUDGE, UNKNOWN, Match
from omi2.overlap.inputs import Problems
from omi2.recipe import Decontaminate, Teacher


@dataclass(frozen=True)
class Compared:
    """The rows of evidence, how many rows have each verdict, and what is to know of the judge."""

    rows: list[dict[str, Any]]
    verdicts: dict[str, int]
    judge: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A judge for `compare`: whom to ask, and the folder that keeps the answers."""

    teacher: Teacher
    folder: Path


def compare(
    found: Problems,
    against: Sequence[str],
    rules: Decontaminate,
    *,
    texts: bool = False,
    embed: bool = False,
    asked: Asked | None = None,
) -> Compared:
    """Compare every problem with these benchmarks. Raises UsageError, RemoteError, Omi2Error."""
    made, held = checker(against, rules, texts=texts or embed or asked is not None)
    if asked is not None and not held:
        raise UsageError(
            "a judge reads texts, and of these benchmarks only hashes are at hand: name their "
            "files, or benchmarks whose texts are on the Hub, with --against"
        )
    place = {problem: at for at, problem in enumerate(dict.fromkeys(found.problems))}
    problems = list(place)
    matches = made.check_many(problems)
    if embed:
        from omi2.overlap.embed import improve

        matches = improve(problems, matches, made, held)
    judged: dict[str, str] = {}
    told: dict[str, Any] = {}
    if asked is not None:
        matches, judged, told = _judged(problems, matches, held, rules, asked)
    listed, verdicts = evidence.listed(
        found, matches, place, texts_of(held), strict=rules.strict, judged=judged
    )
    return Compared(listed, verdicts, told)


def _judged(
    problems: Sequence[str],
    matches: Sequence[Match],
    held: Texts,
    rules: Decontaminate,
    asked: Asked,
) -> tuple[list[Match], dict[str, str], dict[str, Any]]:
    """The matches after the judge, its answers by problem, and what is to know of it."""
    from omi2.overlap import judge
    from omi2.teachers import Shelf, identity

    judge.check_teacher(asked.teacher)
    texts = texts_of(held)
    near = []
    for at, match in enumerate(matches):
        item = texts.get((match.benchmark or "", match.item or ""))
        clean = match.verdict(strict=rules.strict) == CLEAN
        if clean and match.score >= rules.judge_from and item is not None:
            near.append((at, item))
    who = identity.known(asked.teacher, asked.folder)
    with Shelf(lambda part: asked.folder / f"answers-{part}.jsonl") as shelf:
        by = judge.Judge(asked.teacher, who, rules, shelf)
        figures = judge.calibrate(by)
        said = judge.judge([(problems[at], item) for at, item in near], by)
    changed, answers = list(matches), {}
    for (at, _), one in zip(near, said, strict=True):
        answers[problems[at]] = str(one)
        before = changed[at]
        if one.verdict == CONTAMINATED:
            changed[at] = Match(JUDGE, one.score, before.benchmark, before.item)
        elif one.verdict == UNKNOWN:
            changed[at] = Match(UNKNOWN, before.score, before.benchmark, before.item)
    about = {"model": who.label, "prompt": by.prompt.id, "asked": len(near), "calibration": figures}
    return changed, answers, about
