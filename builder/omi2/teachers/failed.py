"""The dead letters: samples whose retry budget was spent, one file a part beside its ledger.

They are no answers: a build that asks for the part again asks for them again, and the file begins
anew. Once the part is written they stand in its dropped rows (reason `failed`), and this file is
how `omi2 solve --retry-failed` finds the parts to open again.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def path_of(ledger: Path) -> Path:
    """The file of dead letters beside a ledger."""
    return ledger.with_name(f"{ledger.name}.failed")


def begin(ledger: Path) -> None:
    """Forget what failed: the part is asked anew."""
    path_of(ledger).unlink(missing_ok=True)


def add(ledger: Path, key: str, handle: Any, why: str) -> None:
    """Put down a sample that failed."""
    line = json.dumps({"key": key, "sample": handle, "why": why}, ensure_ascii=True, default=str)
    with open(path_of(ledger), "a", encoding="ascii") as letters:
        letters.write(line + "\n")
        letters.flush()
        os.fsync(letters.fileno())


def count(ledger: Path) -> int:
    """How many samples of a part failed."""
    try:
        return path_of(ledger).read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def reopen(stage: Path, ledgers: Callable[[int], Path], parts: int) -> int:
    """Open every part of a stage again that has dead letters. Returns how many samples failed.

    The stage's manifest goes first, so that a kill in here leaves a stage that is not complete.
    """
    failed = {part: n for part in range(parts) if (n := count(ledgers(part)))}
    if failed:
        (stage / "manifest.json").unlink(missing_ok=True)
        for part in failed:
            (stage / "counts" / f"part-{part:05}.json").unlink(missing_ok=True)
    return sum(failed.values())
