"""Fit the scorers of words and write what ships: `frequencies.npz` and `rephrase.toml`.

    python tests/bench/fit_rephrase.py [--write] [--data ../shared/data]

Two linear scorers over the same features. `retold` learns from labelled rephrasings of GSM8K test
items, each against its own item. `copied` learns from disguises of GSM8K and MATH test items made
by code (`disguises.py`), and may give no weight below zero to what a problem and an item share.
Negatives of both: the other items nearest to those, and every GSM8K train and MATH train problem
against its nearest test items (a few of these are true leaks; they only make the thresholds
stricter). The threshold of each is the score that a share of MATH train exceeds (SHARES); GSM8K
train stays far below its own. First all of it is done on one half (of benchmark items and of train
problems) and measured on the other, then on everything.
"""

import argparse
import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import disguises
import numpy as np
import polars as pl
from scipy.optimize import minimize

from omi2.overlap import nearest, rephrase
from omi2.overlap.bags import Bags, bags, known_bags
from omi2.overlap.batch import tokenise
from omi2.overlap.rephrase import FEATURES, FREE, SCORERS, Bag, bag
from omi2.overlap.text import words

PACKAGE = Path(__file__).resolve().parents[2] / "builder" / "omi2" / "overlap"
SHARES = {"retold": 0.010, "copied": 0.018}
"""Of MATH train, above the threshold."""
NEGATIVES = 3
"""Nearest items of a train problem that are learnt from."""


@dataclass(frozen=True)
class Group:
    """Problems, the item that each tells anew (-1 for none), and their pairs with features."""

    gold: np.ndarray
    text: np.ndarray
    item: np.ndarray
    features: np.ndarray

    @property
    def halves(self) -> np.ndarray:
        """The half of each problem: by its item, or by its place."""
        return (np.where(self.gold >= 0, self.gold, np.arange(len(self.gold))) // 2) % 2

    def best(self, b: np.ndarray) -> np.ndarray:
        """Each problem's highest score, with any item."""
        found = np.full(len(self.gold), -20.0)
        np.maximum.at(found, self.text, b[0] + self.features @ b[1:])
        return found


def frequencies(bags: list[Bag]) -> dict[str, np.ndarray]:
    """Each hash's number of problems, over stems and numbers."""
    counted = Counter(name for b in bags for name in b.stems | b.numbers)
    names = sorted(name for name, count in counted.items() if count > 1)
    return {
        "hashes": np.array(names, np.uint32),
        "counts": np.array([counted[n] for n in names], np.uint16),
        "total": np.array([len(bags)]),
    }


def grouped(told: list[tuple[int, str]], known: tuple[Bags, list[nearest.Items]]) -> Group:
    """The pairs of (item, problem) with the nearest items."""
    pairs, features = nearest.candidates(bags(tokenise([t for _, t in told])), *known)
    return Group(np.array([at for at, _ in told]), pairs.text, pairs.item, features)


def fit(x: np.ndarray, y: np.ndarray, rising: np.ndarray | None = None) -> np.ndarray:
    """Logistic regression; returns the constant and the weights, of which those of `rising`
    features are not negative."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = (x - mean) / spread
    weight = np.where(y > 0, 3.0, 1.0)

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        margin = z @ b[1:] + b[0]
        gap = weight * (1 / (1 + np.exp(-margin)) - y)
        value = (weight * np.logaddexp(0, np.where(y > 0, -margin, margin))).sum()
        return value + (b[1:] ** 2).sum(), np.r_[gap.sum(), z.T @ gap + 2 * b[1:]]

    bounds = [(0 if rising is not None and up else None, None) for up in np.r_[False, *(
        [rising] if rising is not None else [np.zeros(x.shape[1], bool)])]]  # fmt: skip
    b = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds,
                 options={"maxiter": 3000}).x  # fmt: skip
    return np.r_[b[0] - (b[1:] * mean / spread).sum(), b[1:] / spread]


def asked(about: str | None) -> tuple[argparse.Namespace, dict[str, pl.DataFrame]]:
    """The command line of a fit, and the sets that it fits on."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--write", action="store_true", help="write the files of the package")
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    options = parser.parse_args()
    folder = options.data / "benchmarks"
    return options, {n: pl.read_parquet(folder / f"{n}.parquet") for n in ("gsm8k", "math")}


def labelled(data: Path, items: list[str]) -> list[tuple[int, str]]:
    """The labelled rephrasings of these items: each one's item and text."""
    place = {" ".join(words(text)): at for at, text in enumerate(items)}
    lines = (data / "labelled" / "problem_pairs.jsonl").read_text("utf-8").splitlines()
    pairs = [p for p in map(json.loads, lines) if p["label"] == "rephrase"]
    own = [(place.get(" ".join(words(p["benchmark_problem"])), -1), p["candidate"]) for p in pairs]
    return [pair for pair in own if pair[0] >= 0]


