"""The overlap checker in plain Python, one pair at a time: slow, and easy to see through."""

import functools
import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from omi2.overlap.bags import TELLING
from omi2.overlap.checker import RULES, Match
from omi2.overlap.nearest import NEAR, NEAREST, TEMPLATE_WEIGHT
from omi2.overlap.rephrase import RARE, Bag, bag, scorers, weights
from omi2.overlap.shares import COMMON
from omi2.overlap.text import masked_hashes, ngram_hashes, words
from omi2.overlap.whole import MOST_OF_TEXT
from omi2.recipe import Decontaminate


def check(problem: str, items: list[tuple[str, str]], rules: Decontaminate) -> Match:
    """The strongest overlap with these (item id, text) pairs of the benchmark `toy`."""
    tokens = words(problem)
    if not tokens:
        return Match("unknown")
    mine = bag(tokens)
    theirs = [tokens_of(text) for _, text in items]
    bags = [bag_of(text) for _, text in items]
    found = [("exact", 1.0, at) for at, other in enumerate(theirs) if other == tokens]
    for hashes, limit in ((telling, rules.overlap), (masked_hashes, rules.masked_overlap)):
        grams = [grams_of(hashes, text, rules.ngram) for _, text in items]
        once = {
            tuple(words): found for words, found in zip(theirs, grams, strict=True)
        }  # no copies
        spread = Counter(gram for found in once.values() for gram in set(found))
        shared = {g for g in hashes(tokens, rules.ngram).tolist() if g and spread[g] <= COMMON}
        for at, other in enumerate(grams):
            covered = {
                place + step
                for place, gram in enumerate(other)
                if gram in shared
                for step in range(rules.ngram)
            }
            if covered:
                share = len(covered) / len(theirs[at])
                rule = "near_dup" if bags[at].numbers <= mine.numbers else "number_change"
                found.append((rule if share > limit else "none", _scaled(share, limit), at))
    for at, other in enumerate(theirs):
        share = len(other) / len(tokens)
        if len(other) < min(rules.ngram, len(tokens)) and len(other) > 1 and share >= MOST_OF_TEXT:
            runs = (tokens[at : at + len(other)] for at in range(len(tokens)))
            if other in runs:
                found.append(("near_dup", _scaled(share, MOST_OF_TEXT), at))
    different = sorted(dict.fromkeys(bags), key=lambda other: -_cosine(mine, other))[:NEAREST]
    for at, other in enumerate(bags):
        if other in different and _cosine(mine, other) > NEAR:
            made = features(mine, bags[at])
            margin = max(scorers().margins(np.array([made]))[0])
            value = 1 / (1 + math.exp(-max(-30.0, min(30.0, margin))))
            rule = "rephrase" if value >= rules.rephrase else "none"
            found.append((rule, _scaled(value, rules.rephrase), at))
            alike = min(made[0], made[2])
            if alike > rules.template and 40 * made[3] >= TEMPLATE_WEIGHT:
                rule = "rephrase" if bags[at].numbers <= mine.numbers else "number_change"
                found.append((rule, _scaled(alike, rules.template), at))
    if not found:
        return Match("none")
    changed = {at for rule, _, at in found if rule == "number_change"}
    rule, score, at = max(
        (("number_change", *f[1:]) if f[0] == "rephrase" and f[2] in changed else f for f in found),
        key=lambda f: (
            RULES.index(f[0]) > 1,
            f[0] != "none",
            f[1],
            RULES.index(f[0]),
            -f[2],
        ),
    )
    return Match(rule, score, "toy", items[at][0])


def features(problem: Bag, item: Bag) -> list[float]:
    """FEATURES of a pair."""
    stems, numbers = problem.stems & item.stems, problem.numbers & item.numbers
    shared, mine, its = weight(stems), weight(problem.stems), weight(item.stems)
    norms = norm(problem.stems) * norm(item.stems)
    both, theirs = weight(numbers), weight(item.numbers)
    union = weight(problem.numbers | item.numbers)
    cosine = norm(stems) ** 2 / norms if norms else 0.0
    of_problem = shared / mine if mine else 0.0
    of_item = shared / its if its else 0.0
    heavy, number_weight = min(shared, 80.0) / 40, min(both, 30.0) / 15
    jaccard = both / union if union else 0.5
    rare = min(sum(nats(stem) > RARE for stem in stems), 6) / 3
    length = abs(math.log((len(problem.stems) + 2) / (len(item.stems) + 2)))
    return [
        *(cosine, of_problem, of_item, heavy, jaccard, both / theirs if theirs else 0.5),
        *(number_weight, rare, min(len(item.stems), 40) / 20, min(len(item.numbers), 10) / 5),
        *(length, cosine * jaccard, float(problem.numbers == item.numbers), of_problem * heavy),
        *(cosine**2, jaccard**2, heavy**2, of_problem * of_item, min(its, 160.0) / 80),
        *(min(its / len(item.stems), 8.0) / 4 if item.stems else 0.0, jaccard * rare, rare**2),
        *(number_weight * rare, number_weight**2, of_item**2, length**2, jaccard * heavy),
    ]


@functools.cache
def tokens_of(text: str) -> list[str]:
    """The words of an item."""
    return words(text)


@functools.cache
def bag_of(text: str) -> Bag:
    """The bag of an item."""
    return bag(tokens_of(text))


@functools.cache
def grams_of(hashes: Callable[[list[str], int], np.ndarray], text: str, n: int) -> list[int]:
    """The n-grams of an item."""
    return hashes(tokens_of(text), n).tolist()


@functools.cache
def nats(name: int) -> float:
    """The weight of one stem or number."""
    return float(weights().many(np.array([name], np.int64))[0])


@functools.cache
def weight(names: frozenset[int]) -> float:
    """The weight of some."""
    return sum(map(nats, names))


@functools.cache
def norm(names: frozenset[int]) -> float:
    """The length of their vector of weights."""
    return math.sqrt(sum(nats(name) ** 2 for name in names))


def telling(tokens: list[str], n: int) -> np.ndarray:
    """N-grams of few different words say nothing, masked or not."""
    return np.where(masked_hashes(tokens, n) == 0, 0, ngram_hashes(tokens, n))


@functools.cache
def telling_of(found: Bag) -> frozenset[int]:
    """The stems and numbers that tell something."""
    return frozenset(name for name in found.stems | found.numbers if nats(name) >= TELLING)


def _cosine(mine: Bag, other: Bag) -> float:
    """Over the stems and numbers that tell something."""
    one, two = telling_of(mine), telling_of(other)
    norms = norm(one) * norm(two)
    return norm(one & two) ** 2 / norms if norms else 0.0


def _scaled(value: float, limit: float) -> float:
    if value <= limit:
        return 0.5 * value / limit
    return min(1.0, 0.5 + 0.5 * (value - limit) / (1 - limit))
