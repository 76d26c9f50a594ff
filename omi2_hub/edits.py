"""What people changed on main, so that nothing of it is lost without being told.

`edits` holds every file on main against main's own manifest, that manifest against those of the
versions, and notices.json against the block on the card that was made from it. Whatever differs, no
release put there. Nothing is remembered between runs: main itself says it all. Not seen: changes
that agree with each other, such as a yank that somebody undid both in notices.json and on the card.
"""

import hashlib

from omi2_hub.card import front_matter
from omi2_hub.errors import HubError, Wrong, judging
from omi2_hub.held import holds
from omi2_hub.manifest import CARD, MANIFEST
from omi2_hub.notices import NOTICES, empty_card, named, strip
from omi2_hub.remote import KEPT, Remote, content
from omi2_hub.text import plain


def edits(repo: str, there: Remote) -> dict[str, str]:
    """What differs on main from what any release put there: path -> what would be lost with it."""
    if there.status != "there" or not there.tree:
        return {}
    listed = there.main.files if there.main else {}
    found = notices(repo, there)
    if there.main and holds(repo, there) is None:
        found[MANIFEST] = "a release that has no tag, or the manifest was changed there"
    for path, file in sorted(there.tree.items()):
        if path in KEPT | {NOTICES} or (path == MANIFEST and there.main):
            continue
        if path not in listed:
            if path != CARD or there.main or not _is_empty_card(repo, there.head):
                found[path] = ""
        elif (file.sha256 or _sha256(repo, there.head, path)) != listed[path].sha256:
            found[path] = ""
    return found | {path: "deleted there" for path in sorted(listed) if path not in there.tree}


def notices(repo: str, there: Remote) -> dict[str, str]:
    """Whether notices.json and the card's block tell of other versions: as `edits` tells it."""
    try:
        filed = sorted(there.notices)
    except HubError:
        return {NOTICES: "it cannot be read, so what was taken back is not known"}
    told = named(content(repo, there.head, CARD)) if CARD in there.tree else filed
    if told == filed:
        return {}
    if gone := sorted(set(told) - set(filed)):
        return {NOTICES: f"it would be forgotten that {', '.join(map(plain, gone))} was taken back"}
    return {NOTICES: "it tells of other versions than the card"}


def as_text(found: dict[str, str]) -> str:
    """The edits in a few words."""
    shown = [plain(path) + (f" ({why})" if why else "") for path, why in found.items()]
    return ", ".join(shown[:5]) + (" ..." if len(shown) > 5 else "")


def _sha256(repo: str, commit: str, path: str) -> str:
    """The sha256 of a small file, of the card without its block."""
    text = content(repo, commit, path)
    return hashlib.sha256(strip(text) if path == CARD else text).hexdigest()


def _is_empty_card(repo: str, commit: str) -> bool:
    """Whether the card is the one that a yank of the last version left."""
    text = strip(content(repo, commit, CARD))
    try:
        with judging(CARD):
            licence = front_matter(text.decode())[0].get("license")
    except Wrong:
        return False
    return isinstance(licence, str) and text == empty_card(repo, licence)
