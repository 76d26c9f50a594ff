"""A small build against a server of ours, and the command line in this process."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from omi2.cli import cli
from omi2.files import write_json
from omi2.pipeline import build
from omi2.recipe import Recipe, Source, as_table, load
from omi2.run import open_run
from omi2.settings import same


def omi2(*words: str) -> Result:
    """What a command does, its error as an exception."""
    return CliRunner().invoke(cli, list(words), standalone_mode=False)


def recipe_for(url: str, *, problems: int = 2, samples: int = 2, **teacher: Any) -> Recipe:
    """Six word problems, so many new ones from each and so many solutions of each."""
    recipe = load("dry-run")
    patience = {"retries": 1, "outage_s": 2.0, "concurrency": 4}
    return replace(
        recipe,
        workers=1,
        teacher=replace(recipe.teacher, endpoints=(f"openai:{url}",), **patience, **teacher),
        augment=replace(recipe.augment, problems=same(problems), limit=0),
        seed=replace(
            recipe.seed, sources=(Source("made", package="demo", subjects=("word",)),), limit=6
        ),
        solve=replace(recipe.solve, samples=same(samples)),
    )


def made(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The manifest of what is built by a recipe in a folder: `run` and `omi2`."""
    run = open_run(folder / "run", recipe.parts)
    write_json(folder / "run" / "recipe.json", as_table(recipe))
    return build(recipe, run, folder / "omi2")
