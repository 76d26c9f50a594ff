"""Answers in words: EQUAL after normalisation, DIFFERENT with a reason alone, else UNKNOWN."""

import pytest

from omi2.answers.compare import quick
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict

TIMES = [
    ("3:30 p.m.", "15:30", EQUAL),
    ("3:30 PM", "3:30", EQUAL),
    ("3:30 PM", "3:30 AM", DIFFERENT),
    ("3:30 in the afternoon", "15:30", EQUAL),
    ("3:30", "15:30", UNKNOWN),
    ("3:30", "1:10", UNKNOWN),
    ("3:30", "3:31", DIFFERENT),
    ("03:30", "3:30", EQUAL),
    ("12:30 AM", "00:30", EQUAL),
    ("12:30 AM", "12:30 PM", DIFFERENT),
    ("12:30 PM", "12:30", EQUAL),
    ("noon", "12:00 PM", EQUAL),
    ("12 noon", "midnight", DIFFERENT),
    ("midnight", "12 a.m.", EQUAL),
    ("3 o'clock", "3:00 p.m.", EQUAL),
    ("3 PM", "15:00", EQUAL),
    ("3 PM", "3", EQUAL),
    ("3 PM", "5", DIFFERENT),
    ("4:30 PM", "4.5", UNKNOWN),
    (r"9\text{ a.m.}", "9", EQUAL),
    (r"4\!:\!51\!:\!06 \text{ p.m.}", "16:51:06", UNKNOWN),
    (r"4\!:\!51\!:\!06 \text{ p.m.}", r"\text{4:51:06 PM}", EQUAL),
    ("3:30", "3.5 hours", UNKNOWN),
    ("3:30 PM", "blue", UNKNOWN),
    ("3:60 PM", "4 PM", UNKNOWN),
]
DATES = [
    ("2020-03-05", "March 5, 2020", EQUAL),
    ("2020-03-05", "5 March 2021", DIFFERENT),
    ("3/5/2020", "March 5, 2020", UNKNOWN),
    ("3/5/2020", "April 5, 2020", DIFFERENT),
    ("25/12/2020", "December 25th, 2020", EQUAL),
    ("12/25/2020", "25/12/2020", EQUAL),
    ("the 5th of March", "Mar. 5", EQUAL),
    ("fifth of March", "5 March", EQUAL),
    ("March 5, 2020", "March 5", EQUAL),
    ("March 5, 2020", "March 2020", UNKNOWN),
    ("March 5", "March 6", DIFFERENT),
    ("Tuesday, March 5", "March 5", EQUAL),
    ("Tuesday, March 5", "Monday, March 5", DIFFERENT),
    ("Tuesday, March 5", "Tuesday", UNKNOWN),
    ("March 5", "March", UNKNOWN),
    ("May", "5", UNKNOWN),
    ("May", "June", DIFFERENT),
    ("Tuesday", "Tue", EQUAL),
    ("on Tuesday", r"\text{Tuesday}", EQUAL),
    ("Tuesday", "Thursday", DIFFERENT),
    ("2020-3-5", "2012", EQUAL),  # a difference, as it is written
]
CHOICES = [
    ("Option A", "A", EQUAL),
    ("option (B)", "(B)", EQUAL),
    ("Choice C: 7", "C", EQUAL),
    ("answer choice C", r"\text{C}", EQUAL),
    ("A. 5", "A", EQUAL),
    ("A. 5", "5", EQUAL),
    ("A. 5", "B. 5", DIFFERENT),
    ("A. 5", "6", DIFFERENT),
    ("A) 5", "(A)", EQUAL),
    ("A: 5", "A", EQUAL),
    ("A: 5", "5", EQUAL),
    (r"\textbf{(C)}\ 7", "C", EQUAL),
    ("A. Smith", "A", UNKNOWN),
    ("A:B", "A", DIFFERENT),
    ("C", "circle", UNKNOWN),
    ("A", "B", DIFFERENT),
]
WORDS = [
    ("yes", "True", EQUAL),
    ("Yes, it is", "yes", EQUAL),
    ("No.", r"\text{false}", EQUAL),
    ("yes", "no", DIFFERENT),
    ("Yes, except 5", "yes", UNKNOWN),
    ("Yes, but not Bob", "yes", UNKNOWN),
    ("yes", "1", UNKNOWN),
    ("yes", "7", DIFFERENT),
    ("no", "none", UNKNOWN),
    ("true", "correct", UNKNOWN),
    ("none", "0", UNKNOWN),
    ("no solution", "5", DIFFERENT),
    ("no solution", "1, 2", DIFFERENT),
    ("no solution", "x", UNKNOWN),
    ("infinite", r"\infty", UNKNOWN),
    ("infinite", "unbounded", UNKNOWN),
    ("Infinite", "Unbounded", UNKNOWN),
    ("all real numbers", "5", DIFFERENT),
    ("all real numbers", "none", DIFFERENT),
    ("Alice", "Bob", DIFFERENT),
    ("Alice", "alice", EQUAL),
    ("Alice Smith", "Alice", UNKNOWN),
    ("Alice", "Alicia", UNKNOWN),
    ("Evelyn", "Evelin", UNKNOWN),
    ("Evelyn", "E", UNKNOWN),
    ("Alice", "5", UNKNOWN),
    ("Alice, Bob", "Alice and Bob", EQUAL),
    ("Alice and Bob", "Bob and Alice", EQUAL),
    ("Alice, Bob, Carl", "Carl, Bob, Alice", UNKNOWN),  # it may be an order
    ("The Beatles", "Beatles", EQUAL),
    ("the circle", "a circle.", EQUAL),
    ("circle", "ellipse", DIFFERENT),
    ("odd", "even", DIFFERENT),
    ("odd", "neither", UNKNOWN),
    ("north", "south", DIFFERENT),
    ("north", "up", UNKNOWN),
    ("isosceles", "isosceles triangle", UNKNOWN),
    ("odd", "3", UNKNOWN),
]
NUMBERS = [
    ("twenty-first", "21st", EQUAL),
    ("twenty-first", "20", DIFFERENT),
    ("thirty-first", "31", EQUAL),
    ("5th", "5", EQUAL),
    ("5th", "6th", DIFFERENT),
    ("third", "3", UNKNOWN),  # or a third
    ("a third", "1/3", EQUAL),
    ("a quarter", "0.25", EQUAL),
    ("half a dozen", "6", EQUAL),
    ("two dozen", "24", EQUAL),
    ("2 hr 30 min", "150 minutes", EQUAL),
    ("2min(3,4)", "6", EQUAL),
]
UNITS = [
    ("5 apples", "5", EQUAL),
    ("5 apples", "6", DIFFERENT),
    ("5 apples", "5 oranges", UNKNOWN),
    ("5 apples", "6 oranges", DIFFERENT),
    ("5 boxes", "5 box", EQUAL),
    ("2 children", "2 child", EQUAL),
    ("3 berries", "3 berry", EQUAL),
    ("5 sq ft", "5 ft^2", EQUAL),
    ("5 L", "5000 cm^3", EQUAL),
    ("1 lb", "16 oz", EQUAL),
    ("1 lb", "453.59237 g", EQUAL),
    ("1 lb", "1 kg", DIFFERENT),
    (r"100^\circ C", r"212^\circ F", EQUAL),
    (r"100^\circ C", r"200^\circ F", DIFFERENT),
    ("1 year", "12 months", EQUAL),
    ("1 year", "365 days", UNKNOWN),
    ("1 ton", "1000 kg", UNKNOWN),
    ("1 gal", "231 in^3", UNKNOWN),
    ("5 miles", "5 hours", DIFFERENT),
    (r"\$5", "5 euros", DIFFERENT),
    ("50 cm", "0.5 m", EQUAL),
    ("50 cm", "0.5", UNKNOWN),
    ("25 cents", "0.25", UNKNOWN),
    ("25 cents", "0.26", DIFFERENT),
]


@pytest.mark.parametrize(("a", "b", "wanted"), [*TIMES, *DATES, *CHOICES, *WORDS, *NUMBERS, *UNITS])
def test_words(a: str, b: str, wanted: Verdict) -> None:
    assert (quick(a, b) or UNKNOWN) is wanted
    assert (quick(b, a) or UNKNOWN) is wanted


def test_what_the_policy_says_of_words() -> None:
    apart, required = Policy(truth="apart"), Policy(units="required")
    assert quick("yes", "True", apart) is UNKNOWN
    assert quick("yes", "False", apart) is UNKNOWN
    assert quick("3:30 PM", "3:30", required) is DIFFERENT
    assert quick("3:30 PM", "15:30", required) is EQUAL
    assert quick("March 5, 2020", "March 5", required) is DIFFERENT
