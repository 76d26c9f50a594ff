"""What the words leave open, decided with sentence embeddings: the extra `embed`.

The scorers of words (`omi2.overlap.rephrase`) are sure of nearly every pair. Where they are not
(from `open_from` logits below their thresholds upwards), where the item's text is at hand and where
equal vectors would decide it, both texts are embedded, and a further small scorer weighs what the
words say, the cosine of the two vectors and the agreement of their numbers. It only adds: what a
layer before has found stays found. Its weights, its threshold and what they were measured to do
stand in `embed.toml`, a table per model, fitted by `python tests/bench/fit_embed.py`. A model
without a table of its own, neither there nor in an `omi2.toml` in its folder, is used with the
thresholds of STANDARD, and that is told; one whose vectors have another width has nothing in common
with them, and is refused.

Not covered: pairs that share so few words that the scorers of words never looked at them.
"""

import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from omi2.errors import UsageError
from omi2.overlap.checker import NONE, NUMBER_CHANGE, REPHRASE, Checker, Match
from omi2.overlap.minilm import Model
from omi2.overlap.models import AUTO, PACKAGED, cached, find, missing
from omi2.overlap.rephrase import FEATURES as OF_WORDS
from omi2.overlap.rephrase import scorers
from omi2.recipe import Decontaminate

