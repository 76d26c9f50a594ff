"""What one endpoint may be believed for: that a sample has no answer, or that all is well."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omi2.errors import RemoteError
from omi2.recipe import Teacher
from omi2.teachers import Completion, Job, Request, failed, generate
from omi2.teachers.ledger import Ledger
from omi2.teachers.meet import PLAIN
from servers import Served, Slow, serve, without_waiting

REFUSED = (422, {"error": "inputs must have less than 10 tokens", "error_type": "validation"})
FORBIDDEN = (403, "<html>request blocked</html>")
BROKEN = (500, {"error": "CUDA error", "error_type": "incomplete_generation"})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def jobs(numbers: Any) -> Iterator[Job]:
    for n in numbers:
        yield Job(0, n, Request(f"prompt {n}", 1.0, 0.95, 64, ("STOP",), n))


def ask(path: Path, *specs: str, numbers: Any = range(4), **settings: Any) -> dict[int, Completion]:
    usual = {"retries": 1, "timeout_s": 5.0, "outage_s": 1.0, "concurrency": 4}
    teacher = Teacher(endpoints=specs, **{**usual, **settings})
    said = [(j.handle, c) for j, c in generate(jobs(numbers), teacher, lambda part: path / "l")]
    assert len(said) == len(dict(said))
    return dict(said)


def number(prompt: str) -> int:
    return -1 if prompt == PLAIN else int(prompt.split()[1])


def bad_from(first: int, fault: Any) -> Any:
    """All is well below a number; from there on this fault."""
    return lambda prompt, _: fault if number(prompt) >= first else "fine"


def bad_after(count: int, fault: Any) -> Any:
    """So many answers are well; after them it is this fault alone."""
    answered = itertools.count()
    return lambda prompt, _: "fine" if next(answered) < count else fault


def asked(server: Served) -> Counter[int]:
    return Counter(number(body["inputs"]) for body in server.asked)


@pytest.mark.parametrize("fault", [BROKEN, REFUSED, ""], ids=["failed", "refused", "empty"])
def test_samples_that_have_no_answer_stop_no_resumed_run(fault: Any, tmp_path: Path) -> None:
    """Nothing is left to ask but what no endpoint answers: the run ends, each with its reason."""
    with serve("tgi", bad_from(40, fault)) as server:
        ask(tmp_path, f"tgi:{server.url}", numbers=range(40))
        before = len(server.asked)
        said = ask(tmp_path, f"tgi:{server.url}", numbers=range(140))
        assert asked(server)[39] + len(server.asked) - before < 2 * 110 * (1 + (fault == BROKEN))
    ends = {said[n].finish_reason for n in range(40, 140)}
    assert ends == {"eos_token" if fault == "" else "failed" if fault == BROKEN else "refused"}
    assert not any(said[n].text for n in range(40, 140))
    assert {said[n].text for n in range(40)} == {"fine"}


@pytest.mark.parametrize("fault", [BROKEN, REFUSED, ""], ids=["failed", "refused", "empty"])
def test_an_endpoint_that_answers_nothing_takes_no_sample_with_it(
    fault: Any, tmp_path: Path
) -> None:
    """It is quicker than any that works, so it would be asked most."""
    with serve("tgi", lambda *_: fault) as bad, serve("tgi", lambda *_: Slow(0.02, "fine")) as good:
        specs = (f"tgi:{bad.url}", f"tgi:{good.url}")
        said = ask(tmp_path, *specs, numbers=range(200), retries=3)
    assert {c.text for c in said.values()} == {"fine"}
    assert failed.count(tmp_path / "l") == 0


@pytest.mark.parametrize(
    ("fault", "says"),
    [(BROKEN, "CUDA error"), (REFUSED, "refuses even a plain"), ("", "answers nothing to a plain")],
)
def test_alone_it_ends_the_run_and_no_sample(fault: Any, says: str, tmp_path: Path) -> None:
    with serve("tgi", lambda *_: fault) as server, pytest.raises(RemoteError, match=says) as caught:
        ask(tmp_path, f"tgi:{server.url}", numbers=range(500))
    assert "Nothing was answered since this began: `omi2 teachers check" in str(caught.value)
    assert failed.count(tmp_path / "l") == 0
    with Ledger(tmp_path / "l") as ledger:
        assert len(ledger) == 0


@pytest.mark.parametrize("fault", [REFUSED, ""], ids=["refused", "empty"])
def test_an_endpoint_whose_fault_begins_later_takes_few(fault: Any, tmp_path: Path) -> None:
    with (
        serve("tgi", bad_after(59, fault)) as bad,
        serve("tgi", lambda *_: Slow(0.01, "fine")) as good,
    ):
        specs = (f"tgi:{bad.url}", f"tgi:{good.url}")
        said = ask(tmp_path, *specs, numbers=range(400))
    assert {c.text for c in said.values()} == {"fine"}


@pytest.mark.parametrize("fault", [BROKEN, FORBIDDEN, REFUSED, ""])
def test_a_fault_that_begins_amid_samples_of_one_prompt_takes_few(
    fault: Any, tmp_path: Path
) -> None:
    """The only endpoint, and hundreds of samples of one problem: well again once it is probed."""
    answered, probes_then = 0, -1

    def behave(prompt: str, _: int) -> Any:
        nonlocal answered, probes_then
        answered += 1
        probes = len(server.headers) - len(server.asked)
        if answered == 40:
            probes_then = probes
        return "fine" if answered <= 40 or probes > probes_then else fault

    one = [Job(0, n, Request("prompt", 1.0, 0.95, 64, (), n)) for n in range(512)]
    with serve("tgi", behave) as server:
        teacher = Teacher(endpoints=(f"tgi:{server.url}",), retries=3, concurrency=16)
        said = list(generate(one, teacher, lambda part: tmp_path / "l"))
    lost = sum(not c.text for _, c in said)
    assert lost == 0 if fault in (BROKEN, FORBIDDEN) else lost <= 64


@pytest.mark.parametrize("fault", [REFUSED, ""], ids=["refused", "empty"])
def test_a_second_endpoint_is_asked_before_a_sample_has_no_answer(
    fault: Any, tmp_path: Path
) -> None:
    """The smaller of two, say: what one refuses the other may take.

    Faults come late, when both have answered something: one that has not is looked at first.
    """
    late, fine = Slow(0.2, fault), Slow(0.01, "fine")
    one_in_ten = lambda prompt, _: late if number(prompt) % 10 == 3 else fine  # noqa: E731
    with serve("tgi", one_in_ten) as small, serve("tgi", lambda *_: Slow(0.01, "fine")) as large:
        said = ask(tmp_path / "1", f"tgi:{small.url}", f"tgi:{large.url}", numbers=range(100))
    assert {c.text for c in said.values()} == {"fine"}
    with serve("tgi", one_in_ten) as small, serve("tgi", one_in_ten) as other:
        said = ask(tmp_path / "2", f"tgi:{small.url}", f"tgi:{other.url}", numbers=range(100))
        both = asked(small) + asked(other)
    assert sum(not c.text for c in said.values()) == 10
    assert {both[n] for n in range(3, 100, 10)} == {2}


def test_an_empty_completion_is_recorded_once_it_is_believed(tmp_path: Path) -> None:
    with serve("tgi", bad_from(3, "")) as server:
        said = ask(tmp_path, f"tgi:{server.url}")
        before = len(server.asked)
        again = ask(tmp_path, f"tgi:{server.url}")
        assert len(server.asked) == before
    assert (said[3].text, said[3].refused) == ("", "")
    assert again == said


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_is_asked_once_and_again_when_the_part_is(
    status: int, tmp_path: Path
) -> None:
    with serve("tgi", bad_from(30, (status, "plain text: too long"))) as server:
        said = ask(tmp_path, f"tgi:{server.url}", numbers=range(31), concurrency=1)
        assert max(asked(server).values()) == 1
    assert said[30].finish_reason == "refused"
    assert "too long" in said[30].refused
    (letter,) = failed.path_of(tmp_path / "l").read_text().splitlines()
    assert json.loads(letter)["reason"] == "refused"
    with serve("tgi", lambda *_: "now it is large enough") as server:
        said = ask(tmp_path, f"tgi:{server.url}", numbers=range(31))
        assert len(server.asked) == 1
    assert said[30].text == "now it is large enough"
    assert failed.count(tmp_path / "l") == 0


def test_a_recipe_that_is_too_large_for_every_endpoint_ends_the_run(tmp_path: Path) -> None:
    """A plain question is answered, and nothing else ever was."""
    with (
        serve("tgi", bad_from(0, REFUSED)) as server,
        pytest.raises(RemoteError, match=r"none of 64 prompts.*less than 10.*omi2 teachers check"),
    ):
        ask(tmp_path, f"tgi:{server.url}", numbers=range(5_000))
    assert len(server.asked) < 500


def test_a_few_samples_of_which_none_has_an_answer_end_well(tmp_path: Path) -> None:
    with serve("tgi", bad_from(0, REFUSED)) as server:
        said = ask(tmp_path, f"tgi:{server.url}", numbers=range(8))
    assert {c.finish_reason for c in said.values()} == {"refused"}


@pytest.mark.parametrize("at_once", [1, 16])
def test_a_gateway_that_says_404_for_a_moment_is_taken_back(tmp_path: Path, at_once: int) -> None:
    """An endpoint that has answered is believed at the third time, however many were under way."""
    answered = 0

    def behave(prompt: str, _: int) -> Any:
        nonlocal answered
        answered += 1
        wrong = 40 < answered <= 40 + max(at_once, 2)
        return Slow(0.003 * at_once, (404, "default backend") if wrong else "fine")

    with serve("tgi", behave) as server:
        said = ask(tmp_path, f"tgi:{server.url}", numbers=range(120), concurrency=at_once)
    assert {c.text for c in said.values()} == {"fine"}


def test_a_gateway_that_forbids_one_prompt_stops_no_run(tmp_path: Path) -> None:
    """Also in a resumed run, where nothing else is left to ask."""
    with serve("tgi", lambda prompt, _: FORBIDDEN if prompt == "prompt 7" else "fine") as server:
        for numbers in ([0, 1, 2], [0, 1, 2, 7], range(20)):
            said = ask(tmp_path, f"tgi:{server.url}", numbers=numbers)
    assert [n for n in range(20) if not said[n].text] == [7]
    assert (said[7].finish_reason, "403" in said[7].refused) == ("failed", True)


@pytest.mark.parametrize("before", [0, 30])
def test_an_endpoint_that_forbids_everything_is_stopped(before: int, tmp_path: Path) -> None:
    """A wrong key, or one whose quota is spent, in the words of some gateways."""
    with (
        serve("tgi", bad_after(before, FORBIDDEN)) as server,
        pytest.raises(RemoteError, match="no endpoint answers any"),
    ):
        ask(tmp_path, f"tgi:{server.url}", numbers=range(300), retries=3, outage_s=60.0)
    assert failed.count(tmp_path / "l") == 0


def test_a_key_that_is_withdrawn_stops_the_endpoint(tmp_path: Path) -> None:
    with (
        serve("tgi", bad_after(20, (401, ""))) as server,
        pytest.raises(RemoteError, match="HTTP 401: it wants a key, and none was sent"),
    ):
        ask(tmp_path, f"tgi:{server.url}", numbers=range(60))
    assert len(server.asked) < 40
