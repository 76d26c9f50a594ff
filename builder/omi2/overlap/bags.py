"""What a paraphrase keeps of many texts: weighted hashes of stems and numbers, in arrays."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omi2.overlap.batch import Batch, Ints, distinct, ranges
from omi2.overlap.rephrase import RARE, Bag, names, weights
from omi2.overlap.shares import FILTER_SHARE

TELLING = 1.5
"""Nats from which a stem or a number counts for that cosine: what one text in four has does not."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sets:
    """Sets of weighted hashes: set i is `names[offsets[i]:offsets[i + 1]]`, sorted."""

    names: Ints
    weights: Floats
    offsets: Ints

    @functools.cached_property
    def owner(self) -> Ints:
        """The set of each name."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @functools.cached_property
    def keys(self) -> Ints:
        """Set and name in one number, sorted."""
        return self.owner << 32 | self.names

    @functools.cached_property
    def sieve(self) -> npt.NDArray[np.bool_]:
        """Lets through every key and few other numbers: one look, where a search takes many."""
        found = np.zeros(1 << max(10, (FILTER_SHARE * len(self.keys)).bit_length()), np.bool_)
        found[_mixed(self.keys, len(found))] = True
        return found

    @functools.cached_property
    def sums(self) -> Floats:
        """The weight of each set."""
        return added(self.owner, self.weights, len(self.offsets) - 1)

    @functools.cached_property
    def norms(self) -> Floats:
        """The length of each set's vector of weights."""
        return np.sqrt(added(self.owner, self.weights**2, len(self.offsets) - 1))


@dataclass(frozen=True)
class Bags:
    """What a paraphrase keeps of many texts."""

    stems: Sets
    numbers: Sets

    @functools.cached_property
    def telling(self) -> Sets:
        """Stems and numbers together, those that tell something."""
        both = (self.stems, self.numbers)
        owner, names, weighed = (
            np.concatenate([getattr(each, name) for each in both])
            for name in ("owner", "names", "weights")
        )
        sure = weighed >= TELLING
        keys, weighed = (owner << 32 | names)[sure], weighed[sure]
        order = np.argsort(keys)
        return _sets(keys[order], weighed[order], len(self.stems.offsets) - 1)


def bags(batch: Batch) -> Bags:
    """The bags of a batch of texts: those of `rephrase.bag`."""
    facts = np.array([*map(names, batch.vocabulary)], np.int64).reshape(-1, 2)
    return Bags(*(_weighed(batch.owner, column[batch.tokens], len(batch)) for column in facts.T))


def known_bags(found: Sequence[Bag]) -> Bags:
    """The bags of an index's items."""
    made = []
    for kind in ("stems", "numbers"):
        sets = [getattr(each, kind) for each in found]
        owner = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
        names = np.fromiter((name for each in sets for name in each), np.int64, len(owner))
        made.append(_weighed(owner, names, len(sets)))
    return Bags(*made)


def have_numbers(batch: Batch, its: Bags, text: Ints, item: Ints) -> npt.NDArray[np.bool_]:
    """Whether each text has all of its item's numbers."""
    chosen, text = np.unique(text, return_inverse=True)
    mine = bags(batch.take(chosen)).numbers
    _, _, count = in_common(mine, its.numbers, text, item, rare=-1.0)
    return np.asarray(count == np.diff(its.numbers.offsets)[item])


def in_common(
    mine: Sets, its: Sets, text: Ints, item: Ints, rare: float = RARE
) -> tuple[Floats, Floats, Ints]:
    """Of what each pair shares: the weight, the sum of squares, and how many weigh over `rare`."""
    sizes = np.diff(mine.offsets)[text]
    pair = np.repeat(np.arange(len(text)), sizes)
    at = ranges(mine.offsets[text], sizes)
    keys = np.repeat(item, sizes) << 32 | mine.names[at]
    maybe = np.flatnonzero(its.sieve.take(_mixed(keys, len(its.sieve))))
    pair, at, keys = pair[maybe], at[maybe], keys[maybe]
    there = np.minimum(np.searchsorted(its.keys, keys), max(len(its.keys) - 1, 0))
    same = its.keys[there] == keys if len(its.keys) else at < 0
    pair, weighed = pair[same], mine.weights[at[same]]
    return (
        added(pair, weighed, len(text)),
        added(pair, weighed**2, len(text)),
        np.bincount(pair[weighed > rare], minlength=len(text)).astype(np.int64),
    )


def _mixed(keys: Ints, size: int) -> Ints:
    """Sets' keys as numbers below `size`, a power of two: names are hashes, sets are scattered."""
    return keys + (keys >> 32) * 0x9E3779B1 & size - 1


def added(place: Ints, values: Floats, count: int) -> Floats:
    """The sum of the values of each place."""
    return np.asarray(np.bincount(place, values, count), np.float64)


def _weighed(owner: Ints, names: Ints, count: int) -> Sets:
    """Sets of the names that are not negative, each once."""
    keys = distinct((owner << 32 | names)[names >= 0])
    return _sets(keys, weights().many(keys & 0xFFFFFFFF), count)


def _sets(keys: Ints, weighed: Floats, count: int) -> Sets:
    """Sets from their keys, sorted."""
    return Sets(keys & 0xFFFFFFFF, weighed, np.searchsorted(keys, np.arange(count + 1) << 32))
