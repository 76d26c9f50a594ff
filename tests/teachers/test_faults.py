"""Whatever an endpoint does, no sample is lost, doubled or believed without cause."""

import gzip
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from omi2.errors import Omi2Error, RemoteError
from omi2.recipe import Teacher
from omi2.teachers import Completion, Job, Request, failed, generate, transport
from omi2.teachers.ledger import Ledger
from servers import Cut, Endless, Slow, dumped, serve, tgi_answer, without_waiting


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def jobs(count: int) -> Iterator[Job]:
    for n in range(count):
        yield Job(0, n, Request(f"prompt {n}", 1.0, 0.95, 64, ("STOP",), n))


def ask(path: Path, *specs: str, count: int = 4, **settings: Any) -> dict[int, Completion]:
    teacher = Teacher(
        endpoints=specs, **{"retries": 3, "timeout_s": 5.0, "outage_s": 1.0, **settings}
    )
    said = [(j.handle, c) for j, c in generate(jobs(count), teacher, lambda part: path / "l")]
    assert len(said) == len({handle for handle, _ in said}), "a sample was given twice"
    return dict(said)


HALF = dumped(tgi_answer("x" * 50))[:-30]
DEEP = b'{"generated_text": ' + b"[" * 100_000
FAULTS: dict[str, tuple[Any, str]] = {
    "424, a generation error": ((424, {"error": "x", "error_type": "generation"}), "broken"),
    "429, overloaded": ((429, {"error": "x", "error_type": "overloaded"}), "busy"),
    "500, incomplete": ((500, {"error": "x", "error_type": "incomplete_generation"}), "broken"),
    "502, a proxy's page": ((502, "<html>Bad Gateway</html>"), "away"),
    "503, loading": ((503, {"error": "x"}), "away"),
    "a reset before the answer": (Cut(), "lost"),
    "a reset within the body": (Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), "lost"),
    "a reset within the head": (Cut(b"HTTP/1.1 200 OK\r\ncontent-"), "lost"),
    "no HTTP at all": (Cut(b"\x00\x01SSH-2.0\r\n\r\n"), "lost"),
    "half a JSON, whole by its length": ((200, HALF), "broken"),
    "HTML instead of JSON": ((200, "<html>Hello</html>"), "broken"),
    "an empty body": ((200, b""), "broken"),
    "invalid UTF-8": ((200, b'{"generated_text": "\xff\xfe", "details": {}}'), "broken"),
    "a JSON too deep to read": ((200, DEEP), "broken"),
    "a JSON that is no object": ((200, "[1, 2]"), "broken"),
    "an error with status 200": ((200, {"error": "x", "error_type": "generation"}), "broken"),
    "a completion without details": ((200, {"generated_text": "x"}), "broken"),
    "a completion that is no text": ((200, {"generated_text": 5, "details": {}}), "broken"),
    "an endless body": (Endless(), "broken"),
    "a compressed body": (
        (200, gzip.compress(dumped(tgi_answer("x"))), {"Content-Encoding": "gzip"}),
        "broken",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_asked_again(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 300_000)
    monkeypatch.setattr(transport, "BODY_SECONDS", 5.0)
    what, kind = FAULTS[fault]
    with serve("tgi", lambda _, times: what if times == 1 else "fine") as server:
        said = ask(tmp_path, f"tgi:{server.url}", concurrency=2)
    assert [said[n].text for n in range(4)] == ["fine"] * 4
    assert sum(body["inputs"].startswith("prompt") for body in server.asked) == 8
    with Ledger(tmp_path / "l") as ledger:
        assert len(ledger) == 4
    told = json.loads((tmp_path / "numbers.json").read_text())["sessions"][-1]
    assert (told["failures"], told["answered"]) == ({kind: 4}, 4)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_one_endpoint_goes_to_another(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 300_000)
    with (
        serve("tgi", lambda *_: FAULTS[fault][0]) as bad,
        serve("tgi", lambda *_: Slow(0.01, "fine")) as good,
    ):
        specs = (f"tgi:{bad.url}", f"tgi:{good.url}")
        said = ask(tmp_path, *specs, count=12, retries=1, concurrency=2)
    assert [said[n].text for n in range(12)] == ["fine"] * 12


def test_a_silent_endpoint_times_out(tmp_path: Path) -> None:
    with serve("tgi", lambda _, times: Slow(30, "late") if times == 1 else "fine") as server:
        said = ask(tmp_path, f"tgi:{server.url}", timeout_s=0.3, count=2)
    assert [said[n].text for n in range(2)] == ["fine"] * 2


def test_an_endpoint_that_never_says_who_it_is_holds_up_nobody(tmp_path: Path) -> None:
    """Neither the work of the others nor the end."""
    with (
        serve("tgi", lambda *_: "fine", info=Slow(60, (200, {}))) as silent,
        serve("tgi", lambda *_: "fine") as good,
    ):
        specs = (f"tgi:{silent.url}", f"tgi:{good.url}")
        began = time.monotonic()
        said = ask(tmp_path, *specs, count=20, model="made-model", timeout_s=60.0)
    assert {c.text for c in said.values()} == {"fine"}
    assert time.monotonic() - began < 10


def test_a_body_that_drips_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BODY_SECONDS", 0.3)
    drip = Endless(b" ", 0.05)
    with serve("tgi", lambda _, times: drip if times == 1 else "fine") as server:
        began = time.monotonic()
        said = ask(tmp_path, f"tgi:{server.url}", count=2)
    assert [said[n].text for n in range(2)] == ["fine"] * 2
    assert time.monotonic() - began < 4


def test_a_body_said_to_be_huge_is_not_read(tmp_path: Path) -> None:
    huge = Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{")
    with serve("tgi", lambda _, times: huge if times == 1 else "fine") as server:
        assert ask(tmp_path, f"tgi:{server.url}", count=1)[0].text == "fine"
    told = json.loads((tmp_path / "numbers.json").read_text())["sessions"][-1]
    assert told["failures"] == {"broken": 1}


def test_an_endless_body_costs_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    with serve("tgi", lambda _, times: Endless() if times == 1 else "fine") as server:
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        ask(tmp_path, f"tgi:{server.url}", count=1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak - before < 6 * transport.MAX_BODY


def test_a_model_that_repeats_for_ever_is_cut_off_and_asked_once(tmp_path: Path) -> None:
    endless = tgi_answer("and so on " * 20_000, tokens=64, reason="length")
    with serve("tgi", lambda *_: (200, endless)) as server:
        said = ask(tmp_path, f"tgi:{server.url}", count=1)
    assert (said[0].finish_reason, len(server.asked)) == ("length", 1)


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    there = (307, "", {"Location": "http://127.0.0.1:9/elsewhere"})
    with (
        serve("tgi", lambda *_: there) as server,
        pytest.raises(RemoteError, match="redirects elsewhere"),
    ):
        ask(tmp_path, f"tgi:{server.url}", count=1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"Retry-After": "Wed, 21 Oct 2015 07:28:01 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
    ],
)
def test_retry_after_is_honoured_in_both_forms(headers: dict[str, str], tmp_path: Path) -> None:
    """A date counts from the answer's own date: neither clock has to be right."""
    when: list[float] = []

    def behave(prompt: str, times: int) -> Any:
        when.append(time.monotonic())
        return (429, {"error": "x"}, headers) if times == 1 else "fine"

    with serve("tgi", behave) as server:
        ask(tmp_path, f"tgi:{server.url}", count=1)
    assert when[1] - when[0] >= 1.0


@pytest.mark.parametrize(
    "value",
    ["soon", "-5", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 99999999 99:99:99", ""],
)
def test_a_strange_retry_after_is_none(value: str, tmp_path: Path) -> None:
    busy = (429, {"error": "x"}, {"Retry-After": value})
    with serve("tgi", lambda _, times: busy if times == 1 else "fine") as server:
        assert ask(tmp_path, f"tgi:{server.url}", count=1)[0].text == "fine"


def test_beyond_its_budget_a_sample_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path) -> None:
    broken = (500, {"error": "CUDA error", "error_type": "incomplete_generation"})
    with serve("tgi", lambda prompt, _: broken if prompt == "prompt 3" else "fine") as server:
        said = ask(tmp_path, f"tgi:{server.url}", count=30, retries=2)
        assert sum(body["inputs"] == "prompt 3" for body in server.asked) == 3
    assert (said[3].finish_reason, said[3].text) == ("failed", "")
    assert "CUDA error" in said[3].refused
    assert {said[n].text for n in range(30) if n != 3} == {"fine"}
    letters = failed.path_of(tmp_path / "l").read_text().splitlines()
    assert [json.loads(letter)["sample"] for letter in letters] == [3]
    with serve("tgi", lambda *_: "now", "made-model") as server:
        again = ask(tmp_path, f"tgi:{server.url}", count=30)  # a build that goes on
        assert (again[3].finish_reason, len(server.asked)) == ("failed", 0)
        (tmp_path / "stage").mkdir()
        assert failed.reopen(tmp_path / "stage", lambda part: tmp_path / "l", 1) == 1
        again = ask(tmp_path, f"tgi:{server.url}", count=30)
        assert (again[3].text, len(server.asked)) == ("now", 1)
    assert failed.count(tmp_path / "l") == 0


def test_being_turned_away_costs_no_budget(tmp_path: Path) -> None:
    busy = (429, {"error": "x"})
    turned_away = 0

    def behave(prompt: str, times: int) -> Any:
        nonlocal turned_away
        if prompt == "prompt 7" and times < 9:
            turned_away += 1
            return busy
        return Slow(0.01, "fine")

    with serve("tgi", behave) as server:
        said = ask(tmp_path, f"tgi:{server.url}", count=300, retries=3, concurrency=8)
        assert turned_away == 8
        assert {c.text for c in said.values()} == {"fine"}
        assert failed.count(tmp_path / "l") == 0


def test_an_endpoint_that_fails_everything_ends_the_run_before_it_eats_the_samples(
    tmp_path: Path,
) -> None:
    with (
        serve("tgi", lambda *_: (500, {"error": "CUDA error"})) as server,
        pytest.raises(RemoteError, match=r"CUDA error.*the same command goes on"),
    ):
        ask(tmp_path, f"tgi:{server.url}", count=5_000, retries=3)
    assert failed.count(tmp_path / "l") < 200
    assert len(server.asked) < 1_000


def test_another_model_behind_the_same_address_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        serve("openai", lambda *_: Slow(0.02, "fine"), "one") as one,
        serve("openai", lambda *_: "wrong", "two") as two,
    ):
        two.up = False  # it comes up when the run is on its way
        jobs_ = jobs(150)

        def slowly() -> Iterator[Job]:
            for job in jobs_:
                if job.handle == 60:
                    two.up = True
                yield job

        teacher = Teacher(
            endpoints=(f"openai:{one.url}", f"openai:{two.url}"), retries=50, concurrency=2
        )
        said = [c.text for _, c in generate(slowly(), teacher, lambda part: tmp_path / "l")]
    assert set(said) == {"fine"}
    assert any("serves two, not one" in record.message for record in caplog.records)


def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 10**9, 86_400))
    monkeypatch.setattr(time, "time", lambda: 10**9 - next(ticks))
    with serve("tgi", lambda _, times: (503, {}) if times == 1 else Slow(0.01, "fine")) as server:
        began = time.monotonic()
        said = ask(tmp_path, f"tgi:{server.url}", count=20, retries=8)
    assert {c.text for c in said.values()} == {"fine"}
    assert time.monotonic() - began < 10


