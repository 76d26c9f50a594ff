"""Pair up the items of two collections: are they the same, in any order?

Symmetric and independent of the order of either side: EQUAL if the EQUAL pairs hold a perfect
matching, DIFFERENT if not even the EQUAL and UNKNOWN ones together do, else UNKNOWN.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Verdict

A = TypeVar("A")
B = TypeVar("B")


def assigned(
    items: Sequence[A], things: Sequence[B], compare: Callable[[A, B], Verdict]
) -> Verdict:
    """Whether two collections hold the same, each as often."""
    if len(items) != len(things):
        return DIFFERENT
    table = [[compare(item, thing) for thing in things] for item in items]
    if _perfect(table, (EQUAL,)):
        return EQUAL
    return UNKNOWN if _perfect(table, (EQUAL, UNKNOWN)) else DIFFERENT


def _perfect(table: list[list[Verdict]], allowed: tuple[Verdict, ...]) -> bool:
    """Whether every row finds a column of its own (augmenting paths)."""
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, verdict in enumerate(table[row]):
            if verdict in allowed and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(table)))
