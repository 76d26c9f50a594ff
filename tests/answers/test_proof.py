"""What makes EQUAL a proof: separation bounds, exactness, and the distrust of a library's yes."""

import pytest

from omi2.answers import pool
from omi2.answers.bounds import bits_for_zero
from omi2.answers.compare import Verdict, _asked, compare
from omi2.answers.forms import read
from omi2.answers.policy import DEFAULT, DIFFERENT, EQUAL, UNKNOWN
from omi2.answers.probe import same
from omi2.answers.trees import Node, Quantity, minus


def node(text: str) -> Node:
    (value,) = read(text)
    assert isinstance(value, Quantity)
    return value.node


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("3/4", 2),
        (r"\sqrt{2}", 1),
        (r"\sqrt{2}+\sqrt{3}+\sqrt{5}", 7 * 3),  # degree 8: the bound is to the power of 7
        (r"\sqrt[3]{2}-\sqrt{3}", 5 * 2),
        (r"\sqrt{1000003}+\sqrt{1000033}-\sqrt{1000037}", 7 * 10),
    ],
)
def test_a_bound_grows_with_the_degree(text: str, least: int) -> None:
    bits = bits_for_zero(node(text))
    assert bits is not None
    assert least <= bits < 100 * least


def test_transcendental_numbers_have_no_bound() -> None:
    assert bits_for_zero(node(r"\pi-3")) is None
    assert bits_for_zero(node(r"\ln 2")) is None


def test_sums_of_roots_that_agree_to_many_digits() -> None:
    """Two sums of square roots whose first 30 digits agree, told apart by a proof."""
    big = 10**12
    one = node(rf"\sqrt{{{big}}}+\sqrt{{{big + 6}}}+\sqrt{{{big + 8}}}+\sqrt{{{big + 14}}}")
    other = node(rf"\sqrt{{{big + 2}}}+\sqrt{{{big + 2}}}+\sqrt{{{big + 12}}}+\sqrt{{{big + 12}}}")
    assert same(one, other, DEFAULT) is DIFFERENT
    assert same(one, one, DEFAULT) is EQUAL
    assert bits_for_zero(minus(one, other)) is not None


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        (r"\text{sum of } \sum_{k=1}^{3} k", r"\sum_{k=1}^{3} k \text{ apples}", UNKNOWN),
        (r"\sum_{k=1}^{3} k", r"\sum_{k=1}^{3} 1k", EQUAL),
    ],
)
def test_a_yes_that_may_have_skipped_words_is_not_believed(
    a: str, b: str, wanted: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    _asked.clear()
    monkeypatch.setattr(pool, "ask", lambda pairs, workers, timeout: [EQUAL for _ in pairs])
    assert compare(a, b) is wanted
    _asked.clear()


def test_a_no_on_what_was_read_and_left_in_doubt_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A library that knows fewer ways to write the same is no ground for DIFFERENT."""
    _asked.clear()
    monkeypatch.setattr(pool, "ask", lambda pairs, workers, timeout: [DIFFERENT for _ in pairs])
    assert compare("n\\pi + 1", "k\\pi + 1") is UNKNOWN
    assert compare(r"\sum_{k=1}^{3} k", r"\sum_{k=1}^{4} k") is DIFFERENT  # not read here
    _asked.clear()
