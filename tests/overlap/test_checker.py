"""Overlap with benchmark items: each layer on both sides of its threshold, then real data."""

import json
import tomllib
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from omi2.errors import UsageError
from omi2.overlap import check, compare_many, index
from omi2.overlap.checker import Checker, Match, layers
from omi2.overlap.rephrase import FEATURES, FREE, SCORERS, scorers
from omi2.recipe import Decontaminate

# Sixteen words, no two alike, so that every share is a count of sixteenths.
ITEM = "one day ulla packs 12 green bottles into wooden crates that hold 40 kilos of glass"
SHORT = "what is 2 plus 3"
MATRIX = r"Find the inverse of \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \\ 7 & 8 & 9 \end{pmatrix}"
ITEMS = [("i/0", ITEM), ("i/1", SHORT), ("i/2", MATRIX), ("i/3", ITEM + " and sand")]


def checker(rules: Decontaminate | None = None, *, texts: bool = False) -> Checker:
    made = index.build("toy", ITEMS, 8, {})
    triples = [("toy", item, text) for item, text in ITEMS] if texts else []
    return Checker(made, rules or Decontaminate(), triples)


def tokens(first: int, last: int) -> str:
    return " ".join(ITEM.split()[first:last])


@pytest.mark.parametrize(
    ("problem", "verdict", "rule", "score", "item"),
    [
        (ITEM, "contaminated", "exact", 1.0, "i/0"),
        (ITEM.upper().replace(" ", ", ") + "?", "contaminated", "exact", 1.0, "i/0"),
        (ITEM + " and sand", "contaminated", "exact", 1.0, "i/3"),
        # shares of an item's words in shared 8-grams: above half is contaminated
        (f"Well, {ITEM}, they say so", "contaminated", "near_dup", 1.0, "i/0"),
        (f"hear {tokens(0, 9)} 40", "contaminated", "near_dup", 9 / 16, "i/0"),
        (f"hear {tokens(0, 9)} this", "contaminated", "number_change", 9 / 16, "i/0"),  # no 40
        (f"hear {tokens(0, 8)} this", "clean", None, 0.5, "i/0"),
        (f"hear {tokens(0, 7)} this", "clean", None, 0.0, None),
        (f"{tokens(0, 8)} but {tokens(8, 16)} here", "contaminated", "near_dup", 1.0, "i/0"),
        (f"{tokens(0, 8)} but {tokens(0, 8)} here", "clean", None, 0.5, "i/0"),  # counted once
        # other numbers: contaminated under the strict policy
        (ITEM.replace("12", "15").replace("40", "9"), "contaminated", "number_change", 1.0, "i/0"),
        (
            ITEM.replace("12", "fifteen").replace("40", "90"),
            "contaminated",
            "number_change",
            1.0,
            "i/0",
        ),
        # short items have no n-grams: all of them must be there, and be most of the text
        ("What is 2 plus 3?", "contaminated", "exact", 1.0, "i/1"),
        ("What is two plus three?", "contaminated", "exact", 1.0, "i/1"),
        ("What is 4 plus 3?", "clean", None, 0.0, None),
        ("Tell me: what is 2 plus 3?", "contaminated", "near_dup", 0.5 + 0.5 * (3 / 7), "i/1"),
        ("What now is 2 plus 3?", "clean", None, 0.0, None),
        (
            "Tell me, if you know, what is 2 plus 3, or 3 plus 2?",
            "clean",
            None,
            0.0,
            None,
        ),
        # the boilerplate of a matrix says nothing
        (
            MATRIX.replace("inverse", "trace").translate(str.maketrans("135", "246")),
            "clean",
            ...,
            0,
            ...,
        ),
        (
            "An altogether different matter concerning seven sleepy dragons",
            "clean",
            None,
            0.0,
            None,
        ),
        # without a word nothing is known, and nothing is never clean
        ("", "unknown", None, 0.0, None),
        ("?! $$ --", "unknown", None, 0.0, None),
    ],
)
def test_check(problem: str, verdict: str, rule: object, score: float, item: object) -> None:
    found = checker(Decontaminate(rephrase=1.0)).check(problem)  # the scorer apart, see below
    assert found.verdict(strict=True) == verdict
    if verdict != "contaminated":
        assert found.rule == ("none" if verdict == "clean" else "unknown")
        return
    assert (found.rule, found.item) == (rule, item)
    assert found.score == pytest.approx(score)
    assert found.benchmark == ("toy" if item else None)


TOLD = (
    "Marisol tiles a courtyard of 45 square feet in Granada. Each box of glazed tiles covers 9 "
    "square feet and costs $32. How much does she spend on tiles?"
)


