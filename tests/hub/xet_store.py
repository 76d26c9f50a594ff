"""The Xet side of the local Hub: a store that the real hf_xet client writes, read back for HTTP.

A `local://` CAS url makes hf_xet keep its xorbs and shards in a folder instead of sending them. A
shard's file section tells which Xet file has which sha256 (xet-core, mdb_shard/file_structs.rs: 48
bytes a record; a file's header, its segments, then optional verification and metadata records).

To answer plain HTTP (what `datasets` streams with), a committed file is rebuilt once from the store
by hf_xet itself, as the real Hub's bridge does.
"""

import shutil
import struct
import tempfile
from pathlib import Path

RECORD = 48
WITH_VERIFICATION, WITH_METADATA = 1 << 31, 1 << 30
BOOKEND = b"\xff" * 32


def stored_bytes(cas: Path) -> int:
    """What the store takes: every chunk once."""
    xorbs = (path for path in cas.rglob("default.*") if path.suffix != ".tagset")
    return sum(path.stat().st_size for path in xorbs)


def files(cas: Path) -> dict[str, tuple[str, int]]:
    """sha256 -> (Xet hash, bytes) of every file in the store's shards."""
    found: dict[str, tuple[str, int]] = {}
    for shard in sorted(cas.rglob("shards/*.mdb")):
        found |= _files(shard.read_bytes())
    return found


def _files(shard: bytes) -> dict[str, tuple[str, int]]:
    found = {}
    at = RECORD  # after the shard's header
    while shard[at : at + 32] != BOOKEND:
        xet = _hex(shard[at : at + 32])
        flags, count = struct.unpack_from("<II", shard, at + 32)
        at += RECORD
        size = sum(struct.unpack_from("<I", shard, at + n * RECORD + 36)[0] for n in range(count))
        at += count * RECORD * (2 if flags & WITH_VERIFICATION else 1)
        if flags & WITH_METADATA:
            found[_hex(shard[at : at + 32])] = (xet, size)
            at += RECORD
    return found


def _hex(hashed: bytes) -> str:
    """A hash as Xet writes it: four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", hashed))


def rebuild(cas: Path, xet: str, size: int, to: Path) -> None:
    """Write a stored file to `to`, by hf_xet.

    The client may still hold the store's one lock, on its table; so the store is read through a
    copy of the table and links to everything else. Two clients at once cannot write to one store.
    """
    import hf_xet

    session = hf_xet.XetSession()
    with tempfile.TemporaryDirectory(dir=cas.parent) as view:
        for path in cas.rglob("*"):
            if path.is_file():
                link = Path(view) / path.relative_to(cas)
                link.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix == ".redb":
                    shutil.copyfile(path, link)
                else:
                    link.hardlink_to(path)
        with session.new_file_download_group(endpoint=f"local://{view}") as group:
            group.start_download_file(hf_xet.XetFileInfo(xet, size), str(to))
