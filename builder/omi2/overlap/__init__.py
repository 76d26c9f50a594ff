"""Overlap: does a problem repeat a benchmark item, copied, reworded or with other numbers?

>>> from omi2.overlap import check
>>> check(["What colour is the lid of the smallest of seven teapots?"])[0].rule
'none'

`check` compares problems with overlap indexes, those of GSM8K test and MATH test if none are named.
`compare_many` compares (candidate, benchmark problem) pairs. How it works: `omi2.overlap.checker`.
"""

from collections.abc import Iterable, Sequence

from omi2.overlap.checker import Checker, Match
from omi2.overlap.index import build, load, merge
from omi2.recipe import Decontaminate

__all__ = ["Match", "check", "compare_many"]


def check(problems: Iterable[str], against: Sequence[str] = ("test-sets",)) -> list[Match]:
    """The strongest overlap of each problem with any item of these indexes (names or .npz files).

    Ask each for `contaminated("standard")` or `contaminated("strict")`; in doubt between two items,
    the one that is contamination under the strict policy is named. Raises UsageError.
    """
    checker = Checker(merge([load(name) for name in against]), Decontaminate())
    return [checker.check(problem) for problem in problems]


def compare_many(pairs: Iterable[tuple[str, str]]) -> list[Match]:
    """How much each candidate repeats its own benchmark problem: (candidate, benchmark) pairs."""
    rules = Decontaminate()
    return [
        Checker(build("pair", [("0", item)], rules.ngram, {}), rules).check(candidate)
        for candidate, item in pairs
    ]
