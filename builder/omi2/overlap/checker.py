"""Compare problems with benchmark items, and say how much they overlap and by which rule.

Layers, from cheap to dear, and the rule that each speaks for:

- exact    the same words in the same order                                     exact
- ngram    the share of an item's words in word n-grams that the problem shares
           (Tulu 3, arXiv 2411.15124, section 3.2), above `overlap`             near_dup
- masked   the same with numbers masked, above `masked_overlap`                 number_change
- words    the scorer of `omi2.overlap.rephrase`, from `rephrase`               rephrase
- minhash  Jaccard similarity of word 3-grams, estimated by MinHash; only where
           the benchmark's texts are at hand                                    near_dup

A near duplicate that lacks a number of the item's is a number_change, and the other way round.
Every rule is contamination but number_change, which is only where the rules are `strict`. A problem
without a single word cannot be compared: unknown, never clean. Not covered: paraphrases that change
names, things and numbers; they keep nothing that could be compared without understanding.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from omi2.overlap.index import Index
from omi2.overlap.rephrase import Bag, bag, features, scorer, weights
from omi2.overlap.text import Hashes, masked_hashes, ngram_hashes, whole_hash, words
from omi2.recipe import Decontaminate

CLEAN, CONTAMINATED, UNKNOWN = "clean", "contaminated", "unknown"
EXACT, NEAR_DUP, NUMBER_CHANGE, REPHRASE = "exact", "near_dup", "number_change", "rephrase"
NONE = "none"
POLICIES = {
    "standard": (EXACT, NEAR_DUP, REPHRASE),
    "strict": (EXACT, NEAR_DUP, REPHRASE, NUMBER_CHANGE),
}
"""The rules that are contamination, by policy."""
NEAREST = 8
"""Items whose bags are looked at; the right one of 1,246 was among them but for six."""
PERMUTATIONS = 128
MINHASH_SEED = 1


@dataclass(frozen=True)
class Match:
    """The strongest overlap of one problem with any benchmark item.

    `rule` is exact, near_dup, rephrase, number_change, none (nothing is near enough; `score` and
    `item` still name the nearest, if any) or unknown (there was nothing to compare). `score` lies
    in [0, 1]; what it measures depends on the rule.
    """

    rule: str
    score: float = 0.0
    benchmark: str | None = None
    item: str | None = None

    def verdict(self, *, strict: bool) -> str:
        """clean, contaminated or unknown."""
        if self.rule == UNKNOWN:
            return UNKNOWN
        return CONTAMINATED if self.contaminated("strict" if strict else "standard") else CLEAN

    def contaminated(self, policy: str = "standard") -> bool:
        """Whether the rule is contamination under this policy, standard or strict."""
        return self.rule in POLICIES[policy]


class Checker:
    """Compares problems with an index, and with benchmark texts where they are given."""

    def __init__(
        self, index: Index, rules: Decontaminate, texts: Sequence[tuple[str, str, str]] = ()
    ) -> None:
        """`texts` are (benchmark, item id, problem) triples for the MinHash layer."""
        self.index = index
        self.rules = rules
        self._whole = {int(h): at for at, h in reversed(list(enumerate(index.whole.tolist())))}
        counts = np.maximum(index.lengths - index.n + 1, 0)
        self._item = np.repeat(np.arange(len(counts)), counts)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
        self._position = np.arange(len(self._item)) - np.repeat(starts, counts)
        self._plain = _sorted(index.grams)
        self._masked = _sorted(index.masked)
        self._norms = np.array([weights().norm(b.stems) or 1.0 for b in index.bags])
        postings: dict[int, list[int]] = defaultdict(list)
        for at, found in enumerate(index.bags):
            for stem in found.stems:
                postings[stem].append(at)
        self._postings = {stem: np.array(found) for stem, found in postings.items()}
        self._lsh: Any = None
        if texts:
            self._build_minhash(texts)

    def check(self, problem: str) -> Match:
        """The strongest overlap of this problem: contamination first, then by score."""
        tokens = words(problem)
        if not tokens:
            return Match(UNKNOWN)
        at = self._whole.get(whole_hash(tokens))
        if at is not None and self.index.lengths[at] == len(tokens):
            return Match(EXACT, 1.0, *self.index.items[at])
        policy = "strict" if self.rules.strict else "standard"
        found = [
            Match(rule, score, *self.index.items[item])
            for rule, score, item in self._matches(tokens, bag(tokens))
        ]
        return max(
            found,
            key=lambda m: (m.contaminated(policy), m.rule != NONE, m.score),
            default=Match(NONE),
        )

    def _matches(self, tokens: list[str], mine: Bag) -> Iterator[tuple[str, float, int]]:
        """(rule, score, item) of every layer's best items."""
        n, rules = self.index.n, self.rules
        for item, share in self._shares(ngram_hashes(tokens, n), self._plain):
            yield self._by_numbers(mine, item) if share > rules.overlap else NONE, share, item
        for item, share in self._shares(masked_hashes(tokens, n), self._masked):
            high = share > rules.masked_overlap
            yield self._by_numbers(mine, item) if high else NONE, share, item
        for item in self._nearest(mine):
            score = scorer().score(features(mine, self.index.bags[item], weights()))
            yield REPHRASE if score >= rules.rephrase else NONE, score, item
        if self._lsh is not None:
            for item, score in self._near(tokens):
                yield self._by_numbers(mine, item) if score >= rules.minhash else NONE, score, item

    def _by_numbers(self, mine: Bag, item: int) -> str:
        """near_dup or number_change: has the problem all of the item's numbers, whatever else?"""
        return NEAR_DUP if self.index.bags[item].numbers <= mine.numbers else NUMBER_CHANGE

    def _shares(
        self, hashes: Hashes, stored: tuple[Hashes, npt.NDArray[np.int64]]
    ) -> list[tuple[int, float]]:
        """The items with the largest shares of their words in n-grams shared with these."""
        sorted_hashes, places = stored
        found = np.unique(hashes[hashes != 0])
        left = np.searchsorted(sorted_hashes, found, "left")
        right = np.searchsorted(sorted_hashes, found, "right")
        covered: dict[int, set[int]] = defaultdict(set)
        for low, high in zip(left[left < right], right[left < right], strict=True):
            for place in places[low:high]:
                start = int(self._position[place])
                covered[int(self._item[place])].update(range(start, start + self.index.n))
        lengths = self.index.lengths
        shares = [(item, len(found) / int(lengths[item])) for item, found in covered.items()]
        return sorted(shares, key=lambda s: (-s[1], s[0]))[:NEAREST]

    def _nearest(self, mine: Bag) -> list[int]:
        """The items whose stems are nearest by weighted cosine."""
        stems = [stem for stem in mine.stems if stem in self._postings]
        if not stems:
            return []
        items = np.concatenate([self._postings[stem] for stem in stems])
        squares = [weights().of(stem) ** 2 for stem in stems]
        each = np.repeat(squares, [len(self._postings[stem]) for stem in stems])
        scores = np.bincount(items, each, len(self._norms)) / self._norms
        top = np.argpartition(-scores, min(NEAREST, len(scores) - 1))[:NEAREST]
        return sorted(int(item) for item in top if scores[item] > 0)

    def _build_minhash(self, texts: Sequence[tuple[str, str, str]]) -> None:
        from datasketch import MinHashLSH

        place = {name: at for at, name in enumerate(self.index.items)}
        self._signatures = {place[b, i]: _signature(words(text)) for b, i, text in texts}
        self._lsh = MinHashLSH(threshold=self.rules.minhash, num_perm=PERMUTATIONS)
        for at, signature in self._signatures.items():
            self._lsh.insert(at, signature)

    def _near(self, tokens: list[str]) -> list[tuple[int, float]]:
        """Items of high estimated Jaccard similarity."""
        mine = _signature(tokens)
        return [(at, float(self._signatures[at].jaccard(mine))) for at in self._lsh.query(mine)]


def layers(*, texts: bool) -> list[str]:
    """The names of the layers that are used."""
    return ["exact", "ngram", "masked", "words", *(["minhash"] if texts else [])]


def _sorted(hashes: Hashes) -> tuple[Hashes, npt.NDArray[np.int64]]:
    places = np.argsort(hashes, kind="stable")
    return hashes[places], places


def _signature(tokens: list[str]) -> Any:
    """MinHash over word 3-grams; a shorter text is one shingle."""
    from datasketch import MinHash

    shingles = [" ".join(tokens[i : i + 3]).encode() for i in range(max(1, len(tokens) - 2))]
    signature = MinHash(num_perm=PERMUTATIONS, seed=MINHASH_SEED)
    signature.update_batch(shingles)
    return signature
