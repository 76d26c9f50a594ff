"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def formatted(command: F) -> F:
    """The option that every command has."""
    return click.option(
        "--format",
        "as_json",
        type=click.Choice(["human", "json"]),
        default="human",
        callback=lambda _c, _p, value: value == "json",
        help="How the result is written to stdout.",
    )(command)


directory_argument = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
