"""Stage 3, decontaminate: drop every problem that overlaps with a benchmark's test set.

Seeds and new problems alike are compared with the recipe's overlap indexes and benchmark texts
(`omi2.overlap.checker`, and `omi2.overlap.embed` where it can run: the report says whether it did,
and why not), and each gets a verdict, a score and the item that gave it. What is
contaminated or unknown is dropped. With decontamination off, every verdict is unknown, nothing is
dropped here, and the release says so; `omi2-hub` refuses to publish it.

Of the clean new problems that are near-copies of one another or of a seed (`omi2.overlap.copies`)
one is kept. That needs all of them: each part leaves signatures, and when all parts are done one
pass decides (`near_copies.json`) and writes into the parts what more is dropped. Killed in between,
it goes on from there. Where the recipe names a judge, it is asked last (`omi2.overlap.judged`).
"""

import functools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from omi2 import rows
from omi2.engines import over_parts
from omi2.files import read_json, write_json
from omi2.overlap import copies, embed, index
from omi2.overlap.against import Texts, gather, texts_of
from omi2.overlap.benchmarks import coverage, covered, standard_coverage
from omi2.overlap.checker import CLEAN, CONTAMINATED, JUDGE, NONE, UNKNOWN, Checker, Match, layers
from omi2.overlap.judged import judged, pool
from omi2.recipe import Decontaminate, Recipe
from omi2.run import Report, Run, as_frame, counted, drop, problems

EMBEDDINGS, NEAR_COPY = "embeddings", "near_copy"


def run(recipe: Recipe, run: Run) -> Report:
    """Write a verdict for every problem."""
    rules = recipe.decontaminate
    report = over_parts(part, recipe, run, "decontaminate")
    details: dict[str, Any] = {"ran": rules.enabled}
    if rules.enabled:
        asked = pool(rules, recipe.teacher, recipe.judge)
        details |= _told(rules)
        if _compares_copies(rules, run):
            report = _drop_copies(run, report, rules.near_copies)
        if asked is not None:
            report = judged(run, report, rules, asked, texts_of(compared(rules)[1]))
    return report + Report("problems", details=details)


def part(recipe: Recipe, run: Run, part: int) -> Report:
    """Compare one part's problems."""
    rules = recipe.decontaminate
    table = problems(run, part, ("problem_id", "problem", "seed_id")).sort("problem_id")
    texts = table["problem"].to_list()
    matches = _matches(rules, run, part, texts) if rules.enabled else [Match(NONE)] * len(texts)
    kept = table.select("problem_id").hstack(_columns(matches, rules))
    bad = kept.filter((pl.col("verdict") != CLEAN) & rules.enabled)
    dropped, found = _dropped(bad), counted(bad.filter(verdict=CONTAMINATED), "benchmark")
    run.put("decontaminate", part, rows.OVERLAPS, kept, dropped)
    if _compares_copies(rules, run):
        left = table.join(dropped, on="problem_id", how="anti", maintain_order="left")
        seed = (left["problem_id"] == left["seed_id"]).to_list()
        columns = (left["problem_id"].to_list(), seed, left["problem"].to_list())
        copies.save(_signatures(run, part), *columns)
    seeds = len(run.read("seed", part, columns=("problem_id",)))
    came = {"seeds": seeds, "new": len(kept) - seeds}
    remain = len(kept) - len(dropped)
    label = CLEAN if rules.enabled else "unchecked"
    return Report(
        "problems",
        came={name: count for name, count in came.items() if count},
        left={label: remain} if remain else {},
        dropped=counted(dropped),
        facts={f"contaminated {name}": number for name, number in found.items()},
    )


def _columns(matches: list[Match], rules: Decontaminate) -> pl.DataFrame:
    """Matches as columns, all but one of `rows.OVERLAPS`."""
    schema = {
        "verdict": pl.String, "rule": pl.String, "score": pl.Float64,
        "benchmark": pl.String, "item": pl.String,
    }  # fmt: skip
    found = [
        (
            m.verdict(strict=rules.strict) if rules.enabled else UNKNOWN,
            None if m.rule == NONE else m.rule,
            *(m.score, m.benchmark, m.item),
        )
        for m in matches
    ]
    return pl.DataFrame(found, schema, orient="row")


