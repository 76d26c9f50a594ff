"""What is told about versions that were taken back: notices.json on main, and a block on the card.

A tag never changes, so a yanked version cannot say of itself that it was yanked. `main` says it:
`notices.json` is what machines read, and the block at the top of the card's text is made from it.
Every later version carries both along. A line of the front matter names the version itself, and a
section at the end says what changed since the one before (`changelog`). `strip` takes all three off
again, so that a card can be compared with the one that was built; whatever else differs was changed
by a person. `named` reads off the block which versions it tells of: a notices.json that tells of
others was changed, too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from omi2_hub.errors import HubError
from omi2_hub.text import brief, plain
from omi2_hub.versions import versions_of

NOTICES = "notices.json"
_BEGIN = "<!-- omi2-hub: versions taken back; written from notices.json, do not edit -->\n"
_END = "<!-- omi2-hub: end -->\n"
_CHANGES = "\n<!-- omi2-hub: what changed; written from two manifests, do not edit -->\n"
_CHANGES_END = "<!-- omi2-hub: end of what changed -->\n"
_VERSION = re.compile(rb"\A(---\r?\n)version: v\d+\.\d+\.\d+ # written by omi2-hub, do not edit\n")


@dataclass(frozen=True)
class Yank:
    """Why and when a version was taken back (UTC date)."""

    reason: str
    date: str

    def as_text(self) -> str:
        """The notice in a line."""
        return f"taken back on {plain(self.date)}: {plain(self.reason)}"


Notices = Mapping[str, Yank]
"""By version, as its tag is written."""


def parse(text: bytes) -> dict[str, Yank]:
    """The notices in a notices.json."""
    try:
        yanked = json.loads(text)["yanked"]
        if odd := [name for name in yanked if not versions_of([name])]:
            raise ValueError(f"{brief(odd[0])} is no version")
        return {
            version: Yank(_line(entry["reason"]), _line(entry["date"]))
            for version, entry in yanked.items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise HubError(
            f"{NOTICES} on main cannot be read ({type(error).__name__}: {plain(str(error))[:80]}):"
            " put back the one of the commit before, on the Hub's page of its history"
        ) from None


def render(notices: Notices) -> bytes:
    """notices.json: the same notices always give the same bytes."""
    yanked = {v: {"reason": y.reason, "date": y.date} for v, y in sorted(notices.items())}
    return (
        json.dumps({"omi2": "notices", "yanked": yanked}, indent=2, ensure_ascii=False) + "\n"
    ).encode()


def strip(card: bytes) -> bytes:
    """The card as it was built: without what a push or a yank wrote into it."""
    return _VERSION.sub(rb"\1", _without(_without(card, _BEGIN, _END), _CHANGES, _CHANGES_END))


def with_version(card: bytes, version: str) -> bytes:
    """The card with the version, as its tag is written, in the first line of its front matter."""
    card = _VERSION.sub(rb"\1", card)
    first, end, rest = card.partition(b"\n")
    if first.rstrip() != b"---":
        return card
    line = f"version: {version} # written by omi2-hub, do not edit\n"
    return first + end + line.encode() + rest


def with_changes(card: bytes, text: str) -> bytes:
    """The card with a section at its end that says what changed; "" takes it off."""
    card = _without(card, _CHANGES, _CHANGES_END)
    return card + f"{_CHANGES}{text}{_CHANGES_END}".encode() if text else card


def _without(card: bytes, mark: str, end_mark: str) -> bytes:
    """The card without the part between these marks, and without the marks."""
    before, begin, rest = card.partition(mark.encode())
    _, end, after = rest.partition(end_mark.encode())
    return before + after if begin and end else card


def named(card: bytes) -> list[str]:
    """The versions that the card's block says were taken back."""
    block = card.partition(_BEGIN.encode())[2].partition(_END.encode())[0]
    found = re.findall(rb"^> \*\*(\S+) was taken back\*\*", block, re.MULTILINE)
    return sorted(version.decode("utf-8", "replace") for version in found)


def with_block(card: bytes, notices: Notices) -> bytes:
    """The card with the block after its front matter, instead of one that it had."""
    from omi2.card.markdown import fill

    card = _without(card, _BEGIN, _END)
    if not notices:
        return card
    lines = card.splitlines(keepends=True)
    at = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == b"---"), -1) + 1
    if not lines or lines[0].strip() != b"---":
        at = 0
    told = [(v, Yank(plain(y.reason), plain(y.date))) for v, y in sorted(notices.items())]
    block = f"{_BEGIN}{fill('yanked.md.j2', notices=told)}{_END}"
    return b"".join([*lines[:at], block.encode(), *lines[at:]])


def empty_card(repo: str, licence: str) -> bytes:
    """The card of a dataset of which every version was taken back."""
    import yaml

    name = repo.partition("/")[2]
    said = "Every version of this dataset was taken back."
    meta = yaml.safe_dump({"license": licence}, allow_unicode=True)
    return f"---\n{meta}---\n\n# {name}\n\n{said}\n".encode()


def _line(value: object) -> str:
    """One line of text that can be written again."""
    return " ".join(str(value).encode("utf-8", "replace").decode().split())
