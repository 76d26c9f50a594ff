"""Whole builds on made data: the funnel, the release, resuming, determinism, a crash anywhere."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from made import PADDING, generation, problem, replay_file, tree
from omi2 import rows
from omi2.errors import Omi2Error, RemoteError, UsageError
from omi2.lock import locked
from omi2.pipeline import build, names
from omi2.recipe import Recipe, Source, load
from omi2.run import Report, open_run
from omi2.settings import same
from omi2.stages import split, votes
from omi2.teachers import replay
from servers import serve


def replay_recipe(file: Path, *, parts: int = 3) -> Recipe:
    recipe = load("replay")
    return replace(
        recipe,
        parts=parts,
        workers=1,
        teacher=replace(recipe.teacher, endpoints=(f"replay:{file}",)),
        seed=replace(recipe.seed, sources=(replay.source(file),)),
    )


def or_empty(recipe: Recipe) -> Recipe:
    return replace(recipe, split=replace(recipe.split, allow_empty=True))


def make(recipe: Recipe, folder: Path) -> dict[str, Any]:
    return build(recipe, open_run(folder / "run", recipe.parts), folder / "omi2")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return replay_recipe(replay_file(tmp_path / "made.parquet"))


def released(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "omi2" / "data" / "*.parquet")


def funnel(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["stage"]: step for step in manifest["funnel"]}


def test_the_funnel_of_known_generations(recipe: Recipe, tmp_path: Path) -> None:
    steps = funnel(make(recipe, tmp_path))
    assert steps["seed"]["left"] == {"made": 12}
    assert steps["decontaminate"]["left"] == {"clean": 12}
    assert steps["solve"]["left"] == {"answered": 60}
    # Of five samples a problem: one wrong, one whose last number is not an answer ...
    assert steps["grade"]["dropped"] == {"no_answer": 12, "wrong_answer": 12}
    assert steps["filter"]["dropped"] == {
        "wrong_arithmetic_one_step": 12
    }  # ... one with bad arithmetic.
    assert steps["split"]["left"] == {"released": 24}
    for step in steps.values():
        came, left, dropped = (sum(step[k].values()) for k in ("came", "left", "dropped"))
        assert came == left + dropped


def test_every_row_can_be_explained(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    table = released(tmp_path)
    assert table.columns == rows.ROWS.names
    answers = dict(problem(number) for number in range(12))
    for row in table.iter_rows(named=True):
        assert row["expected_answer"] == answers[row["problem"]]
        assert row["row_id"] == rows.row_id(row["problem"], row["generated_solution"])
        assert row["problem_id"] == rows.problem_id(row["problem"])
        assert (row["votes"], row["votes_total"], row["answer_type"]) == (3, 4, "integer")
        assert row["generated_solution"].endswith("slabs.")
        assert row["teacher"] == "made"
        assert row["overlap"]["score"] < 0.5
    assert table["row_id"].is_unique().all()


def test_the_schema_on_disk_is_the_data_model(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    for path in (tmp_path / "omi2" / "data").glob("*.parquet"):
        schema = pq.read_schema(path)
        assert schema.names == rows.ROWS.names
        assert schema.types == rows.ROWS.types


def test_the_same_input_gives_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path / "a")
    make(replace(recipe, workers=2), tmp_path / "b")
    one, two = tree(tmp_path / "a" / "omi2"), tree(tmp_path / "b" / "omi2")
    for name in ("manifest.json", "README.md"):  # these tell the number of workers
        one.pop(name), two.pop(name)
    assert one == two
    assert tree(tmp_path / "a" / "run" / "05_grade") == tree(tmp_path / "b" / "run" / "05_grade")


def test_an_unchanged_build_writes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix == ".parquet"]
    before = {p: p.stat().st_mtime_ns for p in files}
    make(recipe, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in files} == before


def test_a_changed_filter_redoes_the_filter_and_nothing_before(
    recipe: Recipe, tmp_path: Path
) -> None:
    make(recipe, tmp_path)
    stamp = {n: _manifest(tmp_path, n).stat().st_mtime_ns for n in names()}
    make(replace(recipe, filter=replace(recipe.filter, arithmetic=False)), tmp_path)
    redone = [n for n in names() if _manifest(tmp_path, n).stat().st_mtime_ns != stamp[n]]
    assert redone == ["filter", "split"]
    assert len(released(tmp_path)) == 36


@pytest.mark.parametrize("stage", ["seed", "decontaminate", "solve", "grade", "filter"])
@pytest.mark.parametrize("how", ["missing", "cut", "changed"])
def test_a_damaged_part_is_made_again_and_no_other(
    stage: str, how: str, recipe: Recipe, tmp_path: Path
) -> None:
    make(recipe, tmp_path)
    before = tree(tmp_path / "omi2")
    file = _manifest(tmp_path, stage).parent / "part-00001.parquet"
    # The first two stages are not made by parts: they are done again as a whole.
    others = [p for p in (tmp_path / "run").glob("0[3-6]*/part-*.parquet") if p != file]
    stamps = {p: p.stat().st_mtime_ns for p in others}
    data = bytearray(file.read_bytes())
    file.unlink()
    if how == "cut":
        file.write_bytes(data[:-20])
    elif how == "changed":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    make(recipe, tmp_path)
    assert tree(tmp_path / "omi2") == before
    assert {p: p.stat().st_mtime_ns for p in others} == stamps
    assert not open_run(tmp_path / "run", recipe.parts).damaged(stage, thorough=True)


def test_a_change_that_left_no_date_is_found_by_looking_thoroughly(
    recipe: Recipe, tmp_path: Path
) -> None:
    make(recipe, tmp_path)
    run = open_run(tmp_path / "run", recipe.parts)
    file = run.part("solve", 0)
    data, stamp = bytearray(file.read_bytes()), file.stat().st_mtime_ns
    data[50] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(stamp, stamp))
    assert run.damaged("solve") == []
    assert run.damaged("solve", thorough=True) == ["part-00000.parquet"]


def test_contaminated_problems_are_thrown_out(tmp_path: Path, shared_data: Path) -> None:
    bench = pl.read_parquet(shared_data / "benchmarks" / "gsm8k.parquet").filter(split="test")
    file = tmp_path / "leak.parquet"
    texts = bench["problem"].to_list()[:20]
    pl.DataFrame(
        {"problem": texts, "generation": ["The answer is 5."] * 20, "gold": ["5"] * 20}
    ).write_parquet(file)
    manifest = make(or_empty(replay_recipe(file)), tmp_path)
    assert manifest["decontamination"]["verdicts"] == {"clean": 0, "contaminated": 20, "unknown": 0}
    assert manifest["rows"] == 0
    report = (tmp_path / "omi2" / "reports" / "contamination.md").read_text()
    assert report.count("overlap_exact") == 20
    for text in texts:
        assert text[:40] not in report


def test_without_decontamination_nothing_is_called_clean(recipe: Recipe, tmp_path: Path) -> None:
    rules = replace(recipe.decontaminate, enabled=False)
    manifest = make(replace(recipe, decontaminate=rules), tmp_path)
    assert manifest["decontamination"]["ran"] is False
    assert manifest["decontamination"]["released_unknown"] == manifest["rows"] == 24
    assert set(released(tmp_path)["overlap"].to_list()) == {None}
    assert "turned off" in (tmp_path / "omi2" / "README.md").read_text()


def test_votes_without_gold(tmp_path: Path) -> None:
    manifest = make(replay_recipe(replay_file(tmp_path / "f.parquet", gold=False)), tmp_path)
    assert funnel(manifest)["grade"]["dropped"] == {"minority": 12, "no_answer": 12}
    assert set(released(tmp_path)["votes"]) == {3}


@pytest.mark.parametrize(
    ("answers", "expected", "dropped"),
    [
        (["\\boxed{0.5}", "\\boxed{\\frac{1}{2}}", "\\boxed{3}"], "0.5", {"minority": 1}),
        (["\\boxed{1}", "\\boxed{2}"], None, {"tie": 2}),
        (["\\boxed{1}"], "1", {}),
        (["\\boxed{\\frac12}", "\\boxed{0.5}", "\\boxed{0.5}"], "0.5", {}),
        (["nothing", "\\boxed{}"], None, {"no_answer": 2}),
    ],
)
def test_a_vote(
    answers: list[str], expected: str | None, dropped: dict[str, int], tmp_path: Path
) -> None:
    file = tmp_path / "votes.parquet"
    texts = [f"We work it out with care. {answer}" for answer in answers]
    pl.DataFrame(
        {"problem": ["How many owls rest?"] * len(texts), "generation": texts}
    ).write_parquet(file)
    recipe = replay_recipe(file, parts=1)
    recipe = replace(
        recipe,
        grade=replace(recipe.grade, extract="strict"),
        filter=replace(recipe.filter, min_chars=0),
    )
    manifest = make(or_empty(recipe), tmp_path)
    assert funnel(manifest)["grade"]["dropped"] == dropped
    assert set(released(tmp_path)["expected_answer"]) == ({expected} if expected else set())


def test_tiers_are_fair_and_nested(tmp_path: Path) -> None:
    recipe = replay_recipe(replay_file(tmp_path / "f.parquet", problems=20))
    recipe = replace(recipe, split=replace(recipe.split, tiers=(10, 20, 30, 1000)))
    manifest = make(recipe, tmp_path)
    sizes = {name: split["rows"] for name, split in manifest["splits"].items()}
    assert sizes == {"train": 40, "train_10": 10, "train_20": 20, "train_30": 30, "train_1K": 40}

    def ids(split: str) -> list[tuple[str, str]]:
        files = [tmp_path / "omi2" / f for f in manifest["splits"][split]["files"]]
        return list(
            pl.concat([pl.read_parquet(f) for f in files])["problem_id", "row_id"].iter_rows()
        )

    assert len({problem for problem, _ in ids("train_20")}) == 20  # everyone's first row
    assert set(ids("train_10")) < set(ids("train_20")) < set(ids("train_30")) < set(ids("train"))
    assert len(set(ids("train"))) == 40


def test_a_shard_is_written_once_and_what_was_routed_to_it_is_taken_away(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [shutil.rmtree]
    monkeypatch.setattr(shutil, "rmtree", lambda path, **_: None)  # else all goes
    make(recipe, tmp_path)
    monkeypatch.setattr(shutil, "rmtree", kept[0])
    run, task = open_run(tmp_path / "run", recipe.parts), (0, 0, 1)
    routed = split._routed(run, 0, 0)
    shard = run.stage("split") / "data" / "tier0-00000-of-00001.parquet"
    before = shard.read_bytes()
    assert len(list(routed.iterdir())) > 1
    shard.unlink()
    split.write_shard(recipe, run, task)
    assert shard.read_bytes() == before
    assert not routed.exists()
    split.write_shard(recipe, run, task)  # again, by a worker that was thought lost
    assert shard.read_bytes() == before


def test_all_columns_but_texts_tell_their_statistics(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    shard = next((tmp_path / "omi2" / "data").iterdir())
    group = pq.read_metadata(shard).row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    bare = {column.path_in_schema for column in columns if column.statistics is None}
    assert bare == {"problem", "generated_solution"}
    plain = {column.path_in_schema for column in columns if not column.has_dictionary_page}
    assert plain == {*bare, "row_id"}


def test_no_rows_are_an_error_unless_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "f.parquet"
    pl.DataFrame({"problem": ["How many?"], "generation": ["I do not know."]}).write_parquet(file)
    with pytest.raises(Omi2Error, match=r"0 rows are left.*grade: no_answer 1.*omi2 status"):
        make(replay_recipe(file), tmp_path)
    assert not (tmp_path / "omi2").exists()
    manifest = make(or_empty(replay_recipe(file)), tmp_path)
    assert manifest["rows"] == 0
    assert released(tmp_path).schema["overlap"] == pl.Struct(
        {"score": pl.Float32, "benchmark": pl.String, "item": pl.String}
    )


@pytest.mark.parametrize("stage", ["seed", "augment", "solve", "split"])
def test_a_report_that_does_not_add_up_is_refused(stage: str) -> None:
    with pytest.raises(ValueError, match="2 are not accounted for"):
        Report(stage, came={"a": 5}, left={"b": 1}, dropped={"why": 2})


@pytest.mark.parametrize("what", ["file", "folder", "other manifest"])
def test_an_output_folder_of_someone_else_is_left_alone(
    what: str, recipe: Recipe, tmp_path: Path
) -> None:
    out = tmp_path / "omi2"
    if what == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / ("manifest.json" if what == "other manifest" else "thesis.tex")).write_text("{}")
    before = out.read_text() if what == "file" else tree(out)
    with pytest.raises(UsageError, match="--out"):
        make(recipe, tmp_path)
    assert before == (out.read_text() if what == "file" else tree(out))


def test_a_second_build_in_one_run_directory_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    with locked(tmp_path / "run"), pytest.raises(Omi2Error, match="another omi2 build is at work"):
        make(recipe, tmp_path)


@pytest.mark.parametrize(("run", "out"), [("r", "r"), ("r", "r/omi2"), ("o/run", "o")])
def test_a_run_and_a_release_inside_each_other_are_refused(
    run: str, out: str, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="lie inside each other"):
        build(recipe, open_run(tmp_path / run, recipe.parts), tmp_path / out)


def test_a_linked_output_folder_is_followed(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "omi2").symlink_to(tmp_path / "real")
    make(recipe, tmp_path)
    make(replace(recipe, filter=replace(recipe.filter, arithmetic=False)), tmp_path)
    assert (tmp_path / "omi2").is_symlink()
    assert json.loads((tmp_path / "real" / "manifest.json").read_text())["rows"] == 36


def test_a_refused_build_leaves_the_other_ones_recipe(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    before = (tmp_path / "run" / "recipe.json").read_bytes()
    with locked(tmp_path / "run"), pytest.raises(Omi2Error, match="another omi2 build"):
        make(replace(recipe, parts=5), tmp_path)
    assert (tmp_path / "run" / "recipe.json").read_bytes() == before


def test_a_stage_that_begins_anew_takes_the_later_ones_back(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    run = open_run(tmp_path / "run", recipe.parts)
    run.begin("grade", "another fingerprint")
    assert [name for name in names() if run.manifest(name)] == list(names()[:4])


def test_a_shard_changed_behind_our_back_is_written_again(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    before = tree(tmp_path / "omi2")
    shard = next((tmp_path / "run" / "07_split" / "data").iterdir())
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    assert tree(tmp_path / "omi2") != before  # the release's file is the same one
    make(recipe, tmp_path)
    assert tree(tmp_path / "omi2") == before


def rough_file(path: Path, table: dict[str, list[Any]]) -> Recipe:
    """A recipe that replays these columns."""
    pl.DataFrame(table).write_parquet(path)
    return replay_recipe(path)


def test_rows_in_any_order_give_the_same_rows(tmp_path: Path) -> None:
    table = pl.read_parquet(replay_file(tmp_path / "a.parquet"))
    mixed = table.with_columns(n=pl.int_range(pl.len()) % 5).sort("n", maintain_order=True)
    (tmp_path / "b").mkdir()
    mixed.drop("n").write_parquet(tmp_path / "b" / "a.parquet", row_group_size=7)
    make(replay_recipe(tmp_path / "a.parquet"), tmp_path / "one")
    make(replay_recipe(tmp_path / "b" / "a.parquet"), tmp_path / "two")
    assert tree(tmp_path / "one" / "omi2" / "data") == tree(tmp_path / "two" / "omi2" / "data")


@pytest.mark.parametrize(
    ("group", "sizes"), [(1, {7}), (3, {6}), (7, {7}), (10, {7, 3}), (100, {7})]
)
def test_a_replay_is_read_by_whole_row_groups(
    group: int, sizes: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = replay_file(tmp_path / "made.parquet", problems=12)
    table = pl.read_parquet(file)
    table.write_parquet(file, row_group_size=group)
    whole = pl.concat(replay.samples(file, 4))
    monkeypatch.setattr(replay, "BATCH", 7)
    batches = list(replay.samples(file, 4))
    assert pl.concat(batches).equals(whole)
    assert whole["generation"].equals(table["generation"])
    assert {len(batch) for batch in batches[:-1]} == sizes


def test_all_answers_wrong_is_an_error_that_says_so(tmp_path: Path) -> None:
    text, _ = problem(1)
    table = {"problem": [text] * 3, "generation": ["So \\boxed{1}."] * 3, "gold": ["7"] * 3}
    with pytest.raises(Omi2Error, match=r"0 rows are left.*grade: wrong_answer 3"):
        make(rough_file(tmp_path / "f.parquet", table), tmp_path)


def test_equal_pairs_are_kept_once_and_others_all(tmp_path: Path) -> None:
    table = pl.read_parquet(replay_file(tmp_path / "f.parquet"))
    pl.concat([table, table]).write_parquet(tmp_path / "f.parquet")
    manifest = make(replay_recipe(tmp_path / "f.parquet"), tmp_path)
    assert funnel(manifest)["filter"]["dropped"]["duplicate"] == manifest["rows"] == 24


def test_one_problem_with_very_many_solutions(tmp_path: Path) -> None:
    text, answer = problem(1)
    count = 100_000
    table = {
        "problem": [text] * count,
        "generation": [generation(1, 1000 + n) for n in range(count)],
        "gold": [answer] * count,
    }
    recipe = rough_file(tmp_path / "f.parquet", table)
    manifest = make(replace(recipe, split=replace(recipe.split, tiers=(100, 10_000))), tmp_path)
    assert {n: s["rows"] for n, s in manifest["splits"].items()} == {
        "train": count,
        "train_100": 100,
        "train_10K": 10_000,
    }


@pytest.mark.parametrize(
    ("agreed", "dropped"),
    [(30, {"minority": 30}), (20, {"too_many_answers": 52}), (0, {"too_many_answers": 32})],
)
def test_one_problem_with_very_many_different_formulas(
    agreed: int, dropped: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rare ones are compared with the winner alone, and together must not outvote it."""
    pairs: list[Any] = []
    classes = sys.modules["omi2.answers.classes"]  # the package has a function of that name
    real = classes.compare_many  # type: ignore[attr-defined]
    monkeypatch.setattr(classes, "compare_many", lambda p, *rest: pairs.extend(p) or real(p, *rest))
    monkeypatch.setattr(votes, "_MOST", 8)
    text, _ = problem(1)
    boxes = ["x^2+x"] * agreed + [f"x^2+{n}x" for n in range(2, 32)] + ["x(x+1)", "xx + x"]
    told = [f"{PADDING}Way {n}. So it is \\boxed{{{box}}}." for n, box in enumerate(boxes)]
    recipe = rough_file(tmp_path / "f.parquet", {"problem": [text] * len(told), "generation": told})
    manifest = make(or_empty(recipe), tmp_path)
    assert funnel(manifest)["grade"]["dropped"] == dropped
    assert manifest["rows"] == (32 if agreed == 30 else 0)
    assert 0 < len(pairs) <= 8 * 7 / 2


