"""What a push would do, without doing any of it.

`make` puts together what was read of the release and of the Hub: the gates' verdicts, what happens
to each file, the commit and the tag. `push` goes by the same plan. Files are compared by hash with
the tree of main: large ones by sha256, small ones by git's blob id.

Offline, or when the dataset cannot be seen, what is new is not known, and the plan says so.
What it says to people and programs is in `plan_text`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omi2_hub import changelog, edits, gates, remote
from omi2_hub.gate import Gate
from omi2_hub.manifest import CARD, MANIFEST
from omi2_hub.notices import (
    NOTICES,
    Notices,
    Yank,
    render,
    with_block,
    with_changes,
    with_version,
)
from omi2_hub.release import Release
from omi2_hub.remote import KEPT, Remote, RemoteFile, blob_id
from omi2_hub.versions import FIRST, Version, kind_of_change, parse

Fate = Literal["new", "changed", "same", "delete", "unknown"]


Content = Path | bytes | None


@dataclass(frozen=True)
class Item:
    """One file: what happens to it, and where its bytes are (a path, or a few KB made here)."""

    path: str
    fate: Fate
    bytes: int
    sha256: str | None = None
    source: Content = None


@dataclass(frozen=True)
class Flags:
    """What a push was told besides the version."""

    private: bool = False
    index_only_ok: bool = False
    discard_edits: bool = False


@dataclass(frozen=True)
class Plan:
    """What a push of this release would do."""

    repo: str
    asked: Version | None
    flags: Flags
    release: Release
    remote: Remote
    items: tuple[Item, ...]
    gates: tuple[Gate, ...]
    edited: Mapping[str, str]  # what people changed on main, that the commit would replace
    done: bool  # this very version is published already

    @property
    def notices(self) -> Notices:
        """What was taken back, as the card and notices.json will tell it."""
        return self.remote.readable_notices

    @property
    def yanked(self) -> Yank | None:
        """Whether this version, published already, was taken back."""
        return self.notices.get(str(self.version)) if self.done else None

    @property
    def version(self) -> Version | None:
        """The version asked for, or the one that would be right; None when that is not known."""
        return _version(self.asked, self.release, self.remote)

    @property
    def moving(self) -> list[Item]:
        """The files that the commit changes."""
        return [item for item in self.items if item.fate != "same"]

    @property
    def refused(self) -> list[Gate]:
        """The gates that keep a push from starting."""
        return [gate for gate in self.gates if gate.verdict in ("fail", "needs")]

    @property
    def failed(self) -> bool:
        """Whether a gate fails that no flag opens."""
        return any(gate.verdict == "fail" for gate in self.gates)

    @property
    def message(self) -> str:
        """The commit's title."""
        manifest = self.release.manifest
        return f"{self.version or 'the next version'}: {manifest.name}, {manifest.rows:,} rows"


def make(
    release: Release,
    repo: str,
    version: Version | None,
    flags: Flags = Flags(),
    *,
    patient: bool = False,
) -> Plan:
    """Read the Hub and say what a push would do. Nothing is written anywhere."""
    there = remote.state(repo, patient=patient)
    version = version or _unchanged(release, there)
    items = tuple(compare(contents(release, there, version), there))
    done = version is not None and published(release, there, repo, version)
    edited: dict[str, str] = {}
    verdicts = gates.local_gates(
        release, index_only_ok=flags.index_only_ok, repo=repo, here=Path.cwd()
    )
    if there.status == "unknown":
        verdicts.append(
            Gate("version", "unknown", "the Hub was not reached, so its versions are not known")
        )
    elif done:
        verdicts.append(
            Gate("version", "ok", f"{version} is published already, with these very files")
        )
    else:
        odd = {tag: there.tags[tag] for tag in there.odd}
        verdicts.append(gates.version(version, there.versions, there.last, release, odd))
        if any(item.fate != "same" for item in items):
            edited = edits.edits(repo, there)
        verdicts.append(nothing_lost(edited, flags.discard_edits))
    if flags.private and there.status == "there":
        verdicts.append(private(repo))
    return Plan(repo, version, flags, release, there, items, tuple(verdicts), edited, done)


def again(plan: Plan) -> Plan:
    """The same plan on what the Hub holds now; every gate is asked again."""
    return make(plan.release, plan.repo, plan.asked, plan.flags, patient=True)


