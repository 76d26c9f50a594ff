"""Exact values of formulas that have a rational one, and the points at which formulas are tried.

Every size is looked at before the arithmetic: what would have more than `MAX_BITS` bits raises
`TooLarge`, so a tower of exponents costs nothing.
"""

import math
from collections.abc import Mapping
from fractions import Fraction

from omi2.answers.trees import Node

MAX_BITS = 20_000
NEAR = 12
"""Turns at which points are near 0."""
PI = "\\pi"
"""The name under which a point may give pi a (rational) value, to see what depends on it."""


class NotExact(Exception):
    """The value is irrational, or this module does not know that it is rational."""


class TooLarge(Exception):
    """The value has too many digits to be worked out."""


class Undefined(Exception):
    """There is no value: a division by zero."""


Point = Mapping[str, Fraction]
NOWHERE: Point = {}


def exact(node: Node, point: Point = NOWHERE) -> Fraction:
    """The value of a formula at a point. Raises NotExact, TooLarge, Undefined."""
    op = node.op
    if op == "number":
        return node.value
    if op == "name":
        if node.name not in point:
            raise NotExact
        return point[node.name]
    if op == "+":
        return _small(sum((exact(arg, point) for arg in node.args), Fraction(0)))
    if op == "*":
        value = Fraction(1)
        for arg in node.args:
            value = _small(value * exact(arg, point))
        return value
    if op == "/":
        above, below = exact(node.args[0], point), exact(node.args[1], point)
        if below == 0:
            raise Undefined
        return _small(above / below)
    if op == "^":
        return power(exact(node.args[0], point), exact(node.args[1], point))
    if op == "root":
        degree = exact(node.args[1], point)
        if degree == 0:
            raise Undefined
        return power(exact(node.args[0], point), 1 / degree)
    if op == "call":
        return _call(node.name, [exact(arg, point) for arg in node.args])
    if op == "const" and node.name == "pi" and PI in point:
        return point[PI]
    raise NotExact


def _small(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise TooLarge
    return value


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """A power, and a root where it is rational."""
    if exponent.denominator > 1:
        return power(_root(base, exponent.denominator), Fraction(exponent.numerator))
    if base in (0, 1, -1):
        if base == 0 and exponent <= 0:
            raise Undefined
        return base if base >= 0 or exponent % 2 else -base
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent.numerator) > MAX_BITS:
        raise TooLarge
    return base**exponent.numerator


def _root(value: Fraction, degree: int) -> Fraction:
    """The real root, if it is rational."""
    if value < 0:
        if degree % 2 == 0:
            raise NotExact
        return -_root(-value, degree)
    return Fraction(_whole(value.numerator, degree), _whole(value.denominator, degree))


def _whole(value: int, degree: int) -> int:
    if degree == 2:
        root = math.isqrt(value)
    elif value.bit_length() > 1000 or degree > value.bit_length():
        if value in (0, 1):
            return value
        raise NotExact
    else:
        root = 1 << -(-value.bit_length() // degree)
        while (better := ((degree - 1) * root + value // root ** (degree - 1)) // degree) < root:
            root = better
    if root**degree != value:
        raise NotExact
    return root


def _call(name: str, args: list[Fraction]) -> Fraction:
    value = args[0]
    if name == "percent":
        return value / 100
    if name == "abs":
        return abs(value)
    if name == "floor":
        return Fraction(math.floor(value))
    if name == "ceil":
        return Fraction(math.ceil(value))
    if name == "factorial" and value.denominator == 1 and value >= 0:
        if value > 1500:
            raise TooLarge
        return Fraction(math.factorial(value.numerator))
    if name == "double factorial" and value.denominator == 1 and value >= 0:
        if value > 1500:
            raise TooLarge
        return Fraction(math.prod(range(value.numerator, 0, -2)))
    if name == "binomial" and value.denominator == args[1].denominator == 1 and value >= 0:
        if value > 10_000:
            raise TooLarge
        if args[1] < 0:
            return Fraction(0)
        return _small(Fraction(math.comb(value.numerator, args[1].numerator)))
    if name in ("max", "min"):
        return max(args) if name == "max" else min(args)
    if name in ("gcd", "lcm") and all(arg.denominator == 1 for arg in args):
        fold = math.gcd if name == "gcd" else math.lcm
        return _small(Fraction(fold(*(arg.numerator for arg in args))))
    raise NotExact


def point_at(turn: int, names: list[str]) -> dict[str, Fraction]:
    """The `turn`-th point at which formulas in these variables are tried: fixed, of no pattern.

    Positive ones first (square roots and logarithms are defined there; the small ones are for arc
    sines and the root of 1 - x^2), then negative and mixed ones. From the turn `NEAR` on, every
    choice of signs for three of them, farther and farther away.
    """
    values = {}
    for at, name in enumerate(names):
        mixed = _mix(turn * 7919 + at * 104_729 + 12_345)
        value = Fraction(2 * (mixed % 65_536) + 131_073, 65_537)  # between 2 and 4
        below = turn % 4 == 2 or (turn % 4 == 3 and mixed >> 20 & 1)
        if turn >= NEAR:
            value, below = value * 64 ** ((turn - NEAR) // 2), turn >> at % 3 & 1
        elif turn % 4 == 1:
            value = value / 16
        values[name] = -value if below else value
    return values


def whole_point_at(turn: int, names: list[str]) -> dict[str, Fraction]:
    """The same with positive integers, for formulas that mean something only there."""
    values = {}
    for at, name in enumerate(names):
        value = 1 + (_mix(turn * 31 + at * 17 + 5) + turn) % 9
        if turn >= NEAR:
            value = value * 10 ** ((turn - NEAR) // 2 + 1) + turn
        values[name] = Fraction(value)
    return values


def _mix(value: int) -> int:
    value = (value * 2_654_435_761) & 0xFFFFFFFF
    value ^= value >> 15
    value = (value * 2_246_822_519) & 0xFFFFFFFF
    return value ^ (value >> 13)
