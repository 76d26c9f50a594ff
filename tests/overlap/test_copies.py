"""MinHash in bulk is datasketch's; near-copies are found over all parts, and always the same."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash

from omi2 import rows
from omi2.errors import Omi2Error
from omi2.overlap.batch import tokenise
from omi2.overlap.copies import LEADERS, decide, save
from omi2.overlap.minhash import PERMUTATIONS, SEED, near, signatures, similarity
from omi2.overlap.text import ngram_hashes, words

WORDS = [f"{a}{b}" for a in ("lo", "mi", "ra", "te", "vu") for b in ("ban", "der", "kul", "sip")]


def text(seed: int, length: int = 40) -> list[str]:
    at = random.Random(seed)
    return [at.choice(WORDS) + str(at.randrange(9)) for _ in range(length)]


def changed(tokens: list[str], count: int) -> str:
    """A text with the last `count` words changed."""
    return " ".join(tokens[: len(tokens) - count] + ["other"] * count)


def test_signatures_are_datasketchs() -> None:
    texts = [" ".join(text(at, 3 + at)) for at in range(30)]
    for found, one in zip(signatures(tokenise(texts)), texts, strict=True):
        plain = MinHash(PERMUTATIONS, SEED, scheme="affine32", hashfunc=int)
        plain.update_batch((ngram_hashes(words(one), 3) & np.uint64(0xFFFFFFFF)).tolist())
        assert found.tolist() == plain.hashvalues.tolist()


@pytest.mark.parametrize("short", ["", "one", "one two"])
def test_short_texts_have_signatures_too(short: str) -> None:
    made = signatures(tokenise([short, "three words here", short, "one more"]))
    assert similarity(made[:1], made[2:3]).tolist() == [1.0]
    assert similarity(made[:1], made[1:2])[0] < 0.1


def test_near() -> None:
    items = [text(1), text(2), text(3)]
    stored = signatures(tokenise([" ".join(item) for item in items]))
    mine = signatures(tokenise([changed(items[2], 3), changed(items[0], 30), " ".join(items[1])]))
    found = near(mine, stored, 0.6)
    assert list(zip(found.text.tolist(), found.item.tolist(), strict=True)) == [(0, 2), (2, 1)]
    assert found.score[0] == pytest.approx(35 / 41, abs=0.1)
    assert found.score[1] == 1.0
    assert len(near(mine, stored[:0], 0.6).text) == 0


def problems() -> tuple[list[str], list[bool]]:
    """Families of near-copies, one with a seed, and problems that stand alone."""
    first, second, third = text(10, 150), text(11, 150), text(12, 150)
    families = [changed(first, n) for n in range(3)] + [changed(second, n) for n in range(4)]
    alone = [" ".join(text(at)) for at in range(20, 40)]
    seed = [changed(third, 0), changed(third, 1)]
    return [*families, *alone, changed(third, 2), *seed], [False] * 28 + [True] * 2


def decided(
    folder: Path, texts: Sequence[str], seeds: Sequence[bool], parts: int
) -> dict[str, tuple[str, float]]:
    names = [rows.problem_id(one) for one in texts]
    paths = []
    for part in range(parts):
        mine = [at for at, name in enumerate(names) if rows.bucket(name, parts) == part]
        paths.append(folder / f"{parts}-{part}.npz")
        save(paths[-1], *([column[at] for at in mine] for column in (names, seeds, texts)))
    return decide(paths, 0.8)


def test_one_of_each_family_is_kept_the_smallest_id_and_a_seed_always(tmp_path: Path) -> None:
    texts, seeds = problems()
    found = decided(tmp_path, texts, seeds, 1)
    names = [rows.problem_id(one) for one in texts]
    for family in (names[:3], names[3:7]):
        assert {n for n in family if n not in found} == {min(family)}
        assert all(found[n][0] == min(family) and found[n][1] >= 0.8 for n in found.keys() & family)
    assert not found.keys() & set(names[7:27])  # those that stand alone
    assert found[names[27]][0] in names[28:]
    assert not found.keys() & set(names[28:])  # seeds, near-copies of one another as they are


@pytest.mark.parametrize("parts", [2, 5])
def test_neither_parts_nor_order_change_anything(tmp_path: Path, parts: int) -> None:
    texts, seeds = problems()
    one = decided(tmp_path, texts, seeds, 1)
    assert decided(tmp_path, texts, seeds, parts) == one
    assert decided(tmp_path, texts[::-1], seeds[::-1], parts) == one


def test_a_great_many_copies_cost_little(tmp_path: Path) -> None:
    base = text(50, 200)
    texts = [changed(base, n % 5) + f" end {n}" for n in range(3000)]
    found = decided(tmp_path, texts, [False] * len(texts), 2)
    assert len(texts) - len(found) <= 5 * LEADERS


def test_nothing_and_damage(tmp_path: Path) -> None:
    assert decided(tmp_path, [], [], 2) == {}
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(Omi2Error, match=r"bad\.npz cannot be read"):
        decide([tmp_path / "bad.npz"], 0.8)


def test_a_near_copy_of_what_is_dropped_is_kept(tmp_path: Path) -> None:
    """b is like a and c, a is not like c: a is the first and stays, b goes, c has no rival left."""
    for seed in range(100, 200):
        base = text(seed, 150)
        chain = [" ".join(base), changed(base, 12), changed(["else"] * 12 + base[12:], 12)]
        names = [rows.problem_id(one) for one in chain]
        if names == sorted(names):
            break
    assert decided(tmp_path, chain, [False] * 3, 1).keys() == {names[1]}
    assert decided(tmp_path, chain[1:], [False] * 2, 1).keys() == {names[2]}
