"""The versions of a dataset: what each holds, which was taken back and why, what main holds."""

from typing import Any

from omi2_hub import edits, remote
from omi2_hub.console import table
from omi2_hub.held import holds, says
from omi2_hub.remote import need


def versions(repo: str) -> dict[str, Any]:
    """Every version, newest first; tags that look like versions and are no release stand apart."""
    there = need(repo)
    held, notices = holds(repo, there), there.notices
    listed, odd = [], []
    for version in reversed(there.versions):
        name = str(version)
        commit = there.tags[name]
        manifest = remote.readable(repo, commit)
        if manifest is None:
            odd.append({"tag": name, "commit": commit})
            continue
        yanked = notices.get(name)
        listed.append(
            {
                "version": name,
                "commit": commit,
                "rows": manifest.rows,
                "main": name == held,
                "yanked": {"reason": yanked.reason, "date": yanked.date} if yanked else None,
            }
        )
    return {
        "ok": True,
        "repo": repo,
        "main": held,
        "main_says": says(there, held),
        "head": there.head,
        "edited": edits.as_text(edits.notices(repo, there)),
        "versions": listed,
        "no_releases": odd,
    }


def as_text(found: dict[str, Any]) -> str:
    """The list for people."""
    lines = []
    for entry in found["versions"]:
        yanked = entry["yanked"]
        said = ["main"] if entry["main"] else []
        said += [f"taken back {yanked['date']}: {yanked['reason']}"] if yanked else []
        rows = f"{entry['rows']:,} rows"
        lines.append((entry["version"], entry["commit"][:12], rows, "; ".join(said)))
    lines += [(e["tag"], e["commit"][:12], "no release", "") for e in found["no_releases"]]
    first = [] if found["versions"] else [f"{found['repo']} has no version yet"]
    more = [] if found["main"] else [found["main_says"]]
    more += [f"changed by hand: {found['edited']}"] if found["edited"] else []
    return "\n".join([*first, *filter(None, [table(lines, indent="")]), *more])
