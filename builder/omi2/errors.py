"""The exception tree of omi2. A message says what was wrong, with the value, and what to try next.

    Omi2Error           refused: exit code 1
    ├── UsageError      the command, recipe or a file it names is wrong: exit code 2
    └── RemoteError     an endpoint or the Hub failed; the same command resumes: exit code 3

Only `omi2.__main__` turns one into text and an exit code.
"""


class Omi2Error(Exception):
    """The work was refused, or what it found cannot be used. What was done before is kept."""

    exit_code = 1


class UsageError(Omi2Error):
    """A wrong option, recipe, input file or missing extra: nothing was begun."""

    exit_code = 2


class RemoteError(Omi2Error):
    """Something outside this process failed. Nothing is lost: the same command goes on."""

    exit_code = 3


def need_extra(module: str, extra: str, why: str) -> UsageError:
    """The error for an optional package that is not installed."""
    return UsageError(f"{why} needs the package {module}: pip install 'omi2[{extra}]'")
