"""Decimals: what a number may be that was rounded, cut, or printed by a floating-point unit.

How many digits a decimal needs to stand for an exact value is in `Policy.rounded`. Two decimals of
which one may be the other rounded are UNKNOWN.
"""

from fractions import Fraction

from omi2.answers.approximate import Run
from omi2.answers.exact import Point
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.trees import Node, rebuilt, walk

_FLOAT_DIGITS = range(15, 18)
"""Significant digits of a printed float that shows dust."""
_FLOAT_DUST = Fraction(4, 10**14)
_DUST = float(_FLOAT_DUST)


def near(a: Node, b: Node, policy: Policy) -> Verdict:
    """Whether two numbers, at least one of them a decimal, are one but for rounding."""
    gap, size = abs(a.value - b.value), max(abs(a.value), abs(b.value))
    if a.digits and b.digits and gap <= Fraction(policy.tolerance) * size:
        return EQUAL
    floats = a.digits in _FLOAT_DIGITS or b.digits in _FLOAT_DIGITS
    if policy.rounded and floats and gap <= _FLOAT_DUST * size:
        return EQUAL
    rounds = any(
        one.digits >= policy.rounded > 0
        and one.ulp > other.ulp
        and (gap <= one.ulp / 2 or (abs(one.value) < abs(other.value) and gap < one.ulp))
        for one, other in ((a, b), (b, a))
        if one.digits and (other.digits or other.value.denominator > 1)
    )
    if not rounds:
        return DIFFERENT
    return UNKNOWN if a.digits and b.digits else EQUAL


def within(a: Node, b: Node, point: Point, policy: Policy) -> Verdict:
    """Whether the formulas differ by no more than the rounding of their decimals.

    A decimal of enough digits stands for what rounds to it; a single one also for what was cut to
    it; if both formulas have one, neither is the exact value and that is no proof. Where both have
    decimals, or one looks like a printed float, dust is forgiven too.
    """
    if policy.rounded == 0:
        return DIFFERENT
    run = Run(point)
    first, second = run.value(a), run.value(b)
    gap = abs(first - second)
    size = max(abs(first), abs(second))
    told = [{part for part in walk(formula) if part.digits} for formula in (a, b)]
    if all(told) and gap <= size * policy.tolerance:
        return EQUAL
    if any(p.digits in _FLOAT_DIGITS for p in (*told[0], *told[1])) and gap <= size * _DUST:
        return EQUAL
    slack = run.mp.mpf(0)
    literals = 0
    for formula, value, parts in ((a, first, told[0]), (b, second, told[1])):
        for literal in parts:
            if literal.digits >= policy.rounded:
                literals += 1
                half = run.value(_moved(formula, literal, literal.ulp / 2))
                slack += abs(half - value)
                whole = run.value(_moved(formula, literal, literal.ulp * _sign(literal)))
                other = second if formula is a else first
    if gap <= slack:
        return UNKNOWN if all(_rounds(parts, policy) for parts in told) else EQUAL
    if literals != 1 or any(run.mp.im(v) for v in (first, second, whole)):
        return DIFFERENT
    value = first if _rounds(told[0], policy) else second
    start, end, told_value = (run.mp.re(v) for v in (value, whole, other))
    between = min(start, end) <= told_value <= max(start, end) and told_value != end
    return EQUAL if between else DIFFERENT


def _rounds(decimals: set[Node], policy: Policy) -> bool:
    """Whether one of these decimals has the digits to stand for what rounds to it."""
    return any(decimal.digits >= policy.rounded for decimal in decimals)


def _sign(literal: Node) -> int:
    return -1 if literal.value < 0 else 1


def _moved(node: Node, literal: Node, by: Fraction) -> Node:
    """A formula with a decimal moved."""
    if node == literal:
        return Node("number", value=node.value + by)
    if not node.args:
        return node
    args = tuple(_moved(arg, literal, by) for arg in node.args)
    return rebuilt(node, args)
