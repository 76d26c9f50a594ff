"""Several samples in one request (`n`): where it is honoured, and exactly once whatever happens."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omi2.recipe import Teacher
from omi2.teachers import Completion, Job, Request, generate
from omi2.teachers.ledger import Ledger
from omi2.teachers.openai import PROBE
from servers import Served, Slow, serve, without_waiting


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def jobs(problems: int, samples: int) -> Iterator[Job]:
    for problem in range(problems):
        for sample in range(samples):
            seed = 100 * problem + sample
            request = Request(f"prompt {problem}", 1.0, 0.95, 64, ("STOP",), seed)
            yield Job(0, (problem, sample), request)


Said = dict[tuple[int, int], Completion]


def ask(path: Path, *specs: str, problems: int = 3, samples: int = 8, choices: int = 4,
        **settings: Any) -> Said:  # fmt: skip
    usual = {"retries": 3, "concurrency": 4, "timeout_s": 5.0, "outage_s": 1.0}
    teacher = Teacher(endpoints=specs, choices=choices, **{**usual, **settings})
    said = list(generate(jobs(problems, samples), teacher, lambda part: path / "l"))
    assert len(said) == len({job.handle for job, _ in said}) == problems * samples
    return {job.handle: completion for job, completion in said}


def asked(server: Served) -> list[tuple[str, int, int]]:
    """(prompt, seed, n) of every request but the probe."""
    return sorted(
        (body.get("prompt") or body["messages"][0]["content"], body["seed"], body.get("n", 1))
        for body in server.asked
        if PROBE.prompt.strip() not in str(body)
    )


@pytest.mark.parametrize("protocol", ["openai", "chat"])
def test_where_it_is_honoured_a_group_is_one_request(protocol: str, tmp_path: Path) -> None:
    with serve(protocol, lambda prompt, _: f"about {prompt}") as server:
        server.choices = 4
        said = ask(tmp_path, f"{protocol}:{server.url}")
    assert asked(server) == [
        (f"prompt {p}", 100 * p + first, 4) for p in range(3) for first in (0, 4)
    ]
    # Each sample has its own choice, the tokens are shared out, and the seed says how it was asked.
    assert [said[0, k].text for k in range(8)] == [f"about prompt 0 #{k % 4}" for k in range(8)]
    assert sum(c.tokens for c in said.values()) == 3 * 8 * 7
    seeds = [said[0, k].seed for k in range(8)]
    assert seeds == [None, 0, 0, 0, None, 4, 4, 4]
    with Ledger(tmp_path / "l") as ledger:
        assert len(ledger) == 24


@pytest.mark.parametrize("why", ["one choice", "copies", "refused", "tgi"])
def test_where_it_is_not_honoured_each_sample_is_asked_by_itself(why: str, tmp_path: Path) -> None:
    protocol = "tgi" if why == "tgi" else "openai"

    def behave(prompt: str, _: int) -> Any:
        many = why == "refused" and any(b.get("n", 1) > 1 for b in server.asked[-1:])
        return (400, {"error": "n must be 1"}) if many else f"about {prompt}"

    with serve(protocol, behave) as server:
        server.choices, server.copies = (4, True) if why == "copies" else (1, False)
        said = ask(tmp_path, f"{protocol}:{server.url}", problems=2)
    assert {c.seed for c in said.values()} == {None}
    if why != "tgi":
        singly = [(f"prompt {p}", 100 * p + k, 1) for p in range(2) for k in range(8)]
        assert asked(server) == singly


def test_fewer_choices_than_asked_for_are_taken_and_the_rest_asked_singly(tmp_path: Path) -> None:
    with serve("openai", lambda prompt, _: Slow(0.01, f"about {prompt}")) as server:
        server.choices = 4
        said = ask(tmp_path, f"openai:{server.url}", problems=1, samples=4)
        assert len(said) == 4

    # The probe sees four, and from then on there are two: two are recorded, two asked for again.
    def shrinking(prompt: str, _: int) -> Any:
        if prompt != PROBE.prompt:
            server.choices = 2
        return f"about {prompt}"

    with serve("openai", shrinking) as server:
        server.choices = 4
        said = ask(tmp_path / "b", f"openai:{server.url}", problems=1, samples=4)
    assert len(said) == 4
    assert {n for _, _, n in asked(server)} == {1, 4}


def test_a_group_that_was_half_recorded_is_asked_for_as_it_was(tmp_path: Path) -> None:
    with serve("openai", lambda prompt, _: f"about {prompt}") as server:
        server.choices = 4
        whole = ask(tmp_path, f"openai:{server.url}", problems=1, samples=4)
        lines = (tmp_path / "l").read_bytes().splitlines(keepends=True)
        kept = [json.loads(line[17:])["text"] for line in lines[:3]]
        (tmp_path / "l").write_bytes(b"".join(lines[:3]))  # a kill before the fourth
        again = ask(tmp_path, f"openai:{server.url}", problems=1, samples=4)
    assert again == whole
    assert asked(server) == [("prompt 0", 0, 4)] * 2
    now = [json.loads(line[17:])["text"] for line in (tmp_path / "l").read_bytes().splitlines()]
    assert now[:3] == kept
    assert len(now) == 4


@pytest.mark.parametrize("status", [424, 500, 503, 429])
def test_a_group_that_fails_loses_no_sample(status: int, tmp_path: Path) -> None:
    def behave(prompt: str, times: int) -> Any:
        fails = prompt == "prompt 1" and times < 3
        return (status, {"error": "CUDA"}) if fails else f"about {prompt}"

    with serve("openai", behave) as server:
        server.choices = 4
        said = ask(tmp_path, f"openai:{server.url}", retries=5)
    assert all(c.text.startswith("about prompt") for c in said.values())


def test_samples_of_a_group_fail_one_by_one(tmp_path: Path) -> None:
    """One sample that no endpoint can do does not take its group with it."""

    def behave(prompt: str, _: int) -> Any:
        body = server.asked[-1]
        bad = prompt == "prompt 1" and (body.get("n", 1) > 1 or body["seed"] == 102)
        return (500, {"error": "CUDA"}) if bad else f"about {prompt}"

    with serve("openai", behave) as server:
        server.choices = 4
        said = ask(tmp_path, f"openai:{server.url}", concurrency=1)
    failed = [handle for handle, c in said.items() if c.finish_reason == "failed"]
    assert failed == [(1, 2)]


def test_groups_and_single_samples_have_the_same_ids(tmp_path: Path) -> None:
    with serve("openai", lambda prompt, _: f"about {prompt}") as server:
        server.choices = 4
        first = ask(tmp_path, f"openai:{server.url}")
        before = len(server.asked)
        again = ask(tmp_path, f"openai:{server.url}", choices=1)
        assert len(server.asked) == before
    assert first == again


@pytest.mark.timeout(200)
def test_the_real_llama_cpp_gives_several_choices_where_it_has_slots(tmp_path: Path) -> None:
    from omi2.teachers import embedded

    with embedded.serve("", slots=2) as url:
        said = ask(tmp_path, f"openai:{url}", problems=2, samples=2, choices=2, timeout_s=100.0)
    assert {c.model for c in said.values()} == {"SmolLM2-135M-Instruct.Q4_1"}
    assert [said[0, k].seed for k in range(2)] == [None, 0]
    assert len({c.text for c in said.values()}) > 2
    assert all(c.tokens > 0 for c in said.values())
