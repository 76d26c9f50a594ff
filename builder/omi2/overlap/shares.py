"""Which items share n-grams with which texts, and how much of each item they cover.

The n-grams of an index lie sorted in a `Table`, before a filter of one byte per hash value that
lets through every n-gram of the index and few others; so nearly all n-grams of a text that has
nothing to do with any item cost one look each. What is left is joined with the places where it
stands, and the words of an item that lie in shared n-grams are counted, each once. An n-gram of
more than `COMMON` items of a part of the index is no evidence of any (the document-frequency
filter): there it is left out of the table.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omi2.overlap.batch import Grams, Ints, distinct, ranges
from omi2.overlap.index import Index
from omi2.overlap.text import Hashes

COMMON = 12
"""More items than copies of one are likely to be: MATH test has phrases in 40 items."""
FILTER_SHARE = 16


@dataclass(frozen=True)
class Pairs:
    """What a layer found: pairs of a text and an item, with their scores."""

    text: Ints
    item: Ints
    score: npt.NDArray[np.float64]

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.text[chosen], self.item[chosen], self.score[chosen])


@dataclass(frozen=True)
class Table:
    """The n-grams of an index: distinct hashes, sorted, and where each stands."""

    n: int
    lengths: Ints
    """The words of each item."""
    hashes: Hashes
    begins: Ints
    items: npt.NDArray[np.int32]
    places: npt.NDArray[np.int32]
    sieve: npt.NDArray[np.bool_]


def table(index: Index, grams: Hashes, most: int = COMMON) -> Table:
    """A table of every item's n-grams, which lie one item after another; hashes of 0 are blank.

    An n-gram of more than `most` items of a part is left out there. Items of the same words count
    as one: a test set that is compared with twice says no less.
    """
    counts = np.maximum(index.lengths - index.n + 1, 0)
    items = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(items)) - np.repeat(np.cumsum(counts) - counts, counts)
    part = np.repeat(np.arange(len(index.slices)), [len(index.items[s]) for s in index.slices])
    whole = np.unique(index.whole, return_inverse=True)[1]
    own = np.unique(part << 32 | whole, return_inverse=True)[1][items]
    order = np.flatnonzero(grams)
    order = order[np.argsort(grams[order] << np.uint64(24) | own[order].astype(np.uint64))]
    order = order[~_common(grams[order], part[items[order]], own[order], most)]
    hashes, sizes = np.unique(grams[order], return_counts=True)
    size = 1 << max(10, int(FILTER_SHARE * len(sizes)).bit_length())
    sieve = np.zeros(size, np.bool_)
    sieve[(hashes & np.uint64(size - 1)).astype(np.int64)] = True
    return Table(
        index.n,
        index.lengths,
        hashes,
        np.concatenate([[0], np.cumsum(sizes)]),
        items[order].astype(np.int32),
        places[order].astype(np.int32),
        sieve,
    )


def _common(grams: Hashes, part: Ints, own: Ints, most: int) -> npt.NDArray[np.bool_]:
    """Which of the n-grams, in order, stand in more than `most` different items of their part."""
    first = np.ones(len(grams), np.bool_)  # of an n-gram in a part
    first[1:] = (np.diff(grams) != 0) | (np.diff(part) != 0)
    new = first.copy()
    new[1:] |= np.diff(own) != 0
    begins = np.flatnonzero(first)
    different = np.add.reduceat(new, begins, dtype=np.int64) if len(begins) else begins
    return np.repeat(different > most, np.diff(np.append(begins, len(grams))))


def found(hashes: Hashes, known: Table) -> tuple[Ints, Ints]:
    """The n-grams of some texts that stand in the table: each one's number here, and there."""
    narrow = np.uint64(len(known.sieve) - 1)
    here = np.flatnonzero(known.sieve.take((hashes & narrow).view(np.int64)))
    here = here[np.argsort(hashes[here])]  # in order, a search walks the table from end to end
    wanted = hashes[here]
    there = np.searchsorted(known.hashes, wanted)
    there = np.minimum(there, max(len(known.hashes) - 1, 0))
    right = known.hashes[there] == wanted if len(known.hashes) else here < 0
    return here[right], there[right]


def shares(grams: Grams, known: Table, own: Ints | None = None) -> Pairs:
    """Every (text, item) that share n-grams, and the share of the item's words that lie in them.

    With `own`, one item for each text, only those pairs.
    """
    here, there = found(grams.hashes, known)
    keys = distinct(grams.owner[here] * max(len(known.hashes), 1) + there)  # each once a text
    text, there = np.divmod(keys, max(len(known.hashes), 1))
    sizes = known.begins[there + 1] - known.begins[there]
    at = ranges(known.begins[there], sizes)
    text = np.repeat(text, sizes)
    item, place = known.items[at].astype(np.int64), known.places[at].astype(np.int64)
    if own is not None:
        mine = own[text] == item
        text, item, place = text[mine], item[mine], place[mine]
    keys = np.sort(text << 48 | item << 24 | place)
    place = keys & 0xFFFFFF
    new = np.ones(len(keys), np.bool_)
    new[1:] = np.diff(keys >> 24) != 0
    covered = np.full(len(keys), known.n)  # of the n words from here, those not counted before
    covered[1:] = np.where(new[1:], known.n, np.minimum(known.n, np.diff(place)))
    begins = np.flatnonzero(new)
    words = np.add.reduceat(covered, begins) if len(begins) else covered
    text, item = keys[begins] >> 48, keys[begins] >> 24 & 0xFFFFFF
    return Pairs(text, item, words / known.lengths[item])
