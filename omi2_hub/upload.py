"""Upload what is new of a release: from paths, a group of files at a time, several at once.

Xet where the Hub has it, plain LFS otherwise. What the Hub has already, from an earlier try too, is
not sent again: the client asks by hash.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omi2_hub.plan import Item
from omi2_hub.remote import api, call

GROUP_BYTES = 1 << 30
GROUP_FILES = 64
"""Files that are uploaded before the next line of progress: about 1 GiB."""
THREADS = 4

Tell = Callable[[str], None]


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
