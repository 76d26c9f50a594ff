"""The options that several commands share."""

from pathlib import Path

import click

FORMAT = click.option(
    "--format", "form", type=click.Choice(["human", "json"]), default="human", help="How to print."
)
EACH = click.option(
    "--each-endpoint", "each", is_flag=True, help="Show the progress of every endpoint by itself."
)
RUN = click.option(
    "--run", "run_path", type=click.Path(path_type=Path), default=Path("omi2-run"),
    show_default=True, help="The run directory: what was done so far.",
)  # fmt: skip
