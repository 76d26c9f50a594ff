"""What a push would do, without doing any of it.

`plan` puts together what was read of the release and of the Hub: the gates' verdicts, what happens
to each file, the commit and the tag. `push` goes by the same plan. Files are compared by hash with
the tree of main: large ones by sha256, small ones by git's blob id.

Offline, or when the dataset cannot be seen, what is new is not known, and the plan says so.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omi2_hub import gates, remote
from omi2_hub.card import configs, front_matter
from omi2_hub.console import table
from omi2_hub.errors import HubError
from omi2_hub.gates import Gate
from omi2_hub.notices import NOTICES, Notices, render, with_block
from omi2_hub.release import CARD, MANIFEST, Release
from omi2_hub.remote import KEPT, Remote, RemoteFile, blob_id
from omi2_hub.versions import FIRST, Version, kind_of_change

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
class Plan:
    """What a push of this release would do."""

    repo: str
    asked: Version | None
    private: bool
    release: Release
    remote: Remote
    items: tuple[Item, ...]
    gates: tuple[Gate, ...]
    done: bool  # this very version is published already

    @property
    def version(self) -> Version | None:
        """The version asked for, or the one that would be right; None when that is not known."""
        if self.asked:
            return self.asked
        if self.remote.status == "unknown":
            return None
        from omi2_hub.versions import parse

        if not self.remote.versions or self.remote.last is None:
            return parse(FIRST)
        kind = kind_of_change(self.remote.last, self.release.manifest)
        return None if kind == "none" else self.remote.versions[-1].next(kind)

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


def plan(
    release: Release,
    repo: str,
    version: Version | None,
    *,
    private: bool = False,
    index_only_ok: bool = False,
    discard_edits: bool = False,
    patient: bool = False,
) -> Plan:
    """Read the Hub and say what a push would do. Nothing is written anywhere."""
    there = remote.state(repo, patient=patient)
    items = tuple(compare(contents(release, there.notices), there))
    done = version is not None and published(release, there, repo, version)
    verdicts = gates.local_gates(release, index_only_ok=index_only_ok, repo=repo, here=Path.cwd())
    if there.status == "unknown":
        verdicts.append(
            Gate("version", "unknown", "the Hub was not reached, so its versions are not known")
        )
    elif done:
        verdicts.append(
            Gate("version", "ok", f"{version} is published already, with these very files")
        )
    else:
        verdicts.append(gates.version(version, there.versions, there.last, release))
        verdicts.append(main_is_ours(repo, there, items, discard_edits))
    return Plan(repo, version, private, release, there, items, tuple(verdicts), done)


def contents(release: Release, notices: Notices) -> list[Item]:
    """Every file as it would lie on the Hub: the release's, its manifest, and the notices."""
    items = []
    for path, (bytes_, sha256) in release.facts.hashes.items():
        source: Content = release.root / path
        if path == CARD and notices:
            source = with_block((release.root / path).read_bytes(), notices)
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
    items = compare(contents(release, {}), at_tag)
    return all(i.fate == "same" or i.path == NOTICES for i in items if i.path != CARD)


def main_is_ours(repo: str, there: Remote, items: tuple[Item, ...], discard: bool) -> Gate:
    """Nothing that a person changed on main is lost without being told."""
    if all(item.fate == "same" for item in items):
        return Gate("edits on the Hub", "ok", "main holds these very files")
    changed = remote.edits(repo, there)
    if not changed:
        return Gate("edits on the Hub", "ok", "none: nothing on main would be lost")
    names = ", ".join(changed[:5]) + (" ..." if len(changed) > 5 else "")
    if discard:
        return Gate("edits on the Hub", "ok", f"{names} would be replaced (--discard-edits)")
    return Gate(
        "edits on the Hub",
        "needs",
        f"{names} on main was changed there and is in no release: take the change over into what"
        " builds the card, or replace it with --discard-edits",
        "--discard-edits",
    )


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan for `--format json`."""
    manifest = plan.release.manifest
    return {
        "ok": not plan.refused,
        "repo": plan.repo,
        "version": str(plan.version) if plan.version else None,
        "name": manifest.name,
        "rows": manifest.rows,
        "remote": {
            "status": plan.remote.status,
            "why": plan.remote.why,
            "head": plan.remote.head or None,
        },
        "creates_repo": plan.remote.status == "missing",
        "already_published": plan.done,
        "files": [{"path": i.path, "fate": i.fate, "bytes": i.bytes} for i in plan.items],
        "bytes": sum(item.bytes for item in plan.moving if item.fate != "delete"),
        "commits": 0 if plan.done or not plan.moving else 1,
        "commit": plan.message,
        "tag": str(plan.version) if plan.version else None,
        "card": {c.name: list(c.splits) for c in _configs(plan.release)},
        "gates": [
            {"gate": g.name, "verdict": g.verdict, "says": g.says, "flag": g.flag}
            for g in plan.gates
        ],
    }


def as_text(plan: Plan) -> str:
    """The plan for people."""
    manifest, moving = plan.release.manifest, plan.moving
    sent = sum(item.bytes for item in moving if item.fate != "delete")
    access = "private" if plan.private else "public"
    where = {
        "there": f"is on the Hub, main at {plan.remote.head[:12]}"
        if plan.remote.head
        else "is empty",
        "missing": f"is not on the Hub: it would be created, {access}",
        "unknown": f"remote state unknown: {plan.remote.why}",
    }[plan.remote.status]
    there = [item for item in plan.items if item.fate != "delete"]
    total = sum(item.bytes for item in there)
    head = [
        f"release {manifest.name}: {manifest.rows:,} rows, {len(there)} files, {total:,} bytes",
        f"dataset {plan.repo}: {where}",
    ]
    if plan.done:
        return "\n".join([*head, f"{plan.version} is published already: nothing would be done"])
    known = {"unknown": "at most (what the Hub has is not known)"}.get(
        plan.remote.status, "to send"
    )
    steps = [
        f"upload {len([i for i in moving if i in there])} files, {sent:,} bytes {known}",
        f'one commit "{plan.message}", verified' if moving else "no commit: main holds these files",
        f"tag {plan.version or '(give --version, or let the Hub be reached)'}",
        "card " + "; ".join(f"{c.name}: {', '.join(c.splits)}" for c in _configs(plan.release)),
    ]
    files = [(item.fate, f"{item.bytes:,}".rjust(14), item.path) for item in plan.items]
    verdicts = [
        (g.verdict.upper() if g.verdict != "ok" else "ok", g.name, g.says) for g in plan.gates
    ]
    body = [
        *head,
        "files",
        table(files),
        "steps",
        table([(s,) for s in steps]),
        "gates",
        table(verdicts),
    ]
    return "\n".join(body)


def _configs(release: Release) -> list[Any]:
    try:
        return list(configs(front_matter(release.facts.card)[0]))
    except HubError:
        return []


def _read(source: Path | None) -> bytes:
    return source.read_bytes() if source else b""


def _sha256(text: bytes) -> str:
    import hashlib

    return hashlib.sha256(text).hexdigest()
