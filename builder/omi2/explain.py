"""The whole story of a row or a problem: where it came from, what was asked and answered, each
rule's verdict, and why it was dropped if it was. Everything is read from the run directory.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import polars as pl

from omi2 import rows
from omi2.errors import UsageError
from omi2.pipeline import names
from omi2.prompts import load
from omi2.recipe import Filter, Recipe
from omi2.rules import judge
from omi2.run import Run, problems
from omi2.sections import MARKS

Story = dict[str, Any]
SHOWN = 8
"""Candidates that are listed for a beginning that several ids share."""


def explain(run: Run, recipe: Recipe, name: str) -> Story:
    """The story of a row_id or problem_id (or the beginning of one). Raises UsageError."""
    if len(name) < 6 or not all(c in "0123456789abcdef" for c in name):
        raise UsageError(f"{name!r} is no id: give a row_id or problem_id, at least 6 hex digits")
    rows_, problems_ = _meant(run, name)
    if len(rows_) + len(problems_) > 1:
        shown = [
            *(f"row {row['row_id']}" for _, row in rows_),
            *(f"problem {p}" for p in problems_),
        ]
        more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
        raise UsageError(
            f"{name} is the beginning of {len(shown)} ids: {', '.join(shown[:SHOWN])}{more}; give "
            "more of its digits"
        )
    for part, row in rows_:
        return _row(run, recipe, part, row)
    for problem_id in problems_:
        return _problem(run, recipe, rows.bucket(problem_id, run.parts), problem_id)
    raise UsageError(f"no row and no problem in {run.path} has an id that begins with {name}")


def _meant(run: Run, name: str) -> tuple[list[tuple[int, Story]], list[str]]:
    """The rows (with their part) and problems whose id begins so."""
    rows_: list[tuple[int, Story]] = []
    problems_: list[str] = []
    for part in range(run.parts):
        if _done(run, "filter"):
            found = run.read("filter", part).filter(pl.col("row_id").str.starts_with(name))
            rows_ += [(part, row) for row in found.iter_rows(named=True)]
        problems_ += [known for known in _known(run, part) if known.startswith(name)]
    return rows_, problems_


def _row(run: Run, recipe: Recipe, part: int, row: Story) -> Story:
    story = _problem(run, recipe, part, row["problem_id"])
    story["samples"] = [s for s in story["samples"] if s["sample"] == row["sample"]]
    return {"row_id": row["row_id"], **story}


def _problem(run: Run, recipe: Recipe, part: int, problem_id: str) -> Story:
    """A problem's seed, text, overlap, samples and votes."""

    def rows_of(stage: str, *, dropped: bool = False) -> list[Story]:
        if not _done(run, stage):
            return []
        table = run.read(stage, part, dropped=dropped)
        return list(table.filter(pl.col("problem_id") == problem_id).iter_rows(named=True))

    found = [r for stage in ("seed", "augment") for r in rows_of(stage)]
    story: Story = {"problem_id": problem_id, **(found[0] if found else {})}
    if found and found[0]["seed_id"] != problem_id:
        story["seed_problem"] = _text(run, found[0]["seed_id"])
    dropped = {stage: rows_of(stage, dropped=True) for stage in names()}
    story["dropped"] = [
        {"stage": stage, **_present(row)}
        for stage, gone in dropped.items()
        for row in gone
        if row["sample"] is None
    ]
    story["overlap"] = next((_present(r) for r in rows_of("decontaminate")), None)
    story["samples"] = _samples(rows_of, dropped, recipe.filter)
    story["votes"] = _votes(story["samples"])
    for sample in story["samples"]:
        if "prompt" in sample and found:
            source = found[0]["problem_source"]
            sample["asked"] = load(recipe.solve.prompt.of(source), "solve").query.replace(
                "{problem}", found[0]["problem"].strip()
            )
    return _present(story)


def _samples(
    rows_of: Callable[..., list[Story]], dropped: dict[str, list[Story]], rules: Filter
) -> list[Story]:
    """Each sample with its text, its grade, every rule's finding, and its end."""
    graded = {r["sample"]: r for r in rows_of("grade")}
    kept = {r["sample"]: r for r in rows_of("filter")}
    told = []
    for row in rows_of("solve"):
        number = row["sample"]
        sample = _present(row)
        if number in graded:
            sample["grade"] = _present(graded[number])
            found = judge(row["generation"], rules)
            sample["rules"] = {**_present(asdict(found)), "passed": _passed(found.reason, rules)}
        if number in kept:
            sample["kept_as"] = kept[number]["row_id"]
        for stage, gone in dropped.items():
            for drop in gone:
                if drop["sample"] == number:
                    sample["dropped"] = {"stage": stage, **_present(drop)}
        told.append(sample)
    return told


def _passed(reason: str, rules: Filter) -> list[str]:
    """The rules that were applied, in their order, before one dropped the row, if one did."""
    applied = [
        ("one_box", "several_boxes", rules.one_box),
        ("arithmetic", "wrong_arithmetic", rules.arithmetic),
        ("min_chars", "too_short", True),
        ("max_tokens", "too_long", True),
        ("box_matches", "box_not_matching", rules.box_matches),
        *((mark, mark, True) for mark in MARKS if mark in rules.drop_marked),
    ]
    passed = []
    for name, drops, on in applied:
        if reason and reason.startswith(drops):
            break
        passed += [name] if on else []
    return passed


def _votes(samples: list[Story]) -> list[Story]:
    """The answers as they were spelled, how often each, and what became of them."""
    table: dict[tuple[str, str], int] = {}
    for sample in samples:
        gone = sample.get("dropped", {})
        if "grade" in sample:
            key = (str(sample["grade"]["answer"]), "right")
        elif gone.get("stage") == "grade":
            said = str(gone.get("detail", "")).rpartition(", not ")
            key = (said[0] or said[2] or "(none)", str(gone["reason"]))
        else:
            continue
        table[key] = table.get(key, 0) + 1
    ranked = sorted(table.items(), key=lambda item: (-item[1], item[0]))
    return [{"answer": answer, "samples": n, "verdict": why} for (answer, why), n in ranked]


def _text(run: Run, problem_id: str) -> str | None:
    """The text of a problem, wherever it lies."""
    part = rows.bucket(problem_id, run.parts)
    found = problems(run, part).filter(pl.col("problem_id") == problem_id)
    return None if found.is_empty() else str(found["problem"][0])


def _known(run: Run, part: int) -> list[str]:
    known: dict[str, None] = {}
    for stage in ("seed", "augment"):
        if _done(run, stage):
            for dropped in (False, True):
                known |= dict.fromkeys(
                    run.read(stage, part, dropped=dropped)["problem_id"].to_list()
                )
    return list(known)


def _done(run: Run, stage: str) -> bool:
    return run.manifest(stage) is not None


def _present(row: Story) -> Story:
    return {key: value for key, value in row.items() if value not in (None, "", [], ())}
