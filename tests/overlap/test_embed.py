"""Embeddings: the cache, the second scorer, and what is refused. The real model where it is."""

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tiny_model
from omi2.errors import UsageError
from omi2.overlap import check, compare_many, embed, models
from omi2.overlap.against import checker
from omi2.overlap.checker import NONE, NUMBER_CHANGE, REPHRASE, Match
from omi2.overlap.embed import FEATURES, _decided, improve, joined, layer, score, scorer
from omi2.overlap.minilm import Model, load
from omi2.overlap.minilm import embed as encode
from omi2.overlap.models import cached, find
from omi2.overlap.rephrase import FEATURES as OF_WORDS
from omi2.recipe import Decontaminate, Source

PACKAGES = all(map(importlib.util.find_spec, models.PACKAGES))
MADE = pytest.mark.skipif(not PACKAGES, reason="needs the extra embed")
REAL = pytest.mark.skipif(
    not (PACKAGES and importlib.util.find_spec(models.PACKAGE)), reason="needs the extra embed"
)
TOLD = "A library lends 120 books on Monday and twice as many on Tuesday. How many is that in all?"
AGAIN = "The library had 120 books borrowed Monday, and double that Tuesday. Find how many in all."
OTHER = "A baker sells 45 loaves on Monday, 9 a tray. How many trays does he need on Tuesday?"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMI2_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OMI2_EMBEDDER", raising=False)
    find.cache_clear()
    layer.cache_clear()
    return tmp_path / "cache"


