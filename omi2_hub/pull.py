"""Bring a published version into a folder, verified, so that it is again what was built.

Every file is downloaded into a folder inside DIR, its sha256 checked against the version's
manifest, and then renamed into its place; manifest.json is written last, so its presence means
complete. The same command goes on after an interruption: what is in its place and right is not
fetched again, and a half-downloaded file is gone on with. The card comes without its notices.
"""

import errno
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omi2_hub.errors import HubError, UsageError
from omi2_hub.notices import strip
from omi2_hub.release import CARD, MANIFEST, Manifest, hash_file, read_manifest
from omi2_hub.remote import content
from omi2_hub.verify import Wrong, fetch

PART = ".omi2-pull"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Pulled:
    """What a pull did."""

    commit: str
    rows: int
    files: int
    fetched: int


def pull(repo: str, commit: str, folder: Path, tell: Callable[[str], None]) -> Pulled:
    """Download the release at this commit into `folder`."""
    text = content(repo, commit, MANIFEST)
    manifest = read_manifest(text, f"{MANIFEST} of {repo}@{commit[:12]}")
    _may_write(folder, text)
    try:
        fetched = _files(repo, commit, manifest, folder, tell)
        part = folder / PART / MANIFEST
        part.write_bytes(text)
        part.rename(folder / MANIFEST)
        shutil.rmtree(folder / PART)
    except HubError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in FULL:
            raise _full(folder) from error
        raise
    except OSError as error:
        if error.errno in FULL:
            raise _full(folder) from error
        raise HubError(
            f"{folder} cannot be written ({error.strerror}): give another folder"
        ) from error
    return Pulled(commit, manifest.rows, len(manifest.files), fetched)


def _may_write(folder: Path, text: bytes) -> None:
    """Only into nothing, an empty folder, or what an earlier pull of the same version left."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder")
    held = {path.name for path in folder.iterdir()}
    if not held or PART in held:
        return
    if MANIFEST in held and (folder / MANIFEST).read_bytes() == text:
        return
    raise UsageError(
        f"{folder} holds something else ({', '.join(sorted(held)[:3])}): give an empty folder"
    )


def _files(
    repo: str, commit: str, manifest: Manifest, folder: Path, tell: Callable[[str], None]
) -> int:
    """Every file that is not there yet; returns how many were fetched."""
    (folder / PART).mkdir(parents=True, exist_ok=True)
    missing = [
        p for p, entry in sorted(manifest.files.items()) if not _right(folder / p, entry.sha256)
    ]
    need = sum(manifest.files[path].bytes for path in missing)
    free = shutil.disk_usage(folder).free
    if need > free:
        raise HubError(
            f"{folder} has {free:,} bytes free and {need:,} are needed: free some, or give another"
        )
    for count, path in enumerate(missing, 1):
        got = fetch(repo, commit, path, folder / PART)
        if path == CARD:
            got.write_bytes(strip(got.read_bytes()))
        found = hash_file(got)[1]
        if found != manifest.files[path].sha256:
            got.unlink()
            raise Wrong(
                f"{path} of {repo}@{commit[:12]} has sha256 {found[:12]}..., not the manifest's"
            )
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        got.replace(folder / path)
        tell(f"{count} of {len(missing)}: {path}, {manifest.files[path].bytes:,} bytes")
    return len(missing)


def _right(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _full(folder: Path) -> HubError:
    return HubError(
        f"no room to write in {folder}: free some space, then run the same command again; what was"
        " pulled is kept"
    )
