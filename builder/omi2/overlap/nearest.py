"""The rephrase scorer of `omi2.overlap.rephrase` over many texts and items, in arrays.

A text's stems and numbers are small sets of weighted hashes (`bags.Sets`). The items that come into
question are those with the highest cosine over the stems and numbers that tell something, `NEAREST`
of each part of an index at most, copies counted once; for these the FEATURES of `rephrase` are
computed and scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from omi2.overlap.bags import Bags, Floats, Sets, added, in_common
from omi2.overlap.batch import Ints, ranges
from omi2.overlap.rephrase import FEATURES, Bag, scorers
from omi2.overlap.shares import Pairs

NEAREST = 8
"""Items looked at: of 1,246 labelled paraphrases the right one was not among them for three."""
NEAR = 0.1
"""Cosine from which an item is looked at."""
TEMPLATE_WEIGHT = 36.0
"""Nats that a problem and an item must share to be one template: with fewer, MATH train has many
that are no item's (strict, at 0.85, 16.1% of it are flagged with this, 22% with 12)."""
OFTEN = 16
"""What more than one bag in this many holds is added for all bags at once: a row of numbers."""
BLOCK = 32
"""Texts whose cosines with all items are held at once: an array that fits a processor's cache."""
_STEPS = (1 << 24) - 1
"""The steps in which cosines are told apart, and the most items that are."""


@dataclass(frozen=True)
class Items:
    """The different bags of a part of an index, by the telling stems and numbers they hold.

    Items of one bag are searched as one, so that the copies of one item in several benchmarks leave
    the others their places among the nearest.
    """

    names: Ints
    begins: Ints
    owners: Ints
    """The bags of each name, by their numbers."""
    squares: Floats
    """The weight squared, by the length of the bag's vector: what sharing it adds to a cosine."""
    rows: dict[int, Floats]
    """The squares of all bags for each name that is there `OFTEN`, by the name's place."""
    items: Ints
    """The items of each bag, one bag after another."""
    offsets: Ints


def items(found: Sequence[Bag], known: Bags, part: slice) -> Items:
    """A part of an index's items, ready to be searched."""
    numbers: dict[Bag, int] = {}
    which = np.array([numbers.setdefault(bag, len(numbers)) for bag in found[part]], np.int64)
    first = np.zeros(len(found), np.bool_)
    first[part.start + np.unique(which, return_index=True)[1]] = True
    telling = known.telling
    order = np.argsort(telling.names, kind="stable")
    order = order[first[telling.owner[order]]]
    names, begins = np.unique(telling.names[order], return_index=True)
    owner = telling.owner[order]
    squares = telling.weights[order] ** 2 / telling.norms[owner]
    offsets = np.append(0, np.cumsum(np.bincount(which, minlength=len(numbers))))
    grouped = part.start + np.argsort(which, kind="stable")
    owners, begins = which[owner - part.start], np.append(begins, len(order))
    rows = {}
    for name in np.flatnonzero(np.diff(begins) * OFTEN > len(numbers)).tolist():
        here = slice(begins[name], begins[name + 1])
        rows[name] = added(owners[here], squares[here], len(numbers))
    return Items(names, begins, owners, squares, rows, grouped, offsets)


def candidates(
    mine: Bags, known: Bags, parts: Sequence[Items], own: Ints | None = None
) -> tuple[Pairs, Floats]:
    """The items of each part that are nearest to each text (or its `own` item), and the features of
    each pair."""
    if own is None:
        found = [_nearest(mine.telling, part) for part in parts]
        text, item = (np.concatenate(column) for column in zip(*found, strict=True))
    else:
        text, item = np.arange(len(own)), own
    return Pairs(text, item, np.zeros(len(text))), features(mine, known, text, item)


def rephrased(pairs: Pairs, found: Floats) -> Pairs:
    """The value of the scorer that puts each pair higher: one half at its threshold."""
    margin = scorers().margins(found).max(axis=1, initial=-30.0)
    return replace(pairs, score=1 / (1 + np.exp(-np.clip(margin, -30.0, 30.0))))


def templates(pairs: Pairs, found: Floats) -> tuple[Pairs, npt.NDArray[np.bool_]]:
    """The pairs that share much: how alike their stems are, numbers apart (the cosine, or the share
    of the item's weight where that is less), and whether the problem lacks one of its numbers."""
    cosine, of_item, shared, of_numbers, numbers = (
        found[:, FEATURES.index(name)]
        for name in ("cosine", "of_item", "shared_weight", "numbers_of_item", "item_numbers")
    )
    much = shared >= TEMPLATE_WEIGHT / 40
    lacks = (of_numbers < 1 - 1e-9) & (numbers > 0)
    return replace(pairs, score=np.minimum(cosine, of_item)).where(much), lacks[much]


