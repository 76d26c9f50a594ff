"""`omi2 diff`, `omi2 status --verify` and `omi2 explain` of runs that differ or are damaged."""

import json
import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from made import replay_file
from omi2 import choose, files
from omi2.cli import cli
from omi2.compare_runs import compare
from omi2.errors import UsageError
from omi2.explain import explain
from omi2.lock import locked
from omi2.pipeline import build
from omi2.recipe import Recipe
from omi2.run import open_run


def recipe_of(folder: Path) -> Recipe:
    file = folder / "made.parquet"
    if not file.exists():
        replay_file(file)
    chosen = choose.recipe_of(None, None, "train", (f"replay:{file}",), None, None)
    return replace(chosen, parts=2, workers=1)


def make(folder: Path, name: str, recipe: Recipe) -> Path:
    build(recipe, open_run(folder / name, recipe.parts), folder / f"{name}-omi2")
    return folder / name


def compared(one: Path, other: Path) -> dict[str, dict[str, object]]:
    found = compare(choose.existing(one), choose.existing(other))
    return {change["stage"]: change for change in found}


def test_the_same_build_differs_in_nothing(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    one, other = make(tmp_path, "a", recipe), make(tmp_path, "b", replace(recipe, workers=2))
    assert compared(one, other) == {}
    done = CliRunner().invoke(cli, ["diff", str(one), str(other)])
    assert (done.exit_code, done.stdout) == (0, "")


def test_a_setting_is_named_with_what_it_changed(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    one = make(tmp_path, "a", recipe)
    rules = replace(recipe.filter, arithmetic=False)
    other = make(tmp_path, "b", replace(recipe, filter=rules))
    found = compared(one, other)
    assert list(found) == ["filter", "split"]
    assert found["filter"]["why"] == ["the recipe"]
    assert found["filter"]["settings"] == {"filter.arithmetic": [True, False]}
    assert found["filter"]["counts"] == {
        "left kept": [24, 36],
        "dropped wrong_arithmetic_one_step": [12, 0],
    }
    assert found["split"]["why"] == ["its input: an earlier stage"]
    done = CliRunner().invoke(cli, ["diff", str(one), str(other)])
    assert done.stdout.splitlines() == [
        "released       24 -> 36 (+12)",
        "filter         the recipe",
        "               filter.arithmetic = True -> False",
        "               left kept:                         24 -> 36 (+12)",
        "               dropped wrong_arithmetic_one_step: 12 -> 0 (-12)",
        "split          its input: an earlier stage",
        "               left released: 24 -> 36 (+12)",
    ]


def test_what_all_stages_share_is_said_once_and_of_a_source_what_differs(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    one = make(tmp_path, "a", recipe)
    (tmp_path / "more").mkdir()
    replay_file(tmp_path / "more" / "made.parquet", problems=15)
    other = make(tmp_path, "b", replace(recipe_of(tmp_path / "more"), parts=3))
    told = CliRunner().invoke(cli, ["diff", str(one), str(other)]).stdout
    assert told.count("the number of parts") == 1
    assert "each of these  the number of parts\n" in told
    assert "seed.sources[0].file = " in told
    assert "answer_form" not in told
    assert told.count("came ") == 1  # what came is what the stage before left


def test_another_input_is_told_from_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(tmp_path)
    one = make(tmp_path, "a", recipe)
    real = __import__("omi2.fingerprint", fromlist=["code_version"]).code_version
    monkeypatch.setattr(
        "omi2.fingerprint.code_version",
        lambda module: "changed" if module.endswith("grade") else real(module),
    )
    other = make(tmp_path, "b", recipe)
    assert compared(one, other)["grade"]["why"] == ["the code"]
    monkeypatch.undo()
    (tmp_path / "more").mkdir()
    replay_file(tmp_path / "more" / "made.parquet", problems=15)
    third = make(tmp_path, "c", recipe_of(tmp_path / "more"))
    found = compared(one, third)
    assert found["seed"]["why"] == ["a file or few-shot set", "the recipe"]
    assert found["seed"]["counts"]["came made"] == [12, 15]  # type: ignore[index]


def test_status_finds_damage_and_exits_1(tmp_path: Path) -> None:
    run = make(tmp_path, "a", recipe_of(tmp_path))
    done = CliRunner().invoke(cli, ["status", "--run", str(run), "--verify"])
    assert done.exit_code == 0
    assert "24 rows left, 12 dropped" in done.stdout
    (run / "05_grade" / "part-00001.parquet").unlink()
    done = CliRunner().invoke(cli, ["status", "--run", str(run), "--format", "json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["stages"]["grade"]["damaged"] == ["part-00001.parquet"]


def test_status_says_whether_a_build_is_at_work_and_where_a_dead_one_goes_on(
    tmp_path: Path,
) -> None:
    run = make(tmp_path, "a", recipe_of(tmp_path))

    def status(form: str = "human") -> str:
        done = CliRunner().invoke(cli, ["status", "--run", str(run), "--format", form])
        assert done.exit_code == 0
        return done.output

    assert "Every stage is complete." in status()
    with locked(run):
        assert f"A build is at work: process {os.getpid()} of " in status()
        assert json.loads(status("json"))["at_work"]["pid"] == os.getpid()
    (run / "06_filter" / "manifest.json").unlink()
    (run / "06_filter" / "counts" / "part-00001.json").unlink()
    assert "filter         1 of 2 parts" in status()
    assert "No build is at work. The same `omi2 build` command goes on, with filter." in status()


def test_a_beginning_of_several_ids_lists_them(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    path = make(tmp_path, "a", recipe)
    run = open_run(path, 2)
    file = run.part("filter", 0)
    table = pl.read_parquet(file)
    same = ["abcdef" + name[6:] for name in table["row_id"]]
    table.with_columns(row_id=pl.Series(same)).write_parquet(file)
    assert len(same) > 8
    with pytest.raises(
        UsageError, match=rf"abcdef is the beginning of {len(same)} ids: row abcdef"
    ):
        explain(run, recipe, "abcdef")
    assert explain(run, recipe, same[0])["row_id"] == same[0]


def test_a_problem_tells_its_votes_and_each_sample_the_rules_it_passed(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    run = open_run(make(tmp_path, "a", recipe), 2)
    name = run.read("filter", 0)["problem_id"][0]
    story = explain(run, recipe, name)
    assert [(v["samples"], v["verdict"]) for v in story["votes"]] == [
        (3, "right"),
        (1, "no_answer"),
        (1, "wrong_answer"),
    ]
    passed = [s["rules"]["passed"] for s in story["samples"] if "rules" in s]
    assert ["one_box"] in passed
    assert ["one_box", "arithmetic", "min_chars", "max_tokens", "box_matches"] in passed


def test_a_hash_is_known_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a file of the same size and date takes its place."""
    read: list[Path] = []

    def look(path: Path) -> str:
        read.append(path)
        return path.read_text()

    monkeypatch.setattr(files, "sha256", look)
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("one")
    assert [files.known_sha256(path) for _ in range(3)] == ["one"] * 3
    assert read == [path]
    other.write_text("two")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    os.replace(other, path)
    assert files.known_sha256(path) == "two"
    path.write_text("six")
    os.utime(path, (1, 1))
    assert files.known_sha256(path) == "six"