class Counted:
    """A made model: a text's vector is its length, and every text embedded is counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        self.model = Model("made", 2, 1, 1, None, {}, "made@1")

        def run(model: Model, texts: list[str]) -> np.ndarray:
            self.seen += texts
            return np.array([[len(text), 1] for text in texts], np.float32)

        monkeypatch.setattr(models, "embed", run)


def test_no_text_is_embedded_twice(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counted(monkeypatch)
    assert {t: v.tolist() for t, v in cached(made.model, ["a", "bb", "a"]).items()} == {
        "a": [1, 1],
        "bb": [2, 1],
    }
    assert list(cached(made.model, ["bb", "ccc"])) == ["bb", "ccc"]
    assert made.seen == ["a", "bb", "ccc"]
    (first, *_) = sorted((own_cache / "embeddings" / "made@1").iterdir())
    first.write_bytes(first.read_bytes()[:60])  # a damaged file holds nothing, and harms nothing
    assert len(cached(made.model, ["a", "bb", "ccc"])) == 3
    assert len(made.seen) in (4, 5)


def test_vectors_of_another_width_or_other_weights_are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Counted(monkeypatch)
    cached(made.model, ["a"])
    cached(replace(made.model, width=3), ["a"])
    cached(replace(made.model, id="made@2"), ["a"])
    assert made.seen == ["a", "a", "a"]


@pytest.mark.parametrize(
    ("match", "value", "wanted"),
    [
        (Match(NONE, 0.1), 0.9, Match(REPHRASE, 0.9, "b", "i")),
        (Match(NONE, 0.1), 0.4, Match(NONE, 0.4, "b", "i")),
        (Match(NONE, 0.45), 0.4, Match(NONE, 0.45)),
        (Match(REPHRASE, 0.6), 0.4, Match(REPHRASE, 0.6)),  # evidence is added, none is taken away
        (Match(REPHRASE, 0.6), 0.9, Match(REPHRASE, 0.9, "b", "i")),
        (Match(NUMBER_CHANGE, 0.8), 0.9, Match(REPHRASE, 0.9, "b", "i")),
        (Match(NUMBER_CHANGE, 0.8), 0.4, Match(NUMBER_CHANGE, 0.8)),
    ],
)
def test_what_embeddings_may_decide(match: Match, value: float, wanted: Match) -> None:
    assert _decided(match, value, ("b", "i")) == wanted


def test_the_scorer_that_ships() -> None:
    fitted, of = scorer(Model(models.PACKAGED, 384, 1, 1, None, {}))
    assert of == models.PACKAGED
    assert set(fitted) == {*FEATURES, "constant", "threshold", "open_from", "width"}
    words = np.zeros((2, len(OF_WORDS)))
    words[:, OF_WORDS.index("numbers_jaccard")] = words[:, OF_WORDS.index("of_item")] = 1
    words[0, OF_WORDS.index("shared_weight")] = 1
    near, far = score(joined(words, np.array([0.95, 0.3])), fitted)
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


@MADE
def test_a_folder_with_a_model_is_used_with_thresholds_that_it_says(tmp_path: Path) -> None:
    folder = tiny_model.write(tmp_path / "mine")
    model = find(str(folder))
    assert model.id.startswith("mine@")
    again = find(str(tiny_model.write(tmp_path / "two" / "mine", seed=2)))
    assert model.id != again.id  # the name is the same, the weights are not
    assert layer(str(folder)).about["thresholds_of"] == embed.STANDARD
    fitted, _ = scorer(model)
    own = {**fitted, "threshold": 7.5}
    lines = "".join(f"{name} = {value}\n" for name, value in own.items())
    (folder / "omi2.toml").write_text(f"[mine]\n{lines}")
    layer.cache_clear()
    assert layer(str(folder)).about["thresholds_of"] == "mine"
    assert layer(str(folder)).about["threshold"] == 7.5


@MADE
def test_a_model_of_another_dimension_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_model.write(tmp_path / "wide", width=768)
    monkeypatch.setenv("OMI2_EMBEDDER", str(folder))
    with pytest.raises(UsageError, match="'wide' gives vectors of 768 numbers"):
        compare_many([("one lamp", "two lamps")], embed=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 384}))
    with pytest.raises(UsageError, match="not 384 wide"):
        load(folder, "wide")


@MADE
@pytest.mark.parametrize("name", ["model", "ORG/NAME", "no/such/folder"])
def test_an_unknown_model_is_refused_with_what_is_known(name: str) -> None:
    with pytest.raises(UsageError, match="multi-qa-MiniLM-L6-cos-v1"):
        find(name)


@pytest.mark.parametrize("package", [*models.PACKAGES, models.PACKAGE])
def test_without_the_extra_it_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else found(name)
    )
    with pytest.raises(UsageError, match=r"pip install 'omi2\[embed\]'"):
        compare_many([("one lamp", "two lamps")], embed=True)
    named = Source(name="b", file="b.parquet", split="test")
    rules = Decontaminate(benchmarks=(named,))
    assert embed.chosen(rules)[0] is None
    assert "omi2[embed]" in embed.chosen(rules)[1]
    assert embed.chosen(replace(rules, embed="off")) == (None, "[decontaminate] embed is off")
    assert "names none" in embed.chosen(Decontaminate())[1]


def made_layer(monkeypatch: pytest.MonkeyPatch, cosine: float) -> Counted:
    """A layer that goes by the cosine alone, and finds the same one between any two texts."""
    made = Counted(monkeypatch)
    weights = {**dict.fromkeys(FEATURES, 0.0), "cosine": 9.0, "constant": 0.0, "threshold": 8.0}
    told = embed.Layer(made.model, weights | {"open_from": -20.0}, "made")
    monkeypatch.setattr(embed, "layer", lambda spec: told)
    other = (1 - cosine**2) ** 0.5

    def run(model: Model, texts: list[str]) -> np.ndarray:
        made.seen += texts
        return np.array([[1, 0] if t == TOLD else [cosine, other] for t in texts], np.float32)

    monkeypatch.setattr(models, "embed", run)
    return made


@pytest.mark.parametrize(("cosine", "rule"), [(1.0, "rephrase"), (0.0, "none")])
def test_the_second_scorer_decides_what_words_leave_open(
    monkeypatch: pytest.MonkeyPatch, cosine: float, rule: str
) -> None:
    made = made_layer(monkeypatch, cosine)
    pairs = [(OTHER, TOLD), (TOLD, TOLD), ("", TOLD)]
    assert [m.rule for m in compare_many(pairs)] == ["none", "exact", "unknown"]
    assert [m.rule for m in compare_many(pairs, embed=True)] == [rule, "exact", "unknown"]
    assert made.seen == [OTHER, TOLD]  # what is found already needs no vector


def test_what_no_cosine_could_decide_is_not_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_layer(monkeypatch, 1.0)
    told = embed.layer("auto")
    never = replace(told, fitted={**told.fitted, "threshold": 9.1})
    monkeypatch.setattr(embed, "layer", lambda spec: never)
    assert compare_many([(OTHER, TOLD)], embed=True) == compare_many([(OTHER, TOLD)])
    assert made.seen == []


def test_what_words_found_among_hashes_stays_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One benchmark with texts, one as an index alone: the texts clear nothing of the index."""
    from omi2.overlap import index

    made_layer(monkeypatch, 0.0)
    index.save(index.build("hashes", [("h", TOLD)], 8, {}), tmp_path / "hashes.npz")
    lines = "".join(json.dumps({"problem": text}) + "\n" for text in (OTHER, AGAIN[:40]))
    (tmp_path / "texts.jsonl").write_text(lines)
    names = [str(tmp_path / "hashes.npz"), str(tmp_path / "texts.jsonl")]
    told = TOLD.replace("on Monday", "Monday or so").replace("twice", "then twice")
    without, with_ = check([told], names), check([told], names, embed=True)
    assert without[0].rule == REPHRASE
    assert with_ == without


