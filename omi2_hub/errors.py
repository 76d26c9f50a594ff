"""The exception tree of omi2_hub, and the one table from a failure of the Hub to a sentence.

    HubError            refused: exit code 1; the same command will be refused again
    ├── GatesFailed     a plan was shown, and a gate in it failed
    ├── NotAllowed      the Hub wants another token, or other rights
    ├── Wrong           a published revision is not what a release is
    ├── UsageError      the command or what it names is wrong: exit code 2; nothing was begun
    └── RemoteError     the Hub or the way to it failed: exit code 3; the same command resumes

`explain` decides which of them a failure is. Answers that will not change by asking again (wrong
token, no right to write, no such repo) are refusals, and are never retried; a busy or broken
server, a lost connection and being offline are RemoteError. No message holds a token.

`judging` makes a refusal that the content of a published revision caused a `Wrong`, and `leaving`
adds to any failure what it leaves behind.
"""

import contextlib
import errno
from collections.abc import Iterator
from typing import Any

from omi2_hub.text import plain, scrub

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes that may be different the next time (the client library retries the same ones)."""


class HubError(Exception):
    """What was asked for was refused, or what was found cannot be used."""

    exit_code = 1


class GatesFailed(HubError):
    """A gate failed. The result that was shown already says which."""


class NotAllowed(HubError):
    """The Hub does not let this token, or nobody without one, do that."""


class Wrong(HubError):
    """A published revision is not what its manifest says, or is no release of omi2."""


class UsageError(HubError):
    """A wrong option, name or folder: nothing was begun."""

    exit_code = 2


class RemoteError(HubError):
    """The Hub, or the way to it, failed. What was uploaded is kept: the same command goes on."""

    exit_code = 3


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when nothing more can be written."""


@contextlib.contextmanager
def judging(what: str) -> Iterator[None]:
    """What is refused inside is the fault of `what`, a published revision, and raised as `Wrong`.

    That the Hub could not be asked, may not be asked, or that the command is wrong, is no such
    fault. Neither is a local failure such as a full disk.
    """
    try:
        yield
    except (Wrong, RemoteError, NotAllowed, UsageError):
        raise
    except (
        HubError, ValueError, TypeError, LookupError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        said = str(error) if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
        raise Wrong(f"{what} is not right: {said}") from error


@contextlib.contextmanager
def leaving(what: str) -> Iterator[None]:
    """Whatever fails inside is told together with what it leaves behind."""
    try:
        yield
    except HubError as error:
        raise type(error)(f"{error}; {what}") from error
    except Exception as error:
        raise HubError(f"{type(error).__name__}: {scrub(str(error))}; {what}") from error


def no_room(error: BaseException) -> bool:
    """Whether a disk without room caused this."""
    return any(isinstance(one, OSError) and one.errno in FULL for one in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The failure, and what it was raised from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def status(error: BaseException) -> int | None:
    """The HTTP status of a failure, or of the failure it was raised from; None without one."""
    for one in _causes(error):
        response = getattr(one, "response", None)
        if response is not None and isinstance(getattr(response, "status_code", None), int):
            return int(response.status_code)
    return None


def transient(error: BaseException) -> bool:
    """Whether asking again may help: a busy or broken server, or a lost connection."""
    import httpx2
    from huggingface_hub.errors import OfflineModeIsEnabled

    for one in _causes(error):
        if isinstance(one, OfflineModeIsEnabled):
            return False
        if isinstance(one, (httpx2.TransportError, TimeoutError, ConnectionError)):
            return True
    return status(error) in TRANSIENT


def explain(error: Exception, repo: str, doing: str) -> HubError:
    """The failure as one sentence with its cure. `doing` completes "while ..."."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, HubError):
        return error
    if isinstance(error, LocalTokenNotFoundError):
        return NotAllowed(f"no token while {doing}: run `hf auth login`, or set HF_TOKEN")
    if isinstance(error, OfflineModeIsEnabled):
        return RemoteError(f"HF_HUB_OFFLINE is set, so nothing was asked while {doing}: unset it")
    code, said = status(error), _said(error)
    if isinstance(error, GatedRepoError):
        return NotAllowed(
            f"{repo} is gated, and this token may not read it ({code} while {doing}): ask for"
            f" access at {constants.ENDPOINT}/datasets/{repo}, then run the same command again"
        )
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"{repo} has no such revision ({doing}): `omi2-hub versions {repo}` lists them"
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return HubError(
            f"{repo} has no such file (404 while {doing}): that revision is no release of omi2, or"
            " it was changed by hand"
        )
    if code == 401 and "credential" in said.lower():
        return NotAllowed(
            f"the Hub does not accept this token (401 while {doing}): run `hf auth login` again, or"
            " set HF_TOKEN to one that has not expired or been revoked"
        )
    if isinstance(error, RepositoryNotFoundError) or code == 404:
        return HubError(
            f"there is no dataset {repo} on the Hub, or it is private and this token may not see it"
            f" (while {doing}): check the name, that it is a dataset and not a model, and"
            " `hf auth whoami`"
        )
    if code == 401:
        return NotAllowed(
            f"the Hub wants a token (401 while {doing}): run `hf auth login`, or set HF_TOKEN"
        )
    if code == 403:
        return NotAllowed(
            f"the Hub forbids this token to do that (403 while {doing}{_tail(said)}): use one that"
            f" may read {repo}, and write to it for a push or a yank"
            " (https://huggingface.co/settings/tokens); asking again is no use"
        )
    if code == 412:
        return HubError(
            f"{repo} was changed by somebody else while this ran (412 while {doing}): see"
            f" `omi2-hub versions {repo}`, then run the same command again"
        )
    if code == 413:
        return HubError(f"the Hub finds the request too large (413 while {doing}{_tail(said)})")
    if code == 429:
        return RemoteError(
            f"the Hub still answers 'too many requests' (429 while {doing}): wait, run the same"
            " command"
        )
    if code is not None and code >= 500:
        return RemoteError(
            f"the Hub failed ({code} while {doing}{_tail(said)}): run the same command again"
        )
    if transient(error):
        return RemoteError(
            f"no connection to the Hub ({type(error).__name__} while {doing}): check the network"
            " and HF_ENDPOINT, then run the same command again"
        )
    if code is not None:
        return HubError(f"the Hub refused ({code} while {doing}{_tail(said)})")
    kind = type(error).__name__
    return RemoteError(f"failed while {doing}: {kind}{_tail(said)}; run the same command again")


def _said(error: BaseException) -> str:
    """What the server said of it, or the last line of the library's words; of a page, the first."""
    server: Any = getattr(error, "server_message", None)
    told = _lines(server or error)
    if any(line.startswith("<") for line in told):
        told = [line for line in _lines(error) if not line.startswith("<")][:1]
    return plain(scrub(told[-1]))[:300] if told else ""


def _lines(said: object) -> list[str]:
    lines = [line.strip() for line in str(said).splitlines()]
    return [line for line in lines if line and not line.startswith("For more information check")]


def _tail(said: str) -> str:
    return f": {said}" if said else ""
