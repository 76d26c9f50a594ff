"""Two pushes at once, and everything that can go wrong once main holds the commit.

Whatever happens, the last line says what main holds, and it is true.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import releases
from .conftest import Commands, Said
from .helpers import NOTHING, changed, edit, push, titles
from .hub_store import Refused
from .local_hub import WRITE, Fault, Hub

Run = Callable[..., Said]


@pytest.fixture
def other(hub: Hub, tmp_path_factory: Any, tmp_path: Path) -> Any:
    """Somebody else, who runs commands in the middle of ours."""
    made = Commands(hub, tmp_path_factory.mktemp("other"))
    yield lambda *args: made.ask(args=list(map(str, args)), token=WRITE, cwd=str(tmp_path))
    made.close()


def test_two_first_pushes_at_once(
    hub: Hub, repo: str, run: Run, other: Run, release: Path, tmp_path: Path
) -> None:
    """The other one creates the dataset and publishes it while this one is about to create it."""
    mine = changed(tmp_path, name="mine")
    held: list[Said] = []

    def meanwhile(number: int, method: str, path: str) -> None:
        if path == "/api/repos/create" and not held:
            held.append(Said(0, "", ""))
            held.append(push(other, release, repo, "v0.1.0"))

    hub.fault = meanwhile
    said = push(run, mine, repo, "v0.1.0")
    assert held[1].code == 0, held
    assert said.code == 1, said
    assert "v0.1.0 exists, and a version never changes" in said.err
    assert "nothing of yours was committed" in said.err
    assert titles(hub, repo) == ["v0.1.0", "initial commit"]
    assert run("verify", f"{repo}@v0.1.0", "--format", "json").json["rows"] == 60


def after_the_commit(hub: Hub, repo: str, strike: Callable[[str, str], str | None]) -> Fault:
    """A fault that is asked for every request once main holds v0.2.0."""

    def fault(number: int, method: str, path: str) -> str | None:
        made = [t for t in titles(hub, repo) if t == "v0.2.0"]
        return strike(method, path) if made else None

    return fault


def garble(hub: Hub, repo: str, path: str, text: bytes) -> None:
    """The Hub loses what it stored: the file has the right name and hash, and other bytes."""
    entry = hub.store.repo("dataset", repo).find("main").tree[path]
    hub.store.blobs[entry.blob] = text


@pytest.mark.parametrize("text", [b"<html>", b"[" * 200_000, b'{"omi2": "release", "format": 1}'])
def test_a_manifest_that_cannot_be_read_back_is_put_back(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path, text: bytes
) -> None:
    push(run, release, repo, "v0.1.0")
    good = hub.store.repo("dataset", repo).find("main").tree
    new = changed(tmp_path, seed=repr(text[:20]))

    def strike(method: str, path: str) -> None:
        if titles(hub, repo)[0] == "v0.2.0":
            garble(hub, repo, "manifest.json", text)

    hub.fault = after_the_commit(hub, repo, strike)
    said = push(run, new, repo, "v0.2.0")
    assert said.code == 1
    assert "main was put back to what it held before" in said.err
    assert "v0.2.0 was not tagged" in said.err
    assert hub.store.repo("dataset", repo).find("main").tree == good
    assert titles(hub, repo)[:2] == ["Take v0.2.0 back", "v0.2.0"]


def test_a_file_that_is_not_there_when_it_is_verified_is_put_back(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")

    def strike(method: str, path: str) -> None:
        head = hub.store.repo("dataset", repo).branches["main"]
        if f"/resolve/{head}/reports/" in path and titles(hub, repo)[0] == "v0.2.0":
            raise Refused(404, "Entry not found", "EntryNotFound")

    hub.fault = after_the_commit(hub, repo, strike)
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 1
    assert "main was put back to what it held before" in said.err
    assert titles(hub, repo)[0] == "Take v0.2.0 back"


def test_a_verification_that_is_forbidden_says_what_main_holds(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    """It is not known to be wrong, so nothing is put back; and the same command goes on."""
    push(run, release, repo, "v0.1.0")
    hub.fault = after_the_commit(
        hub, repo, lambda method, path: "403" if "/tree/" in path else None
    )
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 1
    head = hub.store.repo("dataset", repo).branches["main"]
    assert f"main holds commit {head[:12]} of v0.2.0, untagged and unverified" in said.err
    assert "(403 while" in said.err
    hub.fault = NOTHING
    assert push(run, changed(tmp_path), repo, "v0.2.0").code == 0
    assert hub.store.repo("dataset", repo).tags["v0.2.0"] == head


@pytest.mark.parametrize("way", ["somebody commits", "forbidden"])
def test_a_way_back_that_fails_says_what_main_holds(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path, way: str
) -> None:
    push(run, release, repo, "v0.1.0")

    def strike(method: str, path: str) -> str | None:
        if titles(hub, repo)[0] == "v0.2.0":
            garble(hub, repo, "reports/funnel.json", b"lost")
            if "/commit/main" in path and way == "forbidden":
                return "403"
            if "/commit/main" in path:
                edit(hub, repo, "other.txt", b"x")
        return None

    hub.fault = after_the_commit(hub, repo, strike)
    said = push(run, changed(tmp_path, seed=way), repo, "v0.2.0")
    made = [c for c in hub.store.repo("dataset", repo).history("main") if "v0.2.0" in c.title]
    assert said.code == 1
    assert f"main holds commit {made[0].oid[:12]} of v0.2.0, untagged" in said.err
    assert "reports/funnel.json has sha256" in said.err
    assert ("changed by somebody else" in said.err) is (way == "somebody commits")
    assert "(403 while" in said.err or way == "somebody commits"
    assert list(hub.store.repo("dataset", repo).tags) == ["v0.1.0"]


def lose_the_commit(hub: Hub, repo: str, how: str, head: str) -> None:
    """The first commit fails in this way; then somebody commits on top of `head`."""
    lost: list[str] = []

    def lose(number: int, method: str, path: str) -> str | None:
        if "/commit/main" in path and not lost:
            lost.append(path)
            return how
        if lost and titles(hub, repo)[0] == head:
            edit(hub, repo, "other.txt", b"x")
        return None

    hub.fault = lose


def test_an_answer_that_is_lost_while_somebody_commits_on_top(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    """Our commit is in the history: it is found, verified and tagged."""
    push(run, release, repo, "v0.1.0")
    lose_the_commit(hub, repo, "drop-after", "v0.2.0")
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 0, said
    assert titles(hub, repo) == ["Update other.txt", "v0.2.0", "v0.1.0", "initial commit"]
    there = hub.store.repo("dataset", repo)
    assert there.tags["v0.2.0"] == there.history("main")[1].oid


def test_a_commit_that_was_never_made_is_told_as_such(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    """The connection goes before the Hub does it, and somebody else is faster then."""
    push(run, release, repo, "v0.1.0")
    lose_the_commit(hub, repo, "drop", "v0.1.0")
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 1
    assert "was changed by somebody else while this ran" in said.err
    assert "nothing of yours was committed" in said.err
    assert titles(hub, repo)[0] == "Update other.txt"


@pytest.mark.parametrize(
    ("path", "how", "says"),
    [
        ("data/tier1-00000-of-00001.parquet", "unlink", "was taken away while it was uploaded"),
        ("manifest.json", "write", "was written to while it was uploaded"),
        ("manifest.json", "unlink", "was taken away while it was uploaded"),
    ],
)
def test_a_file_that_changes_while_it_is_uploaded(
    hub: Hub, repo: str, run: Run, tmp_path: Path, path: str, how: str, says: str
) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(12, seed=how + path))

    def touch(number: int, method: str, where: str) -> None:
        if "/preupload/" in where and (root / path).exists():
            (root / path).unlink() if how == "unlink" else (root / path).write_bytes(b"{}")

    hub.fault = touch
    said = push(run, root, repo, "v0.1.0")
    assert said.code == 1
    assert f"{path} {says}" in said.err
    assert titles(hub, repo) == ["initial commit"]
