"""The pool against real sockets: the protocols, the ledger, several endpoints."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omi2.errors import RemoteError, UsageError
from omi2.recipe import Teacher
from omi2.teachers import Completion, Job, Request, fleet, generate
from omi2.teachers.ledger import Ledger
from servers import Slow, serve, without_waiting


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def request(number: int, *, top_p: float = 0.95, temperature: float = 1.0) -> Request:
    return Request(f"prompt {number}", temperature, top_p, 64, ("\n\n", "STOP"), number)


def jobs(count: int) -> Iterator[Job]:
    return (Job(0, number, request(number)) for number in range(count))


def ask(
    path: Path, *specs: str, count: int = 5, retries: int = 3, concurrency: int = 4
) -> dict[int, Completion]:
    teacher = Teacher(
        endpoints=specs, retries=retries, concurrency=concurrency, timeout_s=5.0, outage_s=1.0
    )
    return {job.handle: c for job, c in generate(jobs(count), teacher, lambda part: path / "l")}


@pytest.mark.parametrize(
    ("protocol", "model"),
    [("tgi", "made-model@abc"), ("openai", "made-model"), ("chat", "made-model+chat")],
)
def test_each_protocol_answers(protocol: str, model: str, tmp_path: Path) -> None:
    with serve(protocol, lambda prompt, _: f"about {prompt}STOP and more") as server:
        said = ask(tmp_path, f"{protocol}:{server.url}")
    assert [said[n].text for n in range(5)] == [f"about prompt {n}" for n in range(5)]
    assert {(c.finish_reason, c.tokens, c.model) for c in said.values()} == {("stop", 7, model)}


def test_tgi_takes_top_p_of_one_and_temperature_of_zero_and_many_stops(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: "fine, six and more") as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",))
        stops = ("one", "two", "three", "four", "five", "six")
        asked = [
            Job(0, 0, request(0, top_p=1.0)),
            Job(0, 1, request(1, temperature=0.0)),
            Job(0, 2, Request("prompt 2", 1.0, 0.9, 64, stops, 2)),
        ]
        said = {j.handle: c for j, c in generate(asked, teacher, lambda part: tmp_path / "l")}
    assert [c.refused for c in said.values()] == ["", "", ""]
    assert said[2].text == "fine, "  # what could not be sent is cut here
    assert {body["parameters"]["seed"] for body in server.asked} == {2**31, 1, 2}


@pytest.mark.parametrize("protocol", ["openai", "chat"])
def test_tgi_on_its_openai_route_is_asked_for_as_tgi(protocol: str, tmp_path: Path) -> None:
    """And as it can take it: there too it refuses a top_p of one and a fifth stop string."""
    stops = ("one", "two", "three", "four", "five")
    asked = Request("prompt", 0.0, 1.0, 64, stops, 0)
    with serve(protocol, lambda *_: "fine, five", "org/model", owner="org/model") as server:
        teacher = Teacher(endpoints=(f"{protocol}:{server.url}",))
        ((_, said),) = generate([Job(0, 0, asked)], teacher, lambda part: tmp_path / "l")
    assert (said.model.removesuffix("+chat"), said.text, said.refused) == (
        "org/model",
        "fine, ",
        "",
    )
    assert {body["model"] for body in server.asked} == {"tgi"}


def test_others_are_told_every_stop_and_a_top_p_of_one(tmp_path: Path) -> None:
    """llama.cpp's own top_p is 0.95: left out is not one."""
    with serve("openai", lambda *_: "fine") as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",))
        asked = Request("prompt", 1.0, 1.0, 64, tuple("abcde"), 3)
        list(generate([Job(0, 0, asked)], teacher, lambda part: tmp_path / "l"))
    (body,) = server.asked
    assert (body["top_p"], body["stop"]) == (1.0, list("abcde"))


def test_while_there_is_little_work_a_weight_says_who_gets_it(tmp_path: Path) -> None:
    begun: list[int] = []

    def work() -> Iterator[Job]:
        warm = 1000
        while not (small.asked and large.asked):  # until both are at work
            yield Job(0, warm, request(warm))
            warm += 1
            time.sleep(0.05)
        time.sleep(0.6)  # until both are idle
        begun.extend((len(small.asked), len(large.asked)))
        yield from jobs(40)

    with (
        serve("tgi", lambda *_: Slow(0.5, "fine")) as small,
        serve("tgi", lambda *_: Slow(0.5, "fine")) as large,
    ):
        teacher = Teacher(endpoints=(f"tgi:{small.url}", f"tgi:{large.url} weight=4"))
        list(generate(work(), teacher, lambda part: tmp_path / "l"))
    few, many = len(small.asked) - begun[0], len(large.asked) - begun[1]
    assert few + many == 40
    assert 3 <= many / few <= 5


