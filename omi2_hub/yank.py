"""Take a version back: by one commit to main, with the tag kept.

Whoever pinned the version can still load it: a tag never changes. From now on main says that it was
taken back, and why: in notices.json and at the top of the card, and every later version says it.
If the version is what main holds, the same commit brings the tree of the newest version that is not
yanked back. When there is none, main keeps only a card that says so.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from omi2_hub import remote
from omi2_hub.commits import Tree, back, commit
from omi2_hub.errors import HubError
from omi2_hub.notices import NOTICES, Yank, empty_card, render, strip, with_block
from omi2_hub.release import CARD
from omi2_hub.remote import KEPT, Remote, blob_id, content, need
from omi2_hub.versions import parse


@dataclass(frozen=True)
class Yanked:
    """What a yank did: the commit, and what main holds now (None: no version is left)."""

    version: str
    commit: str
    main: str | None
    moved: bool
    already: bool = False


def look(repo: str, version: str) -> tuple[Remote, bool]:
    """The dataset, and whether main holds this version. Refuses what cannot be yanked."""
    parse(version)
    there = need(repo, manifests=True)
    at = remote.commit_of(repo, there, version)
    return there, there.head == at or remote.holds(repo, there, at)


def yank(repo: str, version: str, reason: str, *, discard_edits: bool = False) -> Yanked:
    """Take the version back."""
    reason = " ".join(reason.split())
    if not reason:
        raise HubError("a yank wants a reason, for those who use the version: --reason '...'")
    there, held = look(repo, version)
    if version in there.notices:
        now = str(there.current) if there.current else None
        return Yanked(version, there.head, now, moved=False, already=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    notices = {**there.notices, version: Yank(reason, today)}
    left = [v for v in there.versions if str(v) not in notices]
    main = str(left[-1]) if left else None
    if held and not discard_edits and (changed := remote.edits(repo, there)):
        raise HubError(
            f"{', '.join(changed[:5])} on main was changed there and is in no release, and going"
            " back would lose it: keep a copy, then add --discard-edits"
        )
    message = f"Take {version} back: {reason}"[:100]
    if not held:
        made = _say(repo, there, notices, message)
    elif main is None:
        made = _empty(repo, there, notices, message)
    else:
        made = back(repo, there, there.tags[main], message, notices)
    return Yanked(version, made, main, moved=held)


def _say(repo: str, there: Remote, notices: dict[str, Yank], message: str) -> str:
    """Main stays what it is, and its card says what was taken back."""
    card = with_block(strip(content(repo, there.head, CARD)), notices)
    return _write(repo, there, {CARD: card, NOTICES: render(notices)}, [], message)


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
