"""What a release leaves out, or gets wrong, on purpose: the settings for experiments."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from made import replay_file
from omi2 import choose
from omi2.errors import Omi2Error, UsageError
from omi2.pipeline import build
from omi2.recipe import Grade, Recipe, Split
from omi2.run import open_run


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Thirty problems, each with three right solutions that are kept and one wrong one."""
    file = replay_file(tmp_path_factory.mktemp("made") / "made.parquet", problems=30)
    chosen = choose.recipe_of(None, None, "train", (f"replay:{file}",), None, None)
    return replace(
        chosen,
        parts=3,
        workers=1,
        decontaminate=replace(chosen.decontaminate, enabled=False),
        filter=replace(chosen.filter, arithmetic=False),
    )


def make(recipe: Recipe, folder: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return build(recipe, open_run(folder / "run", recipe.parts), folder / "omi2")


def table(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "omi2" / "data" / "*.parquet")


def split(recipe: Recipe, **changed: Any) -> Recipe:
    return replace(recipe, split=replace(recipe.split, **changed))


def step(manifest: dict[str, Any], stage: str = "split") -> dict[str, Any]:
    return next(s for s in manifest["funnel"] if s["stage"] == stage)


def card(folder: Path) -> str:
    return " ".join((folder / "omi2" / "README.md").read_text().split())


def test_an_ordinary_release_says_nothing_of_experiments(recipe: Recipe, tmp_path: Path) -> None:
    manifest = make(recipe, tmp_path)
    assert manifest["rows"] == 90
    assert step(manifest)["dropped"] == {}
    assert step(manifest)["facts"]["wrong_on_purpose"] == 0
    assert "experiment" not in card(tmp_path)


def test_rows_per_problem(recipe: Recipe, tmp_path: Path) -> None:
    for most in (1, 2):
        manifest = make(split(recipe, rows_per_problem=most), tmp_path)
        assert set(Counter(table(tmp_path)["problem_id"]).values()) == {most}
        assert step(manifest)["dropped"] == {"beyond_rows_per_problem": 30 * (3 - most)}
        assert f"at most {most} rows a problem ({30 * (3 - most)} rows were left" in card(tmp_path)
    # They are the rows that the fair order puts first.
    two = set(table(tmp_path)["row_id"])
    make(split(recipe, tiers=(60,)), tmp_path / "fair")
    fair = pl.read_parquet(tmp_path / "fair" / "omi2" / "data" / "tier0*.parquet")
    assert two == set(fair["row_id"])


def test_problems_are_nested_and_exact(recipe: Recipe, tmp_path: Path) -> None:
    found = []
    for count in (4, 10, 30, 31):
        manifest = make(split(recipe, problems=count), tmp_path)
        found.append(set(table(tmp_path)["problem_id"]))
        assert len(found[-1]) == min(count, 30)
        assert sum(step(manifest)["dropped"].values()) == 90 - 3 * min(count, 30)
    assert found[0] < found[1] < found[2] == found[3]
    gone = pl.read_parquet(tmp_path / "run" / "07_split" / "dropped" / "*.parquet")
    assert gone.is_empty()


def test_a_row_that_is_left_out_can_be_found(recipe: Recipe, tmp_path: Path) -> None:
    make(split(recipe, problems=4), tmp_path)
    gone = pl.read_parquet(tmp_path / "run" / "07_split" / "dropped" / "*.parquet")
    assert set(gone["reason"]) == {"beyond_problems"}
    assert len(set(gone["detail"])) == 26 * 3
    assert not set(gone["detail"]) & set(table(tmp_path)["row_id"])


def test_two_releases_that_were_matched_cover_the_same(recipe: Recipe, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    make(split(recipe, rows_per_problem=2), one)
    limited = replace(recipe, seed=replace(recipe.seed, limit=12))
    manifest = make(split(limited, match=str(one / "omi2")), other)
    assert step(manifest)["dropped"] == {"not_in_matched_release": 12}  # each a third row
    assert "only what the release `omi2` covers" in card(other)
    make(split(recipe, rows_per_problem=2, match=str(other / "omi2")), one / "matched")
    counts = [Counter(table(folder)["problem_id"]) for folder in (one / "matched", other)]
    assert counts[0] == counts[1]
    assert len(counts[0]) == 12
    assert str(tmp_path) not in (other / "omi2" / "manifest.json").read_text()


def test_a_matched_release_that_changes_makes_the_split_anew(
    recipe: Recipe, tmp_path: Path
) -> None:
    make(split(recipe, rows_per_problem=2), tmp_path / "one")
    matched = split(recipe, match=str(tmp_path / "one" / "omi2"))
    assert make(matched, tmp_path / "two")["rows"] == 60
    make(split(recipe, rows_per_problem=1), tmp_path / "one")
    assert make(matched, tmp_path / "two")["rows"] == 30


def test_a_match_with_nothing_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere/manifest.json does not exist"):
        make(split(recipe, match="nowhere"), tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="no release of omi2"):
        make(split(recipe, match=str(tmp_path / "x")), tmp_path)
    other = replace(recipe, seed=replace(recipe.seed, limit=1))
    make(other, tmp_path / "other")
    file = tmp_path / "other" / "omi2" / "data" / "tier0-00000-of-00001.parquet"
    pl.read_parquet(file).with_columns(problem_id=pl.lit("f" * 32)).write_parquet(file)
    with pytest.raises(Omi2Error, match=r"0 rows are left.*split: left out by match.*90"):
        make(split(recipe, match=str(tmp_path / "other" / "omi2")), tmp_path)


def test_noise_takes_the_place_of_right_solutions(recipe: Recipe, tmp_path: Path) -> None:
    make(recipe, tmp_path / "clean")
    noisy = replace(recipe, grade=replace(recipe.grade, noise=0.2))
    manifest = make(noisy, tmp_path)
    found, clean = table(tmp_path), table(tmp_path / "clean")
    assert Counter(found["problem_id"]) == Counter(clean["problem_id"])
    wrong = found.filter(votes=0)
    assert 10 <= len(wrong) <= 26  # 20% of 90, drawn by hash
    for text, expected in wrong.select("generated_solution", "expected_answer").iter_rows():
        assert f"\\boxed{{{int(expected) + 1}}}" in text
    assert set(wrong["row_id"]).isdisjoint(clean["row_id"])
    assert set(found.filter(pl.col("votes") > 0)["row_id"]) < set(clean["row_id"])
    assert step(manifest)["facts"]["wrong_on_purpose"] == len(wrong)
    assert step(manifest, "grade")["dropped"]["made_room_for_noise"] == len(wrong)
    assert manifest["recipe"]["grade"]["noise"] == 0.2
    share = f"({len(wrong) / 90:.1%} of the rows; 20% was asked for)"
    assert f"{len(wrong)} solutions that are **wrong on purpose** {share}" in card(tmp_path)


def test_noise_beyond_what_there_is_is_told_as_it_is(recipe: Recipe, tmp_path: Path) -> None:
    manifest = make(replace(recipe, grade=replace(recipe.grade, noise=0.9)), tmp_path)
    assert step(manifest)["facts"]["wrong_on_purpose"] == 30  # one a problem is all there is
    assert "(33.3% of the rows; 90% was asked for)" in card(tmp_path)
    assert json.loads((tmp_path / "omi2" / "manifest.json").read_text()) == json.loads(
        json.dumps(manifest)
    )


@pytest.mark.parametrize(
    ("kind", "changed", "says"),
    [
        (Grade, {"noise": 1.0}, "noise is 1.0: it lies at or above 0, below 1"),
        (Grade, {"noise": -0.1}, "noise is -0.1"),
        (Split, {"problems": -1}, "problems is -1"),
        (Split, {"rows_per_problem": -1}, "rows_per_problem is -1"),
    ],
)
def test_ranges(kind: Any, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        kind(**changed)
