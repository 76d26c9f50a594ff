"""The commands about teachers: look at them before a build, count them after, ask again.

Part of the command line of `omi2.cli`, which lists them.
"""

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omi2.errors import Omi2Error, UsageError
from omi2.options import EACH, FORMAT, RUN

if TYPE_CHECKING:
    from omi2.recipe import Recipe
    from omi2.run import Run


@click.group()
def teachers() -> None:
    """Look at the teachers of a recipe, or at what they did."""


@teachers.command()
@click.argument("recipe")
@click.option("--teacher", "specs", multiple=True, help="Another teacher than the recipe's.")
@FORMAT
def check(recipe: str, specs: tuple[str, ...], form: str) -> None:
    """Ask each endpoint of RECIPE for model, limits, health and a sample; exit 1 if one fails.

    The sample has the recipe's longest examples and its sampling; an endpoint that tells a limit
    below what the recipe may ask for fails.
    Works with the embedded teacher too. A replay asks nobody, so there is nothing to check.
    """
    from omi2 import console
    from omi2 import recipe as recipes
    from omi2.largest import largest
    from omi2.teachers import check, replay

    chosen = recipes.load(recipe)
    teacher = chosen.teacher
    teacher = replace(teacher, endpoints=specs, model="") if specs else teacher
    if replay.file_of(teacher):
        raise UsageError("a replay asks nobody: name a server with --teacher")
    most = largest(chosen)
    if most is None:
        raise UsageError(f"the recipe {recipe} asks for no problem and no solution")
    found = check.check(teacher, most.request, most.tokens)
    if form == "json":
        click.echo(
            console.as_json(
                {
                    "endpoints": check.table(found),
                    "usable": check.usable(found, mixed=teacher.mixed),
                }
            )
        )
    else:
        for line in check.lines(found):
            click.echo(line)
    if bad := [f.endpoint for f in found if f.wrong]:
        raise Omi2Error(
            f"not usable: {', '.join(bad)}. Is each server up, and is that its protocol and key?"
        )
    if not check.usable(found, mixed=teacher.mixed):
        models = ", ".join(sorted({f.model for f in found}))
        raise Omi2Error(
            f"the endpoints serve different models ({models}): a recipe has one teacher"
        )


@teachers.command()
@RUN
@FORMAT
def report(run_path: Path, form: str) -> None:
    """Tell what the teachers of a run did: tokens, speed, failures, latency; while it runs, too."""
    from omi2 import choose, console
    from omi2.teachers import numbers

    run, recipe = choose.existing(run_path)
    rates = (recipe.teacher.gpus, recipe.teacher.gpu_hour_price)
    paths = {stage: run.ledger(stage, 0).with_name(numbers.NAME) for stage in ("augment", "solve")}
    told = {stage: numbers.report(path, *rates) for stage, path in paths.items()}
    if form == "json":
        click.echo(console.as_json(told))
        return
    for stage, found in told.items():
        click.echo(f"{stage}: nothing was asked" if found is None else numbers.text(stage, found))


@click.command()
@RUN
@click.option("--retry-failed", is_flag=True, help="Ask again for what failed or was refused.")
@EACH
@FORMAT
def solve(run_path: Path, retry_failed: bool, each: bool, form: str) -> None:
    """Go on with the solutions of a run, by the recipe it was last built with.

    A sample that failed beyond its retry budget is dropped with the reason `failed`, and kept as a
    dead letter: no build asks for it again. With --retry-failed it is asked for again, and so is
    what was refused, solutions and new problems alike. `omi2 build` then does what depends on them.
    """
    from omi2 import choose, console
    from omi2.lock import locked
    from omi2.teachers import failed, replay

    run, recipe = choose.existing(run_path)
    if replay.file_of(recipe.teacher):
        raise UsageError(f"the run in {run_path} replays a file: there is nobody to ask")
    progress = console.Progress(form=form, each=each)
    run = replace(run, tell=progress)

    def letters() -> int:
        ledgers = (run.ledger(s, p) for s in ("augment", "solve") for p in range(run.parts))
        return sum(map(failed.count, ledgers))

    with progress.heard(), locked(run.path):
        before = letters()
        for stage in ("augment", "solve") if retry_failed else ():
            failed.reopen(run.stage(stage), functools.partial(run.ledger, stage), run.parts)
        _solve(recipe, run, redo=retry_failed)
        after = letters()
    if form == "json":
        click.echo(console.as_json({"unanswered_before": before, "unanswered_now": after}))
    if retry_failed:
        click.echo(f"{before:,} samples had no answer; {after:,} have none now.", err=True)
    elif after:
        click.echo(f"{after:,} samples have none: omi2 solve --retry-failed asks again.", err=True)
    click.echo("Next: the same omi2 build command as before.", err=True)


def _solve(recipe: "Recipe", run: "Run", *, redo: bool) -> None:
    """Bring the solve stage up to date; with `redo` also augment and what lies between.

    Raises UsageError where a stage before those is not up to date.
    """
    from omi2 import pipeline
    from omi2.fingerprint import fingerprint

    names = pipeline.names()
    mine = names[names.index("augment") : names.index("solve") + 1] if redo else ("solve",)
    for at, name in enumerate(names[: names.index("solve") + 1]):
        now = fingerprint(name, recipe, run, names[:at])
        if run.complete(name, now):
            continue
        if name not in mine:
            raise UsageError(
                f"the stage {name} of {run.path} is not complete or not up to date: run omi2 build "
                "first"
            )
        run.begin(name, now)
        run.finish(name, now, pipeline.STAGES[at].run(recipe, run))
