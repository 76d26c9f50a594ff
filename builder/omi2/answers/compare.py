"""Are two answers equal, different, or is that not known?

`compare` answers for one pair, `compare_many` for many, from cheap to dear:

1. equal spelling, after what never changes a value is taken away (`normalise.key`); plain numbers;
2. both are read into small trees (`forms.read`) and compared form by form (`match.match`), formulas
   by their values at fixed points, exactly or to 60 digits (`probe.same`);
3. what could not be read, or stayed in doubt, goes to worker processes that run the Math-Verify
   library both ways round (`pool`, `worker`); what they call equal is believed only where both
   answers have the same words, since a parser that skips words proves nothing.

Not covered: answers that are equal only in the light of their problem ("the direction of a vector",
"integers only"). Conventions are in `Policy`.
"""

import os
import re
from collections.abc import Sequence

from omi2.answers import pool
from omi2.answers.extract import extract
from omi2.answers.forms import read
from omi2.answers.lex import MAX_LENGTH
from omi2.answers.match import match
from omi2.answers.normalise import INTEGER, far_apart, key
from omi2.answers.policy import DEFAULT, DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.probe import too_large
from omi2.answers.quantity import spelled
from omi2.answers.trees import (
    Both,
    Cases,
    Quantity,
    Ratio,
    Relation,
    Residues,
    Value,
    Words,
    formulas,
    names,
    parts,
)

GRADER = "omi2-answers@4"
LIBRARY = "math-verify"
_CACHED = 50_000
_EACH = 10
"""Hard pairs for which one more worker is worth its start."""
_SOMETHING = re.compile(r"[^\W_]|\\[A-Za-z{]|[{∅∞]")
_CALCULUS = re.compile(r"\\(?:sum|prod|int|lim|frac\s*\{d)")
_INDEX = re.compile(r"_\{?\s*([A-Za-z])\s*(?:=|\\to)")
_COMMAND = re.compile(r"\\[A-Za-z]+|[A-Za-z]{2,}")
_LETTER = re.compile(r"[A-Za-df-hj-z]")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf|operatorname|left|right|begin|end)(?![A-Za-z])")
_asked: dict[tuple[str, str], Verdict] = {}
"""What workers said, of the last pairs asked."""


def grader() -> str:
    """The comparison's name and version, as rows carry it."""
    from importlib.metadata import version

    return f"{GRADER}+{LIBRARY}@{version(LIBRARY)}"


def compare(a: str, b: str, timeout: float = 2.0, policy: Policy = DEFAULT) -> Verdict:
    """Compare two answers. Symmetric. `timeout` is in CPU seconds."""
    return compare_many([(a, b)], timeout=timeout, policy=policy)[0]


def grade(
    text: str, gold: str, mode: str = "strict", timeout: float = 2.0, policy: Policy = DEFAULT
) -> Verdict:
    """Compare the final answer of a running text with the gold answer; none is UNKNOWN."""
    answer = extract(text, mode)
    return UNKNOWN if answer is None else compare(answer, gold, timeout, policy)


def compare_many(
    pairs: Sequence[tuple[str, str]],
    workers: int | None = None,
    timeout: float = 2.0,
    policy: Policy = DEFAULT,
) -> list[Verdict]:
    """Compare pairs of answers, each at most `timeout` CPU seconds; equal pairs are compared once.

    `workers` is how many processes may run at once for the hard ones; None is one for each core.
    Raises Omi2Error if the workers cannot start, or are killed from outside over and over.
    """
    verdicts: dict[tuple[str, str], Verdict] = {}
    hard: list[tuple[str, str]] = []
    for a, b in pairs:
        pair = (a, b) if a <= b else (b, a)
        if pair in verdicts:
            continue
        verdict = quick(*pair, policy)
        if verdict is None:
            verdict = _asked.get(pair)
            if verdict is None:
                hard.append(pair)
                verdict = UNKNOWN
        verdicts[pair] = verdict
    workers = min(workers or os.cpu_count() or 1, 1 + len(hard) // _EACH)
    for pair, told in zip(hard, pool.ask(hard, workers, timeout), strict=True):
        if told is not None:
            verdicts[pair] = _asked[pair] = _believed(pair, told)
    while len(_asked) > _CACHED:
        _asked.pop(next(iter(_asked)))
    return [verdicts[(a, b) if a <= b else (b, a)] for a, b in pairs]


def quick(a: str, b: str, policy: Policy = DEFAULT) -> Verdict | None:
    """The verdict without a worker; None if a worker should be asked."""
    if INTEGER.fullmatch(a) and INTEGER.fullmatch(b):
        return EQUAL if a == b else DIFFERENT
    if _empty(a) or _empty(b):
        return UNKNOWN
    if a == b:
        return EQUAL
    if key(a) == key(b) and (policy.units == "optional" or ("$" in a) == ("$" in b)):
        return EQUAL  # a key has no dollar signs, of money or of TeX
    if not 0 < policy.rounded < 4 and far_apart(a, b):
        return DIFFERENT  # as no rounding or dust makes numbers differ
    one, other = read(a), read(b)
    if one and other:
        found = {match(x, y, policy) for x in one for y in other}
        if EQUAL in found:
            return EQUAL
        if found == {DIFFERENT}:
            return DIFFERENT
    return None if _worth_asking(a, b, one, other) else UNKNOWN


def _believed(pair: tuple[str, str], told: Verdict) -> Verdict:
    """What a library's verdict is worth: its "equal" nothing on words it may have skipped, its
    "different" nothing where both answers were read here and left in doubt."""
    if told is EQUAL:
        return EQUAL if _words(pair[0]) == _words(pair[1]) else UNKNOWN
    return UNKNOWN if all(read(answer) for answer in pair) else told


def _empty(answer: str) -> bool:
    """Whether an answer says nothing at all, which is no ground for any verdict."""
    return not answer[:1].isalnum() and (not _SOMETHING.search(answer) or not key(answer))


def _worth_asking(a: str, b: str, one: tuple[Value, ...], other: tuple[Value, ...]) -> bool:
    """Whether a worker may know more: it is dear, and often merely skips what it cannot read."""
    if max(len(a), len(b)) > MAX_LENGTH:
        return False
    if one and other:
        # What names, words, times and relations mean is in doubt here, and a library skips it.
        doubtful = Words | Relation | Ratio | Both | Cases | Residues
        if any(isinstance(part, doubtful) for v in (one[0], other[0]) for part in parts(v)):
            return False
        quantities = [v[0] for v in (one, other) if isinstance(v[0], Quantity)]
        if len(quantities) == 2 and (
            spelled(quantities[0].node, quantities[1].node)
            or names(quantities[0].node) != names(quantities[1].node)
        ):
            return False
        if not any(names(formula) for v in (one[0], other[0]) for formula in formulas(v)):
            return False
        return not any(too_large(f) for value in (*one, *other) for f in formulas(value))
    sums = [_CALCULUS.search(text) is not None for text in (a, b)]
    if _letters(a) != _letters(b):
        return False
    if one or other:  # a sum without letters may come to a number; nobody proves a closed form
        return any(sums) and not _letters(a)
    return sums[0] == sums[1]


def _letters(text: str) -> set[str]:
    """The letters that an answer depends on: not the index of a sum, no command, no word."""
    bound = set(_INDEX.findall(text))
    return set(_LETTER.findall(_COMMAND.sub(" ", text))) - bound


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(_TEXT.sub(" ", text))}


__all__ = ["Verdict", "compare", "compare_many", "grade", "grader", "quick"]
