"""An overlap index: what is needed to recognise benchmark items, and nothing of their text.

For each item: its id, its number of words, a hash of the whole, the hashes of its word n-grams in
order, plain and with numbers masked, and the hashes of its stems and numbers. One file (.npz, no
pickle), byte for byte the same for the same input. `build` makes it from problems, `save` and
`load` keep it, as one part, and `merge` joins several.

Not covered: items shorter than n words have no n-grams; their whole and their bag are compared.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from omi2.errors import UsageError
from omi2.files import atomic
from omi2.overlap.rephrase import Bag, bag
from omi2.overlap.text import Hashes, masked_hashes, ngram_hashes, whole_hash, words

FORMAT = 2
DAMAGED = (
    *(ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RuntimeError),
    *(NotImplementedError, zipfile.BadZipFile, zlib.error),
)
"""What zipfile, zlib, numpy and json raise on damaged bytes."""


@dataclass(frozen=True)
class Index:
    """Items of one or more benchmarks. `grams` holds every item's n-grams, one item after another;
    item i has max(0, lengths[i] - n + 1) of them."""

    n: int
    benchmarks: tuple[dict[str, object], ...]
    """Per benchmark: name, items, sha256 of its texts, origin."""
    items: tuple[tuple[str, str], ...]
    """(benchmark, item id)"""
    lengths: npt.NDArray[np.int64]
    whole: Hashes
    grams: Hashes
    masked: Hashes
    bags: tuple[Bag, ...]
    parts: tuple[int, ...] = ()
    """Of an index that was merged: how many items each of the others had, in order. What is common,
    and what is nearest, is told among the items of one part: no benchmark hides behind another."""

    @property
    def slices(self) -> list[slice]:
        """The items of each part; one part, where nothing was merged."""
        ends = np.cumsum(self.parts or (len(self.items),)).tolist()
        return [slice(begin, end) for begin, end in pairwise([0, *ends])]


def build(name: str, problems: Iterable[tuple[str, str]], n: int, origin: dict[str, str]) -> Index:
    """An index of one benchmark from (item id, problem text) pairs."""
    ids, lengths, whole, grams, masked, bags = [], [], [], [], [], []
    for item, text in problems:
        tokens = words(text)
        ids.append((name, item))
        lengths.append(len(tokens))
        whole.append(whole_hash(tokens))
        grams.append(ngram_hashes(tokens, n))
        masked.append(masked_hashes(tokens, n))
        bags.append(bag(tokens))
    if not ids:
        raise UsageError(f"benchmark {name} holds no items")
    if empty := [item for (_, item), length in zip(ids, lengths, strict=True) if not length]:
        raise UsageError(
            f"benchmark {name}: {len(empty)} of {len(ids)} items hold no word to compare (first "
            f"{empty[0]}): nothing could be said of them; take them out, or name another column"
        )
    return Index(
        n,
        ({"name": name, "items": len(ids), **origin},),
        tuple(ids),
        np.array(lengths, np.int64),
        np.array(whole, np.uint64),
        np.concatenate(grams),
        np.concatenate(masked),
        tuple(bags),
    )


def select(index: Index, benchmarks: Collection[str]) -> Index:
    """The items of some of an index's benchmarks, in one part."""
    chosen = np.array([name in benchmarks for name, _ in index.items], np.bool_)
    grams = np.repeat(chosen, np.maximum(index.lengths - index.n + 1, 0))
    return Index(
        index.n,
        tuple(b for b in index.benchmarks if b["name"] in benchmarks),
        tuple(item for item in index.items if item[0] in benchmarks),
        index.lengths[chosen],
        index.whole[chosen],
        index.grams[grams],
        index.masked[grams],
        tuple(bag for bag, here in zip(index.bags, chosen.tolist(), strict=True) if here),
    )


def merge(indexes: Sequence[Index]) -> Index:
    """One index over the items of several, each a part of it. Raises UsageError where n differs."""
    sizes = sorted({index.n for index in indexes})
    if len(sizes) != 1:
        raise UsageError(f"overlap indexes of different n-grams ({sizes}) cannot be used together")
    return Index(
        sizes[0],
        tuple(b for index in indexes for b in index.benchmarks),
        tuple(i for index in indexes for i in index.items),
        np.concatenate([index.lengths for index in indexes]),
        np.concatenate([index.whole for index in indexes]),
        np.concatenate([index.grams for index in indexes]),
        np.concatenate([index.masked for index in indexes]),
        tuple(b for index in indexes for b in index.bags),
        tuple(size for index in indexes for size in index.parts or (len(index.items),)),
    )


