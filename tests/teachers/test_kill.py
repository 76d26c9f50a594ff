"""kill -9 at random moments of a run with faults, resumed: every sample exactly once."""

from pathlib import Path

import pytest

from killing import survive


def check(folder: Path, samples: int, kills: int, seed: int) -> None:
    found = survive(folder, samples, kills, seed)
    assert found["wrong"] == 0, found
    assert found["kills"] >= kills * 0.8, found
    assert found["again"] <= found["kills"] * found["window"], found


def test_five_kills_lose_nothing(tmp_path: Path) -> None:
    check(tmp_path, 1_500, 5, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    check(tmp_path, 20_000, 50, seed=2)
