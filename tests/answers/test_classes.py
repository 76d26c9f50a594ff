"""Classes of equal answers: numbered by first appearance, transitive, unknown joins nothing."""

import random
import sys
from collections.abc import Sequence
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omi2.answers.classes import classes
from omi2.answers.compare import Verdict, quick


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([], []),
        (["5"], [0]),
        (["0.5", "1/2", "3"], [0, 0, 1]),
        (["3", "0.5", "3.0", r"\frac12", "4"], [0, 1, 0, 1, 2]),
        (["b", "a", "b", "a"], [0, 1, 0, 1]),  # by appearance, not by spelling
        (["x+1", "1+x", "x+2", "2+x", "x+1"], [0, 0, 1, 1, 0]),  # mathematics
        (["1024", "x", "2^{10}", "2^10"], [0, 1, 0, 0]),
        (["", "5", ""], [0, 1, 0]),
        (["1/0", "2/0", "1/0"], [0, 1, 0]),  # one key is one class, whatever it means
        (["3:30 AM", "3:30", "3:30 PM"], [0, 0, 1]),  # equality is not transitive here
        (["3:30 PM", "3:30", "3:30 AM"], [0, 1, 1]),  # the same classes
        (["5 apples", "5", "6 apples", "6"], [0, 0, 1, 1]),
        (["x", "at least 5", "5", "5 or more"], [0, 1, 2, 3]),  # unknown joins nothing
    ],
)
def test_classes(answers: list[str], wanted: list[int]) -> None:
    assert classes(answers, timeout=30) == wanted


E, D, U = Verdict.EQUAL, Verdict.DIFFERENT, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "wanted"),
    [
        ({"ab": U, "bc": U, "ac": U}, [0, 1, 2]),  # unknown joins nothing
        ({"ab": U, "bc": E, "ac": E}, [0, 1, 0]),  # equal to both: the first class
        ({"ab": E, "bc": D, "ac": E}, [0, 0, 1]),  # not with what it differs from
        ({"ab": E, "bc": U, "ac": E}, [0, 0, 0]),
        ({"ab": E, "bc": E, "ac": D}, [0, 0, 1]),
        ({"ab": D, "bc": U, "ac": D}, [0, 1, 2]),
    ],
)
def test_how_verdicts_make_classes(
    verdicts: dict[str, Verdict], wanted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(pairs: list[tuple[str, str]], *_: object) -> list[Verdict]:
        return [verdicts["".join(sorted(pair))] for pair in pairs]

    monkeypatch.setattr(sys.modules["omi2.answers.classes"], "compare_many", told)
    for order in permutations("abc"):
        found = classes(order)
        assert partition(order, found) == partition("abc", wanted)


def partition(answers: Sequence[str], numbers: Sequence[int]) -> set[frozenset[str]]:
    """The classes, without their numbers."""
    return {
        frozenset(a for a, n in zip(answers, numbers, strict=True) if n == number)
        for number in numbers
    }


TEXT = r"""
1/3|0.3333|0.33333|0.333|33.33%|33.3%|0.3334|1|1.0|100%|1.00001|0.99999|5|five|5%|0.05|15:30|0|3:30
1:10|A|1,2|2,1|1.2|(1,2)|x=1|x|90|1.414|1.4142|1.41421|yes|True|no|none|Alice|Alicia|5 cm|5 m|0.05 m
500 cm|5 apples|5 oranges|3:30 AM|3:30 PM|March 5|March 5, 2020|March 5, 2021|2020-03-05|(A) 5|A. 6
90^\circ|\frac{\pi}{2}|\sqrt{2}|\emptyset
"""
ANSWERS = TEXT.strip().replace("\n", "|").split("|")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(ANSWERS), min_size=2, max_size=9), st.randoms(use_true_random=False)
)
def test_classes_do_not_depend_on_the_order(answers: list[str], rng: random.Random) -> None:
    other = list(answers)
    rng.shuffle(other)
    found = classes(answers)
    assert partition(answers, found) == partition(other, classes(other))
    for (a, one), (b, same) in combinations(zip(answers, found, strict=True), 2):
        if one == same:  # no class holds two that are called different
            assert quick(a, b) is not D
    firsts = list(dict.fromkeys(found))
    assert firsts == list(range(len(firsts)))  # numbered by first appearance