OFF = "off"
STANDARD = PACKAGED
FEATURES = (
    "retold",  # the margins of the scorers of words, between -8 and 8, by fours
    "copied",
    "cosine",  # of the vectors
    "numbers_jaccard",
    "numbers_of_item",
    "same_numbers",
    "of_item",
    "length_ratio",
    "retold_and_cosine",
    "copied_and_cosine",
    "numbers_and_cosine",
    "cosine_squared",
    "retold_squared",
)
OPEN = (NONE, NUMBER_CHANGE, REPHRASE)
"""The rules of matches that embeddings may add to."""
DIGITS = 3
"""Of a score: what is left of two machines' arithmetic is smaller."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """A model and its fitted scorer."""

    model: Model
    fitted: Mapping[str, float]
    thresholds: str
    """The model on which the thresholds were measured."""

    @property
    def about(self) -> dict[str, str | float]:
        """What a report says of it."""
        return {
            "model": self.model.id,
            "thresholds_of": self.thresholds,
            "threshold": self.fitted["threshold"],
            "open_from": self.fitted["open_from"],
        }


@functools.cache
def layer(spec: str = AUTO) -> Layer:
    """The layer with this model (see `models.find`). Raises UsageError, RemoteError."""
    model = find(spec)
    fitted, thresholds = scorer(model)
    return Layer(model, fitted, thresholds)


def chosen(rules: Decontaminate) -> tuple[Layer | None, str]:
    """The layer that a recipe asks for, or why there is none. Raises UsageError, RemoteError.

    A model that is named has to be there; `auto` does without, where its packages are missing.
    """
    if rules.embed == OFF:
        return None, "[decontaminate] embed is off"
    if not rules.benchmarks:
        return None, "embeddings need texts, and [decontaminate] benchmarks names none"
    if rules.embed == AUTO and (why := missing()) is not None:
        return None, str(why)
    return layer(rules.embed), ""


def improve(
    problems: Sequence[str],
    matches: Sequence[Match],
    checker: Checker,
    texts: Iterable[tuple[str, str, str]],
    own: Sequence[int] | None = None,
    *,
    model: str = AUTO,
    folder: Path | None = None,
) -> list[Match]:
    """The matches, those that words leave open decided anew. `texts` are those of the items;
    vectors are kept in `folder`.

    Raises UsageError where no texts are at hand, or the model or its package is missing.
    """
    known = {(benchmark, item): text for benchmark, item, text in texts}
    if not known:
        raise UsageError(
            "embeddings need the benchmark's texts, and only hashes are at hand: name its file, or "
            "give --texts where it is on the Hub"
        )
    used = layer(model)
    asked = [at for at, match in enumerate(matches) if match.rule in OPEN]
    told = list(matches)
    if not asked:
        return told
    pairs, features = checker.near_pairs(
        [problems[at] for at in asked], None if own is None else [own[at] for at in asked]
    )
    margins = scorers().margins(features)
    items = [known.get(checker.index.items[item]) for item in pairs.item.tolist()]
    held = np.array([text is not None for text in items], np.bool_)
    held &= margins.max(axis=1, initial=-1e9) >= used.fitted["open_from"]
    held &= score(joined(features, np.ones(len(features))), used.fitted) >= 0.5
    near = np.flatnonzero(held)
    mine = [problems[asked[text]] for text in pairs.text[near].tolist()]
    theirs = [items[at] or "" for at in near.tolist()]
    vectors = cached(used.model, [*mine, *theirs], folder)
    cosines = np.array([vectors[a] @ vectors[b] for a, b in zip(mine, theirs, strict=True)])
    scores = score(joined(features[near], cosines), used.fitted).round(DIGITS)
    best: dict[int, tuple[float, int]] = {}
    for text, item, value in zip(
        pairs.text[near].tolist(), pairs.item[near].tolist(), scores.tolist(), strict=True
    ):
        best[text] = max(best.get(text, (-1.0, 0)), (value, -item))
    for text, (value, item) in best.items():
        told[asked[text]] = _decided(told[asked[text]], value, checker.index.items[-item])
    return told


def joined(words: Floats, cosines: Floats) -> Floats:
    """FEATURES of pairs, from their features of words and the cosines of their vectors."""
    margins = np.clip(scorers().margins(words), -8.0, 8.0) / 4
    cosines = np.asarray(cosines, np.float64).reshape(-1)
    jaccard, of_item_numbers, same, of_item, length = (
        words[:, OF_WORDS.index(name)]
        for name in (
            "numbers_jaccard",
            "numbers_of_item",
            "same_numbers",
            "of_item",
            "length_ratio",
        )
    )
    retold, copied = margins.T
    return np.column_stack(
        [
            retold,
            copied,
            cosines,
            jaccard,
            of_item_numbers,
            same,
            of_item,
            length,
            retold * cosines,
            copied * cosines,
            jaccard * cosines,
            cosines**2,
            retold**2,
        ]
    )


def score(found: Floats, fitted: Mapping[str, float]) -> Floats:
    """How likely each pair is a paraphrase: one half at the threshold."""
    margin = found @ np.array([fitted[name] for name in FEATURES])
    margin = margin + fitted["constant"] - fitted["threshold"]
    return np.asarray(1 / (1 + np.exp(-np.clip(margin, -30.0, 30.0))))


def scorer(model: Model) -> tuple[dict[str, float], str]:
    """The fitted scorer for a model, and the model it was fitted for. Raises UsageError."""
    text = (files("omi2") / "overlap" / "embed.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    if model.folder and (own := model.folder / "omi2.toml").is_file():
        tables |= tomllib.loads(own.read_text(encoding="utf-8"))
    name = model.name if model.name in tables else STANDARD
    table = {key: float(value) for key, value in tables[name].items()}
    if model.width != table["width"]:
        raise UsageError(
            f"the embedding model {model.name!r} gives vectors of {model.width} numbers, and "
            f"thresholds are known for {STANDARD} of {table['width']:.0f}: use that one, or fit "
            "thresholds for yours with `python tests/bench/fit_embed.py --write`"
        )
    return table, name


def _decided(match: Match, value: float, item: tuple[str, str]) -> Match:
    """A match, given the best value of the scorer: never less than it was."""
    if value >= 0.5 and (match.rule != REPHRASE or value > match.score):
        return Match(REPHRASE, value, *item)
    if match.rule == NONE and value > match.score:
        return Match(NONE, value, *item)
    return match
