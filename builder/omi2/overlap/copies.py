"""Near-copies among the problems themselves: of each group one is kept, always the same one.

Every part of a run writes the MinHash signatures of its problems (`save`, 544 bytes a problem), and
one pass over all of them decides (`decide`), as `stages/split` does with its places. Problems are
taken in a fixed order, seeds first, then by id; one is a near-copy when an earlier one that is kept
agrees with it in a band and their estimated similarity reaches the threshold. So neither the number
of parts nor the order of work changes anything. Seeds are never dropped.

Not covered: where more than `LEADERS` problems agree in one band, each is compared with the first
of them alone, so that a million copies cost no million squared.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from omi2.errors import Omi2Error
from omi2.files import atomic
from omi2.overlap.batch import Ints, chunks, distinct, tokenise
from omi2.overlap.index import DAMAGED
from omi2.overlap.minhash import PERMUTATIONS, Signatures, bands, signatures, similarity

LEADERS = 8
_AT_ONCE = 1 << 18
"""Pairs compared at once: a quarter of a gigabyte."""


def save(path: Path, names: Sequence[str], seeds: Sequence[bool], texts: Sequence[str]) -> None:
    """Write what `decide` needs to know of some problems."""
    made = [signatures(tokenise(texts[part])) for part in chunks(texts)]
    arrays = {
        "names": np.array(names, "S32"),
        "seeds": np.array(seeds, np.bool_),
        "signatures": np.concatenate([np.zeros((0, PERMUTATIONS), np.uint32), *made]),
    }
    with atomic(path) as temporary, open(temporary, "wb") as handle:
        np.savez(handle, allow_pickle=False, **arrays)


def decide(paths: Iterable[Path], threshold: float) -> dict[str, tuple[str, float]]:
    """The near-copies: for each its kept original and their similarity. Raises Omi2Error."""
    names, seeds, made = _load(list(paths))
    order = np.lexsort((names, ~seeds))
    names, seeds, made = names[order], seeds[order], made[order]
    first, second = np.divmod(_candidates(bands(made, threshold), seeds), max(len(names), 1))
    alike = np.concatenate(
        [
            np.zeros(0),
            *(
                similarity(made[first[at : at + _AT_ONCE]], made[second[at : at + _AT_ONCE]])
                for at in range(0, len(first), _AT_ONCE)
            ),
        ]
    )
    sure = np.flatnonzero(alike >= threshold)
    sure = sure[np.lexsort((first[sure], second[sure]))]
    gone: dict[int, tuple[int, float]] = {}
    for one, two, score in zip(
        first[sure].tolist(), second[sure].tolist(), alike[sure].tolist(), strict=True
    ):
        if one not in gone and two not in gone:
            gone[two] = one, score
    return {names[two].decode(): (names[one].decode(), score) for two, (one, score) in gone.items()}


def _load(
    paths: Sequence[Path],
) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.bool_], Signatures]:
    """All parts' arrays, one after another."""
    found = []
    for path in paths:
        try:
            with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as arrays:
                found.append([arrays[name] for name in ("names", "seeds", "signatures")])
        except DAMAGED as error:
            raise Omi2Error(
                f"{path} cannot be read ({error}): delete its stage's folder and run the same "
                "command again"
            ) from None
    names, seeds, made = (np.concatenate(column) for column in zip(*found, strict=True))
    return names, seeds, made


def _candidates(found: npt.NDArray[np.uint64], seeds: npt.NDArray[np.bool_]) -> Ints:
    """Pairs (first * n + second) that agree in a band; the second is no seed."""
    count = len(found)
    keys: list[Ints] = [np.zeros(0, np.int64)]
    for band in found.T:
        order = np.argsort(band, kind="stable")
        new = np.append(True, np.diff(band[order].view(np.int64)) != 0)[:count]
        begins = np.flatnonzero(new)
        head = np.repeat(begins, np.diff(np.append(begins, count)))
        place = np.arange(count)
        for leader in range(LEADERS):
            after = place[(place - head > leader) & ~seeds[order]]
            keys.append(order[head[after] + leader] * count + order[after])
    return distinct(np.concatenate(keys))
