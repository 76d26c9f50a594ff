"""Items by the hash of all their words: exact copies, and short items in texts little longer.

Hashing a text whole is slow beside the arrays of the other layers, so few texts are: those that
begin with an item's first n-gram, those too short for one, and short ones with a word by which a
short item is known.
"""

import math

import numpy as np

from omi2.overlap.batch import Batch, Grams, Ints, distinct, ranges
from omi2.overlap.index import Index
from omi2.overlap.rephrase import names, weights
from omi2.overlap.shares import Pairs
from omi2.overlap.text import whole_hash

MOST_OF_TEXT = 0.5
"""An item too short for n-grams is matched by a text of which it is at least this share."""


class Wholes:
    """An index's items by their hash."""

    def __init__(self, index: Index) -> None:
        self._n, self._hashes, self._lengths = index.n, index.whole, index.lengths
        self._place = {h: at for at, h in reversed(list(enumerate(index.whole.tolist())))}
        counts = np.maximum(index.lengths - index.n + 1, 0)
        self._firsts = np.unique(index.grams[(np.cumsum(counts) - counts)[counts > 0]])
        self._shortest = max(2, int(index.lengths.min(initial=index.n)))
        short = np.flatnonzero((index.lengths > 1) & (index.lengths < index.n)).tolist()
        found = [index.bags[at].stems | index.bags[at].numbers for at in short]
        self._known_by = frozenset(map(_rarest, found)) if all(found) else None

    def exact(self, batch: Batch, grams: Grams, own: Ints | None) -> Pairs:
        """Texts of an item's very words; of `grams`, the plain ones, each text's first is asked."""
        sizes = np.diff(batch.offsets)
        first = (np.cumsum(grams.counts) - grams.counts)[grams.counts > 0]
        begins = np.flatnonzero(grams.counts)[np.isin(grams.hashes[first], self._firsts)]
        texts = np.union1d(begins, np.flatnonzero((sizes > 0) & (sizes < self._n)))
        text, item = [], []
        for at in texts.tolist():
            hashed = whole_hash(batch.words(at))
            one = self._place.get(hashed) if own is None else int(own[at])
            if one is None or self._hashes[one] != hashed:
                continue
            if self._lengths[one] == sizes[at]:
                text.append(at)
                item.append(one)
        return Pairs(np.array(text, np.int64), np.array(item, np.int64), np.ones(len(text)))

    def short(self, batch: Batch, own: Ints | None) -> Pairs:
        """Short texts that hold all the words of an item too short for n-grams, one after another,
        and little besides: the share of their words that are the item's."""
        sizes = np.diff(batch.offsets)
        fit = (sizes > self._shortest) & (sizes * MOST_OF_TEXT <= self._n - 1)
        text, item, score = [], [], []
        for at in self._known(batch, np.flatnonzero(fit)).tolist():
            tokens = batch.words(at)
            least = max(self._shortest, math.ceil(len(tokens) * MOST_OF_TEXT))
            for size in range(least, min(self._n, len(tokens))):
                for start in range(len(tokens) - size + 1):
                    one = self._place.get(whole_hash(tokens[start : start + size]), -1)
                    if one >= 0 and self._lengths[one] == size:
                        text.append(at)
                        item.append(one)
                        score.append(size / len(tokens))
        found = Pairs(np.array(text, np.int64), np.array(item, np.int64), np.array(score))
        return found if own is None else found.where(own[found.text] == found.item)

    def _known(self, batch: Batch, texts: Ints) -> Ints:
        """Those of some texts that hold a word by which a short item is known."""
        if self._known_by is None:
            return texts
        sizes = np.diff(batch.offsets)[texts]
        tokens = batch.tokens[ranges(batch.offsets[texts], sizes)]
        telling = np.zeros(len(batch.vocabulary), np.bool_)
        telling[tokens] = True
        for at in np.flatnonzero(telling).tolist():
            telling[at] = not self._known_by.isdisjoint(names(batch.vocabulary[at]))
        owner = np.repeat(np.arange(len(texts)), sizes)
        return texts[distinct(owner[telling[tokens]])]


def _rarest(found: frozenset[int]) -> int:
    """The one of these stems and numbers that tells most."""
    listed = sorted(found)
    return listed[int(np.argmax(weights().many(np.array(listed, np.int64))))]
