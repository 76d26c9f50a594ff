"""How close two different algebraic numbers can be: the bound that makes "equal" a proof.

For a formula of integers, + - * / and roots (and cosines of rational multiples of pi) write its
value as U/L with algebraic integers whose conjugates are at most u and l, in a field of degree at
most D. The norm of U is an integer, so either U is 0 or |U| >= u^(1-D), and the value is 0 or at
least 1/(u^(D-1) l) (the bound of Burnikel, Fleischer, Mehlhorn, Schirra, "A strong and easily
computable separation bound for arithmetic expressions involving radicals", Algorithmica 27, 2000).
"""

import math
from fractions import Fraction

from omi2.answers.exact import NOWHERE, PI, NotExact, TooLarge, Undefined, exact
from omi2.answers.trees import Node, walk

MAX_BITS = 6_000
"""A proof that takes more is not attempted."""


def bits_for_zero(node: Node) -> int | None:
    """If the value is smaller than 2 to the minus this, it is zero. None: not known."""
    try:
        above, below = _bounds(node)
    except (NotExact, TooLarge, Undefined, OverflowError):
        return None
    degree = 1
    for part in {part for part in walk(node) if part.op in ("root", "^", "const", "call")}:
        degree *= _degree(part)
        if degree > MAX_BITS:
            return None
    bits = (degree - 1) * above + below
    return math.ceil(bits) + 1 if bits < MAX_BITS else None


def _bounds(node: Node) -> tuple[float, float]:
    """log2 of u and l."""
    op = node.op
    if op == "number":
        value = node.value
        return max(0.0, _log(abs(value.numerator))), _log(value.denominator)
    if op == "const" and node.name == "i":
        return 0.0, 0.0
    if op == "+":
        above, below = _bounds(node.args[0])
        for arg in node.args[1:]:
            other, under = _bounds(arg)
            above, below = max(above + under, other + below) + 1, below + under
        return above, below
    if op == "*":
        parts = [_bounds(arg) for arg in node.args]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)
    if op == "/":
        (above, below), (other, under) = _bounds(node.args[0]), _bounds(node.args[1])
        return above + under, below + other
    if op in ("root", "^"):
        exponent = exact(node.args[1])
        if op == "root":
            exponent = 1 / exponent
        above, below = _bounds(node.args[0])
        degree = exponent.denominator
        above = (above + (degree - 1) * below) / degree
        if exponent < 0:
            above, below = below, above
        return above * abs(exponent.numerator), below * abs(exponent.numerator)
    if op == "call" and node.name in ("sin", "cos") and _turn(node) is not None:
        return 1.0, 1.0
    raise NotExact


def _degree(part: Node) -> int:
    """What a part multiplies the degree of the field with."""
    if part.op == "const":
        return 2 if part.name == "i" else 1
    if part.op == "call":
        return _turn(part) or 1
    exponent = exact(part.args[1], NOWHERE)
    return exponent.denominator if part.op == "^" else abs(exponent.numerator)


def _turn(node: Node) -> int | None:
    """For the sine or cosine of a rational multiple p/q of pi: 4q. Else None."""
    if node.name not in ("sin", "cos"):
        return None
    argument = node.args[0]
    try:
        if argument.op == "call" and argument.name == "deg":
            multiple = exact(argument.args[0]) / 180
        else:
            zero, one, two = (exact(argument, {PI: value}) for value in _TRIED)
            if zero != 0 or two != 2 * one:
                return None
            multiple = one
    except (NotExact, TooLarge, Undefined):
        return None
    return 4 * multiple.denominator if multiple.denominator <= 100 else None


def _log(value: int) -> float:
    return float(value.bit_length()) if value > 1 else 0.0


_TRIED = (Fraction(0), Fraction(1), Fraction(2))
