"""The one place that writes: data to stdout, talk to stderr, text or JSON.

With `--format json`, stdout gets exactly one JSON object, errors included; talk stays on stderr.
Colour and moving bars only on a terminal, never with NO_COLOR, in a pipe or in CI. Whatever text
came from elsewhere, a terminal sees it as text: no escape sequence gets through.

`guarded` runs a command and turns whatever ends it into a sentence and an exit code.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from omi2_hub.errors import GatesFailed, HubError, UsageError
from omi2_hub.text import lines, plain, scrub

DEBUG = "OMI2_DEBUG"
"""With this set to 1, a failure that nobody foresaw shows its traceback."""


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
        click.echo(as_json(data) if self.json else lines(text))

    def tell(self, text: str) -> None:
        """Progress and warnings."""
        click.echo(plain(text), err=True)

    def hint(self, command: str) -> None:
        """The next command, with the user's own arguments."""
        if not self.json:
            said = f"next: {plain(command)}"
            click.echo(click.style(said, dim=True) if colour() else said, err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only when told to: by `-y`, or by a person at a terminal."""
        if yes:
            return
        question = plain(question)
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError(f"{question} Nobody can be asked here: say yes with -y")
        if not click.confirm(question, err=True):
            raise HubError("nothing was done")

    def failed(self, error: HubError) -> None:
        """An error, as a sentence on stderr; with JSON, as the object on stdout too."""
        if not isinstance(error, GatesFailed):
            self.ended(type(error).__name__, str(error), error.exit_code)
        word = click.style("error", fg="red") if colour() else "error"
        click.echo(f"{word}: {plain(str(error))}", err=True)

    def ended(self, name: str, says: str, code: int) -> None:
        """With JSON, the object that tells of an error."""
        if self.json:
            click.echo(as_json({"ok": False, "error": name, "says": says, "exit_code": code}))


def as_json(data: Mapping[str, Any]) -> str:
    """JSON that any terminal and any pipe takes: what is not text is written as an escape."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def guarded(command: Callable[[], object]) -> int:
    """Run a command; turn what ends it into a sentence. Returns the exit code."""
    console = Console(wants_json(sys.argv))
    try:
        return _run(command, console)
    except OSError as error:  # stdout or stderr itself: the pipe is closed, the disk is full
        with contextlib.suppress(OSError):
            click.echo(f"error: the result cannot be written ({error.strerror})", err=True)
        return 1


def _run(command: Callable[[], object], console: Console) -> int:
    try:
        command()
    except HubError as error:
        console.failed(error)
        return error.exit_code
    except click.ClickException as error:
        console.ended("UsageError", error.format_message(), 2)
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        says = "stopped: run the same command again to go on"
        console.ended("Stopped", says, 130)
        click.echo(says, err=True)
        return 130
    except OSError as error:
        if error.filename is None:
            raise
        console.failed(HubError(f"{error.filename}: {error.strerror}"))
        return 1
    except Exception as error:
        if os.environ.get(DEBUG) == "1":
            click.echo(lines(scrub(traceback.format_exc())), err=True)
        first = (str(error).splitlines() or [""])[0][:200]
        console.failed(
            HubError(
                f"this should not happen, and is a fault of omi2-hub ({type(error).__name__}:"
                f" {scrub(first)}); {DEBUG}=1 shows where: please tell its makers"
            )
        )
        return 1
    return 0


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
