"""Compare problems with benchmark items, and say how much they overlap.

Layers, from cheap to dear; a problem gets the strongest finding of all of them:

- exact    the same words in the same order                       -> contaminated, score 1
- ngram    the share of an item's words that lies in word n-grams shared with the problem (Tulu 3,
           arXiv 2411.15124, section 3.2)                         -> contaminated above `overlap`
- masked   the same with numbers masked: the item with other numbers
                                                                  -> contaminated if `strict`
- minhash  Jaccard similarity of word 3-grams, estimated by MinHash; only where the benchmark's
           texts are at hand                                      -> contaminated from `minhash`

A problem without a single word cannot be compared: unknown, never clean. Not covered: paraphrases
that share no n-gram with the item.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from omi2.overlap.index import Index
from omi2.overlap.text import Hashes, masked_hashes, ngram_hashes, whole_hash, words
from omi2.recipe import Decontaminate

CLEAN, CONTAMINATED, UNKNOWN = "clean", "contaminated", "unknown"
PERMUTATIONS = 128
MINHASH_SEED = 1


@dataclass(frozen=True)
class Finding:
    """The strongest overlap of one problem with any benchmark item. `score` lies in [0, 1]."""

    verdict: str
    layer: str | None = None
    score: float = 0.0
    benchmark: str | None = None
    item: str | None = None


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
        self._texts = [(benchmark, item) for benchmark, item, _ in texts]
        self._lsh: Any = None
        if texts:
            self._build_minhash([text for *_, text in texts])

    def check(self, problem: str) -> Finding:
        """The strongest overlap of this problem."""
        tokens = words(problem)
        if not tokens:
            return Finding(UNKNOWN)
        at = self._whole.get(whole_hash(tokens))
        if at is not None and self.index.lengths[at] == len(tokens):
            return Finding(CONTAMINATED, "exact", 1.0, *self.index.items[at])
        n, rules = self.index.n, self.rules
        plain, masked = ngram_hashes(tokens, n), masked_hashes(tokens, n)
        findings = [
            self._ngrams("ngram", plain, self._plain, rules.overlap, drop=True),
            self._ngrams("masked", masked, self._masked, rules.masked_overlap, drop=rules.strict),
        ]
        if self._lsh is not None:
            findings.append(self._near(tokens))
        return max(findings, key=lambda f: (f.verdict == CONTAMINATED, f.score))

    def _ngrams(
        self,
        layer: str,
        hashes: Hashes,
        stored: tuple[Hashes, npt.NDArray[np.int64]],
        threshold: float,
        *,
        drop: bool,
    ) -> Finding:
        """The item with the largest share of its words in n-grams shared with these."""
        sorted_hashes, places = stored
        n = self.index.n
        found = np.unique(hashes[hashes != 0])
        left = np.searchsorted(sorted_hashes, found, "left")
        right = np.searchsorted(sorted_hashes, found, "right")
        covered: dict[int, set[int]] = defaultdict(set)
        for low, high in zip(left[left < right], right[left < right], strict=True):
            for place in places[low:high]:
                start = int(self._position[place])
                covered[int(self._item[place])].update(range(start, start + n))
        if not covered:
            return Finding(CLEAN)
        lengths = self.index.lengths
        best = max(covered, key=lambda item: (len(covered[item]) / int(lengths[item]), -item))
        share = len(covered[best]) / int(lengths[best])
        verdict = CONTAMINATED if drop and share > threshold else CLEAN
        return Finding(verdict, layer, share, *self.index.items[best])

    def _build_minhash(self, texts: list[str]) -> None:
        from datasketch import MinHashLSH

        self._signatures = [_signature(words(text)) for text in texts]
        self._lsh = MinHashLSH(threshold=self.rules.minhash, num_perm=PERMUTATIONS)
        for at, signature in enumerate(self._signatures):
            self._lsh.insert(at, signature)

    def _near(self, tokens: list[str]) -> Finding:
        """The benchmark text of the highest estimated Jaccard similarity."""
        signature = _signature(tokens)
        scored = [
            (self._signatures[at].jaccard(signature), -at) for at in self._lsh.query(signature)
        ]
        score, at = max(scored, default=(0.0, 0))
        if not scored:
            return Finding(CLEAN)
        verdict = CONTAMINATED if score >= self.rules.minhash else CLEAN
        return Finding(verdict, "minhash", float(score), *self._texts[-at])


def layers(rules: Decontaminate, *, texts: bool) -> list[str]:
    """The names of the layers that these rules use."""
    return [
        "exact",
        "ngram",
        *(["masked"] if rules.strict else []),
        *(["minhash"] if texts else []),
    ]


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
