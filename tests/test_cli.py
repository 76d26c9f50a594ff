"""The command line as people meet it: real processes, bad input, full disks, kill -9."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import perturbed
from made import replay_file, seed_file, tree


def omi2(
    folder: Path, *arguments: object, timeout: float = 100
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "omi2", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def refused(folder: Path, *arguments: object, code: int = 2) -> str:
    """Run a command that must fail with one clear sentence; returns the sentence."""
    done = omi2(folder, *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith(("error:", "Error:"))]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    return replay_file(tmp_path / "made.parquet")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a replay was built."""
    folder = tmp_path_factory.mktemp("built")
    done = omi2(folder, "build", "--teacher", f"replay:{replay_file(folder / 'made.parquet')}")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_replay_prints_the_funnel_and_what_to_do_next(tmp_path: Path, replay: Path) -> None:
    done = omi2(tmp_path, "build", "--teacher", f"replay:{replay}")
    assert done.returncode == 0, done.stderr
    assert "-12 wrong_arithmetic_one_step" in done.stdout
    assert "train_1M" in done.stdout
    assert "omi2-hub plan omi2" in done.stderr


def test_the_release_loads_with_datasets(built: Path, tmp_path: Path) -> None:
    code = """
import json
from datasets import load_dataset
whole = load_dataset("omi2")
few = load_dataset("omi2", "1M", split="train", streaming=True)
some = load_dataset("omi2", split="train_2M")
print(json.dumps([{k: len(v) for k, v in whole.items()}, len(list(few)), len(some),
                  list(whole["train"].features)]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", code],
        cwd=built,
        env={**os.environ, "HF_DATASETS_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, few, some, features = json.loads(done.stdout)
    assert whole == {"train": 24, "train_1M": 24, "train_2M": 24, "train_5M": 24}
    assert (few, some) == (24, 24)
    assert features[:4] == ["problem", "generated_solution", "expected_answer", "problem_source"]


def test_json_is_one_value_on_stdout(tmp_path: Path, replay: Path) -> None:
    done = omi2(tmp_path, "build", "--teacher", f"replay:{replay}", "--format", "json")
    assert json.loads(done.stdout)["rows"] == 24


def test_explain_tells_of_a_row_a_problem_and_a_drop(built: Path) -> None:
    row = pl.read_parquet(built / "omi2" / "data" / "*.parquet").row(0, named=True)
    story = json.loads(omi2(built, "explain", row["row_id"], "--format", "json").stdout)
    assert story["row_id"] == row["row_id"]
    assert story["samples"][0]["kept_as"] == row["row_id"]
    assert story["overlap"]["verdict"] == "clean"
    whole = json.loads(omi2(built, "explain", row["problem_id"][:12], "--format", "json").stdout)
    reasons = {s["dropped"]["reason"] for s in whole["samples"] if "dropped" in s}
    assert reasons == {"wrong_answer", "wrong_arithmetic_one_step"} | ({"no_answer"} & reasons)
    assert len(whole["samples"]) == 5
    assert "begins with 000000" in refused(built, "explain", "00000000")


def test_status_says_how_far_a_run_is(built: Path, tmp_path: Path) -> None:
    assert "24 rows left" in omi2(built, "status").stdout
    assert "no run directory" in refused(tmp_path, "status")


def test_overlap_finds_what_leaks_and_exits_1(tmp_path: Path, built: Path) -> None:
    bench = tmp_path / "bench.parquet"
    text = "A lighthouse keeper polishes nine brass lamps each night of the long winter. How many?"
    pl.DataFrame({"id": ["x"], "problem": [text]}).write_parquet(bench)
    done = omi2(tmp_path, "overlap-index", "mine.npz", f"lamps={bench}")
    assert "1 items" in done.stderr
    done = omi2(tmp_path, "overlap", bench, "--against", "mine.npz")
    assert done.returncode == 1
    assert "exact\t1.0\tlamps/test\tx" in done.stdout
    assert omi2(tmp_path, "overlap", built / "made.parquet").returncode == 0


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (
            'name = "x"\n[solve]\ntempertature = 1.0',
            r"[solve] has no key 'tempertature'; did you mean",
        ),
        ('name = "x"\n[solv]\ntemperature = 1.0', r"no key 'solv'; did you mean 'solve'?"),
        ('name = "x"\nparts = "four"', "parts is 'four' (str): it needs int"),
        ('name = "x"\n[grade]\nties = "coin"', "ties is 'coin': one of drop, hash"),
        ("name = ", "is not valid TOML"),
    ],
)
def test_a_wrong_recipe(recipe: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(recipe)
    message = refused(tmp_path, "build", "mine.toml")
    assert "mine.toml" in message
    assert says in message


def test_an_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    assert "Did you mean 'demo'?" in refused(tmp_path, "build", "dmeo")


def wrong_file(path: Path, what: str) -> Path:
    """A Parquet file with something wrong with it."""
    if what == "missing column":
        pl.DataFrame({"question": ["How many?"]}).write_parquet(path)
    elif what == "not Parquet":
        path.write_text("problem,generation\n1,2\n")
    elif what == "truncated":
        replay_file(path)
        path.write_bytes(path.read_bytes()[:-200])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "numbers":
        pl.DataFrame({"problem": [1], "generation": [2]}).write_parquet(path)
    elif what == "twice":
        columns = [["How many?"], ["Four."], ["Five."]]
        pq.write_table(pa.table(columns, ["problem", "generation", "generation"]), path)
    elif what == "not UTF-8":
        bad = pa.Array.from_buffers(
            pa.string(),
            1,
            [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")],
        )
        pq.write_table(pa.table({"problem": bad, "generation": ["x"]}), path)
    return path


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("missing column", "has no column problem, generation; it has question"),
        ("not Parquet", "cannot be read as Parquet"),
        ("truncated", "cannot be read as Parquet"),
        ("empty", "cannot be read as Parquet"),
        ("numbers", "column problem is int64, it must be strings"),
        ("twice", "has several columns called generation"),
        ("not UTF-8", "text that is not UTF-8"),
        ("absent", "does not exist"),
    ],
)
def test_a_wrong_file(what: str, says: str, tmp_path: Path) -> None:
    file = wrong_file(tmp_path / "f.parquet", what)
    message = refused(tmp_path, "build", "--teacher", f"replay:{file}")
    assert "f.parquet" in message
    assert says in message
    assert not (tmp_path / "omi2").exists()


def test_seeds_take_train_rows_only_unless_told(tmp_path: Path, replay: Path) -> None:
    seeds = seed_file(tmp_path / "seeds.parquet")
    teacher = ("--teacher", f"replay:{replay}", "--format", "json")
    took = json.loads(omi2(tmp_path, "build", "--seeds", seeds, *teacher).stdout)
    assert took["funnel"][0]["left"] == {"seeds": 5}
    took = json.loads(
        omi2(tmp_path, "build", "--seeds", seeds, "--seeds-split", "test", *teacher).stdout
    )
    assert took["funnel"][0]["left"] == {"seeds": 1}
    message = refused(tmp_path, "build", "--seeds", seeds, "--seeds-split", "dev", *teacher)
    assert "no rows of the split 'dev'; it has test, train" in message


def test_hostile_rows_are_dropped_with_reasons_and_hurt_nobody(tmp_path: Path) -> None:
    file = tmp_path / "hostile.parquet"
    good = "How many bolts hold the gate on the north quay?"
    box = "\\boxed{4}"
    rows = [
        ("", "x"),
        ("   ", "x"),
        (good, "a" * 10_000_000 + box),
        (good, "\x00\x00 nul " + "text " * 60 + box),
        (good, "{" * 100_000 + box),
        (good, "\u202e\u200f right to left " + "text " * 60 + box),
        (good, ""),
        (good, "\x1c \n"),
        (good, f"{'text ' * 60}\\boxed{{__import__('os').system('touch hacked')}}"),
        ("x" * 30_000, "too long a problem " + box),
    ]
    pl.DataFrame(rows, schema=["problem", "generation"], orient="row").write_parquet(file)
    done = omi2(tmp_path, "build", "--teacher", f"replay:{file}", "--format", "json")
    assert done.returncode == 0, done.stderr
    steps = {s["stage"]: s for s in json.loads(done.stdout)["funnel"]}
    assert steps["seed"]["dropped"] == {"empty": 2, "too_long": 1}
    assert steps["solve"]["dropped"] == {"empty": 2, "problem_dropped": 3}
    assert not (tmp_path / "hacked").exists()


def test_an_unreachable_endpoint_exits_3_and_says_what_to_do(tmp_path: Path) -> None:
    teacher = ("--teacher", "tgi:http://127.0.0.1:9")
    message = refused(tmp_path, "build", "demo", *teacher, code=3)
    assert "tgi:http://127.0.0.1:9" in message
    assert "Is the server up" in message


def test_a_model_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    assert "is not a GGUF model" in refused(tmp_path, "build", "demo", "--model", "bad.gguf")
    assert "no model 'none.gguf'" in refused(tmp_path, "build", "demo", "--model", "none.gguf")


def test_a_model_with_a_wrong_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMI2_CACHE", str(tmp_path))
    (tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF tampered")
    message = refused(tmp_path, "build", "dry-run", code=1)
    assert "sha256 is not b179c952" in message


def test_a_full_disk_is_one_sentence_and_earlier_work_is_kept(tmp_path: Path, replay: Path) -> None:
    def small_files() -> None:  # the nearest to a full disk that needs no root: EFBIG at 3 KB
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    command = [sys.executable, "-m", "omi2", "build", "--teacher", f"replay:{replay}"]
    done = subprocess.run(
        command, cwd=tmp_path, preexec_fn=small_files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nothing is half-written" in done.stderr
    assert " at omi2-run/" in done.stderr  # which disk it is
    assert not (tmp_path / "omi2").exists()
    assert omi2(tmp_path, "build", "--teacher", f"replay:{replay}").returncode == 0


def killed(
    folder: Path, wanted: dict[str, bytes], replay: Path, kills: int, seconds: float
) -> Iterator[str]:
    """Build with SIGKILL at random moments, each build going on from what the one before left;
    tells when and where. What was built is compared whenever a build comes to its end."""
    chance, length = random.Random(kills), seconds * 2 / 3  # what is gone on with is shorter
    command = [sys.executable, "-m", "omi2", "build", "--teacher", f"replay:{replay}"]
    builds = 0
    while True:
        moment = chance.uniform(0, length) if kills else None
        at = folder / str(builds)
        at.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            command, cwd=at, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            _, said = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills -= 1
            yield f"after {moment:.2f} s, in {stage_of(at / 'omi2-run')}"
            continue
        assert process.returncode == 0, said
        assert tree(at / "omi2") == wanted
        shutil.rmtree(at)
        builds += 1
        yield f"build {builds} is whole, with the same bytes"
        if not kills:
            return


def stage_of(run: Path) -> str:
    """The stage that a run directory is in the middle of."""
    stages = sorted(run.glob("0*"))
    open_ = [stage.name for stage in stages if not (stage / "manifest.json").exists()]
    return (open_ or [f"what comes after {stages[-1].name}" if stages else "the start"])[0]


def test_kill_9_and_resume_gives_the_same_bytes(tmp_path: Path, built: Path, replay: Path) -> None:
    wanted = tree(built / "omi2")
    told = list(killed(tmp_path / "killed", wanted, replay, kills=3, seconds=4.0))
    assert len(told) > 3


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(3600)
def test_kill_9_at_thirty_random_moments_of_200_000_rows(tmp_path: Path, shared_data: Path) -> None:
    """Prints each moment and its stage (`pytest -m slow -s`)."""
    file, whole = tmp_path / "made.parquet", tmp_path / "whole"
    perturbed.write(perturbed.base(shared_data / "generations"), file, 200_000)
    whole.mkdir()
    began = time.monotonic()
    done = omi2(whole, "build", "--teacher", f"replay:{file}", timeout=1200)
    assert done.returncode == 0, done.stderr
    seconds, wanted = time.monotonic() - began, tree(whole / "omi2")
    print(f"undisturbed in {seconds:.1f} s")
    for line in killed(tmp_path / "killed", wanted, file, kills=30, seconds=seconds):
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)


def test_ctrl_c_says_that_nothing_is_lost(tmp_path: Path) -> None:
    file = replay_file(tmp_path / "big.parquet", problems=1500)
    process = subprocess.Popen(
        [sys.executable, "-m", "omi2", "build", "--teacher", f"replay:{file}"],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    while not (tmp_path / "omi2-run" / "01_seed").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Nothing is lost" in said
    assert "Traceback" not in said
