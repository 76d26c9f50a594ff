"""Where parts are worked on: local processes, Ray, lost workers, two machines on one run."""

import contextlib
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ROOT
from made import replay_file, tree
from omi2 import choose, engine_ray, engines, lock
from omi2.engines import over_parts
from omi2.errors import Omi2Error, RemoteError, UsageError
from omi2.lock import holder, locked
from omi2.pipeline import build
from omi2.recipe import Recipe, load
from omi2.run import Report, Run, open_run


def recipe_of(file: Path, **changed: object) -> Recipe:
    chosen = choose.recipe_of(None, None, "train", (f"replay:{file}",), None, None)
    chosen = replace(
        chosen,
        split=replace(chosen.split, tiers=(10, 40)),
        decontaminate=replace(chosen.decontaminate, enabled=False),
    )
    return replace(chosen, **{"parts": 4, **changed})  # type: ignore[arg-type]


def shards(folder: Path, recipe: Recipe) -> dict[str, str]:
    """The sha256 of every file of data that a build in this folder writes."""
    folder.mkdir()
    build(recipe, open_run(folder / "run", recipe.parts), folder / "omi2")
    data = tree(folder / "omi2" / "data")
    return {name: hashlib.sha256(content).hexdigest() for name, content in data.items()}


def test_any_number_of_processes_gives_the_same_shards(tmp_path: Path) -> None:
    file = replay_file(tmp_path / "made.parquet", problems=40)
    found = [shards(tmp_path / str(n), recipe_of(file, workers=n)) for n in (1, 2, 4)]
    engines.close()
    assert len(found[0]) == 3
    assert found[0] == found[1] == found[2]


def lives(run: Run, part: int) -> int:
    """How often a part was begun, this time included."""
    with open(run.path / f"lives-{part}", "a+", encoding="ascii") as file:
        file.write("x")
        return file.tell()


def report(part: int) -> Report:
    return Report("rows", {"a": part}, {"a": part})


def killed_once(recipe: Recipe, run: Run, part: int) -> Report:
    """Parts 1 and 2 lose their worker the first time."""
    if lives(run, part) == 1 and part in (1, 2):
        os.kill(os.getpid(), signal.SIGKILL)
    return report(part)


def killed_always(recipe: Recipe, run: Run, part: int) -> Report:
    """Part 3 loses every worker."""
    if lives(run, part) and part == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return report(part)


def refusing(recipe: Recipe, run: Run, part: int) -> Report:
    raise Omi2Error(f"part {part} is not to our taste")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return open_run(tmp_path / "run", 5)


@pytest.fixture
def two() -> Recipe:
    return replace(load("replay"), parts=5, workers=2)


def test_the_parts_of_a_killed_worker_are_run_again(run: Run, two: Recipe) -> None:
    assert over_parts(killed_once, two, run, "grade").left == {"a": 10}
    engines.close()


def test_a_part_that_kills_its_worker_is_named_and_the_others_are_kept(
    run: Run, two: Recipe
) -> None:
    with pytest.raises(Omi2Error, match=r"grade: part 3 lost its worker 3 times \(killed\)"):
        over_parts(killed_always, two, run, "grade")
    assert len(list((run.stage("grade") / "counts").iterdir())) >= 3


def test_without_the_extra_one_sentence_names_it(
    run: Run, two: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"'ray:auto' needs the package ray: pip install 'omi2\["):
        over_parts(killed_once, replace(two, engine="ray:auto"), run, "grade")


def test_an_engine_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--engine is 'spark': local, ray, ray:HOST:PORT or"):
        choose.on_engine(load("replay"), "spark")


@pytest.mark.parametrize(
    ("address", "says"),
    [("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9"), ("head", "ray:HOST:PORT")],
)
def test_no_cluster_is_one_sentence_at_once(address: str, says: str) -> None:
    with pytest.raises((RemoteError, UsageError), match=says):
        engine_ray._look_for(address)


def test_a_machine_with_another_version_or_without_the_run_is_refused(
    run: Run, two: Recipe
) -> None:
    here = engine_ray.made_by()
    there = engine_ray._there
    assert there((killed_once, two, run, "", here), 0) == report(0)
    with pytest.raises(Omi2Error, match=r"polars is .*, not 0.1: its parts would not be the same"):
        there((killed_once, two, run, "", {**here, "polars": "0.1"}), 0)
    away = replace(run, path=run.path / "nowhere")
    for other, words in ((away, ""), (run, "the lock of another build")):
        with pytest.raises(Omi2Error, match="does not see the run directory"):
            there((killed_once, two, other, words, here), 0)


def on_ray(folder: Path) -> None:
    """What the test below runs in a process of its own, so that Ray is started once."""
    run, recipe = open_run(folder / "run", 5), replace(load("replay"), parts=5, workers=2)
    recipe = replace(recipe, engine="ray")
    told: dict[str, object] = {"lost": over_parts(killed_once, recipe, run, "grade").left}
    for name, function in (("fatal", killed_always), ("refused", refusing)):
        try:
            over_parts(function, recipe, run, "filter" if name == "fatal" else "split")
        except Omi2Error as error:
            told[name] = str(error)
    made = recipe_of(folder / "made.parquet", workers=2, engine="ray")
    told["shards"] = shards(folder / "ray", made)
    import ray

    told["session"] = ray._private.worker._global_node.get_session_dir_path()
    print(json.dumps(told))


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray")
def test_ray_gives_the_same_shards_and_outlives_its_workers(tmp_path: Path) -> None:
    made = recipe_of(replay_file(tmp_path / "made.parquet", problems=40), workers=1)
    code = "import sys, pathlib, test_engines as t; t.on_ray(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT / "tests",
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["lost"] == {"a": 10}
    assert "filter: part 3 lost its worker 3 times (WorkerCrashedError)" in told["fatal"]
    assert (tmp_path / "run" / "lives-3").stat().st_size == 3 + 1
    assert "is not to our taste" in told["refused"]
    assert told["shards"] == shards(tmp_path / "local", made)
    assert not Path(told["session"]).exists()
    assert not running(told["session"])


def running(session: str) -> list[str]:
    """The processes of this Ray session that still run."""
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            commands.append(file.read_text(errors="replace"))
    return [command for command in commands if session in command]


def words(**changed: str) -> str:
    return json.dumps({"host": "elsewhere", "boot": "b", "pid": 7, "once": "o", **changed})


def test_a_run_taken_by_another_machine_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    file.write_text(words())
    with (
        pytest.raises(
            Omi2Error, match=r"process 7 of elsewhere\) that has not given it back.*\.lock"
        ),
        locked(tmp_path),
    ):
        pass
    assert file.read_text() == words()
    told = holder(tmp_path)
    assert told is not None
    assert told["host"] == "elsewhere"


@pytest.mark.parametrize("same", ["host", "boot"])
def test_a_run_that_this_machine_was_killed_in_goes_on(same: str, tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    file.write_text(words(**{same: lock._myself()[same]}))
    assert holder(tmp_path) is None
    with locked(tmp_path):
        told = holder(tmp_path)
        assert told is not None
        assert told["pid"] == os.getpid()
    assert file.read_text() == ""
    assert holder(tmp_path) is None


def test_a_lock_that_cannot_be_read_is_not_taken_for_free(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text('{"host": "el')
    with pytest.raises(Omi2Error, match="unknown host"), locked(tmp_path):
        pass
