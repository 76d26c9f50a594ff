"""Pairs that once had the wrong verdict: roots, names, sets told by a condition, unions.

Each pair is compared both ways round.
"""

import pytest

from omi2.answers import Verdict, compare

NOT_EQUAL = r"""
√18 ~ 8
√10 ~ 0
2√13 ~ 6
\sqrt18 ~ 8
x=1, y=2 ~ y=1, x=2
x=2,y=3,z=1 ~ x=3,y=2,z=1
a=1,b=2 ~ a=2,b=1
y=1, x=2 ~ (1,2)
y=3 ~ x=3
x=3 ~ z=3
f(x)=3 ~ g(x)=3
f(2)=5 ~ f(3)=5
f(1)=2, f(2)=3 ~ f(1)=3, f(2)=2
P(A)=.5 ~ P(B)=.5
\{2x : x>2\} ~ (2,\infty)
\{x^2 \mid x>2\} ~ (2,\infty)
\{(x,y):x>2\} ~ x>2
\{n \in \mathbb{N}: n<5\} ~ (-\infty,5)
\{x \mid y>2\} ~ (2,\infty)
x<1 and x>3 ~ x<1 or x>3
x>1 \text{ and } x<3 ~ x>1 \text{ or } x<3
x<5 ~ y<5
t>0 ~ z>0
x<1 or x>3 ~ y<1 or y>3
1,2,\dots ~ 1,2
1,2,... ~ 1,2
2,4,6,\ldots ~ 2,4,6
1,2,\ldots,10 ~ 1,2,10
\begin{vmatrix}1&2\\3&4\end{vmatrix} ~ \begin{pmatrix}1&2\\3&4\end{pmatrix}
AB ~ BA
\{1,2,2\} ~ \{1,1,3\}
(0,2)\cup(1,3) ~ (0,2)\cup(2,3)
"""
EQUAL = r"""
√18 ~ 3√2
√25 ~ 5
∛27 ~ 3
∜16 ~ 2
sqrt18 ~ 3\sqrt{2}
\sqrt2 ~ \sqrt{2}
x=2, y=1 ~ y=1, x=2
y=1, x=2 ~ (2,1)
x=1, y=2 ~ (1,2)
y=2x+1 ~ f(x)=2x+1
y=2x+1 ~ 2x+1
f(2)=5 ~ 5
\{x \mid x>2\} ~ (2,\infty)
\{x \in \mathbb{R} : 1<x<5\} ~ (1,5)
x<-1 or x>1 ~ (-\infty,-1)\cup(1,\infty)
(0,2)\cup(1,3) ~ (0,3)
[0,3]\cup[1,2] ~ [0,3]
[0,1]\cup[0,1] ~ [0,1]
(0,1)\cup(1,1) ~ (0,1)
(0,1)\cup[0,1) ~ [0,1)
(-\infty,2)\cup(1,\infty) ~ \mathbb{R}
\{1,2,2\} ~ \{2,1\}
1.5 x 10^3 ~ 1500
ab ~ ba
"""


def pairs(text: str) -> list[list[str]]:
    return [line.split(" ~ ") for line in text.strip().splitlines()]


@pytest.mark.parametrize(("a", "b"), pairs(NOT_EQUAL))
def test_not_equal(a: str, b: str) -> None:
    found = {compare(a, b), compare(b, a)}
    assert len(found) == 1
    assert Verdict.EQUAL not in found


@pytest.mark.parametrize(("a", "b"), pairs(EQUAL))
def test_equal(a: str, b: str) -> None:
    assert {compare(a, b), compare(b, a)} == {Verdict.EQUAL}