def test_no_teacher_looks_at_a_wall_clock() -> None:
    for path in (ROOT / "builder" / "omi2" / "teachers").glob("*.py"):
        source = path.read_text()
        for word in ("time.time(", "datetime", "utcnow", "localtime", "gmtime"):
            assert word not in source, path.name


def test_a_full_disk_stops_the_run_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = os.pwrite, 0

    def full(file: int, data: bytes, at: int) -> int:
        nonlocal count
        count += 1
        if count > 7:
            real(file, data[:20], at)
            raise OSError(28, "No space left on device")
        return real(file, data, at)

    with serve("tgi", lambda *_: "fine") as server:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space left") as caught:
            ask(tmp_path, f"tgi:{server.url}", count=50, concurrency=4)
        assert caught.value.filename == str(tmp_path / "l")
        monkeypatch.setattr(os, "pwrite", real)
        with Ledger(tmp_path / "l") as ledger:
            assert len(ledger) == 7
        asked = len(server.asked)
        assert {c.text for c in ask(tmp_path, f"tgi:{server.url}", count=50).values()} == {"fine"}
        assert len(server.asked) == asked + 43


def test_a_second_run_on_one_ledger_is_refused(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: Slow(0.05, "fine")) as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",))
        first = generate(jobs(30), teacher, lambda part: tmp_path / "l")
        next(first)
        with pytest.raises(Omi2Error, match="another run is writing the ledger"):
            ask(tmp_path, f"tgi:{server.url}")
        assert len(list(first)) == 29