def test_a_busy_endpoint_is_asked_again(tmp_path: Path) -> None:
    busy = (429, {"error": "Model is overloaded", "error_type": "overloaded"})
    with serve("tgi", lambda _, time: busy if time < 3 else "at last") as server:
        said = ask(tmp_path, f"tgi:{server.url}", retries=1)
    assert {c.text for c in said.values()} == {"at last"}
    assert len(server.asked) == 15


def test_a_refused_request_is_one_row_not_the_end(tmp_path: Path) -> None:
    bad = (422, {"error": "`inputs` must have less than 10 tokens", "error_type": "validation"})
    with serve("tgi", lambda prompt, _: bad if prompt == "prompt 3" else "fine") as server:
        said = ask(tmp_path, f"tgi:{server.url}")
    assert said[3].finish_reason == "refused"
    assert "less than 10 tokens" in said[3].refused
    assert [said[n].text for n in (0, 1, 2, 4)] == ["fine"] * 4
    with Ledger(tmp_path / "l") as ledger:
        assert len(ledger) == 4


@pytest.mark.parametrize(("status", "says"), [(401, "key"), (404, "no such route or model")])
def test_what_no_request_can_mend_stops_the_build(status: int, says: str, tmp_path: Path) -> None:
    with (
        serve("openai", lambda *_: (status, {"error": "no"})) as server,
        pytest.raises(RemoteError, match=says),
    ):
        ask(tmp_path, f"openai:{server.url}")
    assert len(server.asked) <= 4  # one for each place; none was asked again


def test_a_wrong_key_stops_that_endpoint_with_one_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMI2_API_KEY", "mistyped")
    with (
        serve("openai", lambda *_: "fine") as good,
        serve("openai", lambda *_: (401, {"error": "no"})) as bad,
    ):
        said = ask(tmp_path, f"openai:{bad.url}", f"openai:{good.url}", count=40)
    assert [said[n].text for n in range(40)] == ["fine"] * 40
    assert len(bad.asked) <= 4
    told = [r.message for r in caplog.records if bad.url in r.message]
    assert len(told) == 1
    assert "the key was not accepted" in told[0]


def test_a_server_without_tls_says_so(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: "fine") as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(RemoteError, match=r"no secure connection: wrong version number\b"):
            ask(tmp_path, f"tgi:{url}", retries=0)


def test_an_unreachable_endpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        RemoteError, match=r"tgi:http://127.0.0.1:9.*no connection: connection refused"
    ):
        ask(tmp_path, "tgi:http://127.0.0.1:9", retries=0)


@pytest.mark.parametrize("protocol", ["tgi", "openai"])
def test_a_wrong_protocol_is_said_at_once(protocol: str, tmp_path: Path) -> None:
    other = {"tgi": "openai", "openai": "tgi"}[protocol]
    with (
        serve(other, lambda *_: "fine") as server,
        pytest.raises(RemoteError, match=r"HTTP 404: no such route.*its address and protocol\?"),
    ):
        ask(tmp_path, f"{protocol}:{server.url}")


def test_an_endpoint_that_is_down_from_the_start_does_not_stop_the_others(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: "fine") as server:
        said = ask(tmp_path, "tgi:http://127.0.0.1:9", f"tgi:{server.url}", count=30)
    assert len(said) == 30


def test_an_endpoint_that_comes_up_later_is_used(tmp_path: Path) -> None:
    with (
        serve("openai", lambda *_: Slow(0.01, "fine")) as one,
        serve("openai", lambda *_: Slow(0.01, "fine")) as late,
    ):
        late.up = False
        threading.Timer(0.3, lambda: setattr(late, "up", True)).start()
        ask(tmp_path, f"openai:{one.url}", f"openai:{late.url}", count=1500, retries=20)
    assert len(late.asked) > 50


def test_a_failing_endpoint_hands_its_jobs_to_the_others(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "fine") as good, serve("openai", lambda *_: (500, {})) as bad:
        said = ask(tmp_path, f"openai:{bad.url}", f"openai:{good.url}", count=60, retries=1)
    assert len(said) == 60
    assert {c.text for c in said.values()} == {"fine"}


def test_a_sick_endpoint_is_set_aside_probed_and_taken_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sick = threading.Event()

    def behave(prompt: str, _: int) -> Any:
        return (503, {"error": "loading"}) if sick.is_set() else Slow(0.005, "fine")

    with serve("tgi", lambda *_: Slow(0.005, "fine")) as well, serve("tgi", behave) as server:
        threading.Timer(0.1, sick.set).start()
        threading.Timer(0.5, sick.clear).start()
        said = ask(tmp_path, f"tgi:{well.url}", f"tgi:{server.url}", count=2500, retries=30)
        assert len(said) == 2500
    told = [r.message for r in caplog.records if server.url in r.message]
    assert "is set aside (HTTP 503" in told[0]
    assert any("answers again" in message for message in told)
    assert not [r for r in caplog.records if well.url in r.message]


