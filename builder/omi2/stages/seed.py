"""Stage 1, seed: read the problems to begin with, each with its answer.

Reads every source of the recipe, drops what cannot be a problem (empty, too long, with control
characters or the marks of a chat template, no answer where others of its source have one, two
different answers, seen before), takes `limit` of the rest by hash, and writes them into the bucket
of their id. A drawing (`[asy]`) stays: it is part of some 8% of MATH's problems. Not covered: near
duplicates among seeds.
"""

import logging
from collections import Counter
from typing import Any

import polars as pl

from omi2 import ids, rows
from omi2.errors import UsageError
from omi2.recipe import Recipe, Seed
from omi2.run import Report, Run, drop, tally
from omi2.sources import Loaded, Problem, read
from omi2.texts import unfit
from omi2.tokens import count_column

_log = logging.getLogger(__name__)


def run(recipe: Recipe, run: Run) -> Report:
    """Write the seeds."""
    rules = recipe.seed
    if not rules.sources:
        raise UsageError("the recipe names no seeds: give [seed] sources, or --seeds FILE.parquet")
    loaded: list[tuple[str, Loaded]] = []
    for number, source in enumerate(rules.sources):
        run.tell("seed", number, len(rules.sources))
        loaded.append((source.name, read(source)))
    run.tell("seed", len(rules.sources), len(rules.sources))
    kept, dropped, shared = _choose(loaded, rules)
    if shared:
        _log.warning(
            "%d ids stand on different problems, such as %r of %s: all are kept, for a problem is "
            "known by its text, but what is told of such an id may be of either",
            len(shared), *min(shared),
        )  # fmt: skip
    run.scatter("seed", rows.PROBLEMS, kept, dropped)
    return Report(
        "problems",
        came={name: len(found.problems) for name, found in loaded},
        left=dict(sorted(Counter(row["problem_source"] for row in kept).items())),
        dropped=tally(dropped),
        facts={"ids_of_different_problems": len(shared)} if shared else {},
        details={"origins": {name: found.origin for name, found in loaded}},
    )


def _choose(
    loaded: list[tuple[str, Loaded]], rules: Seed
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], set[tuple[str, str]]]:
    """The seeds to keep, in the order of their ids; the rest with reasons; and the ids that stand
    on different problems, each with its source."""
    chosen: dict[str, dict[str, Any]] = {}
    dropped: list[dict[str, Any]] = []
    golds: dict[str, set[str]] = {}
    shared: set[tuple[str, str]] = set()
    for name, found in loaded:
        named: dict[str | None, str] = {}
        needs_gold = any(p["answer"] for p in found.problems)
        texts = pl.Series([p["problem"] or "" for p in found.problems], dtype=pl.String)
        columns = (ids.problem_ids(texts), texts, count_column(texts), found.problems)
        for key, text, tokens, problem in zip(*columns, strict=True):
            if named.setdefault(problem["id"], key) != key:
                shared.add((str(problem["id"]), name))
            if reason := _reason(problem, tokens, rules, needs_gold=needs_gold):
                dropped.append(drop(key, reason, f"{name} {problem['id']}", text=text))
                continue
            if problem["answer"]:
                golds.setdefault(key, set()).add(rows.normalise(problem["answer"]))
            if key in chosen:
                dropped.append(drop(key, "duplicate", f"{name} {problem['id']}"))
                continue
            chosen[key] = _row(key, text, name, problem)
    for key in [key for key, answers in golds.items() if len(answers) > 1]:
        answers = " and ".join(sorted(golds[key]))
        dropped.append(
            drop(key, "conflicting_gold", answers[:1000], text=chosen.pop(key)["problem"])
        )
    if 0 < rules.limit < len(chosen):
        by_hash = sorted(chosen, key=lambda key: rows.order("seed limit", key))
        dropped += [
            drop(key, "over_limit", f"limit {rules.limit}", text=chosen.pop(key)["problem"])
            for key in by_hash[rules.limit :]
        ]
    return [chosen[key] for key in sorted(chosen)], dropped, shared


def _reason(problem: Problem, tokens: int, rules: Seed, *, needs_gold: bool) -> str:
    text = problem["problem"]
    if not text or not text.strip():
        return "empty"
    if len(text) > rules.max_chars:
        return "too_long"
    if tokens > rules.max_problem_tokens:
        return "problem_too_long"
    if reason := unfit(text):
        return reason
    return "no_answer" if needs_gold and not (problem["answer"] or "").strip() else ""


def _row(key: str, text: str, source: str, problem: Problem) -> dict[str, Any]:
    return {
        "problem_id": key,
        "problem": text,
        "problem_source": source,
        "seed_id": key,
        "gold": problem["answer"],
        "subject": problem["subject"],
    }
