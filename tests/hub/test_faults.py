"""The fault sweep: a push that fails at every request, one after another, then the same again.

Pushes of four ways: `second`, v0.2.0 on top of v0.1.0; `first`, of a dataset that is not there;
`discard`, over a card that a person edited; `xet`, where the Hub has Xet. For each request of them,
and each kind of fault:
- the command ends with a sentence, and an exit code that this kind of fault can have (CODES);
- right after it, main and every tag load, by `datasets`, with all their rows;
- the same command again, without faults, ends with 0;
- the end is the same as without any fault: one commit more, the version on it, and the same trees,
  file by file, which were loaded once, at the beginning;
- no large file arrived whole twice (but for the one whose upload was not answered, `drop-after`:
  the client library sends that one again).

Kinds: `500` and `drop` and `drop-after` strike once; `403` once, and is no reason to ask again;
`down` fails everything from that request on; `kill` is kill -9 of the pushing process.
The order of requests that run side by side differs from push to push, so the fault strikes the
n-th that arrives. The ordinary run takes a few requests of each way and kind; -m slow takes them
all and prints the counts.
"""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import releases
from .conftest import Commands, Said
from .helpers import NOTHING, edit, main_of
from .local_hub import WRITE, Hub

CODES = {"500": {0}, "drop": {0}, "drop-after": {0}, "403": {0, 1}, "down": {0, 3}, "kill": {-9}}
"""What a push ends with: one fault that may pass is asked again, a 403 never is, a Hub that stays
down is a failure to come back from (0: it was the last request, and what it asked is optional)."""
WAYS = ("second", "first", "discard", "xet")
STEP = 25

LOADS = """
import json
from datasets import load_dataset
from huggingface_hub import HfApi
hub, repo = HfApi(), {repo!r}
found = {{}}
if hub.repo_exists(repo, repo_type="dataset"):
    refs = hub.list_repo_refs(repo, repo_type="dataset")
    for name in ["main", *(tag.name for tag in refs.tags)]:
        if hub.list_repo_files(repo, repo_type="dataset", revision=name) != [".gitattributes"]:
            rows = load_dataset(repo, split="train", revision=name, streaming=True)
            found[name] = sum(1 for _ in rows)
print(json.dumps(found))
"""


class Sweep:
    """A push that can be tried again and again on datasets of their own."""

    def __init__(self, hub: Hub, commands: Commands, folder: Path, way: str) -> None:
        self.hub, self.commands, self.folder, self.way = hub, commands, folder, way
        made = releases.rows_of(60)[3:] + releases.rows_of(6, seed=way)
        self.new = releases.write(folder / "new", made)
        self.version = "v0.1.0" if way == "first" else "v0.2.0"
        self.before = {} if way == "first" else {"v0.1.0": 60}
        self.base = f"acme/base-{way}"
        if self.before:
            old = releases.write(folder / "old", releases.rows_of(60))
            assert self.run("push", old, "--repo", self.base, "--version", "v0.1.0", "-y").code == 0
        if way == "discard":
            edit(hub, self.base, "README.md", main_of(hub, self.base).encode() + b"By a person.")
        files = releases.manifest_of(self.new)["files"]
        self.large = {f["sha256"] for path, f in files.items() if "rows" in f}
        self.repo = self.fresh("whole")
        start = len(hub.log)
        said = self.push()
        assert said.code == 0, said
        self.requests = [path for _, path in hub.log[start:]]
        there = hub.store.repo("dataset", self.repo)
        self.trees, self.commits = self.every_tree(), len(there.history("main"))
        assert self.loads() == {"main": 63, **self.before, self.version: 63}
        assert self.commits == {"second": 3, "first": 2, "discard": 4, "xet": 3}[way]

    def run(self, *args: object) -> Said:
        asked = [str(arg) for arg in args]
        xet = self.hub.cas is not None
        return self.commands.ask(args=asked, token=WRITE, cwd=str(self.folder), xet=xet)

    def fresh(self, name: str) -> str:
        """A dataset as it was before the push, and a Hub that never saw the files of it."""
        self.repo = f"{self.base}-{name}"
        if self.before:
            found = copy.deepcopy(self.hub.store.repo("dataset", self.base))
            self.hub.store.repos["dataset", self.repo] = replace(found, name=self.repo)
        for oid in self.large:
            self.hub.store.large(oid).unlink(missing_ok=True)
        if self.way == "xet":
            self.hub.cas = self.folder / f"cas-{name}"
            self.hub.cas.mkdir()
        self.hub.store.stored.clear()
        return self.repo

    def push(self) -> Said:
        more = ["--discard-edits"] if self.way == "discard" else []
        args = ("push", self.new, "--repo", self.repo, "--version", self.version, "-y", *more)
        return self.run(*args)

    def every_tree(self) -> dict[str, Any]:
        """The files of main and of every tag."""
        there = self.hub.store.repo("dataset", self.repo)
        return {name: there.find(name).tree for name in ("main", *there.tags)}

    def loads(self) -> dict[str, int]:
        lines = LOADS.format(repo=self.repo)
        said = self.commands.ask(python=lines, token=WRITE, cwd=str(self.folder))
        assert said.code == 0, said.err
        found: dict[str, int] = json.loads(said.out)
        return found