def test_a_fault_of_ours_is_raised_and_no_thread_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("omi2.teachers.tgi.complete", broken)
    with serve("tgi", lambda *_: "fine") as server, pytest.raises(ZeroDivisionError, match="ours"):
        ask(tmp_path, f"tgi:{server.url}")


def test_a_fault_of_the_callers_jobs_is_raised(tmp_path: Path) -> None:
    def broken() -> Iterator[Job]:
        yield from jobs(3)
        raise KeyError("theirs")

    with serve("tgi", lambda *_: "fine") as server, pytest.raises(KeyError, match="theirs"):
        list(
            generate(broken(), Teacher(endpoints=(f"tgi:{server.url}",)), lambda _: tmp_path / "l")
        )


SECRET = "sk-verysecret-0123456789"  # noqa: S105
LEAK = """
import logging, sys, threading
from pathlib import Path
from omi2.recipe import Teacher
from omi2.teachers import Job, Request, generate
logging.basicConfig(level=1)
jobs = (Job(0, n, Request(f"prompt {n}", 1.0, 0.9, 9, (), n)) for n in range(8))
teacher = Teacher(endpoints=(sys.argv[1] + " key_env=OUR_KEY",), retries=1, outage_s=0.5)
titles = [Path("/proc/self/cmdline")]
for _ in generate(jobs, teacher, lambda part: Path("l")):  # while all its threads are there
    titles = [*titles, *Path("/proc/self/task").glob("*/comm"), Path("/proc/self/status")]
    print([t.name for t in threading.enumerate()], [t.read_text() for t in titles if t.exists()])
1 / 0
"""


