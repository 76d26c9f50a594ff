"""Nobody answers, for a while or for good; and an endpoints file that people edit meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omi2.errors import RemoteError, UsageError
from omi2.recipe import Teacher
from omi2.teachers import Job, Request, crew, endpoints, generate, identity
from omi2.teachers.live import Live
from omi2.teachers.pool import ask
from omi2.teachers.shelf import Shelf
from servers import Slow, serve, tgi_info, without_waiting


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def jobs(count: int) -> Iterator[Job]:
    for n in range(count):
        yield Job(0, n, Request(f"prompt {n}", 1.0, 0.95, 64, ("STOP",), n))


def gone_for(seconds: float) -> Any:
    """Well for ten requests, then 503 for so long, then well."""
    began: list[float] = []

    def behave(prompt: str, _: int) -> Any:
        began.append(time.monotonic())
        away = len(began) > 10 and time.monotonic() - began[10] < seconds
        return (503, {"error": "loading"}) if away else Slow(0.005, "fine")

    return behave


def test_an_outage_of_the_only_endpoint_is_waited_for_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than all tries of a sample and all rounds of an endpoint took before."""
    monkeypatch.setattr("omi2.teachers.pool.BEAT", 0.05)
    told: list[Any] = []
    with serve("tgi", gone_for(2.0)) as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",), retries=2, concurrency=4)
        live = Live(lambda *now: told.append(now), "solve", 60)
        with Shelf(lambda part: tmp_path / "l") as shelf:
            said = list(ask(jobs(60), teacher, identity.identify(teacher), shelf, live))
    assert {c.text for _, c in said} == {"fine"}
    words = [r.message for r in caplog.records]
    assert any("no endpoint answers" in w and "up to 1:00:00 (outage_s" in w for w in words)
    assert not any("None was there" in w for w in words)
    assert any("the work goes on after 0:00:02" in w for w in words)
    assert len(words) < 8, words
    waits = [now["nobody_for_s"] for *_, now in told if now and "in_flight" in now]
    assert max(w for w in waits if w is not None) >= 1  # told while nothing came
    assert waits[-1] is None


def test_an_outage_that_lasts_too_long_ends_the_run_and_nothing_is_lost(tmp_path: Path) -> None:
    with serve("tgi", gone_for(60.0)) as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",), outage_s=0.5, concurrency=4)
        with pytest.raises(RemoteError, match=r"for 0:00:0.*503.*the same command goes on"):
            list(generate(jobs(60), teacher, lambda part: tmp_path / "l"))
    with serve("tgi", lambda *_: "fine") as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",))
        assert len(list(generate(jobs(60), teacher, lambda part: tmp_path / "l"))) == 60
        assert len(server.asked) <= 52


def test_an_endpoint_that_was_never_there_is_named_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The recipe names the model, so nobody had to be asked who it is before."""
    teacher = Teacher(endpoints=("tgi:http://127.0.0.1:9",), model="some", outage_s=0.3)
    with pytest.raises(RemoteError, match=r"outage_s in \[teacher\].*None was there.*goes on"):
        list(generate(jobs(3), teacher, lambda part: tmp_path / "l"))
    (said,) = [r.message for r in caplog.records if "waiting for one" in r.message]
    assert "tgi:http://127.0.0.1:9" in said
    assert "outage_s" in said
    assert "None was there since this began" in said


def test_a_stage_that_begins_in_an_outage_waits_too(tmp_path: Path) -> None:
    """Who the teacher is was remembered; nobody is there when the second stage begins."""
    with serve("tgi", lambda *_: "fine") as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",))
        port = int(server.url.rpartition(":")[2])
        identity.known(teacher, tmp_path)
    who = identity.known(teacher, tmp_path)
    with Shelf(lambda part: tmp_path / "l") as shelf:
        got: list[Any] = []
        work = threading.Thread(target=lambda: got.extend(ask(jobs(9), teacher, who, shelf)))
        work.start()
        time.sleep(0.5)
        with serve("tgi", lambda *_: "fine", port=port):
            work.join(20)
    assert {c.text for _, c in got} == {"fine"}


def watched(path: Path, *specs: str) -> Teacher:
    path.write_text("# ours\n" + "\n".join(specs) + "\n")
    return Teacher(endpoints=(f"file:{path}",), retries=5, concurrency=2)


def test_endpoints_are_added_and_drained_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    slow: Callable[[str, int], Any] = lambda *_: Slow(0.02, "fine")  # noqa: E731
    with serve("tgi", slow) as one, serve("tgi", slow) as two:
        file = tmp_path / "endpoints.txt"
        teacher = watched(file, f"tgi:{one.url}")
        answers = generate(jobs(240), teacher, lambda part: tmp_path / "l")
        got = [next(answers) for _ in range(20)]
        assert not two.asked
        file.write_text(f"tgi:{two.url} concurrency=2\n")
        got += answers
        assert len(got) == 240
        before = len(one.asked)
    assert len(two.asked) > 100
    assert before + len(two.asked) == 240  # nothing was broken off
    told = json.loads((tmp_path / "numbers.json").read_text())["sessions"][-1]
    left = f"tgi:{one.url}"
    assert told["now"][left]["state"] == "drained"
    assert 0 < told["endpoints"][left]["endpoint_seconds"] < 0.6 * told["seconds"]  # no GPU-hours


def test_an_endpoint_drained_before_it_said_who_it_is_is_never_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be waited for when nobody else is left, and never asked."""
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    file, late = tmp_path / "endpoints.txt", Slow(1.0, (200, tgi_info("made-model", 8)))
    who = identity.Identity(("made-model@abc",))
    with (
        serve("tgi", lambda *_: Slow(0.02, "fine")) as good,
        serve("tgi", lambda *_: "fine", info=late) as slow,
        Shelf(lambda part: tmp_path / "l") as shelf,
    ):
        teacher = watched(file, f"tgi:{good.url}", f"tgi:{slow.url}")
        answers = ask(jobs(180), teacher, who, shelf)
        next(answers)
        file.write_text(f"tgi:{good.url}\n")
        assert len(list(answers)) == 179
    told = json.loads((tmp_path / "numbers.json").read_text())["sessions"][-1]
    assert told["seconds"] > 1.0
    assert told["now"][f"tgi:{slow.url}"]["state"] == "drained"
    assert told["endpoints"][f"tgi:{slow.url}"]["endpoint_seconds"] == 0