def test_vectors_are_kept_where_they_are_asked_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_cache: Path
) -> None:
    made = made_layer(monkeypatch, 0.0)
    (tmp_path / "texts.jsonl").write_text(json.dumps({"problem": TOLD}) + "\n")
    built, held = checker([str(tmp_path / "texts.jsonl")])
    for _ in range(2):
        improve([OTHER], built.check_many([OTHER]), built, held, folder=tmp_path / "here")
    assert made.seen == [OTHER, TOLD]
    assert not own_cache.exists()
    shutil.rmtree(tmp_path / "here")
    improve([OTHER], built.check_many([OTHER]), built, held, folder=tmp_path / "here")
    assert len(made.seen) == 4


@REAL
def test_the_real_model_sees_more_than_words() -> None:
    pairs = [(AGAIN, TOLD), (OTHER, TOLD)]
    plain, embedded = compare_many(pairs), compare_many(pairs, embed=True)
    assert [m.rule for m in embedded] == ["rephrase", "none"]
    assert embedded[0].score > plain[0].score
    assert embedded[1].score < 0.1


@MADE
def test_what_utf8_cannot_hold_is_embedded_as_a_mark(tmp_path: Path) -> None:
    model = load(tiny_model.write(tmp_path / "mine"), "mine")
    broken, marked = encode(model, [f"{TOLD} \ud800", f"{TOLD} ?"])
    assert np.abs(broken - marked).max() < 1e-6


@REAL
def test_a_batch_is_what_each_text_is_alone() -> None:
    model = find()
    texts = [TOLD, "lamp", "", AGAIN * 3, "Сколько яблок?"]
    together = encode(model, texts)
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-5
    for text, vector in zip(texts, together, strict=True):
        assert np.abs(encode(model, [text])[0] - vector).max() < 1e-4


@MADE
def test_a_text_counts_as_far_as_a_model_reads(tmp_path: Path) -> None:
    model = load(tiny_model.write(tmp_path / "mine"), "mine")
    long, longer, another = encode(model, [AGAIN * 40, AGAIN * 40 + TOLD, TOLD + AGAIN * 40])
    assert np.abs(long - longer).max() < 1e-6
    assert np.abs(long - another).max() > 1e-4


@MADE
def test_threads_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(tiny_model.write(tmp_path / "mine"), "mine")
    texts = [f"{TOLD * (at % 7)} lamp {at}" for at in range(90)]
    made = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        made.append(encode(model, texts).tobytes())
    assert made[0] == made[1]