def test_a_part_with_another_schema_is_made_again(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path)
    before = tree(tmp_path / "omi2")
    file = tmp_path / "run" / "06_filter" / "part-00001.parquet"
    pl.DataFrame({"something": [1, 2]}).write_parquet(file)
    make(recipe, tmp_path)
    assert tree(tmp_path / "omi2") == before


class Crash(BaseException):
    """A kill, as far as a test can have one inside its own process."""


def crash_points(recipe: Recipe, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many files an uninterrupted build renames into place."""
    count = 0
    real = os.replace

    def counting(source: Any, target: Any) -> None:
        nonlocal count
        count += 1
        real(source, target)

    monkeypatch.setattr(os, "replace", counting)
    make(recipe, folder)
    monkeypatch.setattr(os, "replace", real)
    return count


def crash_everywhere(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> Iterator[None]:
    """Build with a crash at each step-th rename, resume, and compare with an undisturbed build."""
    points = crash_points(recipe, tmp_path / "whole", monkeypatch)
    wanted = tree(tmp_path / "whole" / "omi2")
    assert points > 40
    real = os.replace
    for point in range(0, points, step):
        left = point

        def dying(source: Any, target: Any) -> None:
            nonlocal left
            if left == 0:
                raise Crash
            left -= 1
            real(source, target)

        folder = tmp_path / f"at{point}"
        monkeypatch.setattr(os, "replace", dying)
        with pytest.raises(Crash):
            make(recipe, folder)
        monkeypatch.setattr(os, "replace", real)
        make(recipe, folder)
        assert tree(folder / "omi2") == wanted, f"after a crash at rename {point}"
        yield


def test_a_crash_at_some_rename_changes_nothing(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(list(crash_everywhere(recipe, tmp_path, monkeypatch, step=11))) > 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_crash_at_every_rename_changes_nothing(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(list(crash_everywhere(recipe, tmp_path, monkeypatch, step=1))) > 40


def asking_recipe(url: str) -> Recipe:
    """A recipe that asks a server, with new problems."""
    recipe = load("dry-run")
    source = Source("made", package="demo", subjects=("word",))
    return replace(
        recipe,
        workers=1,
        teacher=replace(recipe.teacher, endpoints=(f"openai:{url}",), retries=0),
        seed=replace(recipe.seed, sources=(source,), limit=8),
        augment=replace(recipe.augment, limit=2),
        solve=replace(recipe.solve, samples=same(2)),
    )


def pretend(prompt: str, _: int) -> str:
    """New problems and solutions that depend on the prompt alone."""
    number = sum(map(ord, prompt)) % 97
    if prompt.endswith("New problem:\n"):
        return f"A harbour counts {number} red boats and 5 blue boats at noon. How many boats?"
    return f"{number} + 5 = {number + 5}. The answer is \\boxed{{{number + 5}}}."


def test_new_problems_are_asked_for_solved_and_voted_on(tmp_path: Path) -> None:
    with serve("openai", pretend) as server:
        manifest = make(asking_recipe(server.url), tmp_path)
    steps = funnel(manifest)
    assert steps["augment"]["came"] == {"written": 2}
    new = released(tmp_path).filter(problem_source="augmented_made")
    assert len(new) == new["problem_id"].n_unique() == steps["augment"]["left"]["new"]
    seeds = set(pl.read_parquet(tmp_path / "run" / "01_seed" / "part*.parquet")["problem_id"])
    assert set(new["seed_id"]) <= seeds
    assert set(new["prompt"]) == {"solve-demo-v1"}
    assert set(new["teacher"]) == {"made-model"}


def test_recorded_generations_give_the_same_bytes_without_asking(tmp_path: Path) -> None:
    with serve("openai", pretend) as server:
        recipe = asking_recipe(server.url)
        make(recipe, tmp_path)
        before, asked = tree(tmp_path / "omi2"), len(server.asked)
        for name in names():
            _manifest(tmp_path, name).unlink()
            (_manifest(tmp_path, name).parent / "started.json").unlink()
        make(recipe, tmp_path)
        assert len(server.asked) == asked
    assert tree(tmp_path / "omi2") == before


def test_a_dead_endpoint_loses_nothing(tmp_path: Path) -> None:
    def dying(prompt: str, count: int) -> Any:
        dying.asked += 1  # type: ignore[attr-defined]
        return pretend(prompt, count) if dying.asked < 10 else (503, {})  # type: ignore[attr-defined]

    dying.asked = 0  # type: ignore[attr-defined]
    with serve("openai", dying) as server:
        recipe = asking_recipe(server.url)
        impatient = replace(recipe, teacher=replace(recipe.teacher, outage_s=0.5))
        with pytest.raises(RemoteError, match=r"outage_s.*goes on"):
            make(impatient, tmp_path)
    with serve("openai", pretend) as server:
        manifest = make(asking_recipe(server.url), tmp_path)
        rest = len(server.asked)
    asked = (
        funnel(manifest)["augment"]["came"]["written"] + funnel(manifest)["solve"]["came"]["asked"]
    )
    assert rest == asked - 9


def test_the_manifest_agrees_with_the_files(recipe: Recipe, tmp_path: Path) -> None:
    manifest = make(recipe, tmp_path)
    on_disk = json.loads((tmp_path / "omi2" / "manifest.json").read_text())
    assert on_disk == json.loads(json.dumps(manifest))
    found = {n for n in tree(tmp_path / "omi2") if n != "manifest.json"}
    assert found == set(on_disk["files"])
    data = [e["rows"] for n, e in on_disk["files"].items() if n.startswith("data/")]
    assert sum(data) == on_disk["rows"] == on_disk["splits"]["train"]["rows"]
    assert sum(s["rows"] for s in on_disk["sources"].values()) == on_disk["rows"]


def _manifest(folder: Path, stage: str) -> Path:
    return next((folder / "run").glob(f"*_{stage}")) / "manifest.json"