def test_a_wrong_line_in_the_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    with serve("tgi", lambda *_: Slow(0.02, "fine")) as server:
        file = tmp_path / "endpoints.txt"
        answers = generate(
            jobs(100), watched(file, f"tgi:{server.url}"), lambda part: tmp_path / "l"
        )
        next(answers)
        file.write_text("vllm:http://nobody\n")
        assert len(list(answers)) == 99
    assert len([r for r in caplog.records if "no such teacher" in r.message]) == 1


EDITS: dict[str, Callable[[str], str]] = {
    "a mistyped protocol": lambda url: "tig:http://127.0.0.1:9\n",
    "a mistyped option": lambda url: f"tgi:{url} wieght=2\n",
    "half a line": lambda url: f"tgi:{url}\ntgi:htt",
    "emptied": lambda url: "",
    "not UTF-8": lambda url: "\udcff",
    "another address, where nobody is": lambda url: "tgi:http://127.0.0.1:9\n",
    "a key that no header can hold": lambda url: f"tgi:{url}\ntgi:http://a key_env=ODD_KEY\n",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_wrong_edit_of_the_file_ends_no_run(
    edit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the stage at work nor the next one, and it is said once."""
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    monkeypatch.setenv("ODD_KEY", "line\nbreak")
    file = tmp_path / "endpoints.txt"
    with serve("tgi", lambda *_: Slow(0.02, "fine")) as server:
        right = f"tgi:{server.url}"
        teacher = watched(file, right)
        answers = generate(jobs(100), teacher, lambda part: tmp_path / "l")
        next(answers)
        file.write_text(EDITS[edit](server.url), errors="surrogateescape")
        threading.Timer(1.0, file.write_text, (right,)).start()
        assert len(list(answers)) == 99
        file.write_text(EDITS[edit](server.url), errors="surrogateescape")
        if "address" not in edit and "key" not in edit:
            assert endpoints.read(teacher)[0].url == server.url
            assert identity.identify(teacher).models == ("made-model@abc",)
    said = [r.message for r in caplog.records if r.name == "omi2.teachers"]
    assert 1 <= len(said) <= 4, said
    assert "break" not in "".join(said)


def test_an_endpoint_that_comes_back_keeps_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    file = tmp_path / "endpoints.txt"
    slow: Any = lambda *_: Slow(0.01, "fine")  # noqa: E731
    with serve("tgi", slow) as one, serve("tgi", slow) as two:
        teacher = watched(file, f"tgi:{one.url}", f"tgi:{two.url}")
        for seconds, lines in ((0.3, f"tgi:{one.url}"), (0.8, f"tgi:{one.url}\ntgi:{two.url}")):
            threading.Timer(seconds, file.write_text, (lines,)).start()
        assert len(list(generate(jobs(500), teacher, lambda part: tmp_path / "l"))) == 500
        asked = len(two.asked)
    told = json.loads((tmp_path / "numbers.json").read_text())["sessions"][-1]
    assert told["answered"] == 500
    assert told["endpoints"][f"tgi:{two.url}"]["answered"] == asked
    assert told["now"][f"tgi:{two.url}"]["state"] == "working"


def test_an_endpoint_whose_line_is_edited_keeps_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other options it is another endpoint of the same name, while the first still answers."""
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    file = tmp_path / "endpoints.txt"
    with serve("tgi", lambda *_: Slow(0.01, "fine")) as server:
        answers = generate(
            jobs(300), watched(file, f"tgi:{server.url}"), lambda part: tmp_path / "l"
        )
        got = [next(answers) for _ in range(50)]
        file.write_text(f"tgi:{server.url} concurrency=1\n")
        got += answers
    assert len(got) == 300
    told = json.loads((tmp_path / "numbers.json").read_text())["sessions"][-1]
    assert told["now"][f"tgi:{server.url}"]["limit"] == 1  # the edit was followed
    assert told["answered"] == told["endpoints"][f"tgi:{server.url}"]["answered"] == 300


def test_a_file_that_was_never_right_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.txt"
    file.write_text("tig:http://127.0.0.1:9\n")
    with pytest.raises(UsageError, match="no such teacher"):
        endpoints.read(Teacher(endpoints=(f"file:{file}",)))


def test_where_all_are_stopped_a_watched_file_may_still_name_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.02)
    file = tmp_path / "endpoints.txt"
    with serve("tgi", lambda *_: (401, "")) as bad, serve("tgi", lambda *_: "fine") as good:
        teacher = watched(file, f"tgi:{bad.url}")
        threading.Timer(0.5, file.write_text, (f"tgi:{good.url}\n",)).start()
        said = list(generate(jobs(20), teacher, lambda part: tmp_path / "l"))
    assert {c.text for _, c in said} == {"fine"}