def features(mine: Bags, its: Bags, text: Ints, item: Ints) -> Floats:
    """FEATURES of pairs: one row a pair."""
    shared, squares, rare = in_common(mine.stems, its.stems, text, item)
    both, _, count = in_common(mine.numbers, its.numbers, text, item, rare=-1.0)
    my, their = mine.numbers.sums[text], its.numbers.sums[item]
    sizes, theirs = np.diff(mine.stems.offsets)[text], np.diff(its.stems.offsets)[item]
    my_numbers = np.diff(mine.numbers.offsets)[text]
    their_numbers = np.diff(its.numbers.offsets)[item]
    item_weight = its.stems.sums[item]
    cosine = _share(squares, mine.stems.norms[text] * its.stems.norms[item], 0.0)
    of_problem = _share(shared, mine.stems.sums[text], 0.0)
    of_item = _share(shared, item_weight, 0.0)
    jaccard = _share(both, my + their - both, 0.5)
    weight = np.minimum(shared, 80.0) / 40
    number_weight = np.minimum(both, 30.0) / 15
    rarely = np.minimum(rare, 6) / 3
    length = np.abs(np.log((sizes + 2) / (theirs + 2)))
    return np.column_stack(
        [
            cosine,
            of_problem,
            of_item,
            weight,
            jaccard,
            _share(both, their, 0.5),
            number_weight,
            rarely,
            np.minimum(theirs, 40) / 20,
            np.minimum(their_numbers, 10) / 5,
            length,
            cosine * jaccard,
            (count == my_numbers) & (count == their_numbers),
            of_problem * weight,
            cosine**2,
            jaccard**2,
            weight**2,
            of_problem * of_item,
            np.minimum(item_weight, 160.0) / 80,
            np.minimum(_share(item_weight, theirs, 0.0), 8.0) / 4,
            jaccard * rarely,
            rarely**2,
            number_weight * rarely,
            number_weight**2,
            of_item**2,
            length**2,
            jaccard * weight,
        ]
    )


def _nearest(mine: Sets, known: Items) -> tuple[Ints, Ints]:
    """The items of the highest cosine, those of NEAREST bags a text at most."""
    there = np.searchsorted(known.names, mine.names)
    there = np.minimum(there, max(len(known.names) - 1, 0))
    right = known.names[there] == mine.names if len(known.names) else mine.names < 0
    there, owner = there[right], mine.owner[right]
    common = np.isin(there, [*known.rows])
    begins, count = np.searchsorted(owner, np.arange(len(mine.offsets))), len(known.offsets) - 1
    sizes = np.where(common, 0, known.begins[there + 1] - known.begins[there])
    found = [np.zeros(0, np.int64)]
    for first in range(0, len(mine.offsets) - 1, BLOCK):
        norms = mine.norms[first : first + BLOCK]
        low, high = begins[[first, first + len(norms)]]
        at = ranges(known.begins[there[low:high]], sizes[low:high])
        here, often = owner[low:high] - first, common[low:high]
        text = np.repeat(here * count, sizes[low:high])
        scores = added(text + known.owners[at], known.squares[at], len(norms) * count)
        scores = scores.reshape(len(norms), count)
        for one, name in zip(here[often].tolist(), there[low:high][often].tolist(), strict=True):
            row = scores[one]
            row += known.rows[name]
        near = np.flatnonzero(scores > np.maximum(NEAR * norms, 1e-9)[:, None])
        text, bag = np.divmod(near, count)
        far = (_STEPS * np.maximum(1 - scores.ravel()[near] / norms[text], 0)).astype(np.int64)
        found.append((text + first) << 48 | far << 24 | bag)  # so that one sort orders all
    keys = np.sort(np.concatenate(found))
    text = keys >> 48
    keys = keys[np.arange(len(text)) - np.searchsorted(text, text) < NEAREST]
    text, bag = keys >> 48, keys & 0xFFFFFF
    sizes = np.diff(known.offsets)[bag]
    return np.repeat(text, sizes), known.items[ranges(known.offsets[bag], sizes)]


def _share(part: Floats, whole: Floats, otherwise: float) -> Floats:
    out = np.full(len(part), otherwise)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
