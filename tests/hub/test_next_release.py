"""A benchmark appears after a release: which rows it touches, and the next release without them."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from hub.helpers import Run
from hub.local_hub import Hub
from omi2.cli import cli
from servers import serve

RECIPE = """
name = "small"
parts = 2
workers = 1
[teacher]
endpoints = ["embedded"]
[solve]
prompt = "solve-demo"
samples = 3
[filter]
min_chars = 0
"""
PROBLEMS = {
    "Ulla packs 12 green bottles into each of 5 crates. How many bottles are packed?": "60",
    "A cheese of 84 grams is shared by 7 mice. How many grams does a mouse get?": "12",
    "The tram has 43 riders and 18 get off at the zoo. How many ride on?": "25",
    "Jonas knits 9 rows a night. How many rows does he knit in 8 nights?": "72",
    "A well is 31 feet deep and a rope 17 feet long. How many feet are missing?": "14",
    "Of 50 candles a draught put out 22. How many still burn?": "28",
}
TOLD_AGAIN = "Ulla packs 12 green bottles into each of 5 crates. How many are packed in the end?"
NEW = [TOLD_AGAIN, "The tram has 43 riders and 18 get off at the zoo. How many ride on?"]


def solved(prompt: str, _: int) -> str:
    """A solution of the last problem that the prompt holds."""
    at = max(PROBLEMS, key=prompt.rfind)
    return f" It is \\boxed{{{PROBLEMS[at]}}}.\n"


def omi2(*arguments: str) -> int:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False).exit_code


def released() -> pl.DataFrame:
    return pl.read_parquet("omi2/data/*.parquet").select("row_id", "problem")


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_the_whole_way(
    kind: str, hub: Hub, repo: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(RECIPE)
    pq.write_table(
        pa.table({"problem": list(PROBLEMS), "answer": list(PROBLEMS.values())}), "seeds.parquet"
    )
    new = f"new.{kind}"
    table = pl.DataFrame({"id": ["n/0", "n/1"], "problem": NEW})
    table.write_parquet(new) if kind == "parquet" else table.write_ndjson(new)
    with serve("openai", solved) as teacher:
        build = ("build", "small.toml", "--seeds", "seeds.parquet", "--teacher",
                 f"openai:{teacher.url}")  # fmt: skip
        assert omi2(*build) == 0
        before = released()
        assert before["problem"].n_unique() == len(PROBLEMS)
        pushed = run("push", "omi2", "--repo", repo, "--version", "v0.1.0", "--index-only-ok", "-y")
        assert pushed.code == 0, pushed.err

        assert omi2("overlap", "./omi2", "--against", new, "--ids", "remove.txt") == 1
        remove = Path("remove.txt").read_text().split()
        gone = before.filter(pl.col("row_id").is_in(remove))["problem"].unique().to_list()
        assert sorted(gone) == sorted([p for p in PROBLEMS if p.startswith(("Ulla", "The tram"))])

        asked = len(teacher.asked)
        assert omi2(*build, "--against", new) == 0
        assert len(teacher.asked) == asked, "no answer is asked for twice"
    assert set(released()["row_id"]) == set(before["row_id"]) - set(remove)
    assert omi2("overlap", "./omi2", "--against", new) == 0
    planned = run("plan", "omi2", "--repo", repo, "--format", "json")
    assert planned.code == 0, planned.err
    assert planned.json["version"] == "v0.2.0"
    assert "new" in (Path("omi2") / "README.md").read_text()
