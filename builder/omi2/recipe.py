"""A recipe: one TOML file, read into frozen dataclasses.

A section per stage, named as the stage (`omi2.sections` has every setting), and two that several
stages share: `teacher` and the top level. `omi2.settings` reads it, and refuses what it does not
know.

A setting that differs by where a problem came from is a table by `problem_source`; the key
`augmented` stands for every `augmented_...` source, `default` for the rest, and a bare value for
all.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from omi2.errors import UsageError
from omi2.sections import (
    Augment,
    Decontaminate,
    Filter,
    Grade,
    Sampling,
    Seed,
    Solve,
    Source,
    Split,
    Teacher,
)  # fmt: skip
from omi2.settings import as_table, at_least, read

__all__ = [
    "CHANGES_NO_ROW", "PACKAGED", "Augment", "Decontaminate", "Filter", "Grade", "Recipe",
    "Sampling", "Seed", "Solve", "Source", "Split", "Teacher", "as_table", "from_table", "load",
    "parse",
]  # fmt: skip

CHANGES_NO_ROW = ("workers", "engine")
"""Settings that decide how fast a build is, and nothing that it makes."""
PACKAGED = ("demo", "dry-run", "paper", "repo", "replay")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a build makes."""

    name: str
    parts: int = 4
    """Buckets that the work is cut into: at most 16^8, about one per 50,000 problems."""
    workers: int = 0
    """Processes for the stages that compute; 0 means one per core. Changes no result."""
    engine: str = "local"
    """Where they run: local; ray (started on this machine); ray:HOST:PORT or ray:auto, a cluster
    whose machines share the run directory. Changes no result."""
    teacher: Teacher = field(default_factory=Teacher)
    judge: Teacher = field(default_factory=Teacher)
    seed: Seed = field(default_factory=Seed)
    augment: Augment = field(default_factory=Augment)
    decontaminate: Decontaminate = field(default_factory=Decontaminate)
    solve: Solve = field(default_factory=Solve)
    grade: Grade = field(default_factory=Grade)
    filter: Filter = field(default_factory=Filter)
    split: Split = field(default_factory=Split)

    def __post_init__(self) -> None:
        at_least("parts", self.parts, 1)
        at_least("workers", self.workers, 0)
        if self.engine.partition(":")[0] not in ("local", "ray") or self.engine.startswith(
            "local:"
        ):
            raise ValueError(f"engine is {self.engine!r}: local, ray, ray:HOST:PORT or ray:auto")


def load(name_or_path: str) -> Recipe:
    """The packaged recipe of this name, or the one in this file. Raises UsageError."""
    if name_or_path in PACKAGED:
        text = (files("omi2") / "recipes" / f"{name_or_path}.toml").read_text(encoding="utf-8")
        return parse(text, f"{name_or_path}.toml")
    path = Path(name_or_path)
    if not path.is_file():
        close = difflib.get_close_matches(name_or_path, PACKAGED, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"no recipe {name_or_path!r}: neither a file nor one of {', '.join(PACKAGED)}.{hint}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from None
    return parse(text, str(path))


def parse(text: str, where: str) -> Recipe:
    """A recipe from TOML. `where` names the file in errors. Raises UsageError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not valid TOML: {error}") from None
    return from_table(table, where)


def from_table(table: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from what `as_table` made of one. Raises UsageError."""
    return read(Recipe, table, where, "")