def _unchanged(release: Release, there: Remote) -> Version | None:
    """The highest version, when nothing differs from it."""
    if there.last is None or kind_of_change(there.last, release.manifest) != "none":
        return None
    return there.versions[-1]


def _version(asked: Version | None, release: Release, there: Remote) -> Version | None:
    """The version asked for, or the one that would be right; None when that is not known."""
    if asked or there.status == "unknown":
        return asked
    if not there.versions or there.last is None:
        return parse(FIRST)
    kind = kind_of_change(there.last, release.manifest)
    return None if kind == "none" else there.versions[-1].next(kind)


def contents(release: Release, there: Remote, asked: Version | None) -> list[Item]:
    """Every file as it would lie on the Hub: the release's, its manifest, and the notices.

    The card says besides which version this is, what changed since the highest one, and what was
    taken back.
    """
    items = []
    notices = there.readable_notices
    changes = _changes(release, there, asked)
    version = _version(asked, release, there)
    for path, (bytes_, sha256) in release.facts.hashes.items():
        source: Content = release.root / path
        if path == CARD and (notices or changes or version):
            source = with_changes(with_block((release.root / path).read_bytes(), notices), changes)
            source = with_version(source, str(version)) if version else source
            bytes_, sha256 = len(source), _sha256(source)
        items.append(Item(path, "unknown", bytes_, sha256, source))
    manifest = (release.root / MANIFEST).read_bytes()
    items.append(
        Item(MANIFEST, "unknown", len(manifest), _sha256(manifest), release.root / MANIFEST)
    )
    if notices:
        text = render(notices)
        items.append(Item(NOTICES, "unknown", len(text), _sha256(text), text))
    return sorted(items, key=lambda item: item.path)


def _changes(release: Release, there: Remote, asked: Version | None) -> str:
    """What changed since the highest version; nothing for a first one, or one that is there."""
    version = _version(asked, release, there)
    if not there.versions or there.last is None or version is None or version in there.versions:
        return ""
    return changelog.section(there.last, release.manifest, there.versions[-1], version)


def compare(items: list[Item], there: Remote) -> list[Item]:
    """What happens to each file, against the tree of main."""
    if there.status == "unknown":
        return items
    compared = [
        Item(
            item.path, _fate(item, there.tree.get(item.path)), item.bytes, item.sha256, item.source
        )
        for item in items
    ]
    gone = there.tree.keys() - {item.path for item in items} - KEPT
    return compared + [Item(path, "delete", there.tree[path].bytes) for path in sorted(gone)]


def _fate(item: Item, there: RemoteFile | None) -> Fate:
    if there is None:
        return "new"
    if item.bytes != there.bytes:
        return "changed"
    if there.sha256 is not None:
        return "same" if there.sha256 == item.sha256 else "changed"
    text = item.source if isinstance(item.source, bytes) else _read(item.source)
    return "same" if blob_id(text) == there.blob else "changed"


def published(release: Release, there: Remote, repo: str, version: Version) -> bool:
    """Whether the tag exists and holds these very files."""
    commit = there.tags.get(str(version))
    if commit is None:
        return False
    held = there.tree if commit == there.head else remote.tree(repo, commit)
    at_tag = Remote("there", head=commit, tree=held)
    items = compare(contents(release, at_tag, None), at_tag)
    return all(i.fate == "same" or i.path == NOTICES for i in items if i.path != CARD)


def nothing_lost(edited: Mapping[str, str], discard: bool) -> Gate:
    """Nothing that a person changed on main is lost without being told."""
    if not edited:
        return Gate("edits on the Hub", "ok", "none: nothing on main would be lost")
    names = edits.as_text(dict(edited))
    if discard:
        return Gate("edits on the Hub", "ok", f"{names} would be replaced (--discard-edits)")
    return Gate(
        "edits on the Hub",
        "needs",
        f"{names} on main was changed there and is in no release: take the change over into what"
        " builds the card, or replace it with --discard-edits",
        "--discard-edits",
    )


def private(repo: str) -> Gate:
    """`--private` makes a new dataset private; one that is there stays what it is."""
    if remote.is_private(repo):
        return Gate("private", "ok", "the dataset is private")
    return Gate(
        "private",
        "fail",
        f"{repo} is public, and --private is for a dataset that has to be created: leave it out, or"
        " make the dataset private in its settings first",
    )


def _read(source: Path | None) -> bytes:
    return source.read_bytes() if source else b""


def _sha256(text: bytes) -> str:
    import hashlib

    return hashlib.sha256(text).hexdigest()
