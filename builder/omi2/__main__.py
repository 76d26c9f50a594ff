"""The entry of the command line: what went wrong becomes a sentence on stderr and an exit code.

Exit codes: 0 ok, 1 refused, 2 usage, 3 something outside failed and the same command goes on.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from omi2.cli import cli
from omi2.errors import Omi2Error


def guarded(command: Callable[[], Any]) -> None:
    """Run a command; turn what went wrong into a sentence on stderr and an exit code."""
    try:
        command()
    except Omi2Error as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno is None:
            raise
        what = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}.get(
            error.errno, os.strerror(error.errno)
        )
        where = f" at {error.filename}" if error.filename else ""
        click.echo(
            f"error: {what}{where}. What was done before is kept and nothing is half-written: make "
            "room or choose another folder, and run the same command again.",
            err=True,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("\nStopped. Nothing is lost: the same command goes on.", err=True)
        sys.exit(130)


_KEEP_MEMORY = "dirty_decay_ms:20000,muzzy_decay_ms:0"
"""For Polars' allocator: memory is given back after 20 s, not half a second. A stage asks for the
same hundreds of megabytes for every part, and each page that comes back costs a fault: even against
5 s it is a quarter of the system's time, 4% of a build, for some 90 MB a process."""


def main() -> None:
    """The console script."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", _KEEP_MEMORY)  # read when Polars loads; inherited

    def run() -> None:
        try:
            cli(prog_name="omi2", standalone_mode=False)
        except click.exceptions.Abort:
            raise KeyboardInterrupt from None
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)

    guarded(run)


if __name__ == "__main__":
    main()
