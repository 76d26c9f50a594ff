"""What the Hub holds of a dataset, read through huggingface_hub, and how its calls are retried.

`state` needs three to five small requests: refs, the tree of main, the manifests of main and of the
highest version, notices.json. Without a token it sees public datasets only; offline it says so
instead of failing, for `plan` to tell.

`call` is the one way to ask: a busy server or a lost connection is asked again with growing pauses,
on top of the tries that the client library makes by itself for some requests (uploads, downloads);
everything else becomes one of the sentences in `errors` at once.

A tag that looks like a version and names no release of ours is `odd`, and no version. notices.json
is parsed where it is wanted: a broken one stops nothing but what needs it.
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from omi2_hub.errors import (
    HubError,
    RemoteError,
    UsageError,
    Wrong,
    explain,
    judging,
    transient,
)
from omi2_hub.manifest import MANIFEST, Manifest, read_manifest
from omi2_hub.notices import NOTICES, Yank
from omi2_hub.notices import parse as parse_notices
from omi2_hub.text import plain
from omi2_hub.versions import Version, versions_of

PAUSES = [1.0, 2.0, 4.0, 8.0]
"""Seconds before each further try, as the client library's own (its http_backoff)."""
CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""The library waits for ever by itself; one commit of many files may take the Hub a minute."""
KEPT = frozenset({".gitattributes"})
"""What the Hub itself puts into a new dataset; no release touches it."""

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteFile:
    """A file in a tree of the Hub: `sha256` for large files, the git blob id for all."""

    path: str
    bytes: int
    blob: str
    sha256: str | None


@dataclass(frozen=True)
class Remote:
    """What the Hub holds; `unknown` when it could not be asked."""

    status: Literal["there", "missing", "unknown"]
    why: str = ""
    head: str = ""  # the commit main is at
    tree: Mapping[str, RemoteFile] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)  # every tag -> its commit
    main: Manifest | None = None  # the manifest on main
    last: Manifest | None = None  # the manifest of the highest version, yanked or not
    noted: bytes = b""  # notices.json
    odd: frozenset[str] = frozenset()  # tags above `last` that look like versions and are none

    @property
    def versions(self) -> list[Version]:
        """Every version, lowest first."""
        return versions_of(tag for tag in self.tags if tag not in self.odd)

    @property
    def notices(self) -> dict[str, Yank]:
        """What was taken back; a HubError if notices.json cannot be read."""
        return parse_notices(self.noted) if self.noted else {}

    @property
    def readable_notices(self) -> dict[str, Yank]:
        """The notices, or none if notices.json cannot be read: `edits` tells of that."""
        try:
            return self.notices
        except HubError:
            return {}


def check_name(repo: str) -> str:
    """The name, if it can be one: ORG/NAME."""
    if "/" not in repo:
        raise UsageError(
            f"{repo!r} has no namespace: on the Hub every dataset lies under a user or an"
            f" organisation, and load_dataset({repo!r}) can only be a folder in the working"
            f" directory; give ORG/{repo} (`hf auth whoami` names yours)"
        )
    part = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
    if (
        not re.fullmatch(f"{part}/{part}", repo)
        or "--" in repo
        or ".." in repo
        or repo.endswith(".git")
    ):
        raise UsageError(
            f"{repo!r} is not a dataset's name: ORG/NAME, of letters, digits, '-', '_' and '.'"
        )
    return repo


def check_revision(text: str) -> tuple[str, str]:
    """ORG/NAME@v1.2.0 in its two parts; the second may be main."""
    repo, _, version = text.partition("@")
    if not version:
        raise UsageError(f"{text!r} names no version: give {repo}@v1.2.0, or {repo}@main")
    return check_name(repo), version


def api() -> Any:
    """The client, with time limits and in our name. The token is the library's own affair."""
    import httpx2
    from huggingface_hub import HfApi, get_session

    import omi2

    get_session().timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    return HfApi(library_name="omi2-hub", library_version=omi2.__version__)


def call(repo: str, doing: str, ask: Callable[[], T], *, again: bool = True) -> T:
    """Ask the Hub; with `again`, up to four times more when that may help."""
    for pause in [*PAUSES, None] if again else [None]:
        try:
            return ask()
        except HubError:
            raise
        except Exception as error:
            if pause is None or not transient(error):
                raise explain(error, repo, doing) from error
            time.sleep(max(pause, _retry_after(error)))
    raise AssertionError("unreachable")  # the last pause is None


