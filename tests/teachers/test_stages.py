"""The stages that ask: memory that does not grow with what was said, sealing, dead letters, texts
that no problem may hold."""

import asyncio
import json
import tracemalloc
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from made import tree
from omi2 import spool, texts
from omi2.errors import RemoteError, UsageError
from omi2.fingerprint import preflight
from omi2.recipe import Recipe, Source, load
from omi2.rows import PROBLEMS, problem_id
from omi2.run import open_run
from omi2.settings import same
from omi2.stages import augment, solve
from omi2.teachers import crew, ledger, sealed
from omi2.teachers.protocol import Request, Said, Served
from servers import serve, without_waiting
from small import made, omi2, recipe_for


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


class AtOnce:
    """A wire that answers at once, without sockets: a long text for every seed."""

    def __init__(self, *_: object) -> None:
        """Nothing to keep."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Nothing to open."""

    async def identify(self) -> Served:
        return Served("m", requests=256)

    async def waiting(self) -> None:
        """It tells no queue."""

    async def complete(self, served: Served, request: Request, choices: int = 1) -> list[Said]:
        await asyncio.sleep(0)
        text = (
            f"How many {request.seed} stones lie there{'e' * 3000}?"  # long, and few words to read
        )
        return [Said(text, "stop", 700)]


def asking(folder: Path, parts: int, seeds: int = 20) -> tuple[Recipe, Any]:
    """A recipe and a run with its seeds, to be asked at once."""
    recipe = load("dry-run")
    teacher = replace(recipe.teacher, endpoints=("tgi:http://x",), model="m", concurrency=256)
    rules = replace(recipe.augment, max_chars=10_000, max_problem_tokens=10_000)
    recipe = replace(recipe, parts=parts, workers=1, teacher=teacher, augment=rules)
    run = open_run(folder / "run", parts)
    found = [f"How many birds sit on roof number {n} of the row?" for n in range(seeds)]
    rows = [{"problem_id": problem_id(text), "problem": text, "problem_source": "made",
             "seed_id": problem_id(text)} for text in found]  # fmt: skip
    for stage in ("seed", "augment", "decontaminate"):
        run.begin(stage, "x")
        run.scatter(stage, PROBLEMS, rows if stage == "seed" else [], [])
    return recipe, run


def peak_of(work: Any) -> float:
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", ["augment", "solve"])
def test_the_memory_of_a_stage_does_not_grow_with_what_was_said(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "Wire", AtOnce)
    monkeypatch.setattr(ledger, "RECENT", 1_000)
    monkeypatch.setattr(spool, "BUFFER", 2**18)
    monkeypatch.setattr("omi2.files.BATCH", 100)
    monkeypatch.setattr(sealed, "GROUP", 100)
    peaks = {}
    for each in (15, 100):
        # What augment writes is sorted a part at a time; solve has all of it in one part here.
        recipe, run = asking(tmp_path / str(each), {"augment": 16, "solve": 1}[stage])
        recipe = replace(
            recipe,
            augment=replace(recipe.augment, problems=same(each), limit=0),
            solve=replace(recipe.solve, samples=same(each)),
        )
        report = {}
        work = {"augment": augment.run, "solve": solve.run}[stage]
        run.begin(stage, "y")

        def count(work: Any = work, recipe: Recipe = recipe, run: Any = run) -> None:
            report.update(vars(work(recipe, run)))  # noqa: B023

        peaks[each] = peak_of(count)
        assert sum(report["came"].values()) == 20 * each
        kept = pl.concat([run.read(stage, part) for part in range(run.parts)])
    assert len(kept) + sum(report["dropped"].values()) == 2_000
    assert kept.estimated_size() > 5 * 2**20  # what would be held, and more as Python objects
    assert peaks[100] < peaks[15] + 3, peaks


def said(prompt: str, times: int) -> str:
    number = sum(map(ord, prompt)) % 97 + times
    if prompt.rstrip().endswith("New problem:"):
        return f"A crane lifts {number} beams, then {number} more. How many beams in all?"
    return f"{number} + 5 = {number + 5}. The answer is \\boxed{{{number + 5}}}."


