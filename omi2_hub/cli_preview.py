"""The command `omi2-hub preview`."""

import contextlib
import sys
from pathlib import Path

import click

from omi2_hub.console import Console
from omi2_hub.options import directory_argument, formatted


@click.command()
@directory_argument
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path),
    help="The run directory of the build: shows dropped rows too.",
)
@click.option(
    "--explorer",
    type=click.Path(path_type=Path),
    help="A page of matches that `omi2 overlap --html` wrote: linked from the pages.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the pages into this folder instead."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Where to serve, on this machine alone; 0 takes any free port.",
)
@formatted
def preview(
    directory: Path,
    run_path: Path | None,
    explorer: Path | None,
    out: Path | None,
    port: int,
    as_json: bool,
) -> None:
    """Look at DIR in a browser before it is published: card, pictures, rows, what was dropped.

    The pages run no script and ask no other server. Written with --out, they can be uploaded as a
    static Space.
    """
    from omi2_hub import preview as previewing
    from omi2_hub import site

    console = Console(as_json)
    pages = site.pages(directory, run_path, explorer)
    if out is not None:
        previewing.write(pages, out, directory.resolve().name)
        console.show(
            {"ok": True, "out": str(out), "files": sorted(pages)}, f"wrote {out}/index.html"
        )
        return

    def ready(url: str) -> None:
        console.show({"ok": True, "url": url}, f"{url} (Ctrl-C ends it)")
        sys.stdout.flush()

    with contextlib.suppress(KeyboardInterrupt):
        previewing.serve(pages, port, ready)