TOLD = {
    "an answer": "fine",
    **{f"HTTP {n}": (n, {"error": f"wrong key {SECRET}"}) for n in (401, 422, 500)},
    "no completion": (200, {"headers": {"Authorization": f"Bearer {SECRET}"}}),
    "a completion": (200, tgi_answer(f"Authorization: Bearer {SECRET} and more")),
    "a finish_reason": (200, tgi_answer("fine", reason=SECRET)),
    "across the cut": (500, "x" * (300 - len(SECRET) // 2 - len("HTTP")) + SECRET),
}


@pytest.mark.parametrize("what", TOLD)
def test_a_key_is_sent_and_told_to_nobody_else(what: str, tmp_path: Path) -> None:
    with serve("tgi", lambda prompt, _: "fine" if prompt < "prompt 3" else TOLD[what]) as server:
        done = subprocess.run(
            [sys.executable, "-c", LEAK, f"tgi:{server.url}"],
            cwd=tmp_path,
            env={**os.environ, "OUR_KEY": SECRET, "PYTHONASYNCIODEBUG": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert {h.get("Authorization") for h in server.headers} == {f"Bearer {SECRET}"}
    said = done.stdout + done.stderr
    assert "Traceback" in said
    assert "omi2-teachers" in said  # the name of a thread: it was looked at
    for path in tmp_path.rglob("*"):
        said += path.read_text() if path.is_file() else ""
    assert "***" in said or what == "an answer"
    assert SECRET[: len(SECRET) // 3] not in said
    assert SECRET[3:] not in said


def test_a_key_with_a_line_break_is_refused_without_telling_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMI2_API_KEY", f"{SECRET}\nHost: evil")
    with pytest.raises(Omi2Error, match=r"\$OMI2_API_KEY holds a character") as caught:
        ask(tmp_path, "tgi:http://127.0.0.1:9")
    assert SECRET not in str(caught.value)


def test_logging_is_one_sentence_for_an_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "omi2.teachers")
    with serve("tgi", lambda *_: "fine") as server:
        ask(tmp_path, f"tgi:{server.url}", count=50)
    assert [r for r in caplog.records if r.name.startswith("omi2")] == []


def test_the_fault_list_names_tests_that_exist() -> None:
    folder = ROOT / "tests" / "teachers"
    sources = "".join(path.read_text() for path in folder.glob("test_*.py"))
    named = re.findall(r"`([a-z0-9_]+?)(?:\.\.\.)?`", (folder / "README.md").read_text())
    named = [name for name in named if name.count("_") > 2]
    assert len(named) > 30
    for name in named:
        assert f"def test_{name}" in sources, name
