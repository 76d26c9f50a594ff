"""Publish a release: one commit, verified, then tagged.

How it works, in the order it happens:
- the plan was made: every gate passed, every file compared with main by hash;
- a dataset that is missing is created, and looked at again;
- what is new is uploaded from its path, a group of files at a time, several at once; what the Hub
  has already, from an earlier try too, is not sent again;
- one commit, on top of the commit that was planned on: main is the old release or the new one;
- that very commit is verified. If it is wrong, one more commit brings the parent's tree back;
- only then the tag. A version that has its tag was verified.

Interrupted anywhere, the same command goes on: what is uploaded is found by hash, a commit that was
made is found on main, a tag that was set ends it. An answer that is lost counts as not given.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omi2_hub import remote
from omi2_hub.commits import Tree, back, commit, parent_of
from omi2_hub.errors import HubError, RemoteError, status
from omi2_hub.plan import Item, Plan, compare, contents
from omi2_hub.remote import api, call
from omi2_hub.verify import Wrong, verify

GROUP_BYTES = 1 << 30
GROUP_FILES = 64
"""Files that are uploaded before the next line of progress: about 1 GiB."""
THREADS = 4

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Pushed:
    """What a push did. `sent` counts the bytes of the files that were not on main."""

    version: str
    commit: str
    files: int
    sent: int
    already: bool = False


def push(plan: Plan, *, lfs: bool, tell: Tell) -> Pushed:
    """Do what the plan says. Its gates must have passed."""
    repo, version = plan.repo, str(plan.version)
    if plan.refused or plan.version is None:
        raise HubError("a gate does not pass; nothing was done")
    if plan.done:
        return Pushed(version, plan.remote.tags[version], 0, 0, already=True)
    need_token(repo)
    if plan.remote.status == "missing":
        create(repo, plan.private, tell)
        there = remote.need(repo, manifests=True)
        items = compare(contents(plan.release, there.notices), there)
        plan = replace(plan, remote=there, items=tuple(items))
    head, moving = plan.remote.head, plan.moving
    if moving:
        if not lfs:
            lfs = not has_xet(repo)
            if lfs:
                tell("this Hub has no Xet: uploading as plain LFS")
        operations = upload(repo, moving, lfs, tell)
        untouched(plan)
        head = commit(repo, operations, plan.message, plan.remote.head, arrived(plan))
        tell(f"committed as {head[:12]}; verifying it")
    else:
        tell(f"main holds these files already, at {head[:12]}; verifying it")
    check(plan, head, tell)
    tag(repo, version, head, plan.message)
    sent = [item for item in moving if item.fate != "delete"]
    return Pushed(version, head, len(sent), sum(item.bytes for item in sent))


def need_token(repo: str) -> None:
    """The library's own login, HF_TOKEN, or OIDC in Actions (HF_OIDC_RESOURCE): one is wanted."""
    from huggingface_hub import get_token

    token = call(repo, "looking for a token", get_token)
    if token is None:
        raise HubError("no token: run `hf auth login`, or set HF_TOKEN to one that may write")


def create(repo: str, private: bool, tell: Tell) -> None:
    """Create the dataset; that it exists by now is fine."""
    call(
        repo,
        f"creating {repo}",
        lambda: api().create_repo(repo, repo_type="dataset", private=private, exist_ok=True),
    )
    tell(f"created the {'private' if private else 'public'} dataset {repo}")


def has_xet(repo: str) -> bool:
    """Whether the Hub takes Xet uploads; the client library does not find out by itself."""
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status

    if constants.HF_HUB_DISABLE_XET:
        return False
    url = f"{constants.ENDPOINT}/api/datasets/{repo}/xet-write-token/main"

    def ask() -> bool:
        answer = get_session().get(url, headers=build_hf_headers())
        if answer.status_code == 404:
            return False
        hf_raise_for_status(answer)
        return True

    return call(repo, "asking for Xet", ask)


