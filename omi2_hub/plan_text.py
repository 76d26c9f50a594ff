"""What a plan says: as JSON for programs, as text for people, and as the question before a push."""

from dataclasses import asdict
from typing import Any

from omi2_hub import edits
from omi2_hub.card import configs, front_matter
from omi2_hub.console import table
from omi2_hub.errors import HubError
from omi2_hub.plan import Plan
from omi2_hub.release import Release
from omi2_hub.text import plain


def question(plan: Plan) -> str:
    """What a person is asked before anything is sent."""
    access = "private" if plan.flags.private else "public"
    where = plan.repo + (f", a new {access} dataset" if plan.remote.status == "missing" else "")
    lost = f" It replaces what was changed there: {edits.as_text(dict(plan.edited))}."
    sent = [item for item in plan.moving if item.fate != "delete"]
    return (
        f"Publish {plan.version} ({len(sent)} files, {sum(item.bytes for item in sent):,} bytes)"
        f" to {where}?{lost if plan.edited else ''}"
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
        "yanked": asdict(plan.yanked) if plan.yanked else None,
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
    access = "private" if plan.flags.private else "public"
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
        yanked = f", and was {plan.yanked.as_text()}" if plan.yanked else ""
        said = f"{plan.version} is published already{yanked}: nothing would be done"
        return "\n".join([*head, said])
    known = {"unknown": "at most (what the Hub has is not known)"}.get(
        plan.remote.status, "to send"
    )
    steps = [
        f"upload {len([i for i in moving if i in there])} files, {sent:,} bytes {known}",
        f'one commit "{plan.message}", verified' if moving else "no commit: main holds these files",
        f"tag {plan.version or '(give --version, or let the Hub be reached)'}",
        "card " + "; ".join(f"{c.name}: {', '.join(c.splits)}" for c in _configs(plan.release)),
    ]
    files = [(item.fate, f"{item.bytes:,}".rjust(14), plain(item.path)) for item in plan.items]
    verdicts = [
        (g.verdict.upper() if g.verdict != "ok" else "ok", g.name, g.says) for g in plan.gates
    ]
    body = [
        *head,
        "files",
        table(files),
        "steps",
        table([(step,) for step in steps]),
        "gates",
        table(verdicts),
    ]
    return "\n".join(body)


def _configs(release: Release) -> list[Any]:
    try:
        return list(configs(front_matter(release.facts.card)[0]))
    except (HubError, ValueError):
        return []