def test_new_problems_that_failed_are_asked_for_again(tmp_path: Path) -> None:
    broken = True

    def behave(prompt: str, times: int) -> Any:
        if broken and prompt.rstrip().endswith("New problem:") and sum(map(ord, prompt)) % 2:
            return (500, {"error": "CUDA error"})
        return said(prompt, 1)

    with serve("openai", behave) as server:
        recipe = recipe_for(server.url)
        steps = {s["stage"]: s for s in made(recipe, tmp_path)["funnel"]}
        failed = steps["augment"]["dropped"]["failed"]
        assert failed > 0
        broken = False
        done = omi2("solve", "--retry-failed", "--run", str(tmp_path / "run"))
        assert f"{failed} samples had no answer; 0 have none now" in done.stderr, done.exception
        after = made(recipe, tmp_path)
        made(recipe, tmp_path / "undisturbed")
    steps = {s["stage"]: s for s in after["funnel"]}
    assert "failed" not in steps["augment"]["dropped"]
    assert tree(tmp_path / "omi2") == tree(tmp_path / "undisturbed" / "omi2")


def test_a_stage_that_was_begun_is_called_so_before_its_first_part_is_whole(tmp_path: Path) -> None:
    with serve("openai", lambda _, times: "It is 4." if times < 3 else (404, "gone")) as server:
        with pytest.raises(RemoteError):
            made(recipe_for(server.url, problems=0, samples=4), tmp_path)
        told = omi2("status", "--run", str(tmp_path / "run")).stdout
    assert "solve          0 of 2 parts" in told
    assert "grade          not begun" in told


def test_ledgers_are_sealed_and_a_stage_made_again_asks_nobody(tmp_path: Path) -> None:
    with serve("openai", lambda prompt, _: said(prompt, 1)) as server:
        recipe = recipe_for(server.url)
        made(recipe, tmp_path)
        kinds = Counter(p.suffix for p in (tmp_path / "run" / "ledger").glob("*/*"))
        assert kinds[".parquet"] >= 3
        assert kinds[".jsonl"] == 0
        assert not (tmp_path / "run" / ".augment").exists()
        before, asked = tree(tmp_path / "omi2"), len(server.asked)
        for manifest in (tmp_path / "run").glob("0*/manifest.json"):
            manifest.unlink()
            manifest.with_name("started.json").unlink()
        made(recipe, tmp_path)
        assert len(server.asked) == asked
        assert tree(tmp_path / "omi2") == before
        more = replace(recipe, solve=replace(recipe.solve, samples=same(3)))  # two before
        made(more, tmp_path)
        problems = len(pl.read_parquet(tmp_path / "run" / "04_solve" / "part*")) // 3
        assert len(server.asked) == asked + problems


def test_a_key_that_is_said_back_stands_in_no_file_of_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk-verysecret-0123456789"  # noqa: S105
    monkeypatch.setenv("OUR_KEY", secret)

    def behave(prompt: str, times: int) -> Any:
        told = said(prompt, times)
        match sum(map(ord, prompt)) % 4:
            case 0 if times == 1:
                return (500, {"error": f"Bearer {secret}"})
            case 1:
                return (422, {"error": f"Bearer {secret}"})
            case 2:
                return f"{told} Bearer {secret}"
            case _:
                return told

    with serve("openai", behave) as server:
        recipe = recipe_for(server.url)
        line = f"openai:{server.url} key_env=OUR_KEY"
        recipe = replace(recipe, teacher=replace(recipe.teacher, endpoints=(line,)))
        made(recipe, tmp_path)
        assert {h.get("Authorization") for h in server.headers} == {f"Bearer {secret}"}
    everything = caplog.text
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        if path.suffix == ".parquet":  # compressed
            everything += json.dumps(pl.read_parquet(path).to_dicts(), default=str)
        else:
            everything += path.read_bytes().decode("utf-8", "replace")
    assert "Bearer ***" in everything
    assert "manifest" in {path.stem for path in tmp_path.rglob("*.json")}
    assert secret[3:] not in everything


