"""Recognise a benchmark item told in other words, from words and numbers alone.

A paraphrase keeps an item's names, its things and its numbers, and changes the words around them.
So a problem is reduced to a bag: its distinct word stems (five letters, common words left out) and
its distinct numbers. Both are weighed by rarity, from a table of document frequencies that ships
with omi2 (hashes and counts from GSM8K train and MATH train, no text), so that a score does not
depend on which benchmarks are loaded. For the few items that share the most weight, two linear
scorers over the features below each say how far a pair is above its threshold, and the higher one
counts: `retold` knows paraphrases as people and models write them, `copied` an item whose bag is
there nearly whole, however it was disguised, and no weight of `copied` on what both share is
negative: more of an item is never less evidence. Their weights and thresholds, with what they were
measured to do, are in `rephrase.toml`, fitted by `python tests/bench/fit_rephrase.py`. The features
are computed in `omi2.overlap.nearest`.

Not covered: translation; a paraphrase that changes the names and the things too.
"""

import functools
import io
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import xxhash

STEM = 5
FEATURES = (
    "cosine",  # of the stems' weights
    "of_problem",  # share of the problem's weight that the item has too
    "of_item",  # share of the item's weight that the problem has too
    "shared_weight",  # in units of 40 nats, at most 2
    "numbers_jaccard",  # weighted
    "numbers_of_item",
    "numbers_weight",  # in units of 15 nats, at most 2
    "rare_stems",  # shared stems in fewer than one of 150 problems, by threes, at most 2
    "item_stems",  # by twenties, at most 2
    "item_numbers",  # by fives, at most 2
    "length_ratio",  # |log| of the ratio of the numbers of stems
    "cosine_and_numbers",  # the products and squares let evidence of one kind stand in for another
    "same_numbers",  # 1 where the sets are equal
    "of_problem_and_weight",
    "cosine_squared",
    "numbers_squared",
    "weight_squared",
    "of_both",
    "item_weight",  # in units of 80 nats, at most 2
    "item_rarity",  # nats a stem, by fours, at most 2
    "numbers_and_rare",
    "rare_squared",
    "numbers_weight_and_rare",
    "numbers_weight_squared",
    "of_item_squared",
    "length_squared",
    "numbers_and_weight",
)
SCORERS = ("retold", "copied")
FREE = (
    "item_stems",
    "item_numbers",
    "item_weight",
    "item_rarity",
    "length_ratio",
    "length_squared",
)
"""Features that are no evidence by themselves: `copied` may weigh them either way."""
RARE = 5.0
NOTHING = -1
"""The hash of no stem and of no number."""
_COMMON = frozenset(
    (
        *("a", "an", "the", "of", "to", "in", "is", "are", "and", "or", "for", "on", "at", "by"),
        *("with", "that", "this", "it", "its", "he", "she", "they", "his", "her", "their", "was"),
        *("were", "be", "been", "has", "have", "had", "if", "as", "from", "will", "would", "can"),
        *("could", "how", "many", "much", "what", "does", "do", "did", "not", "each", "per", "all"),
        *("then", "than", "there", "so", "i", "you", "we", "who", "which", "when", "some", "any"),
        *("more", "total", "percent", "dollar", "dollars", "degrees", "pmatrix", "bmatrix"),
        *("vmatrix", "matrix", "align", "aligned", "array", "cases", "tabular"),
    )
)
"""Words that tell nothing, those that also stand as signs, and how LaTeX sets formulas."""
_NUMBERS = {
    **dict(dozen="12", once="1", twice="2", double="2", doubled="2", triple="3", thrice="3"),
    **dict(half="1/2", quarter="1/4"),
}
_UNITS = {
    **dict(feet="foot", ft="foot", cm="centimeter", km="kilometer", mi="mile", kg="kilogram"),
    **dict(hr="hour", hrs="hour", min="minute", mins="minute", lb="pound", lbs="pound"),
}
"""Short forms, and what they stand for."""


@dataclass(frozen=True)
class Bag:
    """What a paraphrase keeps: hashes of stems and of numbers."""

    stems: frozenset[int]
    numbers: frozenset[int]


@dataclass(frozen=True)
class Scorers:
    """Linear scorers, a column each: weights of FEATURES, and what is added so that 0 is the
    threshold."""

    weights: npt.NDArray[np.float64]
    constants: npt.NDArray[np.float64]

    def margins(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far above its threshold each scorer puts each pair, in logits."""
        return np.asarray(features @ self.weights + self.constants)


def bag(tokens: Sequence[str]) -> Bag:
    """The bag of a problem's words (see `omi2.overlap.text.words`)."""
    stems, numbers = zip(*map(names, {*tokens}), strict=True) if tokens else ((), ())
    return Bag(frozenset(stems) - {NOTHING}, frozenset(numbers) - {NOTHING})


@functools.lru_cache(maxsize=1 << 18)
def names(word: str) -> tuple[int, int]:
    """The hash of a word's stem, and that of its number; NOTHING where it has none."""
    if word in _NUMBERS:
        return NOTHING, _hash(_NUMBERS[word])
    if word[0].isdigit():
        return NOTHING, _hash(word)
    return (NOTHING if word in _COMMON else _hash(_UNITS.get(word, word)[:STEM])), NOTHING


class Weights:
    """How much a stem or a number tells: -log of the share of problems that have it, in nats."""

    def __init__(self, hashes: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64], total: int):
        nats = np.log((total + 1) / (counts + 0.5))
        order = np.argsort(hashes, kind="stable")
        self._names, self._nats = hashes[order].astype(np.int64), nats[order]
        self.unseen = math.log((total + 1) / 0.5)

    def many(self, names: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The weights of an array of hashes; what was never seen weighs the most."""
        if not len(self._names):
            return np.full(len(names), self.unseen)
        at = np.minimum(np.searchsorted(self._names, names), len(self._names) - 1)
        return np.where(self._names[at] == names, self._nats[at], self.unseen)


@functools.cache
def weights() -> Weights:
    """The table that ships with omi2."""
    data = (files("omi2") / "overlap" / "frequencies.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as table:
        return Weights(table["hashes"], table["counts"].astype(np.int64), int(table["total"][0]))


@functools.cache
def scorers() -> Scorers:
    """The fitted scorers that ship with omi2."""
    text = (files("omi2") / "overlap" / "rephrase.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    weights = [[float(table[n]["weights"][f]) for n in SCORERS] for f in FEATURES]
    constants = [float(table[n]["constant"]) - float(table[n]["threshold"]) for n in SCORERS]
    return Scorers(np.array(weights), np.array(constants))


def _hash(word: str) -> int:
    return xxhash.xxh3_64_intdigest(word.encode()) & 0xFFFFFFFF
