r"""Laws that hold for all answers, whatever they say, tried on generated ones of every form.

The numbers in them are few and small, so that answers are equal, or nearly, often enough.
"""

import sys
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omi2.answers import classes, key
from omi2.answers.compare import quick
from omi2.answers.forms import read
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict

SMALL = st.sampled_from(["1", "2", "3", "4", "5", "12"])


def forms(pattern: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Answers of one form, with its holes `@` filled."""

    def filled(inside: Sequence[str]) -> str:
        pieces = pattern.split("@")
        return "".join(a + b for a, b in zip(pieces, [*inside, ""], strict=True))

    return st.tuples(*parts).map(filled)


def any_of(patterns: str, *kinds: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Answers of several forms, a line each; all holes are filled with the same kinds of things."""
    hole = st.one_of(*kinds)
    return st.one_of(*(forms(p, *[hole] * p.count("@")) for p in patterns.strip().splitlines()))


NUMBERS = any_of(
    r"""
@
-@
@.0
@.5
0.@
.@
@,000
@ 000
@.000,5
@/@
\frac{@}{@}
\frac@@
@ @/@
@\%
@e3
@ \times 10^@
10_@
\sqrt{@}
\sqrt[3]{@}
@\pi
@^\circ
@^@
@!
\binom{@}{@}
0.\overline{@}
@.333...
@i
\infty
""",
    SMALL,
)
FORMULAS = any_of(
    """
@
x
@x
@x + @
x^2 - @
@/x
x/@y
\\sin @
\\log @
|x - @|
@(x + 1)
2^n + @
\\frac{x}{@}
@ \\pm @
x_1
C
c
AB
""",
    SMALL,
)
VALUES = st.one_of(NUMBERS, NUMBERS, FORMULAS)
UNITED = any_of(
    r"""
@ cm
@\text{ m}
$@
\$@
@ apples
@ m/s
@ cm^2
@ hours
@ hours and @ minutes
USD @
@ per cent
@:30
@:30 PM
@th
March @
@/@/2020
(A) @
A
Option B
II
@ to @
@:@
""",
    SMALL,
)
WORDS = st.sampled_from(
    ["yes", "no", "True", "none", "DNE", "even", "odd", "five", "half", "circle", "Alice", "north",
     "unbounded"]
)  # fmt: skip
COMPOUND = any_of(
    r"""
@, @
@ and @
@ or @
(@, @)
[@, @]
[@, @)
(@, \infty)
(-\infty, @]
\{@, @\}
\{@\}
]@, @[
x = @
x = @, @
x = @, y = @
y = @
(x, y) = (@, @)
x < @
x \ge @
@ < x \le @
|x| < @
x \ne @
\ge @
@x + y = @
x \equiv @ \pmod @
@ \pmod{@}
x \in [@, @]
(@, @) \cup (@, \infty)
x < @ \text{ or } x > @
\mathbb{R} \setminus \{@\}
\{x \mid x > @\}
\begin{pmatrix} @ \\ @ \end{pmatrix}
\begin{pmatrix} @ & @ \\ @ & @ \end{pmatrix}
\begin{cases} x & x > @ \\ @ & \text{otherwise} \end{cases}
\begin{cases} x = @ \\ y = @ \end{cases}
@ = @
@ \Rightarrow @
@ \approx @
@, @, ...
@ \text{ where } x > @
""",
    VALUES,
)
ROUNDED = st.sampled_from(
    ["1/3", "0.333", "0.3333", "0.33333", "0.3334", r"33.33\%", "0.333...", r"\frac{1}{3} cm",
     r"\sqrt{2}", "1.414", "1.4142", "1.41421", "1.4143", "2^{0.5}", "(1/3, 1.4142)"]
)  # fmt: skip
KINDS = (NUMBERS, ROUNDED, UNITED, WORDS, COMPOUND, FORMULAS)
ANSWERS = st.one_of(*KINDS, COMPOUND)
PAIRS = st.one_of(st.tuples(ANSWERS, ANSWERS), *(st.tuples(kind, kind) for kind in KINDS))
POLICIES = st.builds(
    Policy,
    percent=st.sampled_from(["either", "exact"]),
    units=st.sampled_from(["optional", "required"]),
    list_order=st.sampled_from(["free", "kept"]),
    several=st.sampled_from(["all", "last"]),
    truth=st.sampled_from(["same", "apart"]),
    rounded=st.sampled_from([0, 2, 4]),
)


@settings(max_examples=600, deadline=None)
@given(PAIRS, POLICIES)
def test_a_verdict_is_the_same_both_ways_round(pair: tuple[str, str], policy: Policy) -> None:
    a, b = pair
    told = quick(a, b, policy)
    assert quick(b, a, policy) is told
    if told is EQUAL and key(a) != key(b):  # what cannot be read equals nothing
        assert read(a)
        assert read(b)
    if told is DIFFERENT:
        assert a != b


@settings(max_examples=300, deadline=None)
@given(ANSWERS, st.sampled_from(["$@$", r"\boxed{@}", "@.", r"\displaystyle @", r"\[@\]", "**@**"]))
def test_an_answer_equals_itself_in_its_wrappers(answer: str, wrapper: str) -> None:
    if read(answer):
        assert quick(answer, answer) is EQUAL
        told = quick(answer, wrapper.replace("@", answer))
        assert told is EQUAL or (answer[0] == "]" and told is UNKNOWN)  # ]1, 2[ is one of few


def nothing_told(pairs: Sequence[Any], *_: object) -> list[Verdict]:
    """In place of workers, which are tested elsewhere."""
    return [UNKNOWN] * len(pairs)


@settings(max_examples=120, deadline=None)
@given(st.lists(ANSWERS, min_size=2, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_classes_are_one_partition_in_any_order(answers: list[str], rng: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["omi2.answers.pool"], "ask", nothing_told)
        found = dict(zip(answers, classes(answers), strict=True))
        other = list(answers)
        rng.shuffle(other)
        again = dict(zip(other, classes(other), strict=True))
    for a, b in combinations(answers, 2):
        assert (found[a] == found[b]) == (again[a] == again[b])
        if found[a] == found[b]:
            assert quick(a, b) is not DIFFERENT or key(a) == key(b)
