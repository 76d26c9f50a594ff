"""Xet: the real hf_xet client against a local store of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import releases, xet_store
from .conftest import Said
from .local_hub import Hub

Run = Callable[..., Said]
Python = Callable[[str], Said]


@pytest.fixture
def cas(hub: Hub, tmp_path: Path) -> Iterator[Path]:
    """A Hub with Xet; the files that other tests uploaded are not there."""
    hub.cas = tmp_path / "cas"
    hub.cas.mkdir()
    for path in (hub.store.root / "lfs").iterdir():
        path.unlink()
    yield hub.cas
    hub.cas = None


def test_xet_is_used_where_the_hub_has_it(
    hub: Hub, repo: str, run: Run, python: Python, release: Path, cas: Path
) -> None:
    before = len(hub.log)
    said = run("push", release, "--repo", repo, "--version", "v0.1.0", "-y")
    assert said.code == 0, said
    assert "no Xet" not in said.err
    asked = [path for _, path in hub.log[before:]]
    assert any("xet-write-token" in path for path in asked)
    assert not [path for path in asked if "/lfs/" in path]
    known = xet_store.files(cas)
    files = releases.manifest_of(release)["files"]
    assert set(known) == {f["sha256"] for f in files.values() if "rows" in f}
    assert run("verify", f"{repo}@v0.1.0").code == 0
    lines = f"print(sum(1 for _ in load_dataset({repo!r}, split='train', streaming=True)))"
    assert python(f"from datasets import load_dataset\n{lines}").out.strip() == "60"
    assert run("pull", f"{repo}@v0.1.0", "back").code == 0


def test_a_shard_that_is_written_to_during_the_upload(
    hub: Hub, repo: str, run: Run, release: Path, cas: Path
) -> None:
    """Xet is told the sha256 that the gates saw; other bytes must not be published under it."""

    def write(number: int, method: str, path: str) -> None:
        if "xet-write-token" in path:
            shard = release / "data" / "tier0-00000-of-00001.parquet"
            text = bytearray(shard.read_bytes())
            text[2000] ^= 1
            shard.write_bytes(text)

    hub.fault = write
    said = run("push", release, "--repo", repo, "--version", "v0.1.0", "-y")
    assert said.code == 1
    assert "was written to while it was uploaded" in said.err
    assert list(hub.store.repo("dataset", repo).find("main").tree) == [".gitattributes"]


def test_plain_lfs_when_asked_for(hub: Hub, repo: str, run: Run, release: Path, cas: Path) -> None:
    before = len(hub.log)
    said = run("push", release, "--repo", repo, "--version", "v0.1.0", "-y", "--lfs")
    assert said.code == 0, said
    assert len([p for method, p in hub.log[before:] if method == "PUT"]) == 2
    assert xet_store.files(cas) == {}


def test_plain_lfs_when_the_hub_has_no_xet(hub: Hub, repo: str, run: Run, release: Path) -> None:
    before = len(hub.log)
    said = run("push", release, "--repo", repo, "--version", "v0.1.0", "-y", xet=True)
    assert said.code == 0, said
    assert "this Hub has no Xet: uploading as plain LFS" in said.err
    assert any("xet-write-token" in path for _, path in hub.log[before:])


def test_rows_added_together_store_little_that_is_new(
    hub: Hub, repo: str, run: Run, tmp_path: Path, cas: Path
) -> None:
    """Content-defined chunks, from Parquet's pages to the store: what did not change is found."""
    made = releases.rows_of(6000, words=150)
    old = releases.write(tmp_path / "old", made, tiers=1)
    assert run("push", old, "--repo", repo, "--version", "v0.1.0", "-y").code == 0
    first = xet_store.stored_bytes(cas)
    new = releases.write(tmp_path / "new", made + releases.rows_of(3, seed="n", words=150), tiers=1)
    assert run("push", new, "--repo", repo, "--version", "v0.2.0", "-y").code == 0
    assert run("verify", f"{repo}@v0.1.0").code == 0
    assert run("verify", f"{repo}@v0.2.0").code == 0
    assert first > 2_000_000
    assert xet_store.stored_bytes(cas) - first < 0.7 * first
