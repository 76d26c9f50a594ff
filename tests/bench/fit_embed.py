"""Fit the scorer that uses embeddings, and write what ships: `embed.toml`.

    python tests/bench/fit_embed.py [--write] [--data ../shared/data]

The pairs are those of `fit_rephrase.py` that the scorer of words leaves open or flags: labelled
rephrasings of GSM8K test items with their own item against the same with other items, and GSM8K
train and MATH train with their nearest test items. Measured on held-out halves (by benchmark item)
at the operating points of a real corpus, then fitted on everything. Needs the extra `embed`.
"""

import json
import math

import numpy as np
from fit_rephrase import PACKAGE, POINTS, asked, fit

from omi2.overlap import embed
from omi2.overlap.checker import Checker
from omi2.overlap.index import build
from omi2.overlap.text import words
from omi2.recipe import Decontaminate

OPEN_FROM = -4.0
"""Words leave a pair open from here: 98.7% of labelled paraphrases lie above it, and 5% of GSM8K
train and 16% of MATH train have an item there, so that few problems need embedding."""


def main() -> None:
    """Measure on held-out halves, then fit on everything."""
    options, sets = asked(__doc__)
    items = [t for d in sets.values() for t in d.filter(split="test")["problem"]]
    texts = [("test", str(at), text) for at, text in enumerate(items)]
    checker = Checker(build("test", [(i, t) for _, i, t in texts], 8, {}), Decontaminate())
    model = embed.embedder()
    place = {" ".join(words(text)): at for at, text in enumerate(items)}
    lines = (options.data / "labelled" / "problem_pairs.jsonl").read_text().splitlines()
    labelled = [p for p in map(json.loads, lines) if p["label"] == "rephrase"]
    own = [place.get(" ".join(words(p["benchmark_problem"])), -1) for p in labelled]
    groups = {n: d.filter(split="train")["problem"].to_list() for n, d in sets.items()}
    groups["rephrase"] = [p["candidate"] for p, at in zip(labelled, own, strict=True) if at >= 0]
    gold = np.array([at for at in own if at >= 0])
    found = {}
    for name, problems in groups.items():
        pairs, numbers = checker.open_pairs(problems, None, OPEN_FROM)
        mine = [problems[at] for at in pairs.text.tolist()]
        theirs = [items[at] for at in pairs.item.tolist()]
        vectors = embed.cached(model, [*mine, *theirs])
        cosine = np.array([vectors[a] @ vectors[b] for a, b in zip(mine, theirs, strict=True)])
        found[name] = pairs, embed.features(pairs.score, cosine, numbers)
        share = len(set(pairs.text.tolist())) / len(problems)
        print(f"{name}: {share:.3f} of {len(problems)} problems need embedding")

    def half_of(name: str) -> np.ndarray:
        pairs, _ = found[name]
        return (gold[pairs.text] if name == "rephrase" else pairs.text) % 2

    def fitted(half: int | None) -> np.ndarray:
        x, y = [], []
        for name, (pairs, f) in found.items():
            chosen = half_of(name) == half if half is not None else np.ones(len(f), bool)
            right = gold[pairs.text] == pairs.item if name == "rephrase" else np.zeros(len(f), bool)
            x.append(f[chosen])
            y.append(right[chosen].astype(float))
        return fit(np.concatenate(x), np.concatenate(y))

    def best(b: np.ndarray) -> dict[str, np.ndarray]:
        told = {}
        for name, (pairs, f) in found.items():
            told[name] = np.full(len(groups[name]), -20.0)
            np.maximum.at(told[name], pairs.text, b[0] + f @ b[1:])
        return told

    for half in (0, 1):
        scores = best(fitted(half))
        held = {n: scores[n][np.arange(len(scores[n])) % 2 != half] for n in sets}
        other = scores["rephrase"][gold % 2 != half]
        for name, (low, high) in POINTS.items():
            bound = max(np.quantile(held["gsm8k"], low), np.quantile(held["math"], high))
            print(f"held-out half {half}, {name}: {(other > bound).mean():.3f} found")
    b = fitted(None)
    scores = best(b)
    for name, (low, high) in POINTS.items():
        bound = max(np.quantile(scores["gsm8k"], low), np.quantile(scores["math"], high))
        shares = {n: round(float((s > bound).mean()), 4) for n, s in scores.items()}
        print(f"all, {name}: threshold {bound:.3f}, flagged {shares}")
        if name == "<= 1% / 2%":
            threshold, measured = math.ceil(float(bound) * 100) / 100, shares
    if options.write:
        told = "\n".join(f"{n} = {w:.4f}" for n, w in zip(embed.FEATURES, b[1:], strict=True))
        (PACKAGE / "embed.toml").write_text(
            "# The scorer of words and embeddings, fitted by\n"
            "# `python tests/bench/fit_embed.py --write`. On the data it was fitted on, it flags\n"
            f"# {measured['gsm8k']:.1%} of GSM8K train and {measured['math']:.1%} of MATH train, "
            f"and {measured['rephrase']:.1%} of\n# {len(gold)} labelled rephrasings.\n\n"
            f'["{model.name}"]\nopen_from = {OPEN_FROM}\nthreshold = {threshold}\n'
            f"constant = {b[0]:.4f}\n{told}\n"
        )


if __name__ == "__main__":
    main()
