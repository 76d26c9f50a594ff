"""Votes: plain numbers are sorted as `classes` does, and very many answers take bounded time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omi2.answers import classes
from omi2.recipe import Grade
from omi2.stages.grade import Ballot, _by_vote, _rows, number_classes

SPELLINGS = st.sampled_from(
    ["{}", "{}.5", "{:,}", "{}.0", "{}.00", "${}$", " {} ", "+{}", "-{}", "0{}", "{}.3333"]
) | st.sampled_from(["{}/3", "\\frac{{{}}}{{7}}", "\\text{{ }}{}"])
NUMBERS = st.integers(0, 30) | st.integers(990, 1010) | st.integers(0, 10**7)


@given(st.lists(st.builds(lambda s, n: s.format(n), SPELLINGS, NUMBERS), min_size=1, max_size=8))
def test_numbers_are_sorted_as_classes_does(answers: list[str]) -> None:
    found = number_classes(tuple(answers))
    if found is not None:
        assert found == classes(answers)
    elif all(text.isdigit() and len(text) < 7 for text in answers):
        raise AssertionError(f"{answers} took the long way")


def test_numbers_that_may_round_one_another_and_what_is_none_take_the_long_way() -> None:
    for other in ("1.001", "x", "5%", "1000000", "", "5 cm", "1e3", "301/300"):
        assert number_classes(("1", other)) is None
    assert number_classes(("1", "1/2", "0.5", "1.00", "3")) == [0, 1, 1, 0, 2]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("ties", ["drop", "hash"])
def test_a_hundred_thousand_different_answers_take_a_second(ties: str) -> None:
    """Minutes, where a sum over the ballot is taken for each of its answers."""
    answers = tuple(map(str, range(100_000)))
    ballot = Ballot("p", answers, (1,) * len(answers))
    told = list(_rows(ballot, _by_vote(ballot, Grade(ties=ties))))
    assert [sum(1 for reason, *_ in told if not reason), len(told)] == [ties == "hash", 100_000]
    assert {whole for *_, whole, _ in told} == {100_000}
