"""The samples without an answer: one file a part beside its ledger, a JSON line each.

They are no answers, and stand in the dropped rows of their part with the same reason:

    failed    the retry budget was spent: a dead letter. It is not asked for again, whatever stage
              or run comes to it, until `omi2 solve --retry-failed` takes it up
    refused   every endpoint that was asked refused it. That costs nothing, and may change with the
              endpoints: it is asked for again whenever its part is

`reopen` is how --retry-failed finds the parts of both. A power cut may cost lines: then their
samples are asked for again.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omi2.files import atomic
from omi2.teachers.protocol import Completion


def path_of(ledger: Path) -> Path:
    """The file of samples without an answer beside a ledger."""
    return ledger.with_name(f"{ledger.name}.failed")


def begin(ledger: Path) -> dict[str, Completion]:
    """The dead letters of a part, by key; what was refused is forgotten, and asked for again."""
    path, found = path_of(ledger), _read(ledger)
    kept = {key: letter for key, letter in found.items() if letter["reason"] == "failed"}
    if found and not kept:
        path.unlink()
    elif len(kept) < len(found):
        with atomic(path) as temporary:
            temporary.write_text("".join(map(_line, kept.values())), encoding="ascii")
    return {key: Completion("", "failed", 0, "", letter["why"]) for key, letter in kept.items()}


def add(ledger: Path, key: str, handle: Any, said: Completion) -> None:
    """Put down a sample without an answer."""
    letter = {"key": key, "sample": handle, "reason": said.finish_reason, "why": said.refused}
    with open(path_of(ledger), "a", encoding="ascii") as letters:
        letters.write(_line(letter))


def count(ledger: Path) -> int:
    """How many samples of a part have no answer."""
    return len(_read(ledger))


def reopen(stage: Path, ledgers: Callable[[int], Path], parts: int) -> int:
    """Open every part of a stage again that has such samples. Returns how many they are.

    The stage's manifest goes first, so that a kill in here leaves a stage that is not complete, and
    the letters last: until then they are there to be found.
    """
    found = {part: n for part in range(parts) if (n := count(ledgers(part)))}
    if found:
        (stage / "manifest.json").unlink(missing_ok=True)
        for part in found:
            (stage / "counts" / f"part-{part:05}.json").unlink(missing_ok=True)
            path_of(ledgers(part)).unlink()
    return sum(found.values())


def _line(letter: dict[str, Any]) -> str:
    return json.dumps(letter, ensure_ascii=True, default=str) + "\n"


def _read(ledger: Path) -> dict[str, dict[str, Any]]:
    """The lines by key; half a line at the end, of a kill, is none."""
    try:
        lines = path_of(ledger).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    found = {}
    for line in lines:
        try:
            letter = json.loads(line)
            found[letter["key"]] = {"reason": "failed", **letter}
        except (ValueError, TypeError, KeyError):  # written into by a kill and the run after it
            continue
    return found
