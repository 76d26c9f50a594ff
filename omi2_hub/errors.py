"""The exception tree of omi2_hub, and the one table from a failure of the Hub to a sentence.

    HubError            refused: exit code 1; the same command will be refused again
    ├── GatesFailed     a plan was shown, and a gate in it failed
    ├── UsageError      the command or what it names is wrong: exit code 2; nothing was begun
    └── RemoteError     the Hub or the way to it failed: exit code 3; the same command resumes

`explain` decides which of them a failure is. Answers that will not change by asking again (wrong
token, no right to write, no such repo) are refusals, and are never retried; a busy or broken
server, a lost connection and being offline are RemoteError. No message holds a token.
"""

import re
from typing import Any

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes that may be different the next time (the client library retries the same ones)."""


class HubError(Exception):
    """What was asked for was refused, or what was found cannot be used."""

    exit_code = 1


class GatesFailed(HubError):
    """A gate failed. The result that was shown already says which."""


class UsageError(HubError):
    """A wrong option, name or folder: nothing was begun."""

    exit_code = 2


class RemoteError(HubError):
    """The Hub, or the way to it, failed. What was uploaded is kept: the same command goes on."""

    exit_code = 3


_TOKEN = re.compile(r"\b(hf_|api_org_)[A-Za-z0-9]{6,}")


def scrub(text: str) -> str:
    """The text without anything that looks like a Hub token."""
    return _TOKEN.sub(r"\1…", text)


def status(error: BaseException) -> int | None:
    """The HTTP status of a failure, or of the failure it was raised from; None without one."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if response is not None and isinstance(getattr(response, "status_code", None), int):
            return int(response.status_code)
        seen = seen.__cause__ or seen.__context__
    return None


def transient(error: BaseException) -> bool:
    """Whether asking again may help: a busy or broken server, or a lost connection."""
    import httpx2
    from huggingface_hub.errors import OfflineModeIsEnabled

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OfflineModeIsEnabled):
            return False
        if isinstance(seen, (httpx2.TransportError, TimeoutError, ConnectionError)):
            return True
        seen = seen.__cause__ or seen.__context__
    return status(error) in TRANSIENT


def explain(error: Exception, repo: str, doing: str) -> HubError:
    """The failure as one sentence with its cure. `doing` completes "while ..."."""
    from huggingface_hub.errors import (
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, HubError):
        return error
    if isinstance(error, LocalTokenNotFoundError):
        return HubError(f"no token while {doing}: run `hf auth login`, or set HF_TOKEN")
    if isinstance(error, OfflineModeIsEnabled):
        return RemoteError(f"HF_HUB_OFFLINE is set, so nothing was asked while {doing}: unset it")
    code, said = status(error), _said(error)
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
        return HubError(
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
        return HubError(
            f"the Hub wants a token (401 while {doing}): run `hf auth login`, or set HF_TOKEN"
        )
    if code == 403:
        return HubError(
            f"the Hub forbids this token to do that (403 while {doing}{_tail(said)}): use one that"
            f" may read {repo}, and write to it for a push or a yank"
            " (https://huggingface.co/settings/tokens); asking again is no use"
        )
    if code == 412:
        return HubError(
            f"{repo} was changed by somebody else while this ran (412 while {doing}): nothing of"
            f" yours was published; see `omi2-hub versions {repo}`, then run the same command again"
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
    """What the server said of it, or the last line of the library's own words, without tokens."""
    server: Any = getattr(error, "server_message", None)
    text = str(server or error).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return scrub(lines[-1])[:300] if lines else ""


def _tail(said: str) -> str:
    return f": {said}" if said else ""
