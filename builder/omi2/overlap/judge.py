"""Layer 6, optional: a teacher reads a problem and a benchmark item: are they one and the same?

The layers before it are sure of what lies above their thresholds; the judge is asked about what
comes near (`judge_from` and up) and stays below. Each pair is asked in both orders, greedily and
with a raw few-shot prompt (`prompts/judge.toml`). An answer that is neither yes nor no, and a
question that failed, is asked again with another seed, `judge_tries` times in all; what then has no
answer is unknown, which is never clean.

    yes        one order or both: the problem is contaminated (as in the paper, any True drops it)
    no         in both orders: it stays clean
    unknown    else: it is held back, and listed

What the other layers found the judge is not asked about, and so cannot clear: a text that tells its
reader "answer No" must not be able to talk itself out of being a copy.

Before any question that counts, `calibrate` asks about known pairs (`calibration.toml`). A judge
that says yes to everything, no to everything, or what a coin would say, is refused with its
figures. Every answer goes through a ledger: nothing is asked twice, and a kill loses nothing.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from omi2 import rows
from omi2.errors import Omi2Error, UsageError
from omi2.overlap.checker import CLEAN, CONTAMINATED, UNKNOWN
from omi2.prompts import FewShot, load
from omi2.recipe import Decontaminate, Teacher
from omi2.teachers import Completion, Job, Request, Shelf, ask, replay
from omi2.teachers.identity import Identity
from omi2.teachers.live import Live, Tell

YES, NO = "yes", "no"
SAME = ("copy", "paraphrase")
"""The kinds of known pairs that are one problem; the others are two."""
LEAST = 0.75
"""Share of the known questions of either sort that has to be answered right: of 24 questions a coin
gets 18 with a chance of 1%, of both sorts with one of 0.01%."""
MAX_TOKENS = 8
AGAIN = 0.7
"""The temperature at which a question without an answer is asked again."""
_ANSWER = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)

Pair = tuple[str, str]
"""A problem and a benchmark item."""


@dataclass(frozen=True)
class Judge:
    """Who judges, how, and where the answers are kept."""

    teacher: Teacher
    who: Identity
    rules: Decontaminate
    shelf: Shelf

    @property
    def prompt(self) -> FewShot:
        """The few-shot set of the question."""
        return load(self.rules.judge_prompt, "judge")


@dataclass(frozen=True)
class Judgement:
    """What was said of a pair, with the problem first and with the item first: yes, no, unknown."""

    answers: tuple[str, str]

    @property
    def verdict(self) -> str:
        """clean, contaminated or unknown."""
        if YES in self.answers:
            return CONTAMINATED
        return CLEAN if self.answers == (NO, NO) else UNKNOWN

    @property
    def score(self) -> float:
        """The share of yes: 0.5, the threshold of every rule, for one of two."""
        return self.answers.count(YES) / 2

    def __str__(self) -> str:
        return "/".join(self.answers)


def check_teacher(teacher: Teacher) -> None:
    """Raise UsageError for a teacher that cannot be asked a question."""
    if replay.file_of(teacher):
        raise UsageError(
            "a replay answers no question, so it cannot be the judge: name a server in [judge], "
            'or say judge = "off" in [decontaminate]'
        )


def judge(pairs: Sequence[Pair], by: Judge, tell: Tell = lambda *_: None) -> list[Judgement]:
    """Ask about each pair in both orders. Raises RemoteError when no endpoint works any more."""
    answers: dict[tuple[int, int], str] = {}
    for attempt in range(by.rules.judge_tries):
        jobs = list(_jobs(pairs, by, attempt, answers))
        if not jobs:
            break
        live = Live(tell, "judge", len(jobs))
        for job, said in ask(jobs, by.teacher, by.who, by.shelf, live):
            if (found := _read(said)) != UNKNOWN:
                answers[job.handle] = found
    told = ([answers.get((at, order), UNKNOWN) for order in (0, 1)] for at in range(len(pairs)))
    return [Judgement((one, two)) for one, two in told]


def calibrate(by: Judge) -> dict[str, dict[str, int]]:
    """Ask about the known pairs; the answers by kind. Raises Omi2Error for a judge that cannot."""
    table = tomllib.loads((files("omi2") / "overlap" / "calibration.toml").read_text("utf-8"))
    known = table["pairs"]
    told = judge([(pair["first"], pair["second"]) for pair in known], by)
    figures: dict[str, Counter[str]] = {}
    for pair, judgement in zip(known, told, strict=True):
        figures.setdefault(pair["kind"], Counter()).update(judgement.answers)
    found = {kind: {a: n[a] for a in (YES, NO, UNKNOWN)} for kind, n in figures.items()}
    if wrong := _fault(found):
        raise Omi2Error(
            f"the judge {by.who.label} is refused: {wrong}. Of the known pairs it said: "
            f"{told_figures(found)}. Name another model in [judge], or turn it off with "
            'judge = "off"'
        )
    return found


def told_figures(figures: dict[str, dict[str, int]]) -> str:
    """The answers by kind, in a line."""
    return "; ".join(
        f"{kind}: " + ", ".join(f"{count} {answer}" for answer, count in found.items() if count)
        for kind, found in figures.items()
    )


def _fault(figures: dict[str, dict[str, int]]) -> str:
    """What is wrong with a judge of these figures, or nothing."""
    same = [found for kind, found in figures.items() if kind in SAME]
    other = [found for kind, found in figures.items() if kind not in SAME]
    right_yes, right_no = sum(f[YES] for f in same), sum(f[NO] for f in other)
    yes, no = (sum(sum(f.values()) for f in found) for found in (same, other))
    if right_yes >= LEAST * yes and right_no >= LEAST * no:
        return ""
    every = [(sum(f[a] for f in figures.values())) for a in (YES, NO, UNKNOWN)]
    shares = (
        f"{right_yes} of {yes} questions whose answer is yes and {right_no} of {no} whose is no"
    )
    for count, words in zip(every, ("yes", "no", "neither yes nor no"), strict=True):
        if count == yes + no:
            return f"it always says {words}"
    if abs(right_yes / yes + right_no / no - 1) < 0.25:
        return f"it is right by chance ({shares})"
    return f"it is not right often enough ({shares}, and {LEAST:.0%} of each are needed)"


def _jobs(
    pairs: Sequence[Pair], by: Judge, attempt: int, answers: dict[tuple[int, int], str]
) -> Iterator[Job]:
    """The questions that have no answer yet."""
    shots = by.prompt
    for at, (problem, item) in enumerate(pairs):
        for order, (first, second) in enumerate(((problem, item), (item, problem))):
            if (at, order) in answers:
                continue
            request = Request(
                shots.ask(first=first, second=second),
                AGAIN if attempt else 0.0,
                1.0,
                MAX_TOKENS,
                shots.stop,
                rows.order("judge seed", shots.id, attempt) % 2**31,
            )
            yield Job(0, (at, order), request)


def _read(said: Completion) -> str:
    """yes, no, or unknown: also where both words were said, or nothing came."""
    line = (said.text.strip().splitlines() or [""])[0]
    found = _ANSWER.match(line)
    both = {word.lower() for word in re.findall(r"\b(?:yes|no)\b", line, re.IGNORECASE)}
    if said.refused or found is None or len(both) != 1:
        return UNKNOWN
    return found[1].lower()
