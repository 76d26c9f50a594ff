"""Recognise a benchmark item told in other words, from words and numbers alone.

A paraphrase keeps an item's names, its things and its numbers, and changes the words around them.
So a problem is reduced to a bag: its distinct word stems (five letters, common words left out) and
its distinct numbers (spelled ones in digits). Stems are weighed by rarity, from a table of document
frequencies that ships with omi2 (hashes and counts from GSM8K train and MATH train, no text), so
that a score does not depend on which benchmarks are loaded. For the few items that share the most
weight, a linear scorer over the features below says how likely the problem is a paraphrase; its
weights and threshold, with what they were measured to do, are in `rephrase.toml`, fitted by
`python tests/bench/fit_rephrase.py`.

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
)
RARE = 5.0
_COMMON = frozenset(
    (
        *("a", "an", "the", "of", "to", "in", "is", "are", "and", "or", "for", "on", "at", "by"),
        *("with", "that", "this", "it", "its", "he", "she", "they", "his", "her", "their", "was"),
        *("were", "be", "been", "has", "have", "had", "if", "as", "from", "will", "would", "can"),
        *("could", "how", "many", "much", "what", "does", "do", "did", "not", "each", "per", "all"),
        *("then", "than", "there", "so", "i", "you", "we", "who", "which", "when", "some", "any"),
        *("more", "total"),
    )
)
_NUMBERS = {
    **dict(one="1", two="2", three="3", four="4", five="5", six="6", seven="7", eight="8"),
    **dict(nine="9", ten="10", eleven="11", twelve="12", thirteen="13", fourteen="14"),
    **dict(fifteen="15", sixteen="16", seventeen="17", eighteen="18", nineteen="19"),
    **dict(twenty="20", thirty="30", forty="40", fifty="50", sixty="60", seventy="70"),
    **dict(eighty="80", ninety="90", hundred="100", dozen="12", zero="0", once="1"),
    **dict(twice="2", double="2", doubled="2", triple="3", thrice="3", half="1/2", quarter="1/4"),
}


@dataclass(frozen=True)
class Bag:
    """What a paraphrase keeps: hashes of stems and of numbers."""

    stems: frozenset[int]
    numbers: frozenset[int]


@dataclass(frozen=True)
class Scorer:
    """A linear scorer: weights of FEATURES, a constant, and the score from which it is one."""

    weights: tuple[float, ...]
    constant: float
    threshold: float

    def score(self, features: Sequence[float]) -> float:
        """How likely the pair is a paraphrase: in (0, 1), one half at the threshold."""
        weighed = sum(w * f for w, f in zip(self.weights, features, strict=True)) + self.constant
        return 1 / (1 + math.exp(max(-30.0, min(30.0, self.threshold - weighed))))


def bag(tokens: Sequence[str]) -> Bag:
    """The bag of a problem's words (see `omi2.overlap.text.words`)."""
    stems, numbers = set(), set()
    for token in tokens:
        if token in _NUMBERS:
            numbers.add(_hash(_NUMBERS[token]))
        elif token[0].isdigit():
            numbers.add(_hash(token.rstrip("0").rstrip(".") if "." in token else token))
        elif token not in _COMMON:
            stems.add(_hash(token[:STEM]))
    return Bag(frozenset(stems), frozenset(numbers))


class Weights:
    """How much a stem or a number tells: -log of the share of problems that have it, in nats."""

    def __init__(self, hashes: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64], total: int):
        nats = np.log((total + 1) / (counts + 0.5))
        order = np.argsort(hashes, kind="stable")
        self._names, self._nats = hashes[order].astype(np.int64), nats[order]
        self._known = dict(zip(hashes.tolist(), nats.tolist(), strict=True))
        self.unseen = math.log((total + 1) / 0.5)

    def of(self, name: int) -> float:
        """The weight of one hash; what was never seen weighs the most."""
        return float(self._known.get(name, self.unseen))

    def many(self, names: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The weights of an array of hashes."""
        if not len(self._names):
            return np.full(len(names), self.unseen)
        at = np.minimum(np.searchsorted(self._names, names), len(self._names) - 1)
        return np.where(self._names[at] == names, self._nats[at], self.unseen)

    def sum(self, names: frozenset[int]) -> float:
        """The weight of several."""
        return sum(map(self.of, names))

    def norm(self, names: frozenset[int]) -> float:
        """The length of the weights' vector."""
        return math.sqrt(sum(self.of(name) ** 2 for name in names))


@functools.cache
def weights() -> Weights:
    """The table that ships with omi2."""
    data = (files("omi2") / "overlap" / "frequencies.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as table:
        return Weights(table["hashes"], table["counts"].astype(np.int64), int(table["total"][0]))


@functools.cache
def scorer() -> Scorer:
    """The fitted scorer that ships with omi2."""
    text = (files("omi2") / "overlap" / "rephrase.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    ordered = tuple(float(table["weights"][name]) for name in FEATURES)
    return Scorer(ordered, float(table["constant"]), float(table["threshold"]))


def features(problem: Bag, item: Bag, known: Weights) -> list[float]:
    """FEATURES of a pair."""
    stems, numbers = problem.stems & item.stems, problem.numbers & item.numbers
    shared, mine, its = known.sum(stems), known.sum(problem.stems), known.sum(item.stems)
    norms = known.norm(problem.stems) * known.norm(item.stems)
    both, theirs = known.sum(numbers), known.sum(item.numbers)
    union = known.sum(problem.numbers | item.numbers)
    cosine = known.norm(stems) ** 2 / norms if norms else 0.0
    of_problem = shared / mine if mine else 0.0
    of_item = shared / its if its else 0.0
    weight = min(shared, 80.0) / 40
    jaccard = both / union if union else 0.5
    return [
        cosine,
        of_problem,
        of_item,
        weight,
        jaccard,
        both / theirs if theirs else 0.5,
        min(both, 30.0) / 15,
        min(sum(known.of(stem) > RARE for stem in stems), 6) / 3,
        min(len(item.stems), 40) / 20,
        min(len(item.numbers), 10) / 5,
        abs(math.log((len(problem.stems) + 2) / (len(item.stems) + 2))),
        cosine * jaccard,
        float(problem.numbers == item.numbers),
        of_problem * weight,
        cosine**2,
        jaccard**2,
        weight**2,
        of_problem * of_item,
    ]


@functools.lru_cache(maxsize=1 << 17)
def _hash(word: str) -> int:
    return xxhash.xxh3_64_intdigest(word.encode()) & 0xFFFFFFFF
