"""The one place that writes: data to stdout, talk to stderr, text or JSON.

With `--format json`, stdout gets exactly one JSON object, errors included; talk stays on stderr.
Colour and moving bars only on a terminal, never with NO_COLOR, in a pipe or in CI.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from omi2_hub.errors import GatesFailed, HubError, UsageError


def lively() -> bool:
    """Whether a person watches stderr: then bars may move."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def colour() -> bool:
    """Whether words may be coloured (https://no-color.org)."""
    return lively() and not os.environ.get("NO_COLOR")


def quiet_bars() -> None:
    """Bars move on a terminal only."""
    if not lively():
        from huggingface_hub.utils.tqdm import disable_progress_bars

        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        disable_progress_bars()


def wants_json(arguments: list[str]) -> bool:
    """Whether the words of a command ask for JSON, even if they are wrong otherwise."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return "--format=json" in arguments or ("--format", "json") in pairs


@dataclass(frozen=True)
class Console:
    """Where a command's words go."""

    json: bool = False

    def show(self, data: Mapping[str, Any], text: str) -> None:
        """The result: as JSON, or as text."""
        if self.json:
            text = json.dumps(data, indent=2, ensure_ascii=False)
        click.echo(text)

    def tell(self, text: str) -> None:
        """Progress and warnings."""
        click.echo(text, err=True)

    def hint(self, command: str) -> None:
        """The next command, with the user's own arguments."""
        if not self.json:
            click.echo(
                click.style(f"next: {command}", dim=True) if colour() else f"next: {command}",
                err=True,
            )

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only when told to: by `-y`, or by a person at a terminal."""
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError(f"{question} Nobody can be asked here: say yes with -y")
        if not click.confirm(question, err=True):
            raise HubError("nothing was done")

    def failed(self, error: HubError) -> None:
        """An error, as a sentence on stderr; with JSON, as the object on stdout too."""
        if self.json and not isinstance(error, GatesFailed):
            said = {"ok": False, "error": type(error).__name__, "says": str(error)}
            click.echo(
                json.dumps({**said, "exit_code": error.exit_code}, indent=2, ensure_ascii=False)
            )
        word = click.style("error", fg="red") if colour() else "error"
        click.echo(f"{word}: {error}", err=True)


def table(rows: Sequence[tuple[str, ...]], indent: str = "  ") -> str:
    """Rows as aligned columns, the last one as it is."""
    if not rows:
        return ""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append((indent + "  ".join([*cells, row[-1]])).rstrip())
    return "\n".join(lines)
