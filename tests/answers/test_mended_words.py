"""Words that turn a number, roundings, clocks and tiny sums: what is equal by them and what not."""

import time

import pytest

from omi2.answers import pool
from omi2.answers.compare import compare
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN
from omi2.answers.units import measure

NOT_EQUAL = [
    ("negative 5", "5"),
    ("twice 5", "5"),
    ("half of 10", "10"),
    ("everything but 5", "5"),
    ("3 squared", "3"),
    ("3 square", "3"),
    ("5 factorial", "5"),
    ("5 less than x", "5"),
    ("5 degrees below zero", "5"),
    ("52 base eight", "52"),
    ("3 halves", "3"),
    ("2 thirds", "2"),
    ("one twelfth", "1"),
    ("three sixteenths", "3"),
    ("three point five", "3"),
    ("two to one", "2"),
    ("three out of four", "3"),
    ("5% increase", "5% decrease"),
    ("10 km north", "10 km south"),
    ("5 liters of milk", "5 liters of water"),
    (r"\sum_{k=1}^{5} 10^{-20}", r"6 \cdot 10^{-20}"),
    (r"\prod_{i=1}^{3} 10^{-10}", r"2\cdot 10^{-30}"),
    (r"\sum_{k=1}^{8} 10^{-k}", "0.11111114"),
    ("12.34", "12.345"),
    ("10.00", "10.005"),
    (r"\$10.00", r"\$10.004"),
    ("0.99999999999999999999", "1"),
    ("12.34x", "12.345x"),
    ("0,1", "0.1"),
    ("2,3", "2.3"),
    ("1:05", "2:10"),
    ("12:30", "2:5"),
    ("right", "yes"),
    (r"\frac{1}{2}\%", r"\frac12"),
]
SAME = [
    ("negative 5", "-5"),
    ("minus five", "-5"),
    ("3 halves", "3/2"),
    ("2 thirds", "2/3"),
    ("one twelfth", "1/12"),
    ("three sixteenths", "3/16"),
    ("three point five", "3.5"),
    ("two and a half", "5/2"),
    ("2 and a half hours", "2.5"),
    ("half", "0.5"),
    ("5 liters of milk", "5"),
    ("5 liters of milk", "5 L"),
    ("28% of students", "28%"),
    ("28%", "28"),
    ("18 vacuum cleaners", "18"),
    ("5 times", "5"),
    ("5 feet squared", "5 ft^2"),
    (r"\sum_{k=1}^{5} 10^{-20}", r"5 \cdot 10^{-20}"),
    ("3.3333", "10/3"),
    ("0.30000000000000004", "3/10"),
    ("1:05", "01:05"),
    ("2:3", "4:6"),
    ("3:30 PM", "3:30"),
]


@pytest.mark.parametrize(("a", "b"), NOT_EQUAL)
def test_not_equal(a: str, b: str) -> None:
    assert EQUAL not in (compare(a, b, timeout=20), compare(b, a, timeout=20))


@pytest.mark.parametrize(("a", "b"), SAME)
def test_equal(a: str, b: str) -> None:
    assert compare(a, b, timeout=20) is compare(b, a, timeout=20) is EQUAL


@pytest.mark.parametrize(("a", "b"), [("12.34", "12.345"), ("12:30", "2:5"), ("0.5%", "0.5")])
def test_doubt_is_unknown(a: str, b: str) -> None:
    assert compare(a, b, timeout=20) is UNKNOWN


def test_a_worker_is_asked_for_all_digits() -> None:
    pairs = [(r"\frac{1}{2^{98}}", r"\frac{1}{2^{99}}"), (r"\frac{1}{2}", r"\frac{2}{4}")]
    assert pool.ask(pairs, 1, 20) == [DIFFERENT, EQUAL]


def test_a_word_for_a_power_is_no_unit() -> None:
    assert measure("square") is None
    assert measure("square feet") == measure("ft ^2")


def test_what_took_too_long_is_remembered_with_its_limit() -> None:
    pool.forget()
    endless = (r"\sum_{n=1}^{10^9} \frac{1}{n^3+1}", r"\prod_{n=1}^{10^9} \frac{n^5+1}{n^5+2}")
    assert pool.ask([endless], 1, 0.3) == [None]
    began = time.monotonic()
    assert pool.ask([endless] * 50, 1, 0.2) == [None] * 50
    assert time.monotonic() - began < 0.3
    pool.remember(endless, 0.1)
    pool.forget()
    assert pool.ask([("1", "1")], 1, 20) == [EQUAL]
