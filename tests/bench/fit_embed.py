"""Fit the scorer that uses embeddings, and write what ships: `embed.toml`.

    python tests/bench/fit_embed.py [--write] [--data ../shared/data]

The pairs are those that the scorers of words leave open or flag: labelled rephrasings of GSM8K test
items with their own item against the same with other items, and GSM8K train and MATH train with
their nearest test items. The threshold is the score that SHARE of MATH train exceeds. Measured on
held-out halves, words and embeddings together, then fitted on everything; disguises of MATH test
items that words have trouble with (HARD) are measured and not learnt from. Needs the
extra `embed`; a model in the folder OMI2_EMBEDDER is fitted instead of the one that ships, and gets
its table into an `omi2.toml` of its own.
"""

import math

import numpy as np
from fit_rephrase import PACKAGE, asked, fit, labelled, told_anew

from omi2.overlap import embed, models
from omi2.overlap.checker import Checker
from omi2.overlap.index import build
from omi2.overlap.rephrase import scorers
from omi2.recipe import Decontaminate

STRICTER = 0.87
"""The score of a stricter point: at most 1% of GSM8K train and 2% of MATH train."""
OPEN_FROM = -4.0
"""Words leave a pair open from here."""
SHARE = 0.010
HARD = ("math: synonyms", "math: mixed", "math: letters")
EACH = 250
"""Disguises of each kind."""


def main() -> None:
    """Measure on held-out halves, then fit on everything."""
    options, sets = asked(__doc__)
    items = [t for d in sets.values() for t in d.filter(split="test")["problem"]]
    texts = [("test", str(at), text) for at, text in enumerate(items)]
    checker = Checker(build("test", [(i, t) for _, i, t in texts], 8, {}), Decontaminate())
    model = models.find()
    anew = told_anew(sets)
    told = {n: [(-1, t) for t in d.filter(split="train")["problem"]] for n, d in sets.items()}
    told |= {"rephrase": labelled(options.data, items)}
    told |= {name: anew[name][:: max(1, len(anew[name]) // EACH)] for name in HARD}
    gold, found, words = {}, {}, {}
    for name, group in told.items():
        problems = [text for _, text in group]
        gold[name] = np.array([at for at, _ in group])
        words[name] = np.array(
            [m.score if m.contaminated() else 0.0 for m in checker.check_many(problems)]
        )
        pairs, features = checker.near_pairs(problems, None)
        near = np.flatnonzero(scorers().margins(features).max(axis=1) >= OPEN_FROM)
        text, item = pairs.text[near], pairs.item[near]
        mine, theirs = [problems[at] for at in text.tolist()], [items[at] for at in item.tolist()]
        vectors = models.cached(model, [*mine, *theirs])
        cosine = np.array([vectors[a] @ vectors[b] for a, b in zip(mine, theirs, strict=True)])
        found[name] = text, item, embed.joined(features[near], cosine)
        asks = len(set(text[words[name][text] == 0].tolist())) / len(problems)
        print(f"{name}: {asks:.3f} of {len(problems)} problems are open", flush=True)

    def halves(name: str) -> np.ndarray:
        return (np.where(gold[name] >= 0, gold[name], np.arange(len(gold[name]))) // 2) % 2

    def fitted(half: int | None) -> tuple[np.ndarray, float]:
        x, y = [], []
        for name in ("gsm8k", "math", "rephrase"):
            text, item, features = found[name]
            chosen = np.ones(len(text), bool) if half is None else halves(name)[text] == half
            x.append(features[chosen])
            y.append((gold[name][text] == item)[chosen].astype(float))
        b = fit(np.concatenate(x), np.concatenate(y))
        seen = best(b, "math")
        seen = seen if half is None else seen[halves("math") == half]
        return b, math.ceil(float(np.quantile(seen, 1 - SHARE)) * 100) / 100

    def best(b: np.ndarray, name: str) -> np.ndarray:
        text, _, features = found[name]
        scores = np.full(len(gold[name]), -20.0)
        np.maximum.at(scores, text, b[0] + features @ b[1:])
        return scores

    held_out: dict[str, list[float]] = {name: [] for name in told}
    for half in (0, 1, None):
        b, bound = fitted(half)
        shares = {}
        for name in told:
            held = halves(name) != half
            by = 1 / (1 + np.exp(np.clip(bound - best(b, name)[held], -30, 30)))
            both = np.maximum(words[name][held], by)
            flags = (words[name][held] > 0, by > 0.5, both > 0.5, both > STRICTER)
            shares[name] = [float(flag.mean()) for flag in flags]
            held_out[name] += shares[name][-1:] if half is not None else []
        print("on everything" if half is None else f"fitted on half {half}, on the other")
        for name, (first, second, both, strict) in shares.items():
            print(f"    {name:<18}words {first:.3f}  embeddings {second:.3f}  together {both:.3f}"
                  f"  of a score above {STRICTER} {strict:.3f}")  # fmt: skip
    if options.write:
        folder = model.folder if model.name != models.PACKAGED else None
        path = folder / "omi2.toml" if folder else PACKAGE / "embed.toml"
        table = "\n".join(f"{n} = {w:.4f}" for n, w in zip(embed.FEATURES, b[1:], strict=True))
        path.write_text(
            "# The scorer of words and embeddings, fitted by\n"
            "# `python tests/bench/fit_embed.py --write`. On the data it was fitted on, words\n"
            f"# and it flag {shares['gsm8k'][2]:.1%} of GSM8K train and {shares['math'][2]:.1%} of "
            f"MATH train, and {shares['rephrase'][2]:.1%} of\n# {len(gold['rephrase'])} labelled "
            f"rephrasings of GSM8K. Held out, at a score above {STRICTER}: at most\n"
            f"# {max(held_out['gsm8k']):.1%} and {max(held_out['math']):.1%} of train, at least "
            f"{min(held_out['rephrase']):.1%} of the rephrasings.\n\n"
            f'["{model.name}"]\nwidth = {model.width}\n'
            f"open_from = {OPEN_FROM}\nthreshold = {bound}\nconstant = {b[0]:.4f}\n{table}\n"
        )


if __name__ == "__main__":
    main()
