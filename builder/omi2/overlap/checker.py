"""Compare problems with benchmark items, and say how much they overlap and by which rule.

Layers, from cheap to dear, and the rule that each speaks for:

- exact    the same words in the same order                                     exact
- ngram    the share of an item's words in word n-grams that the problem shares
           (Tulu 3, arXiv 2411.15124, section 3.2), above `overlap`             near_dup
- masked   the same with numbers masked, above `masked_overlap`                 number_change
- words    the scorers of `omi2.overlap.rephrase`, from `rephrase`              rephrase
           the same words, or nearly, and other numbers, above `template`       number_change
- minhash  Jaccard similarity of word 3-grams, estimated by MinHash; only where
           the benchmark's texts are at hand                                    near_dup

An n-gram of few different words besides numbers (`a 1 a 2 a 3`, the frame of a matrix), and one
that more than a dozen items of an index hold, say nothing of any. A near duplicate that lacks a
number of the item's is a number_change, and the other way round; what is a number_change is no
rephrase. An item too short for n-grams is a near duplicate of a text that is little more than it.
Every rule is contamination but number_change, which is only where the rules are `strict`; of two
matches the one that is contamination under every policy is told. A problem without a single word
cannot be compared: unknown, never clean. What a problem is by one index it stays, whatever else it
is compared with. All layers work on many problems at once, in arrays; the modules beside this one
hold one layer each.

One scale: a score is 0.5 at the threshold of its rule, 1 for the whole item, and straight between
(`scaled`), so the scores of different rules compare, and a clean problem's lies below 0.5.

Not covered: paraphrases that change names, things and numbers; they keep nothing that could be
compared without understanding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omi2.errors import UsageError
from omi2.overlap import minhash
from omi2.overlap.bags import Floats, bags, have_numbers, known_bags
from omi2.overlap.batch import Batch, Ints, chunks, ngrams, tokenise
from omi2.overlap.index import Index
from omi2.overlap.nearest import candidates, items, rephrased, templates
from omi2.overlap.shares import COMMON, Pairs, shares, table
from omi2.overlap.whole import MOST_OF_TEXT, Wholes
from omi2.recipe import Decontaminate

Flags = npt.NDArray[np.bool_]
Found = tuple[Pairs, Ints]
"""Pairs that a layer found, scores on the one scale, and the number of each's rule."""

CLEAN, CONTAMINATED, UNKNOWN = "clean", "contaminated", "unknown"
EXACT, NEAR_DUP, NUMBER_CHANGE, REPHRASE = "exact", "near_dup", "number_change", "rephrase"
JUDGE = "judge"
"""What a judge calls an item (`omi2.overlap.judge`), below the thresholds of the layers here."""
NONE = "none"
POLICIES = {
    "standard": (EXACT, NEAR_DUP, REPHRASE, JUDGE),
    "strict": (EXACT, NEAR_DUP, REPHRASE, JUDGE, NUMBER_CHANGE),
}
"""The rules that are contamination, by policy."""
RULES = (NONE, NUMBER_CHANGE, JUDGE, REPHRASE, NEAR_DUP, EXACT)
"""The rules as numbers: between equal scores the later one is told."""


@dataclass(frozen=True)
class Match:
    """The strongest overlap of one problem with any benchmark item.

    `rule` is exact, near_dup, rephrase, number_change, none (nothing is near enough; `score` and
    `item` still name the nearest, if any) or unknown (there was nothing to compare). `score` lies
    in [0, 1]: 0.5 at the threshold of its rule, 1 for the whole item.
    """

    rule: str
    score: float = 0.0
    benchmark: str | None = None
    item: str | None = None

    def verdict(self, *, strict: bool) -> str:
        """clean, contaminated or unknown."""
        if self.rule == UNKNOWN:
            return UNKNOWN
        return CONTAMINATED if self.contaminated("strict" if strict else "standard") else CLEAN

    def contaminated(self, policy: str = "standard") -> bool:
        """Whether the rule is contamination under this policy, standard or strict.

        Raises UsageError for another policy.
        """
        if policy not in POLICIES:
            raise UsageError(f"no policy {policy!r}: there are {' and '.join(POLICIES)}")
        return self.rule in POLICIES[policy]


