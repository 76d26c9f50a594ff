"""The overlap checker in plain Python, one pair at a time: slow, and easy to see through."""

from collections import Counter

import numpy as np

from omi2.overlap.checker import POLICIES, RULES, Match
from omi2.overlap.nearest import NEAR, NEAREST
from omi2.overlap.rephrase import Bag, bag, features, scorer, weights
from omi2.overlap.shares import COMMON
from omi2.overlap.text import masked_hashes, ngram_hashes, words
from omi2.recipe import Decontaminate


def check(problem: str, items: list[tuple[str, str]], rules: Decontaminate) -> Match:
    """The strongest overlap with these (item id, text) pairs of the benchmark `toy`."""
    tokens = words(problem)
    if not tokens:
        return Match("unknown")
    mine = bag(tokens)
    theirs = [words(text) for _, text in items]
    bags = [bag(found) for found in theirs]
    found = [("exact", 1.0, at) for at, other in enumerate(theirs) if other == tokens]
    for hashes, limit in ((telling, rules.overlap), (masked_hashes, rules.masked_overlap)):
        grams = [hashes(other, rules.ngram).tolist() for other in theirs]
        spread = Counter(gram for found in grams for gram in set(found))
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
    near = sorted((-_cosine(mine, other), at) for at, other in enumerate(bags))[:NEAREST]
    for cosine, at in near:
        if -cosine > NEAR:
            value = scorer().score(features(mine, bags[at], weights()))
            rule = "rephrase" if value >= rules.rephrase else "none"
            found.append((rule, _scaled(value, rules.rephrase), at))
    policy = POLICIES["strict" if rules.strict else "standard"]
    if not found:
        return Match("none")
    rule, score, at = max(
        found, key=lambda f: (f[0] in policy, f[0] != "none", f[1], RULES.index(f[0]), -f[2])
    )
    return Match(rule, score, "toy", items[at][0])


def telling(tokens: list[str], n: int) -> np.ndarray:
    """N-grams of few different words say nothing, masked or not."""
    return np.where(masked_hashes(tokens, n) == 0, 0, ngram_hashes(tokens, n))


def _cosine(mine: Bag, other: Bag) -> float:
    known = weights()
    norms = known.norm(mine.stems) * known.norm(other.stems)
    return known.norm(mine.stems & other.stems) ** 2 / norms if norms else 0.0


def _scaled(value: float, limit: float) -> float:
    if value <= limit:
        return 0.5 * value / limit
    return min(1.0, 0.5 + 0.5 * (value - limit) / (1 - limit))
