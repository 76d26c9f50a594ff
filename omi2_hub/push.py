"""Publish a release: one commit, verified, then tagged.

How it works, in the order it happens:
- the plan was made: every gate passed, every file compared with main by hash;
- a dataset that is missing is created, and everything is planned again: somebody else may have
  created it in the same moment, and then the gates say no;
- what is new is uploaded from its path, a group of files at a time, several at once; what the Hub
  has already, from an earlier try too, is not sent again;
- one commit, on top of the commit that was planned on: main is the old release or the new one;
- that very commit is verified. If it is wrong, one more commit brings the parent's tree back; what
  fails from here on is told together with what main holds now;
- only then the tag. A version that has its tag was verified.

Interrupted anywhere, the same command goes on: what is uploaded is found by hash, a commit that was
made is found on main, a tag that was set ends it. An answer that is lost counts as not given.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from omi2_hub import plan as planning
from omi2_hub import remote
from omi2_hub.commits import Tree, back, commit, other_before
from omi2_hub.errors import HubError, NotAllowed, RemoteError, Wrong, leaving, status
from omi2_hub.plan import Plan, compare, contents
from omi2_hub.release import stamp
from omi2_hub.remote import api, call
from omi2_hub.upload import Tell, has_xet, upload
from omi2_hub.verify import verify


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
    version = str(plan.version)
    if plan.refused or plan.version is None:
        raise HubError("a gate does not pass; nothing was done")
    if not plan.done and plan.remote.status == "missing":
        plan = created(plan, tell)
    if plan.done:
        return Pushed(version, plan.remote.tags[version], 0, 0, already=True)
    head, moving = plan.remote.head, plan.moving
    if moving:
        head = send(plan, lfs, tell)
        tell(f"committed as {head[:12]}; verifying it")
    else:
        tell(f"main holds these files already, at {head[:12]}; verifying it")
    publish(plan, head)
    sent = [item for item in moving if item.fate != "delete"]
    return Pushed(version, head, len(sent), sum(item.bytes for item in sent))


def need_token(repo: str) -> None:
    """The library's own login, HF_TOKEN, or OIDC in Actions (HF_OIDC_RESOURCE): one is wanted."""
    from huggingface_hub import get_token

    token = call(repo, "looking for a token", get_token)
    if token is None:
        raise NotAllowed("no token: run `hf auth login`, or set HF_TOKEN to one that may write")
    if not token.isascii():
        raise NotAllowed(
            "the token holds characters that no token has: run `hf auth login`, or set HF_TOKEN"
        )


def created(plan: Plan, tell: Tell) -> Plan:
    """Create the dataset, and plan again on what is there then."""
    repo, private = plan.repo, plan.flags.private

    def create() -> None:
        api().create_repo(repo, repo_type="dataset", private=private, exist_ok=True)

    call(repo, f"creating {repo}", create)
    tell(f"created the {'private' if private else 'public'} dataset {repo}")
    now = planning.again(plan)
    if now.remote.status != "there":
        raise RemoteError(
            f"{repo} was created and cannot be seen yet ({now.remote.why}): try again"
        )
    if now.refused:
        said = "; ".join(f"{gate.name}: {gate.says}" for gate in now.refused)
        raise HubError(
            f"somebody else created {repo} in the same moment, and now a gate fails; {said};"
            " nothing of yours was committed"
        )
    return now


def send(plan: Plan, lfs: bool, tell: Tell) -> str:
    """Upload what is new, and commit it on top of what was planned on. Returns the commit."""
    repo = plan.repo
    if not lfs and not has_xet(repo):
        tell("this Hub has no Xet: uploading as plain LFS")
        lfs = True
    try:
        operations = upload(repo, plan.moving, lfs, tell)
    finally:
        untouched(plan)  # of a file that went away, this says more than the upload's error
    return commit(repo, operations, plan.message, plan.remote.head, arrived(plan))


def untouched(plan: Plan) -> None:
    """No file was written to since it was read: what was sent is what the gates saw."""
    release = plan.release
    for path, before in release.facts.stamps.items():
        try:
            now = stamp(release.root / path)
        except OSError:
            now = None
        if now != before:
            raise HubError(
                f"{path} was {'written to' if now else 'taken away'} while it was uploaded: nothing"
                " was committed; let the build end, then run the same command again"
            )


def arrived(plan: Plan) -> Callable[[Tree], bool]:
    """Whether a tree is the one that this push commits."""

    def is_it(tree: Tree) -> bool:
        there = replace(plan.remote, tree=tree)
        items = compare(contents(plan.release, there, plan.version), there)
        return all(item.fate == "same" for item in items)

    return is_it


def publish(plan: Plan, head: str) -> None:
    """Verify the commit and tag it; if it is wrong, put main back and say so."""
    repo, holds = plan.repo, f"main holds commit {head[:12]} of {plan.version}"
    wrong = None
    with leaving(f"{holds}, untagged and unverified"):
        try:
            verify(repo, head, expected=plan.release.manifest)
        except Wrong as error:
            wrong = error
    if wrong is not None:
        with leaving(f"{holds}, untagged, though this is wrong with it: {wrong}"):
            kept = put_back(plan, head)
        raise Wrong(
            f"{wrong}; {kept}, and {plan.version} was not tagged: look at it, and build it again"
        ) from wrong
    with leaving(f"{holds}, verified and untagged"):
        tag(repo, str(plan.version), head, plan.message)


def put_back(plan: Plan, head: str) -> str:
    """Bring main back to what it held before the commit `head`; returns what became of it."""
    repo = plan.repo
    there = remote.need(repo)
    if there.head != head:
        return f"main was changed by somebody else since {head[:12]}, so it was left as it is"
    parent = plan.remote.head if plan.remote.head != head else other_before(repo, there)
    if parent is None:
        return "main holds nothing else to go back to"
    message = f"Take {plan.version} back: it failed its verification"
    back(repo, there, parent, message, plan.notices)
    return f"main was put back to what it held before ({parent[:12]})"


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
                    f" {found.tags.get(version, 'nothing')[:12]}): plan yours again under the next"
                    " version"
                ) from error

    call(repo, doing, ask)