@pytest.mark.parametrize(
    ("problem", "rule"),
    [
        # other words, the same names, things and numbers
        (
            "In Granada, a courtyard measuring 45 square feet is being covered by Marisol. A $32 "
            "box holds enough glazed tiles for 9 square feet. What will the tiles cost her?",
            "rephrase",
        ),
        # other things, the same numbers
        ("A baker sells 45 loaves, 9 a tray, at $32 a tray. How much does he take?", None),
        # the same things, another story
        ("Marisol paints her kitchen in Granada. How many days does it take?", None),
    ],
)
def test_an_item_told_in_other_words(problem: str, rule: str | None) -> None:
    made = index.build("toy", [*ITEMS, ("i/4", TOLD)], 8, {})
    found = Checker(made, Decontaminate(strict=False)).check(problem)
    assert found.rule == (rule or "none")
    assert found.contaminated("standard") == bool(rule)
    assert rule is None or found.item == "i/4"


@pytest.mark.parametrize("every", [2, 3, 4, 5])
def test_words_put_in_between_hide_nothing(every: int) -> None:
    """No n-gram is left whole; the bag of words is."""
    made = index.build("toy", [*ITEMS, ("i/4", TOLD)], 8, {})
    words = TOLD.split()
    told = [w + (" really" if n % every == every - 1 else "") for n, w in enumerate(words)]
    found = Checker(made, Decontaminate(strict=False)).check(" ".join(told))
    assert (found.rule, found.item) == ("rephrase", "i/4")


def test_more_of_an_item_is_never_less_evidence() -> None:
    """Of the scorer that knows copies, which an item's own bag must satisfy."""
    fitted = scorers().weights[:, SCORERS.index("copied")]
    assert {n for n, w in zip(FEATURES, fitted, strict=True) if w < 0} <= set(FREE)
    made = index.build("toy", [("i/4", TOLD)], 8, {})
    checked = Checker(made, Decontaminate())
    _, features = checked.near_pairs([TOLD], None)
    assert scorers().margins(features).max() > 3


def test_what_every_policy_calls_contamination_is_told_first() -> None:
    """One item with other numbers, another in other words: asked for either policy, yes."""
    other = TOLD.replace("45", "46").replace("32", "33")
    made = index.build("toy", [("same", TOLD), ("numbers", other)], 8, {})
    swapped = "How much does she spend on tiles? " + TOLD.partition(" How")[0]
    found = Checker(made, Decontaminate(strict=True)).check(swapped)
    assert found.item == "same"
    assert found.contaminated("standard")


@pytest.mark.parametrize(
    ("rules", "wanted", "rule", "score"),
    [
        (Decontaminate(), "contaminated", "number_change", 1.0),
        (Decontaminate(strict=False), "clean", "number_change", 1.0),  # reported all the same
        (
            Decontaminate(masked_overlap=1.0, template=1.0),
            "clean",
            "none",
            0.5,
        ),  # no more than all is possible
    ],
)
def test_other_numbers_are_the_strict_policys_affair(
    rules: Decontaminate, wanted: str, rule: str, score: float
) -> None:
    found = checker(rules).check(ITEM.replace("12", "15").replace("40", "9"))
    assert found.verdict(strict=rules.strict) == wanted
    assert (found.rule, found.score) == (rule, score)


@pytest.mark.parametrize(("overlap", "wanted"), [(0.55, "contaminated"), (0.57, "clean")])
def test_the_threshold_is_the_recipes(overlap: float, wanted: str) -> None:
    rules = Decontaminate(overlap=overlap, masked_overlap=overlap, rephrase=1.0)
    assert checker(rules).check(f"hear {tokens(0, 9)} 40 this").verdict(strict=True) == wanted


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        # every seventh word another: no shared 8-gram, yet near
        (ITEM.replace("packs", "puts").replace("hold", "take"), "contaminated"),
        ("An altogether different matter concerning seven sleepy dragons", "clean"),
    ],
)
def test_minhash_needs_the_texts(problem: str, wanted: str) -> None:
    rules = Decontaminate(minhash=0.3, rephrase=1.0)
    assert checker(rules).check(problem).rule == "none"
    found = checker(rules, texts=True).check(problem)
    assert found.rule == ("near_dup" if wanted == "contaminated" else "none")


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "around",
    [
        "Problem 17 (2019, 45 points). {} (A) 101 (B) 202 (C) 303 (D) 404",
        "{} And then, in 1987, how many of 55 larks sang?",
        "{}",
    ],
)
def test_an_item_inside_a_larger_text_is_found(around: str, strict: bool) -> None:
    found = checker(Decontaminate(strict=strict, rephrase=1.0)).check(around.format(ITEM))
    assert found.verdict(strict=strict) == "contaminated"


def test_characters_that_nobody_sees_hide_nothing() -> None:
    hidden = "".join(f"{c}\u200b" if n % 3 else f"{c}\u00ad" for n, c in enumerate(ITEM))
    assert checker().check(hidden).rule == "exact"


def test_check_takes_packaged_indexes_and_files(tmp_path: Path) -> None:
    index.save(index.build("toy", ITEMS, 8, {}), tmp_path / "toy.npz")
    found = check([ITEM, "Something else again."], ["test-sets", str(tmp_path / "toy.npz")])
    assert [(m.rule, m.benchmark) for m in found] == [
        ("exact", "toy"),
        ("none", found[1].benchmark),
    ]


