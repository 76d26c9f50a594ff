"""Overlap: does a problem repeat a benchmark item, copied, reworded or with other numbers?

>>> from omi2.overlap import check
>>> check(["What colour is the lid of the smallest of seven teapots?"], ["gsm8k"])[0].rule
'none'

`check` compares problems with benchmarks, the whole of each; `compare_many` compares pairs of a
candidate and a benchmark problem. How it works: `omi2.overlap.checker`.
"""

from collections.abc import Iterable, Sequence

from omi2.errors import UsageError
from omi2.overlap.checker import UNKNOWN, Checker, Match
from omi2.recipe import Decontaminate

__all__ = ["Match", "check", "compare_many"]


def check(
    problems: Iterable[str], against: Sequence[str] = ("test-sets",), embed: bool = False
) -> list[Match]:
    """The strongest overlap of each problem with any item of these benchmarks.

    `against` are names (`gsm8k`, `math/test`), Parquet or JSONL files of benchmark problems, or
    overlap indexes. Ask each match for `contaminated("standard")` or `contaminated("strict")`; in
    doubt between two items, the one that is contamination under the strict policy is named. With
    `embed`, what the words leave open is compared by sentence embeddings too: that needs the texts
    and the extra `embed`. Raises UsageError (a name, a file, a missing extra, no text) or
    RemoteError.
    """
    from omi2.overlap.against import checker

    if isinstance(problems, str):
        raise UsageError("problems is one text: give a list of texts, [text] for one")
    found = list(problems)
    _check_texts(found, "problem")
    names = [against] if isinstance(against, str) else list(against)
    made, texts = checker(names, texts=embed)
    matches = made.check_many(found)
    if embed:
        from omi2.overlap.embed import improve

        matches = improve(found, matches, made, texts)
    return matches


def compare_many(pairs: Iterable[tuple[str, str]], embed: bool = False) -> list[Match]:
    """How much each candidate repeats its own benchmark problem: (candidate, benchmark) pairs.

    `item` of a match is the number of its pair. A pair without a word on either side is unknown.
    `embed` as in `check`. Raises UsageError (what is no pair of texts, a missing extra).
    """
    from omi2.overlap.index import build
    from omi2.overlap.text import words

    found = list(pairs)
    for at, pair in enumerate(found):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UsageError(f"pair {at} is no (candidate, benchmark problem): {str(pair)[:60]!r}")
        _check_texts(pair, f"pair {at}, text")
    rules = Decontaminate()
    items = {text: str(at) for at, (_, text) in reversed(list(enumerate(found))) if words(text)}
    if not items:
        return [Match(UNKNOWN) for _ in found]
    texts = [("pair", name, text) for text, name in items.items()]
    place = {text: at for at, (_, _, text) in enumerate(texts)}
    index = build("pair", [(n, t) for _, n, t in texts], rules.ngram, {})
    made = Checker(index, rules, texts, common=len(texts))  # a pair's match is its own affair
    whole = [at for at, (_, text) in enumerate(found) if text in place]
    own = [place[found[at][1]] for at in whole]
    candidates = [found[at][0] for at in whole]
    matches = made.check_many(candidates, own)
    if embed:
        from omi2.overlap.embed import improve

        matches = improve(candidates, matches, made, texts, own)
    told = [Match(UNKNOWN)] * len(found)
    for at, match in zip(whole, matches, strict=True):
        told[at] = Match(match.rule, match.score, match.benchmark, str(at) if match.item else None)
    return told


def _check_texts(found: Sequence[object], what: str) -> None:
    """Raise UsageError at the first that is no text."""
    for at, text in enumerate(found):
        if not isinstance(text, str):
            raise UsageError(f"{what} {at} is no text but {type(text).__name__}: {text!r:.60}")