def _dropped(kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of these problems among the dropped ones."""
    details = [
        f"{row['rule']} {row['score']:.3f} {row['benchmark']} {row['item']}"
        if row["verdict"] == CONTAMINATED
        else "no words to compare"
        for row in kept.iter_rows(named=True)
    ]
    reason = pl.format("overlap_{}", "rule")
    return kept.select("problem_id", reason=reason, detail=pl.Series(details, dtype=pl.String))


def _matches(rules: Decontaminate, run: Run, part: int, texts: list[str]) -> list[Match]:
    """What the layers find, embeddings last: their vectors are kept by part, so that which texts
    are embedded together, and with it the last digit of a vector, is the same on every run."""
    made, held = compared(rules)
    matches = made.check_many(texts)
    if embed.chosen(rules)[0] is None:
        return matches
    folder = run.path / "embeddings" / f"part-{part:05}"
    return embed.improve(texts, matches, made, held, model=rules.embed, folder=folder)


def _compares_copies(rules: Decontaminate, run: Run) -> bool:
    """Whether near-copies are looked for: seeds are never dropped, so not where all are seeds."""
    new = run.report("augment")
    return bool(rules.enabled and rules.near_copies and (new is None or new.left))


def _drop_copies(run: Run, report: Report, threshold: float) -> Report:
    """Drop the near-copies from every part, and move them in the report."""
    parts = range(run.parts)
    decided = run.stage("decontaminate") / "near_copies.json"
    found = read_json(decided)
    if found is None:
        found = copies.decide([_signatures(run, part) for part in parts], threshold)
        write_json(decided, found)
    for part in parts:
        dropped = run.read("decontaminate", part, dropped=True)
        dropped = dropped.filter(pl.col("reason") != NEAR_COPY)  # of a pass that was killed
        more = [
            drop(name, NEAR_COPY, f"{score:.3f} like {original}")
            for name, (original, score) in sorted(found.items())
            if rows.bucket(name, run.parts) == part
        ]
        if more:
            kept, told = run.read("decontaminate", part), as_frame(more, rows.DROPPED)
            run.put("decontaminate", part, rows.OVERLAPS, kept, pl.concat([dropped, told]))
    shutil.rmtree(_signatures(run, 0).parent, ignore_errors=True)
    left = sum(report.left.values()) - len(found)
    return replace(
        report,
        left={CLEAN: left} if left else {},
        dropped={**report.dropped, **({NEAR_COPY: len(found)} if found else {})},
    )


def _told(rules: Decontaminate) -> dict[str, Any]:
    """What was compared, by which layers: for each benchmark, and for the standard ones.

    A benchmark known by hashes counts as compared by its texts where nearly all of its items are
    among the texts that were read, whatever those are called.
    """
    made, held = compared(rules)
    texts = [text for _, _, text in held]
    with_texts = {benchmark for benchmark, _, _ in held}
    told = []
    layer, why = embed.chosen(rules)
    for found in made.index.benchmarks:
        name, items = str(found["name"]), int(str(found["items"]))
        count = items if name in with_texts else coverage(index.select(made.index, [name]), texts)
        enough = covered(items, count)
        told.append(
            {**found, "with_texts": count, "texts": enough, "layers": _layers(rules, enough)}
        )
    return {
        "strict": rules.strict,
        "texts": all(one["texts"] for one in told),
        "layers": _layers(rules, bool(texts)),
        "embeddings": {"ran": True, **layer.about} if layer else {"ran": False, "why": why},
        "benchmarks": told,
        "standard": standard_coverage(texts),
    }


def _layers(rules: Decontaminate, texts: bool) -> list[str]:
    """The names of the layers that see a benchmark, with its texts or without."""
    more = [EMBEDDINGS] if embed.chosen(rules)[0] is not None else []
    more += [JUDGE] if rules.judge != "off" else []
    return [*layers(texts=texts), *(more if texts else [])]


def _signatures(run: Run, part: int) -> Path:
    return run.stage("decontaminate") / ".signatures" / f"part-{part:05}.npz"


def checker(rules: Decontaminate) -> Checker:
    """The checker for these rules."""
    return compared(rules)[0]


@functools.cache
def compared(rules: Decontaminate) -> tuple[Checker, Texts]:
    """The checker for these rules and the texts it has, made once a process."""
    found, texts = gather(rules)
    return Checker(found, rules, texts), texts
