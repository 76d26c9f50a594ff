"""`omi2 teachers check`, `omi2 teachers report` and `omi2 solve --retry-failed`, as a person runs
them."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from made import tree
from omi2.errors import Omi2Error, UsageError
from omi2.files import write_json
from omi2.largest import largest
from omi2.recipe import as_table, load
from omi2.run import open_run
from omi2.teachers import numbers
from servers import serve, tgi_info, without_waiting
from small import made, omi2, recipe_for


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def test_a_check_tells_model_limits_health_latency_and_a_sample() -> None:
    with serve("tgi", lambda *_: " 4 + 3 = 7.\nand more") as server:
        done = omi2("teachers", "check", "demo", "--teacher", f"tgi:{server.url}", "--format=json")
    assert done.exception is None
    told = json.loads(done.stdout)
    (found,) = told["endpoints"]
    assert told["usable"] is found["usable"] is found["healthy"] is True
    assert (found["model"], found["requests"], found["tokens"]) == ("made-model@abc", 128, 4096)
    assert found["sample"] == "4 + 3 = 7."
    assert 0 < found["info_ms"] < 5000
    assert 0 < found["sample_ms"] < 5000


@pytest.mark.parametrize(
    ("behave", "says"),
    [
        (lambda *_: (401, {}), "it wants a key, and none was sent: $OMI2_API_KEY is not set"),
        (lambda *_: (500, {"error": "CUDA"}), "HTTP 500"),
        (lambda *_: (200, "<html>"), "not JSON"),
        (lambda *_: (422, {"error": "no"}), "HTTP 422"),
    ],
)
def test_an_unusable_endpoint_is_named_and_fails_the_check(behave: Any, says: str) -> None:
    with serve("tgi", lambda *_: "fine") as good, serve("tgi", behave) as bad:
        specs = ("--teacher", f"tgi:{good.url}", "--teacher", f"tgi:{bad.url}")
        done = omi2("teachers", "check", "demo", *specs)
    assert isinstance(done.exception, Omi2Error)
    assert done.exception.exit_code == 1
    assert bad.url in str(done.exception)
    assert good.url not in str(done.exception)
    assert f"tgi:{bad.url}: NOT USABLE" in done.stdout
    assert says in done.stdout
    assert f"tgi:{good.url}: made-model@abc, 128 requests at once" in done.stdout


def limited(tokens: int) -> tuple[int, dict[str, Any]]:
    return (200, {**tgi_info("made-model", 128), "max_total_tokens": tokens})


def test_an_endpoint_that_is_too_small_for_the_recipe_fails_the_check() -> None:
    """By the limit that it tells, or by refusing the recipe's own examples."""
    most = largest(load("paper"))
    assert most is not None
    assert most.tokens > 2048 + 1024 + 500  # the answer, the longest problem, and the examples
    for tokens, wrong in ((most.tokens - 1, True), (most.tokens, False)):
        with serve("tgi", lambda *_: "fine", info=limited(tokens)) as server:
            done = omi2("teachers", "check", "paper", "--teacher", f"tgi:{server.url}")
        assert ("NOT USABLE: it takes" in done.stdout) is wrong
        assert isinstance(done.exception, Omi2Error) is wrong

    def small(prompt: str, _: int) -> Any:
        return (
            "fine"
            if len(prompt) < 500
            else (422, {"error": "too long", "error_type": "validation"})
        )

    with serve("tgi", small) as server:
        done = omi2("teachers", "check", "paper", "--teacher", f"tgi:{server.url}")
        (asked,) = server.asked
    assert "HTTP 422" in done.stdout
    assert asked["parameters"]["max_new_tokens"] == 2048
    with serve("tgi", lambda *_: "") as server:
        done = omi2("teachers", "check", "demo", "--teacher", f"tgi:{server.url}")
    assert "answers nothing" in done.stdout


def test_nobody_there_and_two_models_fail_the_check() -> None:
    done = omi2("teachers", "check", "demo", "--teacher", "tgi:http://127.0.0.1:9")
    assert "no connection: connection refused" in done.stdout
    with serve("tgi", lambda *_: "a", "one") as one, serve("tgi", lambda *_: "a", "two") as two:
        specs = ("--teacher", f"tgi:{one.url}", "--teacher", f"tgi:{two.url}")
        done = omi2("teachers", "check", "demo", *specs)
    assert "one@abc, two@abc" in str(done.exception)


def test_the_embedded_teacher_can_be_checked() -> None:
    done = omi2("teachers", "check", "demo")
    assert done.exception is None, done.exception
    assert done.stdout.startswith("embedded: SmolLM2-135M-Instruct.Q4_1@b179c952")


def test_a_replay_cannot_be_checked() -> None:
    done = omi2("teachers", "check", "demo", "--teacher", "replay:x.parquet")
    assert isinstance(done.exception, UsageError)


