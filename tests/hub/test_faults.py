"""The fault sweep: a push that fails at every request, one after another, then the same again.

For each request of a push of v0.2.0 on top of v0.1.0, and each kind of fault:
- the command ends with a sentence and exit code 0, 1 or 3 (or was killed);
- right after it, main and every tag load, by `datasets`, with all their rows;
- the same command again, without faults, ends with 0;
- the end is the same as without any fault: one commit more, v0.2.0 on it, the same tree;
- no large file arrived whole twice (but for the one whose upload was not answered, `drop-after`:
  the client library sends that one again).

Kinds: `500` and `drop` and `drop-after` strike once; `403` once, and is no reason to ask again;
`down` fails everything from that request on; `kill` is kill -9 of the pushing process.
The order of requests that run side by side differs from push to push, so the fault strikes the
n-th that arrives. The ordinary run takes every twentieth request of each kind, each kind from
another start; -m slow takes them all and prints the counts.
"""

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import releases
from .conftest import Commands, Said
from .local_hub import WRITE, Hub

Run = Callable[..., Said]
Python = Callable[[str], Said]
KINDS = ("500", "drop", "drop-after", "403", "down", "kill")
STEP = 20

LOADS = """
import json
from datasets import load_dataset
from huggingface_hub import HfApi
refs = HfApi().list_repo_refs({repo!r}, repo_type="dataset")
found = {{}}
for name in ["main", *(tag.name for tag in refs.tags)]:
    rows = load_dataset({repo!r}, split="train", revision=name, streaming=True)
    found[name] = sum(1 for _ in rows)
print(json.dumps(found))
"""


class Sweep:
    """A push of v0.2.0 that can be tried again and again on datasets of their own."""

    def __init__(self, hub: Hub, run: Run, python: Python, folder: Path) -> None:
        self.hub, self.run, self.python = hub, run, python
        self.old = releases.write(folder / "old", releases.rows_of(60))
        made = releases.rows_of(60)[3:] + releases.rows_of(6, seed=folder.name)
        self.new = releases.write(folder / "new", made)
        self.base = f"acme/base-{folder.name}"
        assert run("push", self.old, "--repo", self.base, "--version", "v0.1.0", "-y").code == 0
        self.repo = self.fresh("whole")
        before = len(hub.log)
        assert self.push().code == 0
        self.requests = [path for _, path in hub.log[before:]]
        self.tree = hub.store.repo("dataset", self.repo).find("v0.2.0").tree
        files = releases.manifest_of(self.new)["files"]
        self.large = {f["sha256"] for path, f in files.items() if "rows" in f}

    def fresh(self, name: str) -> str:
        """A dataset that holds v0.1.0, and a Hub that never saw the files of v0.2.0."""
        self.repo = f"{self.base}-{name}"
        found = copy.deepcopy(self.hub.store.repo("dataset", self.base))
        self.hub.store.repos["dataset", self.repo] = replace(found, name=self.repo)
        for oid in getattr(self, "large", ()):
            self.hub.store.large(oid).unlink(missing_ok=True)
        self.hub.store.stored.clear()
        return self.repo

    def push(self) -> Said:
        return self.run("push", self.new, "--repo", self.repo, "--version", "v0.2.0", "-y")

    def loads(self) -> dict[str, int]:
        said = self.python(LOADS.format(repo=self.repo))
        assert said.code == 0, said.err
        found: dict[str, int] = json.loads(said.out)
        return found


@pytest.fixture(scope="module")
def sweep(hub: Hub, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("sweep")

    def run(*args: object) -> Said:
        return commands.ask(args=[str(arg) for arg in args], token=WRITE, cwd=str(folder))

    def python(lines: str) -> Said:
        return commands.ask(python=lines, token=WRITE, cwd=str(folder))

    return Sweep(hub, run, python, folder)


def fault(kind: str, at: int, hub: Hub, commands: Commands) -> Callable[..., str | None]:
    """The fault that strikes at the push's request number `at`."""
    start = len(hub.log)

    def strike(number: int, method: str, path: str) -> str | None:
        here = number - start
        if kind == "down":
            return "503" if here >= at else None
        if here != at:
            return None
        if kind == "kill":
            commands.kill()
            return "drop"
        return kind

    return strike


def case(sweep: Sweep, commands: Commands, kind: str, at: int) -> int:
    """One fault, then the same command again; returns the exit code under the fault."""
    hub, there = sweep.hub, sweep.fresh(f"{kind}-{at}")
    start = len(hub.log)
    hub.fault = fault(kind, at, hub, commands)
    said = sweep.push()
    struck = [path for _, path in hub.log[start + at : start + at + 1]]
    hub.fault = lambda number, method, path: None
    assert said.code in (0, 1, 3, -9), said
    assert said.code in (0, -9) or said.err.splitlines()[-1].startswith("error: "), said
    assert "Traceback" not in said.err, said.err
    good = {"v0.1.0": 60, "v0.2.0": 63}
    found = sweep.loads()
    assert found.pop("main") in good.values()
    assert found == {name: good[name] for name in found}
    assert said.code != 0 or "v0.2.0" in found
    again = sweep.push()
    assert again.code == 0, (kind, at, sweep.requests[at], said, again)
    repo = hub.store.repo("dataset", there)
    assert repo.find("v0.2.0").tree == sweep.tree
    assert repo.tags["v0.2.0"] == repo.branches["main"]
    assert len(repo.history("main")) == 3, (kind, at, sweep.requests[at], repo.history("main"))
    arrived = [oid for oid, _ in hub.store.stored]
    lost = kind == "drop-after" and "/lfs/" in struck[0]
    assert len(arrived) <= len(set(arrived)) + lost, f"stored twice: {arrived}"
    assert sweep.loads() == {"main": 63, **good}
    return said.code


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_twentieth_request(sweep: Sweep, commands: Commands, kind: str) -> None:
    codes = Counter(
        case(sweep, commands, kind, at)
        for at in range(KINDS.index(kind), len(sweep.requests), STEP)
    )
    assert sum(codes.values()) >= 2


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_request(
    sweep: Sweep, commands: Commands, kind: str, capsys: pytest.CaptureFixture[Any]
) -> None:
    codes = Counter(case(sweep, commands, kind, at) for at in range(len(sweep.requests)))
    with capsys.disabled():
        print(f"\n{kind}: {len(sweep.requests)} requests, exit codes {dict(sorted(codes.items()))}")
    assert sum(codes.values()) == len(sweep.requests)


def test_a_server_that_is_down_from_the_start(sweep: Sweep, commands: Commands) -> None:
    sweep.fresh("down-first")
    sweep.hub.fault = lambda number, method, path: "503"
    said = sweep.push()
    sweep.hub.fault = lambda number, method, path: None
    assert said.code == 3
    assert "run the same command again" in said.err
