"""What the seed stage says of a file that contradicts itself."""

import logging
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omi2.recipe import Recipe, Source
from omi2.run import Report, open_run
from omi2.stages import seed


def seeds(
    tmp_path: Path, ids: list[str], problems: list[str], answers: pa.Array | None = None
) -> Report:
    """The report on a file with these rows."""
    path = tmp_path / "mine.parquet"
    if answers is None:
        answers = pa.array([str(number) for number in range(len(ids))])
    pq.write_table(pa.table({"id": ids, "problem": problems, "answer": answers}), path)
    source = Source(name="mine", file=str(path), split="")
    rules = Recipe(name="seeds")
    rules = replace(rules, seed=replace(rules.seed, sources=(source,)))
    return seed.run(rules, open_run(tmp_path / "run", rules.parts))


def test_one_id_on_different_problems_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "omi2"):
        report = seeds(tmp_path, ["a", "a", "b", "c"], ["How many?", "How far?", "Who?", "When?"])
    assert report.left == {"mine": 4}
    assert report.facts == {"ids_of_different_problems": 1}
    assert "1 ids stand on different problems, such as 'a' of mine" in caplog.text


def test_one_id_on_one_problem_twice_is_a_duplicate_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = seeds(tmp_path, ["a", "a"], ["How  many?", "How many?"])
    assert report.facts == {}
    assert not caplog.text


@pytest.mark.parametrize("answers", [pa.array([7, None]), pa.nulls(2)])
def test_answers_may_be_numbers_or_unknown(tmp_path: Path, answers: pa.Array) -> None:
    report = seeds(tmp_path, ["a", "b"], ["How many?", "How far?"], answers)
    assert report.left == {"mine": 2 - answers.null_count % 2}
    run = open_run(tmp_path / "run", Recipe("seeds").parts)
    golds = pl.concat([run.read("seed", part)["gold"] for part in range(run.parts)])
    assert golds.drop_nulls().to_list() == ["7"] * (2 - answers.null_count)
