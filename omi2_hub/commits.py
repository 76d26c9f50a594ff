"""One commit to main, all or nothing, and going back to the tree of an earlier one.

`commit` never sends without the parent it was planned on, so two people cannot overwrite each
other: the second is told (412). The answer to a commit can be lost after the Hub made it; then the
history of main is looked at before asking again, or before anything is said: a commit of what was
wanted counts as made, also when somebody has committed on top of it.

`back` makes main's tree that of an earlier commit, by a new commit whose large files are copied on
the Hub: nothing is uploaded, and history stays.
"""

import time
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from omi2_hub.errors import explain, leaving, status, transient
from omi2_hub.manifest import CARD, MANIFEST
from omi2_hub.notices import NOTICES, Notices, render, with_block
from omi2_hub.remote import (
    KEPT,
    PAUSES,
    Remote,
    RemoteFile,
    api,
    blob_at,
    blob_id,
    call,
    content,
    tree,
)

Tree = Mapping[str, RemoteFile]


def commit(
    repo: str, operations: list[Any], message: str, parent: str, arrived: Callable[[Tree], bool]
) -> str:
    """Commit to main on top of `parent`; returns the commit. `arrived` knows the wanted tree."""
    doing = f"committing to {repo}"
    lost = False  # whether an answer was lost, so that the commit may have been made
    for pause in [*PAUSES, None]:
        try:
            made = api().create_commit(
                repo,
                operations,
                commit_message=message,
                repo_type="dataset",
                parent_commit=parent,
            )
            return str(made.oid)
        except Exception as error:
            again = transient(error) and pause is not None
            lost = lost or transient(error)
            unknown = f"whether {repo} got the commit is not known: the same command finds out"
            if lost and (again or status(error) == 412):
                time.sleep(pause or 0)
                with leaving(unknown):
                    if made := ours(repo, parent, arrived):
                        return made
                lost = again
            if not again:
                told = explain(error, repo, doing)
                what = unknown if lost else "nothing of yours was committed"
                raise type(told)(f"{told}; {what}") from error
    raise AssertionError("unreachable")  # the last pause is None


def ours(repo: str, parent: str, arrived: Callable[[Tree], bool]) -> str | None:
    """The commit on top of `parent` in main's history, if its tree is what was wanted."""
    since = list(takewhile(lambda one: one != parent, history(repo, "main")))
    made = since[-1] if since else None
    return made if made is not None and arrived(tree(repo, made)) else None


def back(
    repo: str,
    there: Remote,
    to: str,
    message: str,
    notices: Notices,
) -> str:
    """Commit the tree of commit `to` on top of main, with these notices on its card."""
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

    wanted = tree(repo, to)
    made_here = {CARD, NOTICES}
    operations: list[Any] = [
        CommitOperationDelete(path)
        for path in sorted(
            there.tree.keys() - wanted.keys() - KEPT - ({NOTICES} if notices else set())
        )
    ]
    operations += [
        CommitOperationCopy(path, path, src_revision=to)
        for path, file in sorted(wanted.items())
        if path not in KEPT | made_here and not same(there.tree.get(path), file)
    ]
    small = {}
    if CARD in wanted:
        small[CARD] = with_block(content(repo, to, CARD), notices)
    if notices:
        small[NOTICES] = render(notices)
    operations += [CommitOperationAdd(path, text) for path, text in small.items()]

    def arrived(found: Tree) -> bool:
        return all(
            same(found.get(path), file) for path, file in wanted.items() if path not in made_here
        ) and all(
            found[path].blob == blob_id(text) for path, text in small.items() if path in found
        )

    return commit(repo, operations, message, there.head, arrived)


def same(one: RemoteFile | None, other: RemoteFile) -> bool:
    """Whether two entries of trees hold the same bytes."""
    return one is not None and one.blob == other.blob


def other_before(repo: str, there: Remote) -> str | None:
    """The newest commit of main's history that holds another release, not one taken back."""
    yanked = {there.tags.get(version) for version in there.readable_notices}
    now = there.tree[MANIFEST].blob if MANIFEST in there.tree else None
    for one in history(repo, "main")[1:]:
        if one not in yanked and blob_at(repo, one, MANIFEST) != now:
            return one
    return None


def history(repo: str, revision: str) -> list[str]:
    """The commits of a revision, newest first."""
    found = call(
        repo,
        f"reading the history of {revision[:12]}",
        lambda: api().list_repo_commits(repo, repo_type="dataset", revision=revision),
    )
    return [str(one.commit_id) for one in found]
