"""The versions of a dataset: what each holds, which was taken back and why, what main holds."""

from typing import Any

from omi2_hub import remote
from omi2_hub.remote import Remote, need


def versions(repo: str) -> dict[str, Any]:
    """Every version, newest first."""
    there = need(repo)
    held = holds(repo, there)
    listed = []
    for version in reversed(there.versions):
        name = str(version)
        manifest = remote.manifest_at(repo, there.tags[name])
        yanked = there.notices.get(name)
        listed.append(
            {
                "version": name,
                "commit": there.tags[name],
                "rows": manifest.rows,
                "main": name == held,
                "yanked": {"reason": yanked.reason, "date": yanked.date} if yanked else None,
            }
        )
    return {"ok": True, "repo": repo, "main": held, "head": there.head, "versions": listed}


def holds(repo: str, there: Remote) -> str | None:
    """The version that main holds, by its files; None when it is no version."""
    for version in reversed(there.versions):
        commit = there.tags[str(version)]
        if commit == there.head or remote.holds(repo, there, commit):
            return str(version)
    return None


def as_text(found: dict[str, Any]) -> str:
    """The list for people."""
    from omi2_hub.console import table

    if not found["versions"]:
        return f"{found['repo']} has no version yet"
    lines = []
    for entry in found["versions"]:
        yanked = entry["yanked"]
        said = f"taken back {yanked['date']}: {yanked['reason']}" if yanked else ""
        said = "main" if entry["main"] else said
        lines.append((entry["version"], entry["commit"][:12], f"{entry['rows']:,} rows", said))
    return table(lines, indent="")