@pytest.mark.parametrize("limit", [1, 5, 11, 12, 40])
def test_a_limit_is_fair(limit: int) -> None:
    rules = replace(load("dry-run").augment, problems=same(3), limit=limit)
    seeds = {f"{n:032x}": {"problem_source": "made"} for n in range(12)}
    wanted = augment._wanted(rules, seeds)
    counts = [len(wanted.get(name, ())) for name in seeds]
    assert sum(counts) == min(limit, 36)
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("How many owls are there in all of it?", ""),
        ("", "empty"),
        ("Find it.", "too_short"),
        ("How many? " * 500, "too_long"),
        ("x+1 " * 900 + "How many?", "problem_too_long"),
        ("How many owls \x00 sit on the roof?", "control_characters"),
        ("How many owls \u202e sit on the roof?", "control_characters"),
        ("How many owls sit there? <|eot_id|>", "control_tokens"),
        ("How many owls sit there? [/INST]", "control_tokens"),
        ("How many owls sit there? [asy] draw(); [/asy]", "control_tokens"),
        ("How many owls sit there? Solution: \\boxed{4}", "with_solution"),
        ("How many owls sit there?\n\nAnswer: 4 owls", "with_solution"),
        ("How many owls sit there?\n#### 4", "with_solution"),
        ("There are nine owls on the roof of the barn.", "no_question"),
        ("A vase had 2 roses and 1 were taken out. How many roses are left?", "copy_of_shot"),
        ("How many 5 pound bags hold 70 pounds of sand?", "only_other_numbers"),
    ],
)
def test_what_is_no_new_problem_says_why(text: str, reason: str) -> None:
    from omi2.teachers import Completion

    rules = replace(load("dry-run").augment, max_chars=4_000)
    seed = {"problem": "How many 4 pound bags hold 60 pounds of sand?", "problem_source": "made",
            "subject": None}  # fmt: skip
    shots = augment._shots(rules, seed)
    found = augment._reason(text, Completion(text, "stop", 9, "m"), seed, shots, rules)
    assert found == reason


def test_a_cut_off_problem_and_a_refused_one_say_why() -> None:
    from omi2.teachers import Completion

    rules = load("dry-run").augment
    seed = {"problem": "How many?", "problem_source": "made", "subject": None}
    shots = augment._shots(rules, seed)
    for said_, reason in (
        (Completion("How many owls sit on the ro", "length", 9, "m"), "cut_off"),
        (Completion("", "refused", 0, "m", "HTTP 422: too long"), "refused"),
        (Completion("", "failed", 0, "m", "HTTP 500"), "failed"),
    ):
        assert augment._reason(said_.text, said_, seed, shots, rules) == reason


def test_the_text_of_another_seed_is_a_copy() -> None:
    from omi2.teachers import Completion, Job

    texts_ = ("How many owls sit on the roof of the barn?", "What is the sum of all its digits?")
    seeds = {
        problem_id(text): {"problem": text, "problem_source": "made", "subject": None}
        for text in texts_
    }
    request = Request("p", 0.7, 0.95, 64, (), 3)
    job = Job(0, (problem_id(texts_[0]), 5), request)
    row = augment._judged(
        load("dry-run").augment, seeds, job, Completion(f" {texts_[1]}\n", "stop", 9, "m")
    )
    assert row["reason"] == "copy_of_seed"
    assert row["generated"] == 9


def test_a_new_problem_that_was_written_already_is_dropped_as_a_duplicate(tmp_path: Path) -> None:
    """Of equal ones from different seeds, in whatever order they were answered, one is kept."""
    again = "A crane lifts 3 beams, then 4 more. How many beams in all?"

    def behave(prompt: str, times: int) -> str:
        wanted = prompt.rstrip().endswith("New problem:")
        return again if wanted and sum(map(ord, prompt)) % 3 else said(prompt, 1)

    with serve("openai", behave) as server:
        steps = {s["stage"]: s for s in made(recipe_for(server.url), tmp_path)["funnel"]}
    folder = tmp_path / "run" / "02_augment"
    kept = pl.read_parquet(folder / "part-*.parquet")
    gone = pl.read_parquet(folder / "dropped" / "*.parquet")
    assert kept["problem"].to_list().count(again) == 1
    assert kept["problem"].is_unique().all()
    twins = gone.filter(reason="duplicate")
    assert len(twins) == steps["augment"]["dropped"]["duplicate"] >= 4
    assert again in twins["text"].to_list()
    assert twins["detail"].str.contains(r"^sample \d+ from seed [0-9a-f]{32}$").all()