def told_anew(sets: dict[str, pl.DataFrame]) -> dict[str, list[tuple[int, str]]]:
    """Every disguise of each set's test items, those of MATH thinned to every third."""
    found, begin = {}, 0
    for name, table in sets.items():
        test = table.filter(split="test")["problem"].to_list()
        train = table.filter(split="train")["problem"].to_list()
        step = 3 if name == "math" else 1
        for kind in (*disguises.KINDS, "embedded"):
            made = (disguises.embedded(test[::step], train) if kind == "embedded"
                    else disguises.made(test[::step], kind))  # fmt: skip
            if made:
                found[f"{name}: {kind}"] = [(begin + at * step, text) for at, text in made]
        begin += len(test)
    return found


def learn(
    groups: dict[str, Group], positive: list[str], half: int | None, rising: bool
) -> np.ndarray:
    """Fit on one half of the items and of the train problems, or on everything."""
    x, y = [], []
    for name in ("gsm8k", "math", *positive):
        group = groups[name]
        chosen = (
            np.ones(len(group.text), bool) if half is None else group.halves[group.text] == half
        )
        if name in ("gsm8k", "math"):
            place = np.arange(len(group.text)) - np.searchsorted(group.text, group.text)
            chosen &= place < NEGATIVES
        x.append(group.features[chosen])
        y.append((group.gold[group.text] == group.item)[chosen].astype(float))
    up = np.array([name not in FREE for name in FEATURES]) if rising else None
    return fit(np.concatenate(x), np.concatenate(y), up)


def main() -> None:
    """Measure on held-out halves, then fit on everything."""
    options, sets = asked(__doc__)
    train = {n: d.filter(split="train")["problem"].to_list() for n, d in sets.items()}
    if options.write:
        counted = frequencies([bag(words(t)) for texts in train.values() for t in texts])
        np.savez_compressed(PACKAGE / "frequencies.npz", **counted)
        rephrase.weights.cache_clear()
    test = [t for d in sets.values() for t in d.filter(split="test")["problem"]]
    items = [bag(words(t)) for t in test]
    stored = known_bags(items)
    known = stored, [nearest.items(items, stored, slice(0, len(items)))]
    groups = {n: grouped([(-1, t) for t in texts], known) for n, texts in train.items()}
    groups["rephrase"] = grouped(labelled(options.data, test), known)
    groups |= {name: grouped(told, known) for name, told in told_anew(sets).items()}
    positive = {"retold": ["rephrase"], "copied": [n for n in groups if ":" in n]}
    fitted = {}
    for half in (0, 1, None):
        above = {n: np.zeros(len(g.gold), bool) for n, g in groups.items()}
        for name in SCORERS:
            b = learn(groups, positive[name], half, rising=name == "copied")
            math_train = groups["math"].best(b)
            seen = math_train if half is None else math_train[groups["math"].halves == half]
            bound = math.ceil(float(np.quantile(seen, 1 - SHARES[name])) * 100) / 100
            fitted[name] = b, bound
            for group, found in above.items():
                found |= groups[group].best(b) > bound
        held = {n: f if half is None else f[groups[n].halves != half] for n, f in above.items()}
        shares = {n: float(f.mean()) for n, f in held.items() if len(f)}
        print("on everything" if half is None else f"fitted on half {half}, on the other")
        print("   ", ", ".join(f"{n} {share:.3f}" for n, share in shares.items()))
    if options.write:
        write(fitted, shares, len(groups["rephrase"].gold))


def write(
    fitted: dict[str, tuple[np.ndarray, float]], shares: dict[str, float], count: int
) -> None:
    """Write rephrase.toml."""
    told = [
        "# The scorers of words, fitted by `python tests/bench/fit_rephrase.py --write`. On the",
        f"# data they were fitted on, they flag {shares['gsm8k']:.1%} of GSM8K train and "
        f"{shares['math']:.1%} of MATH train against",
        f"# their test sets, and {shares['rephrase']:.1%} of {count} labelled rephrasings.",
    ]
    for name, (b, bound) in fitted.items():
        told += ["", f"[{name}]", f"threshold = {bound}", f"constant = {b[0]:.4f}"]
        told += ["", f"[{name}.weights]"]
        told += [f"{f} = {w + 0.0:.4f}" for f, w in zip(FEATURES, b[1:], strict=True)]
    (PACKAGE / "rephrase.toml").write_text("\n".join(told) + "\n")


if __name__ == "__main__":
    main()