def _retry_after(error: BaseException) -> float:
    """The server's own wish, up to a minute."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    value = str(headers.get("Retry-After", ""))
    return min(60.0, float(value)) if value.isdigit() else 0.0


def state(repo: str, *, patient: bool = True, manifests: bool = True) -> Remote:
    """What the Hub holds of this dataset now; impatient, a Hub out of reach is not asked again.

    A manifest on main that cannot be read counts as none: then everything there is an edit.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    hub = api()

    def refs() -> Any:
        try:
            return hub.list_repo_refs(repo, repo_type="dataset")
        except GatedRepoError:
            raise
        except RepositoryNotFoundError as error:
            if "Invalid" in str(error) and "Authorization" in str(error):
                raise
            return None

    try:
        found = call(repo, f"reading the refs of {repo}", refs, again=patient)
    except RemoteError as error:
        return Remote("unknown", str(error))
    if found is None:
        return Remote("missing", f"no dataset {repo} that this token (or no token) may see")
    tags = {tag.name: tag.target_commit for tag in found.tags}
    head = next((b.target_commit for b in found.branches if b.name == "main"), "")
    if not head:
        return Remote("there", head="", tags=tags)
    files = tree(repo, head)
    noted = content(repo, head, NOTICES) if NOTICES in files else b""
    main = readable(repo, head) if manifests and MANIFEST in files else None
    last, odd = None, set()
    for version in reversed(versions_of(tags)) if manifests else ():
        commit = tags[str(version)]
        last = main if commit == head else readable(repo, commit)
        if last is not None:
            break
        odd.add(str(version))
    return Remote("there", "", head, files, tags, main, last, noted, frozenset(odd))


def need(repo: str, *, manifests: bool = False) -> Remote:
    """The state of a dataset that has to be there; its manifests only when they are needed."""
    found = state(repo, manifests=manifests)
    if found.status == "unknown":
        raise RemoteError(found.why)
    if found.status == "missing":
        kind = " (there is a model of that name)" if _is_model(repo) else ""
        raise HubError(
            f"there is no dataset {repo} on the Hub{kind}, or it is private and this token may not"
            " see it: check the name and `hf auth whoami`"
        )
    return found


def commit_of(repo: str, remote: Remote, version: str) -> str:
    """The commit of a version, or of main."""
    if version == "main" and remote.head:
        if MANIFEST not in remote.tree:
            raise HubError(
                f"main of {repo} holds no release: every version was taken back, or none was"
                f" published; `omi2-hub versions {repo}` lists what there is"
            )
        return remote.head
    if version in remote.tags:
        return remote.tags[version]
    known = ", ".join(map(str, remote.versions)) or "none"
    raise HubError(f"{repo} has no version {plain(version)}; it has {known}")


def tree(repo: str, commit: str) -> dict[str, RemoteFile]:
    """Every file of a commit."""
    from huggingface_hub.hf_api import RepoFile

    def listing() -> dict[str, RemoteFile]:
        found = api().list_repo_tree(repo, recursive=True, revision=commit, repo_type="dataset")
        return {
            f.path: RemoteFile(f.path, f.size, f.blob_id, f.lfs.sha256 if f.lfs else None)
            for f in found
            if isinstance(f, RepoFile)
        }

    return call(repo, f"listing the files of {commit[:12]}", listing)


def content(repo: str, commit: str, path: str) -> bytes:
    """A small file, whole."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status

    api()  # sets the time limits

    def get() -> bytes:
        url = hf_hub_url(repo, path, repo_type="dataset", revision=commit)
        answer = get_session().get(url, headers=build_hf_headers(), follow_redirects=True)
        hf_raise_for_status(answer)
        return bytes(answer.content)

    return call(repo, f"reading {path} of {commit[:12]}", get)


def manifest_at(repo: str, commit: str) -> Manifest:
    """The manifest of a commit; `Wrong` if it has none that can be read."""
    with judging(f"{repo}@{commit[:12]}"):
        return read_manifest(content(repo, commit, MANIFEST), MANIFEST)


def readable(repo: str, commit: str) -> Manifest | None:
    """The manifest of a commit, or None if it has none that can be read: no release of ours."""
    try:
        return manifest_at(repo, commit)
    except Wrong:
        return None


def blob_at(repo: str, commit: str, path: str) -> str | None:
    """The git blob id of one file of a commit; None if it has no such file."""
    found = call(
        repo,
        f"looking at {path} of {commit[:12]}",
        lambda: api().get_paths_info(repo, [path], revision=commit, repo_type="dataset"),
    )
    return next((str(file.blob_id) for file in found if file.path == path), None)


def is_private(repo: str) -> bool:
    """Whether the dataset can be seen by few."""
    ask = f"asking whether {repo} is private"
    return bool(call(repo, ask, lambda: api().repo_info(repo, repo_type="dataset").private))


def _is_model(repo: str) -> bool:
    return bool(
        call(repo, "looking for a model", lambda: api().repo_exists(repo, repo_type="model"))
    )


def blob_id(content: bytes) -> str:
    """The id git gives to this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