def solution(prompt: str, _: int) -> str:
    number = sum(map(ord, prompt)) % 97
    return f"{number} + 5 = {number + 5}. The answer is \\boxed{{{number + 5}}}."


def test_failed_samples_are_dropped_and_asked_for_again_on_demand(tmp_path: Path) -> None:
    mended = False

    def behave(prompt: str, times: int) -> Any:
        if sum(map(ord, prompt)) % 3 == 0 and not mended:
            return (500, {"error": "CUDA error: illegal address"})
        return solution(prompt, times)

    with serve("openai", behave) as server:
        recipe = recipe_for(server.url, problems=0, samples=4)
        manifest = made(recipe, tmp_path)
        steps = {step["stage"]: step for step in manifest["funnel"]}
        failed = steps["solve"]["dropped"]["failed"]
        assert 0 < failed < steps["solve"]["came"]["asked"]
        gone = pl.read_parquet(tmp_path / "run" / "04_solve" / "dropped" / "*.parquet")
        words = 'HTTP 500: {"error": "CUDA error: illegal address"}'
        assert set(gone.filter(reason="failed")["detail"]) == {words}
        told = omi2("teachers", "report", "--run", str(tmp_path / "run")).stdout
        assert f"its last failure: {words}" in told
        run = ("--run", str(tmp_path / "run"))
        plain = omi2("solve", *run)
        assert f"{failed} samples have none: omi2 solve --retry-failed asks again" in plain.stderr
        mended, asked = True, len(server.asked)
        again = omi2("solve", "--retry-failed", *run)
        assert f"{failed} samples had no answer; 0 have none now" in again.stderr, again.exception
        assert len(server.asked) == asked + failed
        after = made(recipe, tmp_path)
        assert len(server.asked) == asked + failed
        made(recipe, tmp_path / "undisturbed")
    steps = {step["stage"]: step for step in after["funnel"]}
    assert "failed" not in steps["solve"]["dropped"]
    assert tree(tmp_path / "omi2") == tree(tmp_path / "undisturbed" / "omi2")


def test_a_solve_before_any_build_says_what_to_do(tmp_path: Path) -> None:
    done = omi2("solve", "--run", str(tmp_path))
    assert "is no run directory" in str(done.exception)
    recipe = recipe_for("http://127.0.0.1:9")
    open_run(tmp_path / "run", recipe.parts)
    write_json(tmp_path / "run" / "recipe.json", as_table(recipe))
    done = omi2("solve", "--run", str(tmp_path / "run"))
    assert "run omi2 build first" in str(done.exception)


def test_quantiles_are_those_of_all_sessions(tmp_path: Path) -> None:
    for took in (1.0, 9.0):
        tally = numbers.Tally()
        for _ in range(20):
            tally.answer(took, took / 10, 5, "stop")
        numbers.Book(tmp_path / "n").write(numbers.table([("e", tally)], 1.0, {"now": {}}))
    found = numbers.report(tmp_path / "n", 0, 0)
    assert found is not None
    whole = found["in_all"]
    assert whole["latency_p50_s"] == pytest.approx(1.0, rel=0.05)
    assert whole["latency_p95_s"] == pytest.approx(9.0, rel=0.05)
    assert whole["queue_p95_s"] == pytest.approx(0.9, rel=0.05)


def test_a_report_adds_up_sessions_and_stands_in_no_manifest(tmp_path: Path) -> None:
    with serve("openai", solution) as server:
        recipe = recipe_for(server.url, problems=0, gpus=8.0, gpu_hour_price=2.5)
        made(recipe, tmp_path)
        asked = len(server.asked)
        done = omi2("teachers", "report", "--run", str(tmp_path / "run"), "--format=json")
        told = json.loads(done.stdout)
        assert told["augment"] is None
        whole, last = told["solve"]["in_all"], told["solve"]["last"]
        assert (whole["answered"], whole["tokens"]) == (asked, 7 * asked)
        assert whole["finish_reasons"] == {"stop": asked}
        assert whole["gpu_hours"] == pytest.approx(whole["endpoint_seconds"] * 8 / 3600, abs=1e-3)
        assert 0 < last["latency_p50_s"] <= last["latency_p95_s"] < 5
        assert whole["latency_p50_s"] == last["latency_p50_s"]  # of all sessions, here one
        text = omi2("teachers", "report", "--run", str(tmp_path / "run")).stdout
        assert f"solve: {asked} answered, {7 * asked:,} tokens" in text
        assert "GPU-hours" in text
        for manifest in (tmp_path / "run").glob("0*/manifest.json"):
            assert "numbers" not in manifest.read_text()
    released = [p for p in (tmp_path / "omi2").rglob("*") if p.suffix in (".json", ".md")]
    assert not [p for p in released if "latency" in p.read_text()]
