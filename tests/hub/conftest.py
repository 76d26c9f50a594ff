"""Fixtures: a local Hub, commands against it, and release directories.

`hub` is one server for a test session; each test has a dataset name of its own in it, `repo`.
`run` runs `omi2-hub ...` in a working directory of the test and returns what it said.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from . import releases
from .local_hub import WRITE, Hub

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """A process that runs commands; started again when it was killed."""

    def __init__(self, hub: Hub, home: Path) -> None:
        self.env = environment(hub, home)
        self.process: subprocess.Popen[str] | None = None

    def ask(self, **asked: Any) -> Said:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "commands.py")],
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.close()
            return Said(-9, "", "killed")
        return Said(**json.loads(line))

    def kill(self) -> None:
        """kill -9, as the local Hub does it in the middle of a request."""
        if self.process is not None:
            self.process.kill()

    def close(self) -> None:
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process.kill()
            self.process.wait()
            self.process = None


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """Nothing of the user's login, caches or settings."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_", "HUGGING"))}
    return {
        **env,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "builder"), str(ROOT)]),
        "CI": "1",
    }


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with Hub(tmp_path_factory.mktemp("hub") / "store") as made:
        yield made


@pytest.fixture(scope="session")
def commands(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    made = Commands(hub, tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture
def repo(hub: Hub, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name no other test uses; the Hub is as it was when the test ends."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name).strip("-")
    while "--" in name:
        name = name.replace("--", "-")
    yield f"acme/{name[:80].strip('-')}"
    hub.fault = lambda number, method, path: None
    hub.cas = None


@pytest.fixture
def run(commands: Commands, hub: Hub, tmp_path: Path) -> Callable[..., Said]:
    """Run `omi2-hub ARGS`, with a token that may write unless told otherwise.

    `xet` is whether the client may use Xet: by default, whether the Hub has it.
    """

    def go(
        *args: object,
        token: str | None = WRITE,
        cwd: Path = tmp_path,
        xet: bool | None = None,
    ) -> Said:
        asked = [str(arg) for arg in args]
        able = hub.cas is not None if xet is None else xet
        return commands.ask(args=asked, token=token, cwd=str(cwd), xet=able)

    return go


@pytest.fixture
def python(commands: Commands, tmp_path: Path) -> Callable[[str], Said]:
    """Run lines of Python where HF_ENDPOINT is the local Hub."""

    def go(lines: str) -> Said:
        return commands.ask(python=lines, token=WRITE, cwd=str(tmp_path))

    return go


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A small release: 60 rows in two tiers."""
    return releases.write(tmp_path / "omi2", releases.rows_of(60))


Pushed = tuple[Path, str, list[list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def pushed(hub: Hub, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    """v0.1.0 and v0.2.0: three rows fewer, six more, and one answer changed."""
    folder, base = tmp_path_factory.mktemp("pushed"), "acme/two-versions"
    old = releases.rows_of(60)
    new = old[3:] + releases.rows_of(6, seed="b")
    new[5] = {**new[5], "expected_answer": "999"}
    new[6] = {**new[6], "votes": 4}
    for made, version in ((old, "v0.1.0"), (new, "v0.2.0")):
        root = releases.write(folder / version, made)
        args = ["push", str(root), "--repo", base, "--version", version, "-y"]
        said = commands.ask(args=args, token=WRITE, cwd=str(folder))
        assert said.code == 0, said
    return folder, base, [old, new]


@pytest.fixture
def two(hub: Hub, repo: str, pushed: Pushed, tmp_path: Path) -> list[list[dict[str, Any]]]:
    """The two versions under the test's own name, and their folders. Returns their rows."""
    folder, base, made = pushed
    found = copy.deepcopy(hub.store.repo("dataset", base))
    hub.store.repos["dataset", repo] = replace(found, name=repo)
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return made
