"""Overlap with benchmark items: each layer on both sides of its threshold, then real data."""

import json
import tomllib
from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from omi2.overlap import index
from omi2.overlap.check import Checker, layers
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
    ("problem", "verdict", "layer", "score", "item"),
    [
        (ITEM, "contaminated", "exact", 1.0, "i/0"),
        (ITEM.upper().replace(" ", ", ") + "?", "contaminated", "exact", 1.0, "i/0"),
        (ITEM + " and sand", "contaminated", "exact", 1.0, "i/3"),
        # shares of an item's words in shared 8-grams: above half is contaminated
        (f"Well, {ITEM}, they say so", "contaminated", "ngram", 1.0, "i/0"),
        (f"hear {tokens(0, 9)} this", "contaminated", "ngram", 9 / 16, "i/0"),
        (f"hear {tokens(0, 8)} this", "clean", "ngram", 0.5, "i/0"),
        (f"hear {tokens(0, 7)} this", "clean", None, 0.0, None),
        (f"{tokens(0, 8)} but {tokens(8, 16)} here", "contaminated", "ngram", 1.0, "i/0"),
        (f"{tokens(0, 8)} but {tokens(0, 8)} here", "clean", "ngram", 0.5, "i/0"),  # counted once
        # other numbers: contaminated under the strict policy
        (ITEM.replace("12", "15").replace("40", "9"), "contaminated", "masked", 1.0, "i/0"),
        (ITEM.replace("12", "fifteen").replace("40", "90"), "contaminated", "masked", 1.0, "i/0"),
        # short items have no n-grams: only the whole counts
        ("What is 2 plus 3?", "contaminated", "exact", 1.0, "i/1"),
        ("What is 4 plus 3?", "clean", None, 0.0, None),
        ("Tell me: what is 2 plus 3?", "clean", None, 0.0, None),
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
def test_check(problem: str, verdict: str, layer: object, score: float, item: object) -> None:
    found = checker().check(problem)
    assert found.verdict == verdict
    if layer is ...:
        return
    assert (found.layer, found.item) == (layer, item)
    assert found.score == pytest.approx(score)
    assert found.benchmark == ("toy" if item else None)


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (Decontaminate(), "contaminated"),
        (Decontaminate(strict=False), "clean"),
        (Decontaminate(masked_overlap=1.0), "clean"),  # more than all is not possible
    ],
)
def test_other_numbers_are_the_strict_policys_affair(rules: Decontaminate, wanted: str) -> None:
    found = checker(rules).check(ITEM.replace("12", "15").replace("40", "9"))
    assert found.verdict == wanted
    assert (found.layer, found.score) == ("masked", 1.0)  # reported in any case


@pytest.mark.parametrize(("overlap", "wanted"), [(0.55, "contaminated"), (0.57, "clean")])
def test_the_threshold_is_the_recipes(overlap: float, wanted: str) -> None:
    rules = Decontaminate(overlap=overlap, masked_overlap=overlap)
    assert checker(rules).check(f"hear {tokens(0, 9)} this").verdict == wanted


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        # every seventh word another: no shared 8-gram, yet near
        (ITEM.replace("packs", "puts").replace("hold", "take"), "contaminated"),
        ("An altogether different matter concerning seven sleepy dragons", "clean"),
    ],
)
def test_minhash_needs_the_texts(problem: str, wanted: str) -> None:
    rules = Decontaminate(minhash=0.3)
    assert checker(rules).check(problem).verdict == "clean"
    found = checker(rules, texts=True).check(problem)
    assert found.verdict == wanted
    assert found.layer == ("minhash" if wanted == "contaminated" else None)


@pytest.mark.parametrize(
    ("rules", "texts", "wanted"),
    [
        (Decontaminate(), False, ["exact", "ngram", "masked"]),
        (Decontaminate(strict=False), False, ["exact", "ngram"]),
        (Decontaminate(), True, ["exact", "ngram", "masked", "minhash"]),
    ],
)
def test_layers(rules: Decontaminate, texts: bool, wanted: list[str]) -> None:
    assert layers(rules, texts=texts) == wanted


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
        name for name, text in texts.items() if packaged().check(text).verdict != "clean"
    } == set()


@pytest.mark.shared
@pytest.mark.parametrize(("name", "items"), [("gsm8k", 1319), ("math", 5000)])
def test_every_test_item_is_found(name: str, items: int, shared_data: Path) -> None:
    table = pl.read_parquet(shared_data / "benchmarks" / f"{name}.parquet")
    problems = table.filter(pl.col("split") == "test")["problem"].to_list()
    assert len(problems) == items
    found = Counter(packaged().check(problem).verdict for problem in problems)
    assert found == {"contaminated": items}


@pytest.mark.shared
def test_labelled_problem_pairs(shared_data: Path) -> None:
    """Measured: exact and near_dup all found, unrelated none, number_change 99% under strict."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    lines = (shared_data / "labelled" / "problem_pairs.jsonl").read_text("utf-8").splitlines()
    for row in map(json.loads, lines):
        one = index.build("one", [("0", row["benchmark_problem"])], 8, {})
        found[row["label"]][Checker(one, Decontaminate()).check(row["candidate"]).verdict] += 1
    assert found["exact"] == {"contaminated": 279}
    assert found["near_dup"] == {"contaminated": 10}
    assert found["unrelated"] == {"clean": 1119}
    assert found["number_change"]["contaminated"] / found["number_change"].total() >= 0.95
