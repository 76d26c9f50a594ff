"""What a person sees while teachers work: figures of the moment, and how long it will take."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omi2 import console
from omi2.console import teachers
from omi2.recipe import Teacher
from omi2.teachers import Job, Request, ask, identity, live
from omi2.teachers.live import Live
from omi2.teachers.numbers import Tally
from omi2.teachers.shelf import Shelf
from servers import serve, without_waiting
from small import omi2


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def test_progress_tells_of_the_teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a line for people, and as JSON lines on stderr while stdout holds one value."""
    monkeypatch.setattr(console, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(live, "REST", 0.0)
    monkeypatch.setattr(live, "APART", 0.0)
    seeds = tomllib.loads((files("omi2") / "seeds" / "demo.toml").read_text("utf-8"))["seed"]

    def right(prompt: str, _: int) -> str:
        asked = prompt.rpartition("Problem:")[2]
        answer = next(seed["answer"] for seed in seeds if seed["problem"] in asked)
        return f"The answer is \\boxed{{{answer}}}."

    with serve("openai", right) as server:
        text = (
            f'name = "mine"\n[teacher]\nendpoints = ["openai:{server.url}"]\nconcurrency = 4\n'
            '[seed]\nlimit = 6\n[[seed.sources]]\nname = "w"\npackage = "demo"\n'
            'subjects = ["word"]\n[solve]\nprompt = "solve-demo"\nsamples = 3\n'
            "[filter]\nmin_chars = 0\n"
        )
        monkeypatch.chdir(tmp_path)
        Path("mine.toml").write_text(text)
        done = omi2("build", "mine.toml", "--workers", "1", "--format", "json", "--each-endpoint")
        assert done.exception is None
        assert json.loads(done.stdout)["rows"] > 0
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        running = [e for e in lines if e["stage"] == "solve" and "tokens_per_second" in e]
        assert running[-1]["total"] == 18
        assert max(e["tokens_per_second"] for e in running) > 0
        assert set(running[-1]) >= {"in_flight", "turned_away", "failures", "eta_s", "done"}
        (name, one), *none = running[-1]["endpoints"].items()
        assert (name, none) == (f"openai:{server.url}", [])
        assert one["state"] == "working"
        assert {e["stage"] for e in lines if e["state"] == "done"} >= {"seed", "solve", "split"}
        human = omi2("build", "mine.toml", "--workers", "1", "--run", "r2", "--out", "o2",
                     "--each-endpoint")  # fmt: skip
        told = [line for line in human.stderr.splitlines() if " of 18" in line]
        assert any("tokens/s" in line and "in flight" in line for line in told), human.stderr
        assert f"        openai:{server.url}: " in human.stderr


def test_a_progress_line_says_what_there_is_to_say() -> None:
    figures = {"tokens_per_second": 1520.4, "in_flight": 512, "turned_away": 3, "recorded": 0,
               "failures": {"broken": 2, "lost": 1000}, "refused": 0, "failed": 1, "working": 4,
               "of": 4, "eta_s": 3725, "nobody_for_s": None}  # fmt: skip
    assert teachers(figures) == (
        "  1,520 tokens/s, 512 in flight, 3 429s, 1,002 failed attempts (2 broken, 1,000 lost), "
        "1 given up, 1:02:05 to go"
    )
    assert " at 3 of 4 endpoints, " in teachers({**figures, "working": 3})
    assert "3 d 4:05:06 to go" in teachers({**figures, "eta_s": 273_906})
    assert teachers({**figures, "nobody_for_s": 31}) == "  no endpoint answers, for 0:31 now"
    assert ", 7 recorded before, 1:02:05 to go" in teachers({**figures, "recorded": 7})
    assert teachers({"recorded": 1234}) == "  1,234 recorded before"
    assert teachers({"recorded": 0}) == teachers({}) == ""


class Clock:
    """A stage at work in time that costs nothing: its progress, and what its one endpoint did."""

    def __init__(self, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.tally = 0.0, Tally()
        monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.live = Live(lambda *_: None, "solve", total)

    def pass_over(self, count: int) -> None:
        for _ in range(count):
            self.live.step(recorded=True)

    def work(self, seconds: int, *, asked: int, recorded: int = 0) -> None:
        """So many samples of each kind in every second."""
        if self.live.fleet is None:
            member = SimpleNamespace(endpoint="e", tally=self.tally, state="working", why="",
                                     pace=SimpleNamespace(in_flight=1, limit=1.0))  # fmt: skip
            roll = SimpleNamespace(everyone=[member], members=[member], dark=None)
            self.live.fleet = SimpleNamespace(roll=roll, failed=0)  # type: ignore[assignment]
        for _ in range(seconds):
            self.now += 1.0
            self.pass_over(recorded)
            for _ in range(asked):
                self.tally.answer(1.0, -1.0, 100, "stop")
                self.live.step()

    def told(self) -> dict[str, Any]:
        self.now += live.REST
        return self.live.read()


def test_what_was_recorded_and_passed_over_at_once_promises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(10_000, monkeypatch)
    clock.pass_over(1_000)
    assert clock.told() == {"recorded": 1_000}
    clock.work(8, asked=0, recorded=1_000)  # somebody is asked by now, and has not answered
    assert clock.told()["eta_s"] is None
    clock.work(50, asked=2)
    told = clock.told()
    assert told["recorded"] == 9_000
    assert told["samples_per_second"] == pytest.approx(2, rel=0.05)
    assert told["tokens_per_second"] == pytest.approx(200, rel=0.05)
    assert told["eta_s"] == pytest.approx(900 / 2, rel=0.05)


def test_recorded_samples_among_the_new_ones_are_not_counted_as_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where each problem gets one more sample than before."""
    clock = Clock(9_000, monkeypatch)
    clock.work(100, asked=2, recorded=28)
    told = clock.told()
    assert told["samples_per_second"] == pytest.approx(2, rel=0.05)
    assert told["eta_s"] == pytest.approx(6_000 / 30, rel=0.05)
    clock.work(100, asked=1, recorded=14)  # it is slower by now
    assert clock.told()["eta_s"] == pytest.approx(4_500 / 15, rel=0.05)


def test_a_resumed_stage_says_what_was_recorded_and_what_fails_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REST", 0.0)

    def jobs(count: int) -> Iterator[Job]:
        return (Job(0, n, Request(f"prompt {n}", 1.0, 0.9, 64, (), n)) for n in range(count))

    def behave(prompt: str, times: int) -> Any:
        return (500, {}) if times == 1 and prompt > "prompt 5" else "fine"

    told: list[Any] = []
    with serve("openai", behave) as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=2)
        who = identity.identify(teacher)
        for count in (6, 10):
            with Shelf(lambda part: tmp_path / "l") as shelf:
                list(ask(jobs(count), teacher, who, shelf, Live(
                    lambda *now: told.append(now), "solve", count)))  # fmt: skip
    resumed = [now for *_, total, now in told if total == 10]
    assert [now for now in resumed if "in_flight" not in now][-1] == {"recorded": 6}
    assert resumed[-1]["recorded"] == 6
    assert resumed[-1]["failures"] == {"broken": 4}
    assert Counter(len(body["prompt"]) for body in server.asked) == {8: 14}