def test_layers() -> None:
    assert layers(texts=False) == ["exact", "ngram", "masked", "words"]
    assert layers(texts=True)[-1] == "minhash"


@cache
def packaged() -> Checker:
    return Checker(index.load("test-sets"), Decontaminate())


def test_our_own_seeds_and_shots_are_clean() -> None:
    package = files("omi2")
    seeds = tomllib.loads((package / "seeds" / "demo.toml").read_text("utf-8"))["seed"]
    texts = {seed["id"]: seed["problem"] for seed in seeds}
    for path in (package / "prompts").iterdir():
        if path.name.endswith(".toml"):
            for at, shot in enumerate(tomllib.loads(path.read_text("utf-8"))["shots"]):
                texts |= {f"{path.name} {at} {key}": text for key, text in shot.items()}
    assert len(texts) > 200
    assert {
        name for name, text in texts.items() if packaged().check(text).contaminated("strict")
    } == set()


@pytest.mark.shared
@pytest.mark.parametrize(("name", "items"), [("gsm8k", 1319), ("math", 5000)])
def test_every_test_item_is_found(name: str, items: int, shared_data: Path) -> None:
    table = pl.read_parquet(shared_data / "benchmarks" / f"{name}.parquet")
    problems = table.filter(pl.col("split") == "test")["problem"].to_list()
    assert len(problems) == items
    found = Counter(match.rule == "exact" for match in packaged().check_many(problems))
    assert found == {True: items}


@pytest.mark.shared
def test_labelled_problem_pairs(shared_data: Path) -> None:
    """Measured: exact and near_dup all found, unrelated none, number_change 99.4%, rephrase 93%."""
    lines = (shared_data / "labelled" / "problem_pairs.jsonl").read_text("utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    matches = compare_many((pair["candidate"], pair["benchmark_problem"]) for pair in pairs)
    found: dict[str, Counter[bool]] = defaultdict(Counter)
    standard: dict[str, Counter[bool]] = defaultdict(Counter)
    for pair, match in zip(pairs, matches, strict=True):
        found[pair["label"]][match.contaminated("strict")] += 1
        standard[pair["label"]][match.contaminated("standard")] += 1
    assert found["exact"] == {True: 279}
    assert found["near_dup"] == {True: 10}
    assert found["unrelated"] == {False: 1119}
    assert found["number_change"][True] >= 0.99 * found["number_change"].total()
    assert standard["number_change"][True] <= 0.03 * found["number_change"].total()
    assert standard["rephrase"][True] >= 0.92 * standard["rephrase"].total()


@pytest.mark.shared
@pytest.mark.parametrize(("name", "most"), [("gsm8k", 0.01), ("math", 0.05)])
def test_the_operating_point(name: str, most: float, shared_data: Path) -> None:
    """Measured: the standard policy flags 0.2% of GSM8K train and 4.3% of MATH train."""
    table = pl.read_parquet(shared_data / "benchmarks" / f"{name}.parquet")
    problems = table.filter(pl.col("split") == "train")["problem"].to_list()[::4]
    standard = Checker(index.load("test-sets"), Decontaminate(strict=False))
    flagged = sum(match.contaminated("standard") for match in standard.check_many(problems))
    assert 0 < flagged / len(problems) <= most


def test_a_policy_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="no policy 'lax': there are standard and strict"):
        Match("none").contaminated("lax")


def test_comparing_with_a_test_set_twice_loses_nothing() -> None:
    """An n-gram's and a place's share among items counts different items, not their copies."""
    phrase = "a number of small grey boats leave the harbour at dawn"
    items = [(f"i/{at}", f"{phrase} and ulla{at} counts {at + 7} of them") for at in range(7)]
    one = index.build("a", items, 8, {})
    many = index.merge([one, *(index.build(name, items, 8, {}) for name in "bcdefghij")])
    problems = [f"{phrase} but ulla3 is late", "ulla5, dawn: 12 of the boats leave, small and grey"]
    alone, among = (Checker(found, Decontaminate()).check_many(problems) for found in (one, many))
    assert alone[0].rule == "number_change"
    assert among == alone
    near = [
        len(set(found.near_pairs(problems[1:], None)[0].item % 7))
        for found in (Checker(one, Decontaminate()), Checker(many, Decontaminate()))
    ]
    assert near == [7, 7]


def test_more_to_compare_with_clears_nothing() -> None:
    """What is nearest is told among the items of one part of an index."""
    phrase = "a number of small grey boats leave the harbour at dawn"
    items = [(str(at), f"{phrase} and ulla{at} counts {at + 7} of them") for at in range(7)]
    few = index.build("a", items, 8, {})
    crowd = [(str(at), f"at dawn {phrase} and mia{at}{at} boats count {at}") for at in range(40)]
    both = index.merge([few, index.build("b", crowd, 8, {})])
    near = [
        set(Checker(among, Decontaminate()).near_pairs([crowd[3][1]], None)[0].item.tolist())
        for among in (few, both, replace(both, parts=()))
    ]
    assert near[0] < near[1]
    assert not near[0] & near[2]
