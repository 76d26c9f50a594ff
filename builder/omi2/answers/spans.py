"""Intervals of the real line: how their ends are ordered, what two share, how several join.

An end is a formula without variables; its sign is worked out to many digits, and what cannot be
told apart counts as equal (`sign` is None where there is no real value).
"""

from functools import cmp_to_key
from typing import NamedTuple

from omi2.answers.approximate import Run
from omi2.answers.exact import NotExact, TooLarge, Undefined
from omi2.answers.trees import Node, minus, negative

INFINITY = Node("const", name="infty")


class Interval(NamedTuple):
    """From `low` to `high`; an end belongs to it if it is closed."""

    low: Node
    low_closed: bool
    high: Node
    high_closed: bool


def overlap(a: Interval, b: Interval) -> Interval:
    low, high = order(a.low, b.low), order(a.high, b.high)
    return Interval(
        b.low if low < 0 else a.low,
        a.low_closed and b.low_closed if low == 0 else (b if low < 0 else a).low_closed,
        a.high if high < 0 else b.high,
        a.high_closed and b.high_closed if high == 0 else (a if high < 0 else b).high_closed,
    )


def joined(found: list[Interval]) -> list[Interval]:
    """Sorted, without empty ones, and joined where they overlap or touch."""
    joined: list[Interval] = []
    for interval in sorted(filter(holds, found), key=cmp_to_key(_earlier)):
        last = joined[-1] if joined else None
        gap = order(interval.low, last.high) if last else 1
        if last is None or gap > 0 or (gap == 0 and not (last.high_closed or interval.low_closed)):
            joined.append(interval)
            continue
        if last.low_closed != interval.low_closed and order(last.low, interval.low) == 0:
            last = last._replace(low_closed=True)
        ahead = order(interval.high, last.high)
        if ahead >= 0:
            closed = interval.high_closed or (ahead == 0 and last.high_closed)
            last = last._replace(high=interval.high, high_closed=closed)
        joined[-1] = last
    return joined


def holds(interval: Interval) -> bool:
    """Whether there is a number in it, as far as its ends can be told apart."""
    told = order(interval.low, interval.high)
    return told < 0 or (interval.low_closed and interval.high_closed) or end(interval.low) != 0


def _earlier(a: Interval, b: Interval) -> int:
    return order(a.low, b.low)


def order(a: Node, b: Node) -> int:
    """-1, 0 or 1. What cannot be ordered counts as equal (the sort is stable)."""
    ends = end(a), end(b)
    if any(ends):
        return (ends[0] > ends[1]) - (ends[0] < ends[1])
    return sign(minus(a, b)) or 0


def end(node: Node) -> int:
    if node == INFINITY:
        return 1
    return -1 if node == negative(INFINITY) else 0


def sign(node: Node) -> int | None:
    try:
        run = Run({})
        value = run.value(node)
    except (NotExact, TooLarge, Undefined):
        return None
    if run.mp.im(value):
        return None
    value = run.mp.re(value)
    return int(value > 0) - int(value < 0)
