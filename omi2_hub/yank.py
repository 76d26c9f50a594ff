"""Take a version back: by one commit to main, with the tag kept.

Whoever pinned the version can still load it: a tag never changes. From now on main says that it was
taken back, and why: in notices.json and at the top of the card, and every later version says it.
If the version is what main holds, the same commit brings the tree of the newest version that is not
yanked back. When there is none, main keeps only a card that says so.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from omi2_hub import edits, held, remote
from omi2_hub.commits import Tree, back, commit
from omi2_hub.errors import HubError, UsageError
from omi2_hub.manifest import CARD
from omi2_hub.notices import NOTICES, Yank, empty_card, render, with_block
from omi2_hub.remote import KEPT, Remote, blob_id, content, need
from omi2_hub.versions import parse


@dataclass(frozen=True)
class Look:
    """The dataset as it was when somebody said yes: what is done later, is done on top of this."""

    repo: str
    version: str
    there: Remote
    held: str | None  # the version that main holds

    @property
    def moves(self) -> bool:
        """Whether main holds this version, and has to go back."""
        return self.held == self.version

    @property
    def before(self) -> Yank | None:
        """The notice, if the version was taken back before."""
        return self.there.notices.get(self.version)


@dataclass(frozen=True)
class Yanked:
    """What a yank did: the commit, and what main holds now (None: no version)."""

    version: str
    commit: str
    main: str | None
    main_says: str
    moved: bool
    already: bool = False


def look(repo: str, version: str) -> Look:
    """The dataset, and whether main holds this version. Refuses what cannot be yanked."""
    parse(version)
    there = need(repo, manifests=True)
    commit = remote.commit_of(repo, there, version)
    if remote.readable(repo, commit) is None:
        raise HubError(
            f"{version} of {repo} names commit {commit[:12]}, which is no release of omi2: there is"
            " nothing to take back; delete that tag on the Hub if it should go"
        )
    return Look(repo, version, there, held.holds(repo, there))


def check_reason(reason: str) -> str:
    """The reason as one line; there has to be one."""
    reason = " ".join(reason.split())
    if not reason:
        raise UsageError("a yank wants a reason, for those who use the version: --reason '...'")
    return reason


def yank(seen: Look, reason: str, *, discard_edits: bool = False) -> Yanked:
    """Take the version back."""
    repo, version, there, reason = seen.repo, seen.version, seen.there, check_reason(reason)
    if seen.before:
        says = held.says(there, seen.held)
        return Yanked(version, there.head, seen.held, says, moved=False, already=True)
    lost = edits.edits(repo, there) if seen.moves else edits.notices(repo, there)
    if lost and not discard_edits:
        raise HubError(
            f"{edits.as_text(lost)} on main was changed there and is in no release, and this would"
            " lose it: keep a copy, then add --discard-edits"
        )
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    notices = {**there.notices, version: Yank(reason, today)}
    message = f"Take {version} back: {reason}"[:100]
    if not seen.moves:
        made = _say(repo, there, notices, message)
        return Yanked(version, made, seen.held, held.says(there, seen.held), moved=False)
    main = _newest(repo, there, notices)
    if main is None:
        made = _empty(repo, there, notices, message)
        return Yanked(version, made, None, "no version is left, and main holds no data", moved=True)
    made = back(repo, there, there.tags[main], message, notices)
    return Yanked(version, made, main, f"main holds {main}", moved=True)


def _newest(repo: str, there: Remote, notices: dict[str, Yank]) -> str | None:
    """The newest version that was not taken back, and that is a release."""
    left = [str(version) for version in reversed(there.versions) if str(version) not in notices]
    return next((name for name in left if remote.readable(repo, there.tags[name])), None)


def _say(repo: str, there: Remote, notices: dict[str, Yank], message: str) -> str:
    """Main stays what it is, and its card says what was taken back."""
    small = {NOTICES: render(notices)}
    if CARD in there.tree:  # a card that a person deleted is the next push's affair
        small[CARD] = with_block(content(repo, there.head, CARD), notices)
    return _write(repo, there, small, [], message)


def _empty(repo: str, there: Remote, notices: dict[str, Yank], message: str) -> str:
    """No version is left: main keeps a card without data."""
    licence = there.main.licence if there.main and there.main.licence else "other"
    card = with_block(empty_card(repo, licence), notices)
    gone = sorted(there.tree.keys() - KEPT - {CARD, NOTICES})
    return _write(repo, there, {CARD: card, NOTICES: render(notices)}, gone, message)


def _write(repo: str, there: Remote, small: dict[str, bytes], gone: list[str], message: str) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[Any] = [CommitOperationDelete(path) for path in gone]
    operations += [CommitOperationAdd(path, text) for path, text in small.items()]

    def arrived(found: Tree) -> bool:
        wrote = all(p in found and found[p].blob == blob_id(text) for p, text in small.items())
        return wrote and not any(path in found for path in gone)

    return commit(repo, operations, message, there.head, arrived)
