"""Near-duplicates by MinHash: of benchmark items, and of one another.

The signatures are datasketch's (its permutations, its scheme `affine32`) over word 3-grams, made in
bulk: what `MinHash.update_batch` gives for each text, five times as fast. Bands and rows are those
that datasketch chooses for a threshold; two texts that agree in a band are compared by the share of
places where their signatures agree, an estimate of their Jaccard similarity. A faster library would
stand behind `signatures` alone.

Not covered: texts that are near but agree in no band (one in fifty at the threshold itself, and
fewer above it; datasketch weighs missing and finding alike).
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from omi2.overlap.batch import Batch, Ints, distinct, ngrams, ranges
from omi2.overlap.shares import Pairs
from omi2.overlap.text import word_hash

PERMUTATIONS = 128
SEED = 1
WORDS = 3
Signatures = npt.NDArray[np.uint32]


def signatures(batch: Batch) -> Signatures:
    """A row for each text: MinHash over its word 3-grams; a shorter text is one shingle."""
    grams = ngrams(batch, WORDS)
    short = np.flatnonzero(np.diff(batch.offsets) < WORDS)
    whole = [word_hash(" ".join(batch.words(int(text)))) for text in short]
    owner = np.concatenate([grams.owner, short])
    hashes = np.concatenate([grams.hashes, np.array(whole, np.uint64)]).astype(np.uint32)
    order = np.argsort(owner, kind="stable")
    mixed = _mixed(hashes[order])
    begins = np.searchsorted(owner[order], np.arange(len(batch)))
    a, b = _permutations()
    made = np.empty((PERMUTATIONS, len(batch)), np.uint32)
    if len(batch):
        with np.errstate(over="ignore"):
            for at in range(PERMUTATIONS):
                made[at] = np.minimum.reduceat(mixed * a[at] + b[at], begins)
    return np.ascontiguousarray(made.T)


def bands(made: Signatures, threshold: float) -> npt.NDArray[np.uint64]:
    """Each text's bands as hashes: a column a band."""
    count, rows = _banding(threshold)
    base = np.uint64(0x9E3779B97F4A7C15)
    found = np.zeros((len(made), count), np.uint64)
    with np.errstate(over="ignore"):
        for row in range(rows):
            found = found * base + made[:, row : count * rows : rows]
            found ^= found >> np.uint64(31)
    return found


def near(mine: Signatures, its: Signatures, threshold: float) -> Pairs:
    """Pairs of a text and an item that agree in a band, with their estimated similarity."""
    here, there = bands(mine, threshold), bands(its, threshold)
    keys: list[Ints] = []
    for band in range(here.shape[1]):
        order = np.argsort(there[:, band], kind="stable")
        stored = there[order, band]
        low = np.searchsorted(stored, here[:, band], "left")
        sizes = np.searchsorted(stored, here[:, band], "right") - low
        text = np.repeat(np.arange(len(mine)), sizes)
        keys.append(text * max(len(its), 1) + order[ranges(low, sizes)])
    text, item = np.divmod(distinct(np.concatenate(keys)), max(len(its), 1))
    return Pairs(text, item, similarity(mine[text], its[item]))


def similarity(one: Signatures, two: Signatures) -> npt.NDArray[np.float64]:
    """The estimated Jaccard similarity of signatures, row by row."""
    return np.asarray((one == two).mean(axis=1)) if len(one) else np.zeros(0)


def _mixed(hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The bits of hashes mixed as datasketch mixes them (MurmurHash3's last step)."""
    with np.errstate(over="ignore"):
        hashes = (hashes ^ hashes >> np.uint32(16)) * np.uint32(0x85EBCA6B)
        hashes = (hashes ^ hashes >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return hashes ^ hashes >> np.uint32(16)


@functools.cache
def _permutations() -> Any:
    from datasketch import MinHash

    return MinHash(PERMUTATIONS, SEED, scheme="affine32").permutations


@functools.cache
def _banding(threshold: float) -> tuple[int, int]:
    """How many bands of how many rows."""
    from datasketch import MinHashLSH

    made = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    return int(made.b), int(made.r)