def test_when_the_last_endpoint_fails_what_was_said_is_kept(tmp_path: Path) -> None:
    def behave(prompt: str, time: int) -> Any:
        return "fine" if int(prompt.split()[1]) < 6 else (503, {"error": "gone"})

    with (
        serve("openai", behave) as server,
        pytest.raises(RemoteError, match="the same command goes on"),
    ):
        ask(tmp_path, f"openai:{server.url}", count=10, retries=1, concurrency=1)
    with serve("openai", lambda *_: "now") as server:
        said = ask(tmp_path, f"openai:{server.url}", count=10)
    assert [said[n].text for n in range(10)] == ["fine"] * 6 + ["now"] * 4
    assert len(server.asked) == 4


def test_endpoints_with_different_models_are_refused(tmp_path: Path) -> None:
    with (
        serve("openai", lambda *_: "a", "one") as a,
        serve("openai", lambda *_: "b", "two") as b,
        pytest.raises(UsageError, match="one, two"),
    ):
        ask(tmp_path, f"openai:{a.url}", f"openai:{b.url}")


def test_what_the_ledger_knows_is_not_asked(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "once") as server:
        first = ask(tmp_path, f"openai:{server.url}")
        again = ask(tmp_path, f"openai:{server.url}")
    assert first == again
    assert len(server.asked) == 5


def test_where_the_model_is_known_and_all_is_recorded_nobody_is_contacted(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "once") as server:
        ask(tmp_path, f"openai:{server.url}")
    teacher = Teacher(endpoints=("openai:http://127.0.0.1:9",), model="made-model")
    said = list(generate(jobs(5), teacher, lambda part: tmp_path / "l"))
    assert {c.text for _, c in said} == {"once"}


def test_equal_requests_are_asked_once_and_answered_each(tmp_path: Path) -> None:
    with serve("openai", lambda prompt, time: Slow(0.02, f"time {time}")) as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=4)
        twins = [Job(0, n, request(n % 3)) for n in range(12)]
        said = {j.handle: c for j, c in generate(twins, teacher, lambda part: tmp_path / "l")}
    assert len(server.asked) == 3
    assert {n: c.text for n, c in said.items()} == dict.fromkeys(range(12), "time 1")


def test_jobs_are_pulled_as_there_is_room_for_them(tmp_path: Path) -> None:
    pulled = 0

    def counted() -> Iterator[Job]:
        nonlocal pulled
        for job in jobs(10_000):
            pulled += 1
            yield job

    with serve("openai", lambda *_: "fine") as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=4)
        answers = generate(counted(), teacher, lambda part: tmp_path / "l")
        for _ in range(50):
            next(answers)
        answers.close()  # type: ignore[attr-defined]
    assert pulled < 50 + fleet.SPARE + 2 * 4 + 24


def test_no_more_are_in_flight_than_the_recipe_says(tmp_path: Path) -> None:
    with serve("openai", lambda *_: Slow(0.05, "slow")) as server:
        ask(tmp_path, f"openai:{server.url}", count=24, concurrency=3)
    assert server.most_at_once == 3


def test_no_more_are_in_flight_than_info_allows(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: Slow(0.02, "slow"), room=5) as server:
        ask(tmp_path, f"tgi:{server.url}", count=80, concurrency=64)
    assert (server.most_at_once, server.turned_away) == (5, 0)


def test_a_limit_that_is_not_told_is_found(tmp_path: Path) -> None:
    with serve("openai", lambda *_: Slow(0.15, "slow"), room=24) as server:
        said = ask(tmp_path, f"openai:{server.url}", count=400, concurrency=500)
    assert {c.text for c in said.values()} == {"slow"}
    assert server.most_at_once == 24  # it began with 16
    assert server.turned_away < 40


def test_an_answer_is_made_fit_for_utf_8(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "nul \x00 surrogate \ud800 end") as server:
        said = ask(tmp_path, f"openai:{server.url}", count=1)
    assert said[0].text == "nul \x00 surrogate ? end"


def test_leaving_the_generator_early_ends_its_tasks(tmp_path: Path) -> None:
    with serve("openai", lambda *_: Slow(0.01, "fine")) as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=2)
        answers = generate(jobs(500), teacher, lambda part: tmp_path / "l")
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        asked = len(server.asked)
        time.sleep(0.2)
        assert len(server.asked) == asked < 500
    assert "omi2-teachers" not in [thread.name for thread in threading.enumerate()]


def test_endpoints_stay_busy_while_the_caller_is_slow(tmp_path: Path) -> None:
    with serve("openai", lambda *_: Slow(0.01, "fine")) as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=8)
        answers = generate(jobs(60), teacher, lambda part: tmp_path / "l")
        next(answers)
        time.sleep(0.5)  # the caller writes a part
        assert len(server.asked) > 20
        assert len(list(answers)) == 59
