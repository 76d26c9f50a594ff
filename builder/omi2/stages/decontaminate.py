"""Stage 3, decontaminate: drop every problem that overlaps with a benchmark's test set.

Seeds and new problems alike are compared with the recipe's overlap indexes and benchmark texts
(`omi2.overlap.checker`), and each gets a verdict, a score and the item that gave it. What is
contaminated or unknown is dropped. With decontamination off, every verdict is unknown, nothing is
dropped here, and the release says so; `omi2-hub` refuses to publish it.
"""

import functools
from typing import Any

from omi2 import rows
from omi2.engines import over_parts
from omi2.errors import UsageError
from omi2.overlap import index
from omi2.overlap.checker import CLEAN, CONTAMINATED, NONE, UNKNOWN, Checker, layers
from omi2.recipe import Decontaminate, Recipe
from omi2.run import Report, Run, drop, problems, tally
from omi2.sources import read


def run(recipe: Recipe, run: Run) -> Report:
    """Write a verdict for every problem."""
    rules = recipe.decontaminate
    report = over_parts(part, recipe, run, "decontaminate")
    details: dict[str, Any] = {"ran": rules.enabled}
    if rules.enabled:
        texts = bool(rules.benchmarks)
        details |= {
            "strict": rules.strict,
            "texts": texts,
            "layers": layers(texts=texts),
            "benchmarks": list(checker(rules).index.benchmarks),
        }
    return report + Report("problems", details=details)


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Compare one part's problems."""
    rules = recipe.decontaminate
    kept: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    facts: dict[str, int] = {}
    for row in problems(run, part).sort("problem_id").iter_rows(named=True):
        if not rules.enabled:
            kept.append({"problem_id": row["problem_id"], "verdict": UNKNOWN, "score": 0.0})
            continue
        found = checker(rules).check(row["problem"])
        verdict = found.verdict(strict=rules.strict)
        entry = {
            "problem_id": row["problem_id"],
            "verdict": verdict,
            "rule": None if found.rule == NONE else found.rule,
            "score": found.score,
            "benchmark": found.benchmark,
            "item": found.item,
        }
        kept.append(entry)
        if verdict == CONTAMINATED:
            detail = f"{found.rule} {found.score:.3f} {found.benchmark} {found.item}"
            dropped.append(drop(row["problem_id"], f"overlap_{found.rule}", detail))
            name = f"contaminated {found.benchmark}"
            facts[name] = facts.get(name, 0) + 1
        elif verdict == UNKNOWN:
            dropped.append(drop(row["problem_id"], "overlap_unknown", "no words to compare"))
    run.write("decontaminate", part, rows.OVERLAPS, kept, dropped)
    seeds = len(run.read("seed", part))
    came = {"seeds": seeds, "new": len(kept) - seeds}
    left = len(kept) - len(dropped)
    label = CLEAN if rules.enabled else "unchecked"
    return Report(
        "problems",
        came={name: count for name, count in came.items() if count},
        left={label: left} if left else {},
        dropped=tally(dropped),
        facts=facts,
    )


@functools.cache
def checker(rules: Decontaminate) -> Checker:
    """The checker for these rules, made once a process."""
    if not rules.index and not rules.benchmarks:
        raise UsageError("[decontaminate] names neither an index nor benchmarks to compare with")
    indexes = [index.load(name) for name in rules.index]
    for name, found in zip(rules.index, indexes, strict=True):
        if found.n != rules.ngram:
            raise UsageError(
                f"the overlap index {name} holds {found.n}-grams and the recipe asks for ngram = "
                f"{rules.ngram}: make the index anew with --ngram {rules.ngram}"
            )
    texts = []
    for source in rules.benchmarks:
        loaded = read(source)
        name = f"{source.name}/{source.split}"
        items = [(str(p["id"]), p["problem"] or "") for p in loaded.problems]
        indexes.append(index.build(name, items, rules.ngram, loaded.origin))
        texts += [(name, item, text) for item, text in items]
    return Checker(index.merge(indexes), rules, texts)
