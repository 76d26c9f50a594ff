"""What is told about versions that were taken back: notices.json on main, and a block on the card.

A tag never changes, so a yanked version cannot say of itself that it was yanked. `main` says it:
`notices.json` is what machines read, and the block at the top of the card's text is made from it.
Every later version carries both along. `strip` takes the block off again, so that a card can be
compared with the one that was built; whatever else differs was changed by a person.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from omi2_hub.errors import HubError

NOTICES = "notices.json"
_BEGIN = "<!-- omi2-hub: versions taken back; written from notices.json, do not edit -->\n"
_END = "<!-- omi2-hub: end -->\n"


@dataclass(frozen=True)
class Yank:
    """Why and when a version was taken back (UTC date)."""

    reason: str
    date: str


Notices = Mapping[str, Yank]
"""By version, as its tag is written."""


def parse(text: bytes) -> dict[str, Yank]:
    """The notices in a notices.json."""
    try:
        raw = json.loads(text)
        return {
            str(version): Yank(str(entry["reason"]), str(entry["date"]))
            for version, entry in raw["yanked"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HubError(
            f"{NOTICES} on main cannot be read ({type(error).__name__}: {error}): put back the one"
            " of the commit before, on the Hub's page of its history"
        ) from None


def render(notices: Notices) -> bytes:
    """notices.json: the same notices always give the same bytes."""
    yanked = {v: {"reason": y.reason, "date": y.date} for v, y in sorted(notices.items())}
    return (
        json.dumps({"omi2": "notices", "yanked": yanked}, indent=2, ensure_ascii=False) + "\n"
    ).encode()


def strip(card: bytes) -> bytes:
    """The card without the block."""
    before, begin, rest = card.partition(_BEGIN.encode())
    _, end, after = rest.partition(_END.encode())
    return before + after if begin and end else card


def with_block(card: bytes, notices: Notices) -> bytes:
    """The card with the block after its front matter; without notices, the card as it was built."""
    card = strip(card)
    if not notices:
        return card
    lines = card.splitlines(keepends=True)
    at = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == b"---"), -1) + 1
    if not lines or lines[0].strip() != b"---":
        at = 0
    said = "".join(
        f"> **{version} was taken back** on {yank.date}: {_plain(yank.reason)}\n>\n"
        for version, yank in sorted(notices.items())
    ).removesuffix(">\n")
    block = f"{_BEGIN}{said}{_END}"
    return b"".join([*lines[:at], block.encode(), *lines[at:]])


def empty_card(repo: str, licence: str) -> bytes:
    """The card of a dataset of which every version was taken back."""
    name = repo.partition("/")[2]
    said = "Every version of this dataset was taken back."
    return f"---\nlicense: {licence}\n---\n\n# {name}\n\n{said}\n".encode()


def _plain(reason: str) -> str:
    """The reason as one line that no Markdown reader takes for markup."""
    return " ".join(reason.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
