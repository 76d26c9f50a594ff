"""The pool against real sockets: both protocols, failures of every kind, the ledger."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omi2.errors import RemoteError, UsageError
from omi2.recipe import Teacher
from omi2.teachers import Completion, Job, Request, generate, pool
from omi2.teachers.ledger import Ledger
from servers import serve


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "FIRST_PAUSE", 0.01)


def request(number: int, *, top_p: float = 0.95, temperature: float = 1.0) -> Request:
    return Request(f"prompt {number}", temperature, top_p, 64, ("\n\n", "STOP"), number)


def jobs(count: int) -> Iterator[Job]:
    return (Job(0, number, request(number)) for number in range(count))


def ask(
    path: Path, *specs: str, count: int = 5, retries: int = 3, concurrency: int = 4
) -> dict[int, Completion]:
    teacher = Teacher(endpoints=specs, retries=retries, concurrency=concurrency, timeout_s=5.0)
    return {job.handle: c for job, c in generate(jobs(count), teacher, lambda part: path / "l")}


@pytest.mark.parametrize(
    ("protocol", "model"), [("tgi", "made-model@abc"), ("openai", "made-model")]
)
def test_each_protocol_answers(protocol: str, model: str, tmp_path: Path) -> None:
    with serve(protocol, lambda prompt, _: f"about {prompt}STOP and more") as server:
        said = ask(tmp_path, f"{protocol}:{server.url}")
    assert [said[n].text for n in range(5)] == [f"about prompt {n}" for n in range(5)]
    assert {(c.finish_reason, c.tokens, c.model) for c in said.values()} == {("stop", 7, model)}


def test_tgi_takes_top_p_of_one_and_temperature_of_zero(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: "fine") as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",))
        asked = [Job(0, 0, request(0, top_p=1.0)), Job(0, 1, request(1, temperature=0.0))]
        said = list(generate(asked, teacher, lambda part: tmp_path / "l"))
    assert [c.refused for _, c in said] == ["", ""]


def test_a_busy_endpoint_is_asked_again(tmp_path: Path) -> None:
    busy = (429, {"error": "Model is overloaded", "error_type": "overloaded"})
    with serve("tgi", lambda _, time: busy if time < 3 else "at last") as server:
        said = ask(tmp_path, f"tgi:{server.url}")
    assert {c.text for c in said.values()} == {"at last"}
    assert len(server.asked) == 15


def test_a_refused_request_is_one_row_not_the_end(tmp_path: Path) -> None:
    bad = (422, {"error": "`inputs` must have less than 10 tokens", "error_type": "validation"})
    with serve("tgi", lambda prompt, _: bad if prompt == "prompt 3" else "fine") as server:
        said = ask(tmp_path, f"tgi:{server.url}")
    assert "less than 10 tokens" in said[3].refused
    assert [said[n].text for n in (0, 1, 2, 4)] == ["fine"] * 4
    with Ledger(tmp_path / "l") as ledger:
        assert len(ledger.recorded) == 4


@pytest.mark.parametrize(("status", "says"), [(401, "key"), (404, "no such route or model")])
def test_what_no_request_can_mend_stops_the_build(status: int, says: str, tmp_path: Path) -> None:
    with (
        serve("openai", lambda *_: (status, {"error": "no"})) as server,
        pytest.raises(RemoteError, match=says),
    ):
        ask(tmp_path, f"openai:{server.url}")
    assert len(server.asked) <= 4  # one for each task; none was asked again


def test_an_unreachable_endpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"tgi:http://127.0.0.1:9.*connection failed"):
        ask(tmp_path, "tgi:http://127.0.0.1:9", retries=0)


def test_a_failing_endpoint_hands_its_jobs_to_the_others(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "fine") as good, serve("openai", lambda *_: (500, {})) as bad:
        said = ask(tmp_path, f"openai:{bad.url}", f"openai:{good.url}", count=20, retries=1)
    assert len(said) == 20
    assert {c.text for c in said.values()} == {"fine"}


def test_when_the_last_endpoint_fails_what_was_said_is_kept(tmp_path: Path) -> None:
    def behave(prompt: str, time: int) -> Any:
        return "fine" if int(prompt.split()[1]) < 6 else (500, {"error": "gone"})

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


def test_no_more_are_in_flight_than_the_recipe_says(tmp_path: Path) -> None:
    def slow(prompt: str, count: int) -> str:
        time.sleep(0.05)
        return "slow"

    with serve("openai", slow) as server:
        ask(tmp_path, f"openai:{server.url}", count=24, concurrency=3)
    assert server.most_at_once == 3


def test_the_key_travels_in_the_header_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMI2_API_KEY", "secret-word")
    with serve("openai", lambda *_: "fine") as server:
        ask(tmp_path, f"openai:{server.url}")
    assert server.headers[0]["Authorization"] == "Bearer secret-word"
    assert b"secret-word" not in (tmp_path / "l").read_bytes()


def test_hostile_text_becomes_valid_utf8(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "nul \x00 surrogate \ud800 end") as server:
        said = ask(tmp_path, f"openai:{server.url}", count=1)
    assert said[0].text == "nul \x00 surrogate ? end"


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": [{}]}, {"no": 1}, {"choices": 5}])
def test_an_answer_without_a_completion_is_no_answer(body: dict[str, Any], tmp_path: Path) -> None:
    with (
        serve("openai", lambda *_: (200, body)) as server,
        pytest.raises(RemoteError, match="holds no completion"),
    ):
        ask(tmp_path, f"openai:{server.url}", count=1, retries=1)


def test_leaving_the_generator_early_ends_its_tasks(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "fine") as server:
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=2)
        answers = generate(jobs(500), teacher, lambda part: tmp_path / "l")
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        time.sleep(0.1)
        asked = len(server.asked)
        time.sleep(0.2)
        assert len(server.asked) == asked < 500


@pytest.mark.parametrize("spec", ["http://x", "tgi:localhost:80", "vllm:http://x", "embeded"])
def test_an_unknown_teacher_is_a_usage_error(spec: str) -> None:
    with pytest.raises(UsageError, match="no such teacher"):
        pool.endpoint(spec, Teacher())