def save(index: Index, path: Path) -> None:
    """Write an index atomically. 40-bit hashes take five bytes each."""
    meta = {
        "omi2": "overlap-index",
        "format": FORMAT,
        "n": index.n,
        "benchmarks": index.benchmarks,
        "items": [list(item) for item in index.items],
    }
    arrays = {
        "meta": np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8),
        "lengths": _narrow(index.lengths),
        "whole": index.whole,
        **_split("grams", index.grams),
        **_split("masked", index.masked),
        **_lists("stems", [b.stems for b in index.bags]),
        **_lists("numbers", [b.numbers for b in index.bags]),
    }
    with atomic(path) as temporary, open(temporary, "wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)


def load(name_or_path: str) -> Index:
    """An index that ships with omi2, by name, or one from a file. Raises UsageError."""
    packaged = files("omi2") / "overlap" / f"{name_or_path}.npz"
    if "/" not in name_or_path and packaged.is_file():
        data = packaged.read_bytes()
    elif Path(name_or_path).is_file():
        data = Path(name_or_path).read_bytes()
    else:
        raise UsageError(
            f"no overlap index {name_or_path!r}: neither a file nor one that ships with omi2 "
            "(test-sets)"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            meta = json.loads(arrays["meta"].tobytes())
            if meta.get("omi2") != "overlap-index" or meta.get("format") != FORMAT:
                raise ValueError("not an overlap index of this format")
            if any(arrays[name].ndim != 1 or arrays[name].dtype.kind != "u" for name in arrays):
                raise ValueError("an array is not a list of whole numbers")
            index = Index(
                int(meta["n"]),
                tuple(meta["benchmarks"]),
                tuple((str(b), str(i)) for b, i in meta["items"]),
                arrays["lengths"].astype(np.int64),
                arrays["whole"],
                _join("grams", arrays),
                _join("masked", arrays),
                tuple(map(Bag, _sets("stems", arrays), _sets("numbers", arrays))),
            )
    except DAMAGED as error:
        raise UsageError(
            f"{name_or_path} is not a whole overlap index ({error}): make it anew with "
            "`omi2 overlap-index`"
        ) from None
    expected = int(np.maximum(index.lengths - index.n + 1, 0).sum())
    if not len(index.items) == len(index.lengths) == len(index.whole) == len(index.bags) or not (
        expected == len(index.grams) == len(index.masked)
    ):
        raise UsageError(f"{name_or_path}: its parts do not fit together: make it anew")
    return index


def _split(name: str, hashes: Hashes) -> dict[str, npt.NDArray[np.generic]]:
    return {
        f"{name}_low": (hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        f"{name}_high": (hashes >> np.uint64(32)).astype(np.uint8),
    }


def _join(name: str, arrays: "np.lib.npyio.NpzFile") -> Hashes:
    low, high = arrays[f"{name}_low"], arrays[f"{name}_high"]
    return low.astype(np.uint64) | (high.astype(np.uint64) << np.uint64(32))


def _lists(name: str, sets: Sequence[frozenset[int]]) -> dict[str, npt.NDArray[np.generic]]:
    return {
        name: np.array([h for found in sets for h in sorted(found)], np.uint32),
        f"{name}_counts": _narrow(np.array([len(found) for found in sets], np.int64)),
    }


def _narrow(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
    """Counts in two bytes each, or in four where one is larger."""
    return counts.astype(np.uint16 if counts.max(initial=0) < 1 << 16 else np.uint32)


def _sets(name: str, arrays: "np.lib.npyio.NpzFile") -> list[frozenset[int]]:
    ends = [0, *np.cumsum(arrays[f"{name}_counts"], dtype=np.int64).tolist()]
    hashes = arrays[name].tolist()
    if len(hashes) != ends[-1]:
        raise ValueError(f"the lists of {name} do not fit")
    return [frozenset(hashes[begin:end]) for begin, end in pairwise(ends)]
