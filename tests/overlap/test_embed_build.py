"""The embedding layer in a whole build: what it decides, where it is told, and its vectors."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tiny_model
from made import problem, replay_file, tree
from omi2.overlap import embed, models
from omi2.overlap.embed import FEATURES
from omi2.pipeline import build
from omi2.recipe import Recipe, Source, load
from omi2.run import open_run
from omi2.teachers import replay

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, models.PACKAGES)),
    reason="needs the extra embed",
)
ITEM = "How many slabs in all, when the quarry counts its pale ones and grey ones each week?"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Made problems against one benchmark item, and a model whose table finds any open pair."""
    folder = tiny_model.write(tmp_path / "tiny")
    table = {**dict.fromkeys(FEATURES, 0.0), "constant": 2.0, "threshold": 0.0}
    table |= {"open_from": -40.0, "width": 384.0}
    lines = "".join(f"{name} = {value}\n" for name, value in table.items())
    (folder / "omi2.toml").write_text(f"[tiny]\n{lines}")
    item = {"id": ["slabs"], "problem": [ITEM], "answer": ["1"], "split": ["test"]}
    pl.DataFrame(item).write_parquet(tmp_path / "own.parquet")
    own = Source(name="own", file=str(tmp_path / "own.parquet"), split="test")
    base = load("replay")
    source = replay.source(replay_file(tmp_path / "made.parquet"))
    return replace(
        base,
        parts=3,
        workers=1,
        teacher=replace(base.teacher, endpoints=(f"replay:{tmp_path / 'made.parquet'}",)),
        seed=replace(base.seed, sources=(source,)),
        split=replace(base.split, allow_empty=True),
        decontaminate=replace(base.decontaminate, benchmarks=(own,), embed=str(folder)),
    )


def make(recipe: Recipe, folder: Path) -> dict[str, Any]:
    embed.layer.cache_clear()
    models.find.cache_clear()
    return build(recipe, open_run(folder / "run", recipe.parts), folder / "omi2")


def test_what_ran_is_told_everywhere(recipe: Recipe, tmp_path: Path) -> None:
    without = replace(recipe, decontaminate=replace(recipe.decontaminate, embed="off"))
    told = make(without, tmp_path / "off")["decontamination"]
    assert told["verdicts"] == {"clean": 12, "contaminated": 0, "unknown": 0}
    assert told["embeddings"] == {"ran": False, "why": "[decontaminate] embed is off"}
    assert "embeddings" not in told["layers"]
    told = make(recipe, tmp_path / "on")["decontamination"]
    assert told["verdicts"] == {"clean": 0, "contaminated": 12, "unknown": 0}
    layers = {one["name"]: one["layers"] for one in told["benchmarks"]}
    assert layers["own/test"][-1] == "embeddings"
    assert "embeddings" not in layers["gsm8k/test"]  # known by hashes alone
    model = models.find(recipe.decontaminate.embed).id
    assert model.startswith("tiny@")
    assert told["embeddings"] == {
        "ran": True, "model": model, "thresholds_of": "tiny", "threshold": 0.0, "open_from": -40.0,
    }  # fmt: skip
    for folder, ran in (("on", True), ("off", False)):
        card = (tmp_path / folder / "omi2" / "README.md").read_text()
        report = (tmp_path / folder / "omi2" / "reports" / "contamination.md").read_text()
        assert ("embeddings" in card) is ran
        assert (model in card) is ran
        assert (model in report) is ran
        assert report.count("overlap_rephrase") == 12 * ran
        assert ("[decontaminate] embed is off" in card.replace("\\", "")) is not ran
        for file in (tmp_path / folder / "omi2").rglob("*.[jm][sd]*"):
            assert str(tmp_path) not in file.read_text(), file  # the model by name, not by place


def test_the_same_bytes_twice_and_no_text_embedded_twice(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    run = models.embed

    def counted(model: models.Model, texts: list[str]) -> models.Vectors:
        seen.extend(texts)
        return run(model, texts)

    monkeypatch.setattr(models, "embed", counted)
    for folder in ("one", "two"):
        make(recipe, tmp_path / folder)
    assert tree(tmp_path / "one" / "omi2") == tree(tmp_path / "two" / "omi2")
    texts = {problem(number)[0] for number in range(12)} | {ITEM}
    assert set(seen) == texts
    assert len(seen) == 2 * (12 + 3)  # the item once a part: a part is what is made again alone
    seen.clear()
    later = replace(recipe, decontaminate=replace(recipe.decontaminate, near_copies=0.9))
    make(later, tmp_path / "one")
    make(later, tmp_path / "anew")
    assert len(seen) == 12 + 3  # of the second folder alone
    assert tree(tmp_path / "one" / "omi2") == tree(tmp_path / "anew" / "omi2")
