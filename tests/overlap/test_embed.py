"""Embeddings: the cache, the second scorer, and what is refused. The real model where it is."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from omi2.errors import UsageError
from omi2.overlap import check, compare_many, embed
from omi2.overlap.checker import NONE, NUMBER_CHANGE, REPHRASE, Match
from omi2.overlap.embed import FEATURES, _decided, cached, embedder, features, score, scorer
from omi2.overlap.minilm import Model, load

REAL = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, (embed.PACKAGE, "tokenizers", "safetensors"))),
    reason="needs the extra embed",
)
TOLD = "A library lends 120 books on Monday and twice as many on Tuesday. How many is that in all?"
AGAIN = "The library had 120 books borrowed Monday, and double that Tuesday. Find how many in all."
OTHER = "A baker sells 45 loaves on Monday, 9 a tray. How many trays does he need on Tuesday?"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMI2_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OMI2_EMBEDDER", raising=False)
    embedder.cache_clear()
    return tmp_path / "cache"


class Counted:
    """A made model: a text's vector is its length, and every text embedded is counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        self.model = Model("made", 2, 1, 1, None, {})

        def run(model: Model, texts: list[str]) -> np.ndarray:
            self.seen += texts
            return np.array([[len(text), 1] for text in texts], np.float32)

        monkeypatch.setattr(embed, "embed", run)


def test_no_text_is_embedded_twice(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counted(monkeypatch)
    assert {t: v.tolist() for t, v in cached(made.model, ["a", "bb", "a"]).items()} == {
        "a": [1, 1],
        "bb": [2, 1],
    }
    assert list(cached(made.model, ["bb", "ccc"])) == ["bb", "ccc"]
    assert made.seen == ["a", "bb", "ccc"]
    (first, *_) = sorted((own_cache / "embeddings" / "made").iterdir())
    first.write_bytes(first.read_bytes()[:60])  # a damaged file holds nothing, and harms nothing
    assert len(cached(made.model, ["a", "bb", "ccc"])) == 3
    assert len(made.seen) in (4, 5)


def test_vectors_of_another_width_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counted(monkeypatch)
    cached(made.model, ["a"])
    cached(Model("made", 3, 1, 1, None, {}), ["a"])
    assert made.seen == ["a", "a"]


@pytest.mark.parametrize(
    ("match", "value", "strict", "wanted"),
    [
        (Match(NONE, 0.1), 0.9, True, Match(REPHRASE, 0.9, "b", "i")),
        (Match(NONE, 0.1), 0.4, True, Match(NONE, 0.4, "b", "i")),
        (Match(REPHRASE, 0.6), 0.4, True, Match(NONE, 0.4, "b", "i")),  # words alone were wrong
        (Match(NUMBER_CHANGE, 0.8), 0.9, True, Match(NUMBER_CHANGE, 0.8)),
        (Match(NUMBER_CHANGE, 0.8), 0.9, False, Match(REPHRASE, 0.9, "b", "i")),
        (Match(NUMBER_CHANGE, 0.8), 0.4, False, Match(NUMBER_CHANGE, 0.8)),
        (Match("exact", 1.0), 0.4, False, Match("exact", 1.0)),
        (Match("unknown"), 0.9, True, Match("unknown")),
    ],
)
def test_what_embeddings_may_decide(
    match: Match, value: float, strict: bool, wanted: Match
) -> None:
    assert _decided(match, value, ("b", "i"), strict) == wanted


def test_the_scorer_that_ships() -> None:
    fitted = scorer(embed.PACKAGED)
    assert set(fitted) == {*FEATURES, "constant", "threshold", "open_from"}
    near, far = score(features(np.array([1.0, -3.0]), np.array([0.9, 0.3]), np.ones(2)), fitted)
    assert near > 0.5 > far


def test_hashes_alone_cannot_be_embedded() -> None:
    with pytest.raises(UsageError, match="embeddings need the benchmark's texts"):
        check(["x"], ["test-sets"], embed=True)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no whole model"),
        ({"config.json": "{"}, "holds no whole model"),
        ({"config.json": json.dumps({"model_type": "gpt2"})}, "a model of type 'gpt2'"),
        ({"config.json": json.dumps({"model_type": "bert"})}, "holds no whole model"),
    ],
)
@REAL
def test_a_folder_without_a_model_is_refused(
    files: dict[str, str], says: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        load(tmp_path, "mine")


@REAL
def test_a_model_of_another_dimension_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec(embed.PACKAGE)
    assert found
    assert found.submodule_search_locations
    real = Path(found.submodule_search_locations[0]) / "model"
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).symlink_to(real / name)
    config = json.loads((real / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": 768}))
    with pytest.raises(UsageError, match="not 768 wide"):
        load(tmp_path, "mine")
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("OMI2_EMBEDDER", str(tmp_path))
    with pytest.raises(UsageError, match=f"no thresholds are known for .*{tmp_path.name}"):
        compare_many([("one lamp", "two lamps")], embed=True)


@pytest.mark.parametrize(("alike", "rule"), [(True, "rephrase"), (False, "none")])
def test_the_second_scorer_decides_what_words_leave_open(
    monkeypatch: pytest.MonkeyPatch, *, alike: bool, rule: str
) -> None:
    made = Counted(monkeypatch)
    fitted = {**dict.fromkeys(FEATURES, 0.0), "cosine": 9.0, "constant": 0.0, "threshold": 8.0}
    monkeypatch.setattr(embed, "embedder", lambda: made.model)
    monkeypatch.setattr(embed, "scorer", lambda name: fitted | {"open_from": -20.0})
    unit = lambda model, texts: np.array(  # noqa: E731
        [[1, 0] if alike or t == TOLD else [0, 1] for t in texts], np.float32
    )
    monkeypatch.setattr(embed, "embed", unit)
    pairs = [(OTHER, TOLD), (TOLD, TOLD), ("", TOLD)]
    assert [m.rule for m in compare_many(pairs)] == ["none", "exact", "unknown"]
    assert [m.rule for m in compare_many(pairs, embed=True)] == [rule, "exact", "unknown"]


@REAL
def test_the_real_model_sees_more_than_words() -> None:
    pairs = [(AGAIN, TOLD), (OTHER, TOLD)]
    plain, embedded = compare_many(pairs), compare_many(pairs, embed=True)
    assert [m.rule for m in embedded] == ["rephrase", "none"]
    assert embedded[0].score > plain[0].score
    assert embedded[1].score < 0.1


@REAL
def test_a_batch_is_what_each_text_is_alone() -> None:
    model = embedder()
    texts = [TOLD, "lamp", "", AGAIN * 40, "Сколько яблок?"]
    together = embed.embed(model, texts)
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-5
    for text, vector in zip(texts, together, strict=True):
        assert np.abs(embed.embed(model, [text])[0] - vector).max() < 1e-4
