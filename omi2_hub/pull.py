"""Bring a published version into a folder, verified, so that it is again what was built.

Every file is downloaded into a folder inside DIR, its sha256 checked against the version's
manifest, and then renamed into its place; manifest.json is written last, so its presence means
complete. The same command goes on after an interruption: what is in its place and right is not
fetched again, and a half-downloaded file is gone on with. The card comes without its notices.

The folder inside DIR names the commit, so that two versions never mix in one DIR. Files that lay
there before and are not the version's are told, and left alone.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omi2_hub.errors import HubError, UsageError, Wrong, judging, no_room
from omi2_hub.manifest import CARD, MANIFEST, Manifest, read_manifest
from omi2_hub.notices import strip
from omi2_hub.release import hash_file
from omi2_hub.remote import content
from omi2_hub.text import plain
from omi2_hub.verify import fetch

PART = ".omi2-pull"


@dataclass(frozen=True)
class Pulled:
    """What a pull did."""

    commit: str
    rows: int
    files: int
    fetched: int
    others: tuple[str, ...]  # files in the folder that are not the version's


def pull(repo: str, commit: str, folder: Path, tell: Callable[[str], None]) -> Pulled:
    """Download the release at this commit into `folder`."""
    with judging(f"{repo}@{commit[:12]}"):
        text = content(repo, commit, MANIFEST)
        manifest = read_manifest(text, MANIFEST)
    try:
        _may_write(folder, commit, text)
        part = folder / PART / commit
        part.mkdir(parents=True, exist_ok=True)
        fetched = _files(repo, commit, manifest, folder, tell)
        (part / MANIFEST).write_bytes(text)
        (part / MANIFEST).rename(folder / MANIFEST)
        shutil.rmtree(folder / PART)
        ours = {*manifest.files, MANIFEST}
        held = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
        others = tuple(sorted(path for path in held if path not in ours))
    except (HubError, OSError) as error:
        if no_room(error):
            raise HubError(
                f"no room to write in {folder}: free some space, then run the same command again;"
                " what was pulled is kept"
            ) from error
        if isinstance(error, HubError):
            raise
        raise HubError(
            f"{error.filename or folder} cannot be written ({error.strerror}): give another folder"
        ) from error
    return Pulled(commit, manifest.rows, len(manifest.files), fetched, others)


def _may_write(folder: Path, commit: str, text: bytes) -> None:
    """Only into nothing, an empty folder, or what an earlier pull of the same version left."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder")
    held = {path.name for path in folder.iterdir()}
    if not held:
        return
    if PART in held:
        begun = [path.name for path in (folder / PART).iterdir()]
        if begun in ([], [commit]):
            return
        raise UsageError(
            f"{folder} holds half of another version ({', '.join(begun)[:12]}): give an empty"
            " folder, or go on with that one"
        )
    manifest = folder / MANIFEST
    if manifest.is_file() and manifest.read_bytes() == text:
        return
    shown = plain(", ".join(sorted(held)[:3]))
    raise UsageError(f"{folder} holds something else ({shown}): give an empty folder")


def _files(
    repo: str, commit: str, manifest: Manifest, folder: Path, tell: Callable[[str], None]
) -> int:
    """Every file that is not there yet; returns how many were fetched."""
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
        got = fetch(repo, commit, path, folder / PART / commit)
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
