"""The pace of an endpoint, as arithmetic: up while nothing hurts, down once for each hurt."""

import pytest

from omi2.teachers.pace import FIRST, Pace


def answer(pace: Pace, times: int, *, queued: float = -1.0, at: float = 100.0) -> None:
    """So many answers to requests that kept the endpoint full."""
    for _ in range(times):
        pace.in_flight = int(pace.limit)
        pace.answered(at - 10, at, queued)


def test_it_begins_with_half_of_what_is_told_or_with_little() -> None:
    assert int(Pace(128, told=True).limit) == 64
    assert int(Pace(512).limit) == FIRST
    assert [int(Pace(n).limit) for n in (1, 5)] == [1, 5]
    assert int(Pace(1, told=True).limit) == 1


def test_it_doubles_in_a_round_until_something_hurts() -> None:
    pace = Pace(1000)
    answer(pace, 16)
    assert int(pace.limit) == 32
    pace.refused(90, 100)
    before = pace.limit
    answer(pace, int(before))
    assert before + 0.9 < pace.limit < before + 1.1


def test_it_never_passes_the_ceiling() -> None:
    pace = Pace(40)
    answer(pace, 500)
    assert pace.limit == 40


def test_it_does_not_grow_for_want_of_work() -> None:
    pace = Pace(1000)
    for _ in range(500):
        pace.in_flight = 3
        pace.answered(90, 100, -1.0)
    assert int(pace.limit) == FIRST


@pytest.mark.parametrize(("factor", "left"), [(0.95, 95), (0.5, 50)])
def test_a_hurt_cuts_once_for_all_that_were_under_way(factor: float, left: int) -> None:
    pace = Pace(1000, limit=100.0)
    for _ in range(100):
        pace.in_flight = 100
        pace.cut(factor, 50, 60)
    assert int(pace.limit) == left
    pace.in_flight = int(pace.limit)
    pace.cut(factor, 61, 70)  # a request of later: this is news
    assert int(pace.limit) == int(left * factor)


def test_many_refusals_of_one_moment_show_what_the_endpoint_holds() -> None:
    pace = Pace(1000, limit=100.0)
    for left in range(100, 80, -1):  # twenty of a hundred are refused
        pace.in_flight = left
        pace.refused(50, 60)
    assert int(pace.limit) == 80
    for left in range(80, 0, -1):
        pace.in_flight = left
        pace.refused(50, 60)
    assert int(pace.limit) == 50


def test_it_never_falls_below_one() -> None:
    pace = Pace(1000)
    for moment in range(100):
        pace.in_flight = 1
        pace.cut(0.5, 10 * moment, 10 * moment + 5)
    assert pace.limit == 1.0
    assert not pace.room
    pace.in_flight = 0
    assert pace.room


def test_a_growing_queue_is_a_hurt_and_a_short_one_is_none() -> None:
    pace = Pace(1000)
    answer(pace, 30, queued=0.2)
    grown = pace.limit
    assert grown == FIRST + 30
    for moment in range(20):
        answer(pace, 6, queued=6.0, at=200 + 20 * moment)
    assert pace.limit < grown * 0.8
    assert not pace.doubling
