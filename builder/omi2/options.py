"""The options that several commands share."""

from pathlib import Path

import click

FORMAT = click.option(
    "--format", "form", type=click.Choice(["human", "json"]), default="human", help="How to print."
)
RUN = click.option(
    "--run", "run_path", type=click.Path(path_type=Path), default=Path("omi2-run"),
    show_default=True, help="The run directory: what was done so far.",
)  # fmt: skip