def test_seeds_that_no_teacher_should_see_are_dropped_before_it_is_asked(tmp_path: Path) -> None:
    bad = {
        "How many bolts \x00 hold the gate?": "control_characters",
        "How many bolts \u202e hold the gate?": "control_characters",
        "How many bolts <|start_header_id|> hold the gate?": "control_tokens",
        "How many bolts hold " + "a+1 " * 900: "problem_too_long",
        "How many bolts hold the gate? [asy] draw((0,0)); [/asy]": "",  # part of the problem
    }
    file = tmp_path / "seeds.parquet"
    pl.DataFrame({"problem": list(bad), "answer": ["4"] * len(bad)}).write_parquet(file)
    with serve("openai", lambda prompt, _: said(prompt, 1)) as server:
        recipe = recipe_for(server.url, problems=0)
        source = Source("made", file=str(file), split="")
        recipe = replace(recipe, seed=replace(recipe.seed, sources=(source,)))
        steps = {s["stage"]: s for s in made(recipe, tmp_path)["funnel"]}
        assert {body["prompt"].count("bolts") for body in server.asked} == {1}
        assert all("[asy]" in body["prompt"] for body in server.asked)
    assert steps["seed"]["dropped"] == dict(Counter(r for r in bad.values() if r))


def test_texts_that_are_fine_are_fine() -> None:
    for text in ("$a<b$ and $|x|<3$, s < /s", "Zoë’s café: 3 × 4 − 2 = 10", "tab\tand\nlines\r\n",
                 "If $f(x) = <s>$"[:13], "[INSTRUCTIONS]"):  # fmt: skip
        assert texts.unfit(text) == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('[[seed.sources]]\nname = "x"\nfile = "none.parquet"', "none.parquet does not exist"),
        ('[decontaminate]\nindex = ["none"]', "none does not exist"),
        ('[[decontaminate.benchmarks]]\nname = "b"\nfile = "gone.parquet"', "gone.parquet does"),
        ('[solve]\nprompt = "solve-mat"', "no few-shot set 'solve-mat'"),
        ('[augment]\nprompt = "solve-math"', "is for 'solve', not for 'augment'"),
        ('[teacher]\nendpoints = ["vllm:http://x"]', "no such teacher"),
        ('[teacher]\nendpoints = ["embedded:none.gguf"]', "no model 'none.gguf'"),
        ('[teacher]\nendpoints = ["file:hosts.txt"]', "hosts.txt cannot be read"),
        ('[teacher]\nendpoints = ["replay:r.parquet"]', "r.parquet does not exist"),
    ],
)
def test_what_is_missing_is_said_before_the_first_stage(
    change: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f'name = "mine"\n{change}\n'
    if "seed" not in change:
        text += '[[seed.sources]]\nname = "demo"\npackage = "demo"\n'
    Path("mine.toml").write_text(text)
    done = omi2("build", "mine.toml")
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)
    assert not (tmp_path / "omi2-run" / "01_seed").exists()


@pytest.mark.parametrize("name", ["demo", "dry-run", "paper", "repo"])
def test_the_packaged_recipes_name_nothing_that_is_missing(name: str) -> None:
    preflight(load(name))


def test_a_damaged_spool_of_a_killed_build_is_thrown_away(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "part-00000.jsonl").write_text('{"old": 1}\n{"ol')
    with spool.Spool(folder) as waiting:
        waiting.add(0, {"new": "\ud800"})
        waiting.add(2, {"new": 2})
        assert list(waiting.rows(0)) == [{"new": "\ud800"}]
        assert list(waiting.rows(1)) == []
    assert not folder.exists()
