"""The checker in arrays against the one in plain Python, on made problems."""

import random

import numpy as np
import pytest
from reference import check

from omi2.overlap import index
from omi2.overlap.checker import Checker
from omi2.overlap.shares import COMMON, table
from omi2.overlap.text import ngram_hashes
from omi2.recipe import Decontaminate

NOUNS = [
    "lamp",
    "crate",
    "sledge",
    "lantern",
    "barrel",
    "anvil",
    "saddle",
    "kettle",
    "ledger",
    "rope",
]
NAMES = ["Ottilie", "Wenzel", "Marisol", "Ignatius", "Philippa", "Rasmus", "Leopold", "Henrike"]
VERBS = ["sells", "packs", "paints", "borrows", "carries", "mends", "counts", "buries"]


def made(seed: int, count: int) -> list[str]:
    """Problems out of few words, so that they share a lot."""
    at = random.Random(seed)
    told = []
    for _ in range(count):
        parts = [
            f"{at.choice(NAMES)} {at.choice(VERBS)} {at.randrange(2, 40)} {at.choice(NOUNS)}s"
            for _ in range(at.randrange(1, 6))
        ]
        told.append(", and ".join(parts) + at.choice([". How many are left?", ".", " each day."]))
    return told


def altered(text: str, at: random.Random) -> str:
    """A text with some of its words changed, left out or doubled."""
    out = []
    for word in text.split():
        chance = at.random()
        if chance < 0.08:
            out.append(at.choice([*NOUNS, "seven", "3.5", "1,200", "of", "Ünder"]))
        elif chance > 0.04 + 0.08:
            out.append(word)
    return " ".join(out)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("n", [4, 8])
def test_the_fast_checker_says_what_the_plain_one_says(n: int, *, strict: bool) -> None:
    texts = [*made(1, 60), "What is 2 plus 3", "Halve it"]
    items = [(f"i/{at}", text) for at, text in enumerate(texts)]
    rules = Decontaminate(ngram=n, strict=strict, rephrase=0.3)
    at = random.Random(2)
    problems = [altered(at.choice(texts), at) for _ in range(250)] + made(3, 100) + texts
    problems += ["", "?", "What is 2 plus 3?", "what is 2 plus 4", "x" * 100, "7 8 9"]
    fast = Checker(index.build("toy", items, n, {}), rules)
    kinds = set()
    for problem, found in zip(problems, fast.check_many(problems), strict=True):
        wanted = check(problem, items, rules)
        assert (found.rule, found.item) == (wanted.rule, wanted.item), problem
        assert found.score == pytest.approx(wanted.score, abs=1e-6)
        kinds.add(found.rule)
    assert kinds == {"exact", "near_dup", "rephrase", "number_change", "none", "unknown"}


def test_one_at_a_time_is_the_same() -> None:
    texts = made(1, 40)
    fast = Checker(index.build("toy", [(str(i), t) for i, t in enumerate(texts)], 8, {}),
                   Decontaminate())  # fmt: skip
    problems = made(5, 40) + texts[:5]
    assert [fast.check(problem) for problem in problems] == fast.check_many(problems)


@pytest.mark.parametrize(("items", "kept"), [(COMMON, 2), (COMMON + 1, 0)])
def test_what_many_items_share_is_no_evidence(items: int, kept: int) -> None:
    words = "the product of some numbers is given"
    problems = [(str(at), f"{words} {chr(97 + at) * 3}") for at in range(items)]
    one = index.build("toy", problems, 6, {})
    grams = ngram_hashes(words.split(), 6)
    assert np.isin(grams, table(one, one.grams).hashes).sum() == kept
    # of two parts each counts for itself
    more = index.merge([one, index.build("more", problems[:1], 6, {})])
    held = table(more, more.grams)
    assert np.isin(grams, held.hashes).sum() == 2
    assert items in held.items
    assert (len(held.items) == 3 * items + 3) == (kept == 2)
    # the same n-gram many times in one item is still one item
    again = index.build("toy", [("0", "go " * 55)], 6, {})
    again = table(again, again.grams)
    assert len(again.hashes) == 1