def upload(repo: str, items: list[Item], lfs: bool, tell: Tell) -> list[Any]:
    """Upload what is new, and return the commit's operations, deletions first."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, constants

    constants.HF_HUB_DISABLE_XET = lfs  # the library's own switch; it has no argument for it
    operations: list[Any] = [CommitOperationDelete(i.path) for i in items if i.fate == "delete"]
    additions = []
    for item in items:
        if item.fate == "delete" or item.source is None or item.sha256 is None:
            continue
        source = str(item.source) if isinstance(item.source, Path) else item.source
        addition = CommitOperationAdd(item.path, source)
        addition.upload_info.sha256 = bytes.fromhex(item.sha256)  # hashed once, by the gates
        additions.append((item, addition))
    done, total = 0, sum(item.bytes for item, _ in additions)
    count = 0
    for group in groups(additions):
        files = [addition for _, addition in group]

        def send(files: list[Any] = files) -> None:
            api().preupload_lfs_files(
                repo, files, repo_type="dataset", revision="main", num_threads=THREADS
            )

        call(repo, f"uploading {files[0].path_in_repo}", send)
        count += len(group)
        done += sum(item.bytes for item, _ in group)
        tell(f"uploaded {count} of {len(additions)} files, {done:,} of {total:,} bytes")
    return [*operations, *(addition for _, addition in additions)]


def untouched(plan: Plan) -> None:
    """No file was written to since it was hashed: what was sent is what the gates saw."""
    release = plan.release
    for path, stamp in release.facts.stamps.items():
        if (release.root / path).stat().st_mtime_ns != stamp:
            raise HubError(
                f"{path} was written to while it was uploaded: nothing was committed; let the build"
                " end, then run the same command again"
            )


def groups(additions: list[tuple[Item, Any]]) -> list[list[tuple[Item, Any]]]:
    """The files in groups of about GROUP_BYTES."""
    found: list[list[tuple[Item, Any]]] = []
    size = 0
    for item, addition in additions:
        if not found or size + item.bytes > GROUP_BYTES or len(found[-1]) == GROUP_FILES:
            found.append([])
            size = 0
        found[-1].append((item, addition))
        size += item.bytes
    return found


def arrived(plan: Plan) -> Callable[[Tree], bool]:
    """Whether a tree is the one that this push commits."""

    def is_it(tree: Tree) -> bool:
        there = remote.Remote("there", tree=tree)
        items = compare(contents(plan.release, plan.remote.notices), there)
        return all(item.fate == "same" for item in items)

    return is_it


def check(plan: Plan, head: str, tell: Tell) -> None:
    """Verify the commit; if it is wrong, bring the tree of its parent back and say so."""
    repo = plan.repo
    try:
        verify(repo, head, expected=plan.release.manifest)
    except Wrong as wrong:
        there = remote.need(repo)
        if there.head != head:
            raise HubError(
                f"{wrong}; {plan.version} was not tagged, and main was changed by somebody else"
                f" since {head[:12]}, so it was left as it is: look at it"
            ) from wrong
        parent = plan.remote.head if plan.remote.head != head else parent_of(repo, head)
        if parent is None:
            raise HubError(f"{wrong}; {plan.version} was not tagged") from wrong
        message = f"Take {plan.version} back: it failed its verification"
        back(repo, there, parent, message, plan.remote.notices)
        raise HubError(
            f"{wrong}; main was put back to what it held before ({parent[:12]}), and {plan.version}"
            " was not tagged: build the release again"
        ) from wrong


def tag(repo: str, version: str, commit: str, message: str) -> None:
    """Set the tag. That it is set already is fine if it names this commit."""
    doing = f"tagging {version}"

    def ask() -> None:
        try:
            api().create_tag(
                repo, tag=version, revision=commit, tag_message=message, repo_type="dataset"
            )
        except Exception as error:
            if status(error) != 409:
                raise
            found = remote.state(repo, manifests=False)
            if found.status != "there":
                raise RemoteError(found.why) from error
            if found.tags.get(version) != commit:
                raise HubError(
                    f"somebody else published {version} meanwhile (it names"
                    f" {found.tags.get(version, 'nothing')[:12]}): yours is on main, without a tag;"
                    " plan it again under the next version"
                ) from error

    call(repo, doing, ask)
