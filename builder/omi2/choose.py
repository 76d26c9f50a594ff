"""The recipe and the run directory that a command line chooses: what several commands share."""

import json
from dataclasses import replace
from pathlib import Path

from omi2 import recipe as recipes
from omi2.errors import UsageError
from omi2.recipe import Recipe, Source, from_table
from omi2.run import Run, Tell, open_run
from omi2.sources import read_columns
from omi2.teachers import replay

ROWS_A_PART = 100_000
"""Of a replayed file: some 150 MB of text, of which a process holds a few copies."""


def recipe_of(
    name: str | None,
    seeds: Path | None,
    seeds_split: str,
    teachers: tuple[str, ...],
    model: str | None,
    limit: int | None,
) -> Recipe:
    """The recipe with what the command line changes in it."""
    replayed = next((t for t in teachers if t.startswith(replay.PREFIX)), None)
    chosen = recipes.load(name or ("replay" if replayed else "demo"))
    sources: tuple[Source, ...] = chosen.seed.sources
    if replayed and not sources:
        sources = (replay.source(Path(replayed.removeprefix(replay.PREFIX))),)
    if seeds is not None:
        sources = (_seed_file(seeds, seeds_split),)
    if teachers:
        chosen = replace(chosen, teacher=replace(chosen.teacher, endpoints=teachers, model=""))
    if model and chosen.teacher.endpoints == ("embedded",):
        chosen = replace(chosen, teacher=replace(chosen.teacher, endpoints=(f"embedded:{model}",)))
    elif model:
        chosen = replace(chosen, teacher=replace(chosen.teacher, model=model))
    if replayed:
        parts = -(-replay.rows(Path(replayed.removeprefix(replay.PREFIX))) // ROWS_A_PART)
        chosen = replace(chosen, parts=max(chosen.parts, parts))
    return replace(
        chosen,
        seed=replace(chosen.seed, sources=sources, limit=limit or chosen.seed.limit),
    )


def on_engine(recipe: Recipe, engine: str) -> Recipe:
    """The recipe on another engine. Raises UsageError."""
    try:
        return replace(recipe, engine=engine)
    except ValueError as error:
        raise UsageError(f"--{error}") from None


def _seed_file(path: Path, split: str) -> Source:
    have = read_columns(path, ("problem",), ("answer",)).column_names
    name = "".join(c if c.isalnum() else "_" for c in path.stem) or "seeds"
    return Source(
        name=name, file=str(path), answer="answer" if "answer" in have else "", split=split
    )


def compared_with(recipe: Recipe, files: tuple[Path, ...]) -> Recipe:
    """The recipe with these benchmarks as well. Raises UsageError where two have one name."""
    names = [path.stem for path in files]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two files of --against are called {twice}: rename one of them")
    added = tuple(Source(name=p.stem, file=str(p), answer="", split="test") for p in files)
    rules = recipe.decontaminate
    return replace(recipe, decontaminate=replace(rules, benchmarks=(*rules.benchmarks, *added)))


def open_run_of(path: Path, recipe: Recipe, tell: Tell) -> Run:
    """The run directory for this recipe; the build writes the recipe into it once it holds it."""
    return open_run(path, recipe.parts, tell)


def existing(path: Path) -> tuple[Run, Recipe]:
    """A run directory that is there, and its recipe. Raises UsageError."""
    file = path / "recipe.json"
    if not file.is_file():
        raise UsageError(f"{path} is no run directory of omi2: name one with --run")
    recipe = from_table(json.loads(file.read_text(encoding="utf-8")), str(file))
    return Run(path, recipe.parts), recipe