@pytest.fixture(scope="module", params=WAYS)
def sweep(
    request: Any, hub: Hub, commands: Commands, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sweep]:
    yield Sweep(hub, commands, tmp_path_factory.mktemp("sweep"), request.param)
    hub.cas, hub.fault = None, NOTHING


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
    hub.fault = NOTHING
    wanted = CODES[kind] if struck else {0}  # a push asks one time more or less than another
    assert said.code in wanted, (kind, at, struck, said)
    assert said.code in (0, -9) or said.err.splitlines()[-1].startswith("error: "), said
    assert "should not happen" not in said.err, said.err
    good = {**sweep.before, sweep.version: 63}
    found = sweep.loads()
    main = found.pop("main", None)
    assert main in good.values() or (main is None and not sweep.before)
    assert found == {name: good[name] for name in found}
    assert said.code != 0 or sweep.version in found
    again = sweep.push()
    assert again.code == 0, (kind, at, sweep.requests[at], said, again)
    repo = hub.store.repo("dataset", there)
    assert sweep.every_tree() == sweep.trees
    assert repo.tags[sweep.version] == repo.branches["main"]
    assert len(repo.history("main")) == sweep.commits, (kind, at, struck, repo.history("main"))
    arrived = [oid for oid, _ in hub.store.stored]
    lost = kind == "drop-after" and any("/lfs/" in path for path in struck)
    assert len(arrived) <= len(set(arrived)) + lost, f"stored twice: {arrived}"
    return said.code


def slice_of(sweep: Sweep, kind: str) -> list[int]:
    """The requests that the ordinary run strikes: each kind from another start, over the whole.

    The ways besides `second` differ from it in their first requests and in their uploads, so they
    are struck where they create, upload, commit and tag, each by two kinds.
    """
    which = list(CODES).index(kind)
    if sweep.way == "second":
        return list(range(which, len(sweep.requests), STEP))
    points = {
        "first": ("/repos/create", "/commit/main"),
        "discard": ("/commit/main",),
        "xet": ("-write-token/",),
    }[sweep.way]
    kinds = {"/repos/create": ("drop-after", "403", "kill"), "/commit/main": ("drop-after", "kill")}
    return [
        next(at for at, path in enumerate(sweep.requests) if point in path)
        for point in points
        if kind in kinds.get(point, ("down",))
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", CODES)
def test_a_fault_at_a_few_requests(sweep: Sweep, commands: Commands, kind: str) -> None:
    codes = Counter(case(sweep, commands, kind, at) for at in slice_of(sweep, kind))
    if sweep.way == "second":
        assert codes[1] >= (kind == "403")
        assert codes[3] >= 2 * (kind == "down")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", CODES)
def test_a_fault_at_every_request(
    sweep: Sweep, commands: Commands, kind: str, capsys: pytest.CaptureFixture[Any]
) -> None:
    count = len(sweep.requests)
    codes = Counter(case(sweep, commands, kind, at) for at in range(count))
    with capsys.disabled():
        told = dict(sorted(codes.items()))
        print(f"\n{sweep.way}, {kind}: {count} requests, exit codes {told}")
    assert codes[1] >= (kind == "403")
    assert codes[3] >= count // 2 * (kind == "down")


def test_a_server_that_is_down_from_the_start(sweep: Sweep) -> None:
    sweep.fresh("down-first")
    sweep.hub.fault = lambda number, method, path: "503"
    said = sweep.push()
    sweep.hub.fault = NOTHING
    assert said.code == 3
    assert "run the same command again" in said.err