class Checker:
    """Compares problems with an index, and with benchmark texts where they are given."""

    def __init__(
        self,
        index: Index,
        rules: Decontaminate,
        texts: Sequence[tuple[str, str, str]] = (),
        common: int = COMMON,
    ) -> None:
        """`texts` are (benchmark, item id, problem) triples for the MinHash layer; n-grams of more
        than `common` different items are no evidence."""
        self.index = index
        self.rules = rules
        self._wholes = Wholes(index)
        telling = np.where(index.masked == 0, np.uint64(0), index.grams)
        self._plain = table(index, telling, common)
        self._masked = table(index, index.masked, common)
        self._bags = known_bags(index.bags)
        self._items = [items(index.bags, self._bags, part) for part in index.slices]
        self._signed = _places(index, ((benchmark, item) for benchmark, item, _ in texts))
        self._signatures = (
            minhash.signatures(tokenise([text for _, _, text in texts])) if texts else None
        )

    def check(self, problem: str) -> Match:
        """The strongest overlap of this problem: contamination first, then by score."""
        return self.check_many([problem])[0]

    def check_many(self, problems: Iterable[str], own: Sequence[int] | None = None) -> list[Match]:
        """The strongest overlap of each problem; with `own`, with that item of the index alone."""
        texts = list(problems)
        item = None if own is None else np.array(own, np.int64)
        return [
            match
            for part in chunks(texts)
            for match in self._chunk(tokenise(texts[part]), None if item is None else item[part])
        ]

    def copies(self, batch: Batch, own: Ints | None = None) -> list[Found]:
        """What the layers exact, ngram and masked find."""
        plain = ngrams(batch, self.index.n)
        masked = ngrams(batch, self.index.n, masked=True)
        same = self._wholes.exact(batch, plain, own)
        short = self._wholes.short(batch, own)
        found = [
            (same, np.full(len(same.text), RULES.index(EXACT))),
            _ruled(short, short.score >= MOST_OF_TEXT, MOST_OF_TEXT, RULES.index(NEAR_DUP)),
        ]
        for grams, stored, limit in (
            (plain, self._plain, self.rules.overlap),
            (masked, self._masked, self.rules.masked_overlap),
        ):
            pairs = shares(grams, stored, own)
            found.append(self._by_numbers(batch, pairs, pairs.score > limit, limit))
        return found

    def near_pairs(
        self, problems: Sequence[str], own: Sequence[int] | None
    ) -> tuple[Pairs, Floats]:
        """The items nearest to each problem by words (or its own), and the pairs' features."""
        pairs, found = [], []
        for part in chunks(problems):
            item = None if own is None else np.array(own[part], np.int64)
            near, features = candidates(
                bags(tokenise(problems[part])), self._bags, self._items, item
            )
            pairs.append(Pairs(near.text + part.start, near.item, near.score))
            found.append(features)
        columns = ([getattr(p, n) for p in pairs] for n in ("text", "item", "score"))
        return Pairs(*map(np.concatenate, columns)), np.concatenate(found)

    def _chunk(self, batch: Batch, own: Ints | None) -> list[Match]:
        found = self.copies(batch, own)
        pairs, features = candidates(bags(batch), self._bags, self._items, own)
        (alike, lacks), limit = templates(pairs, features), self.rules.template
        high = alike.score > limit
        rule = np.where(lacks, RULES.index(NUMBER_CHANGE), RULES.index(REPHRASE))
        found.append(_ruled(alike.where(high), high[high], limit, rule[high]))
        told, limit = rephrased(pairs, features), self.rules.rephrase
        found.append(_ruled(told, told.score >= limit, limit, RULES.index(REPHRASE)))
        if self._signatures is not None:
            pairs = minhash.near(minhash.signatures(batch), self._signatures, self.rules.minhash)
            pairs = Pairs(pairs.text, self._signed[pairs.item], pairs.score)
            if own is not None:
                pairs = pairs.where(own[pairs.text] == pairs.item)
            limit = self.rules.minhash
            found.append(self._by_numbers(batch, pairs, pairs.score >= limit, limit))
        return self._best(batch, found)

    def _by_numbers(self, batch: Batch, pairs: Pairs, high: Flags, limit: float) -> Found:
        """near_dup or number_change: has the problem all of the item's numbers, whatever else?"""
        rule = np.full(len(pairs.text), RULES.index(NUMBER_CHANGE))
        if high.any():
            sure = pairs.where(high)
            has = have_numbers(batch, self._bags, sure.text, sure.item)
            rule[high] = np.where(has, RULES.index(NEAR_DUP), RULES.index(NUMBER_CHANGE))
        return _ruled(pairs, high, limit, rule)

    def _best(self, batch: Batch, found: Sequence[Found]) -> list[Match]:
        """Each text's strongest match: contamination under every policy first, then under the
        strict one, then the score."""
        text = np.concatenate([p.text for p, _ in found])
        item = np.concatenate([p.item for p, _ in found])
        score = np.concatenate([p.score for p, _ in found])
        rule = np.concatenate([rule for _, rule in found])
        pair = text * len(self.index.items) + item
        told = np.flatnonzero(rule == RULES.index(REPHRASE))
        changed = np.isin(pair[told], pair[rule == RULES.index(NUMBER_CHANGE)])
        rule[told[changed]] = RULES.index(NUMBER_CHANGE)
        bad = rule >= RULES.index(REPHRASE)  # under every policy
        first = text << 2 | bad << 1 | (rule > 0)
        order = np.lexsort((rule << 32 | 0xFFFFFFFF - item, score, first))
        best = order[np.append(np.diff(text[order]) != 0, True)] if len(order) else order
        matches = [Match(NONE)] * len(batch)
        for at, one, number, value in zip(
            *(column[best].tolist() for column in (text, item, rule, score)), strict=True
        ):
            matches[at] = Match(RULES[number], value, *self.index.items[one])
        for at in np.flatnonzero(np.diff(batch.offsets) == 0).tolist():
            matches[at] = Match(UNKNOWN)
        return matches


def layers(*, texts: bool) -> list[str]:
    """The names of the layers that are used."""
    return ["exact", "ngram", "masked", "words", *(["minhash"] if texts else [])]


def scaled(value: Floats, limit: float) -> Floats:
    """A layer's value on the one scale: 0.5 at its threshold, 1 at 1, straight between."""
    above = 0.5 + 0.5 * (value - limit) / max(1.0 - limit, 1e-9)
    return np.where(value <= limit, 0.5 * value / limit, np.minimum(above, 1.0))


def _ruled(pairs: Pairs, high: Flags, limit: float, rule: Ints | int) -> Found:
    """Pairs on the one scale, with the rule of those that are high."""
    return (
        Pairs(pairs.text, pairs.item, scaled(pairs.score, limit)),
        np.where(high, rule, RULES.index(NONE)),
    )


def _places(index: Index, names: Iterable[tuple[str, str]]) -> Ints:
    """Where these items stand in the index; of several of one name each once, in order."""
    free: dict[tuple[str, str], list[int]] = {}
    for at, name in enumerate(index.items):
        free.setdefault(name, []).append(at)
    return np.array([free[name].pop(0) for name in names], np.int64)
