r"""Pairs of answers in the tables of `pairs/`, one for each form, as models and textbooks write.

A line is a sign and spellings between `;;`. `=`: all of them are one answer, each with each. Of
two spellings, `#`: they are DIFFERENT; `!`: not EQUAL (doubt is allowed); `?`: the two alone do not
decide (UNKNOWN). Every pair is compared both ways round.
"""

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from omi2.answers.compare import quick
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN

TABLES = sorted((Path(__file__).parent / "pairs").glob("*.txt"))
WANTED = {
    "=": {EQUAL},
    "#": {DIFFERENT},
    "!": {DIFFERENT, UNKNOWN, None},  # None: a worker would be asked
    "?": {UNKNOWN},
}


def lines() -> Iterator[tuple[str, list[str]]]:
    for table in TABLES:
        for line in table.read_text("utf-8").splitlines():
            sign, _, rest = line.partition(" ")
            yield sign, [spelling.strip(" ") for spelling in rest.split(" ;; ")]


@pytest.mark.parametrize(("sign", "spellings"), list(lines()), ids=lambda part: str(part)[:60])
def test_pairs(sign: str, spellings: list[str]) -> None:
    for a, b in combinations(spellings, 2):
        assert quick(a, b) in WANTED[sign], (a, b)
        assert quick(b, a) is quick(a, b), (b, a)


def test_there_are_many() -> None:
    assert sum(len(spellings) * (len(spellings) - 1) // 2 for _, spellings in lines()) > 600


def test_answers_of_different_lines() -> None:
    """Forms that were never meant for each other: a verdict, and the same both ways round."""
    told = [spellings for sign, spellings in lines() if sign == "="]
    rng = random.Random(4)
    for one, other in combinations(told, 2):
        if rng.random() < 0.05:
            a, b = rng.choice(one), rng.choice(other)
            assert quick(a, b) is quick(b, a), (a, b)
