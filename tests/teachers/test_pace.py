"""The pace of an endpoint, as arithmetic: up while nothing hurts, down once for each hurt."""

import heapq
import random

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


def test_a_told_backlog_is_cut_off_and_stops_the_growth() -> None:
    pace = Pace(1000, limit=200.0)
    pace.in_flight = 200
    pace.backlog(60, 100)
    assert int(pace.limit) == 140
    answer(pace, 50, at=300)
    assert int(pace.limit) == 140  # something waits there: no growth
    pace.backlog(1, 400)
    answer(pace, 141, at=600)
    assert int(pace.limit) == 141
    pace.in_flight = 0
    pace.backlog(500, 700)  # other people's requests: ours are none
    assert int(pace.limit) == 141


def closed_loop(slots: int, spread: float, growth: float, seed: int = 1) -> list[int]:
    """The limits found for an endpoint that has slots and a queue, and tells of neither.

    An answer takes 30 ms a token and more with each other one at work; lengths are lognormal.
    """
    pace, chance, now = Pace(512), random.Random(seed), 0.0
    busy: list[tuple[float, float, int]] = []
    queue: list[float] = []
    limits = []

    def start(sent: float) -> None:
        tokens = max(1, int(chance.lognormvariate(5, spread)))
        heapq.heappush(busy, (now + tokens * 0.03 * (1 + growth * len(busy)), sent, tokens))

    for number in range(16_000):
        while pace.room:
            pace.in_flight += 1
            if len(busy) < slots:
                start(now)
            else:
                queue.append(now)
        now, sent, tokens = heapq.heappop(busy)
        if queue:
            start(queue.pop(0))
        pace.answered(sent, now, -1.0, tokens)
        pace.in_flight -= 1
        if number > 8_000:
            limits.append(int(pace.limit))
    return limits


@pytest.mark.parametrize(
    ("slots", "spread", "growth"),
    [(64, 0.7, 0.0), (64, 0.7, 0.01), (128, 0.3, 0.005), (16, 0.7, 0.0)],
)
def test_a_queue_that_nobody_tells_is_found(slots: int, spread: float, growth: float) -> None:
    limits = closed_loop(slots, spread, growth)
    assert slots <= min(limits)
    assert max(limits) <= 1.5 * slots


def test_an_endpoint_without_a_queue_is_not_cut() -> None:
    assert set(closed_loop(1000, 0.7, 0.0)) == {512}


@pytest.mark.parametrize("tokens", [0, 64])
def test_answers_of_one_length_tell_no_queue(tokens: int) -> None:
    pace = Pace(64)
    for number in range(500):
        pace.in_flight = int(pace.limit)
        pace.answered(number, number + 60, -1.0, tokens)
    assert pace.limit == 64
