"""The commands that look at run directories: how far one is, how two differ."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from omi2.options import FORMAT, RUN


@click.command()
@RUN
@click.option("--verify", is_flag=True, help="Hash every file; exit 1 if one is damaged.")
@FORMAT
def status(run_path: Path, verify: bool, form: str) -> None:
    """Say how far a run is, and what in it is damaged."""
    from omi2 import choose, console, lock, pipeline

    run, recipe = choose.existing(run_path)
    who = lock.holder(run_path)
    told: dict[str, dict[str, Any]] = {}
    for name in pipeline.names():
        report = run.report(name)
        parts = sum(run.counts(name, part) is not None for part in range(run.parts))
        begun = (run.stage(name) / "started.json").exists()
        entry: dict[str, Any] = {"complete": report is not None, "begun": begun, "parts": parts,
                                 "of": run.parts}  # fmt: skip
        if report is not None:
            left, dropped = sum(report.left.values()), sum(report.dropped.values())
            entry |= {"left": left, "dropped": dropped, "unit": report.unit}
        entry["damaged"] = run.damaged(name, thorough=verify)
        told[name] = entry
    if form == "json":
        click.echo(console.as_json({"recipe": recipe.name, "at_work": who, "stages": told}))
    else:
        for name, entry in told.items():
            click.echo(f"{name:<14} {_state(entry)}")
        click.echo(_next(who, told), err=True)
    if any(entry["damaged"] for entry in told.values()):
        click.echo("`omi2 build` makes what is damaged again, and only that.", err=True)
        sys.exit(1)


def _next(who: dict[str, Any] | None, told: dict[str, dict[str, Any]]) -> str:
    """Whether a build is at work, and what to do if not."""
    if who is not None:
        return f"A build is at work: process {who['pid']} of {who['host']}."
    unfinished = next((name for name, entry in told.items() if not entry["complete"]), "")
    if not unfinished:
        return "Every stage is complete."
    return f"No build is at work. The same `omi2 build` command goes on, with {unfinished}."


def _state(entry: dict[str, Any]) -> str:
    """A stage's state, as words."""
    if entry["complete"]:
        state = f"{entry['left']:,} {entry['unit']} left, {entry['dropped']:,} dropped"
    else:
        state = f"{entry['parts']} of {entry['of']} parts" if entry["begun"] else "not begun"
    damaged = entry["damaged"]
    return f"{state}; DAMAGED: {', '.join(map(str, damaged))}" if damaged else state


@click.command()
@click.argument("one", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@FORMAT
def diff(one: Path, other: Path, form: str) -> None:
    """Say what changed from run directory ONE to OTHER, stage by stage, and why."""
    from omi2 import choose, console
    from omi2.compare_runs import compare

    found = compare(choose.existing(one), choose.existing(other))
    if form == "json":
        click.echo(console.as_json(found))
        return
    if not found:
        click.echo("No stage differs.", err=True)
    for line in _told(found):
        click.echo(line)


def _told(found: list[dict[str, Any]]) -> Iterator[str]:
    """What differs, for people: the outcome, what all stages share, then each stage's own causes.

    What came to a stage is what the one before it left, so it is said of the first alone.
    """
    outcome = next((c["counts"].get("left released") for c in found if c["stage"] == "split"), None)
    if found:
        yield f"{'released':<14} {_step(outcome) if outcome else 'as many rows in both'}"
    every = set.intersection(*(set(change["why"]) for change in found)) if len(found) > 1 else set()
    for reason in sorted(every):
        yield f"{'each of these':<14} {reason}"
    for change in found:
        why = [reason for reason in change["why"] if reason not in every]
        lines = [", ".join(why)] if why else []
        for name, (before, after) in change["settings"].items():
            lines.append(f"{name} = {before!r} -> {after!r}")
        counts = {n: p for n, p in change["counts"].items()
                  if change["stage"] == "seed" or not n.startswith("came ")}  # fmt: skip
        width = max(map(len, counts), default=0) + 1
        lines += [f"{f'{name}:':<{width}} {_step(pair)}" for name, pair in counts.items()]
        for at, line in enumerate(lines):
            yield f"{'' if at else change['stage']:<14} {line}"


def _step(pair: list[int]) -> str:
    """A count in both, and the difference."""
    before, after = pair
    return f"{before:,} -> {after:,} ({after - before:+,})"
