"""What main of a dataset holds: which version, or a release without a tag, or none."""

from omi2_hub import remote
from omi2_hub.manifest import MANIFEST
from omi2_hub.remote import Remote
from omi2_hub.versions import versions_of


def holds(repo: str, there: Remote) -> str | None:
    """The version that main holds, by its manifest; None when it is no version.

    Several tags can name the same manifest. Main holds the one whose commit it is at; else the
    newest that was not taken back.
    """
    if MANIFEST not in there.tree:
        return None
    notices, blob = there.readable_notices, there.tree[MANIFEST].blob
    names = [str(version) for version in reversed(versions_of(there.tags))]
    for name in sorted(names, key=lambda n: (there.tags[n] != there.head, n in notices)):
        commit = there.tags[name]
        if commit == there.head or remote.blob_at(repo, commit, MANIFEST) == blob:
            return name
    return None


def says(there: Remote, held: str | None) -> str:
    """What main holds, in words."""
    if held is not None:
        return f"main holds {held}"
    if MANIFEST in there.tree:
        return f"main holds a release without a tag (commit {there.head[:12]})"
    return "main holds no release"
