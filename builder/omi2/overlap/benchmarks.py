"""The benchmarks that omi2 knows (`benchmarks.toml`), and which of them a set of texts holds.

`coverage` asks of every benchmark how many of its items are among some texts, by the hashes that
ship with omi2: a file is not a benchmark because it is called one. The four test sets that the
paper compares with (arXiv 2410.01560, section 3.2) are the standard ones: `omi2-hub` publishes
nothing that was not compared with their texts, unless it is told to.
"""

import functools
import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from omi2 import rows
from omi2.overlap import index
from omi2.overlap.checker import EXACT, NEAR_DUP, Checker
from omi2.overlap.index import Index
from omi2.recipe import Decontaminate

COVERED = 0.95
"""Share of a benchmark's items that have to be among the texts: two copies of one set differ in a
few items, by a mended formula or a repeated problem."""


@functools.cache
def known() -> Mapping[str, Mapping[str, Any]]:
    """The table of benchmarks, by name."""
    text = (files("omi2") / "overlap" / "benchmarks.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def standard() -> dict[str, int]:
    """The names of the standard benchmarks, and how many items each has."""
    return {name: entry["items"] for name, entry in known().items() if entry.get("standard")}


def shipped(name: str) -> Index:
    """The hashes that ship with omi2 of a benchmark of the table."""
    return index.select(index.load(known()[name]["index"]), [name])


def content(problems: Iterable[str]) -> str:
    """What `content` in the table is: one hash of a set of problems, in any order."""
    ids = sorted(rows.problem_id(problem) for problem in problems)
    return hashlib.sha256("".join(f"{name}\n" for name in ids).encode()).hexdigest()


def coverage(items: Index, texts: Sequence[str]) -> int:
    """How many of these items are among the texts, as copies."""
    return _copies(Checker(items, Decontaminate()), texts) if texts else 0


def standard_coverage(texts: Sequence[str]) -> dict[str, dict[str, int]]:
    """The standard benchmarks: how many items each has, and how many are among the texts."""
    return {
        name: {"items": items, "with_texts": _copies(_checker(name), texts) if texts else 0}
        for name, items in standard().items()
    }


@functools.cache
def _checker(name: str) -> Checker:
    return Checker(shipped(name), Decontaminate())


def _copies(checker: Checker, texts: Sequence[str]) -> int:
    found = checker.check_many(texts)
    return len({match.item for match in found if match.rule in (EXACT, NEAR_DUP)})


def covered(items: int, with_texts: int) -> bool:
    """Whether so many of a benchmark's items are enough to call it compared by its texts."""
    return with_texts >= COVERED * items > 0
