"""Pushing to a local Hub over HTTP: what is published, what is refused, what a second push does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import releases
from .conftest import Commands, Said, environment
from .helpers import changed, push
from .local_hub import READ, WRITE, Hub

Run = Callable[..., Said]
Python = Callable[[str], Said]


def test_a_release_is_one_commit_then_a_tag(hub: Hub, repo: str, run: Run, release: Path) -> None:
    said = run("push", release, "--repo", repo, "--version", "v0.1.0", "-y", "--format", "json")
    assert said.code == 0, said
    there = hub.store.repo("dataset", repo)
    assert [commit.title for commit in there.history("main")] == [
        "v0.1.0: demo, 60 rows",
        "initial commit",
    ]
    assert there.tags == {"v0.1.0": there.branches["main"]}
    assert said.json["commit"] == there.branches["main"]
    wanted = {p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file()}
    assert set(there.find("v0.1.0").tree) == wanted | {".gitattributes"}


def test_an_unchanged_push_says_so_and_uploads_nothing(
    hub: Hub, repo: str, run: Run, release: Path
) -> None:
    assert push(run, release, repo, "v0.1.0").code == 0
    before = len(hub.log)
    started = time.monotonic()
    said = push(run, release, repo, "v0.1.0")
    assert said.code == 0
    assert "is published already: nothing was uploaded" in said.out
    assert time.monotonic() - started < 3
    assert {method for method, _ in hub.log[before:]} == {"GET"}


def test_a_second_version_uploads_only_what_changed(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")
    text = (release / "README.md").read_text() + "\nA word more.\n"
    (release / "README.md").write_text(text)
    releases.seal(release, releases.manifest_of(release))
    stored = list(hub.store.stored)
    said = push(run, release, repo, "v0.1.1", "--format", "json")
    assert (said.code, said.json["files"]) == (0, 2), said
    assert hub.store.stored == stored
    there = hub.store.repo("dataset", repo)
    assert list(there.tags) == ["v0.1.0", "v0.1.1"]
    assert len(there.history("main")) == 3


def test_files_that_are_gone_are_deleted_in_the_same_commit(
    hub: Hub, repo: str, run: Run, tmp_path: Path
) -> None:
    three = releases.write(tmp_path / "a", releases.rows_of(60), tiers=3)
    one = releases.write(tmp_path / "b", releases.rows_of(50), tiers=1)
    push(run, three, repo, "v0.1.0")
    assert push(run, one, repo, "v0.2.0").code == 0
    there = hub.store.repo("dataset", repo)
    assert [p for p in there.find("main").tree if p.startswith("data/")] == [
        "data/tier0-00000-of-00001.parquet"
    ]
    assert len(there.history("main")) == 3
    assert "data/tier2-00000-of-00001.parquet" in there.find("v0.1.0").tree


@pytest.mark.parametrize("asked", ["v0.1.1", "v0.1.0", "v0.3.0", "v1.0.0"])
def test_a_version_that_is_not_the_next_is_refused(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path, asked: str
) -> None:
    push(run, release, repo, "v0.1.0")
    before = len(hub.log)
    said = push(run, changed(tmp_path), repo, asked)
    assert said.code == 1
    assert "v0.2.0" in said.err or "exists, and a version never changes" in said.err
    assert {method for method, _ in hub.log[before:]} == {"GET"}


def test_the_index_alone_wants_its_flag(hub: Hub, repo: str, run: Run, tmp_path: Path) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(9), decontamination={"standard": {}})
    said = push(run, root, repo, "v0.1.0")
    assert said.code == 1
    assert "--index-only-ok" in said.err
    assert ("dataset", repo) not in hub.store.repos
    assert push(run, root, repo, "v0.1.0", "--index-only-ok").code == 0


def test_no_decontamination_is_refused_whatever_is_said(
    hub: Hub, repo: str, run: Run, tmp_path: Path
) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(9), decontamination={"ran": False})
    said = push(run, root, repo, "v0.1.0", "--index-only-ok", "--discard-edits")
    assert said.code == 1
    assert "never published" in said.err
    assert ("dataset", repo) not in hub.store.repos


@pytest.mark.parametrize(
    ("token", "code", "says"),
    [
        (None, 1, "no token: run `hf auth login`"),
        ("hf_wrongwrongwrongwrongwrongwrong", 1, "does not accept this token"),
        (READ, 1, "the Hub forbids this token to do that"),
    ],
)
def test_tokens_that_cannot(
    hub: Hub, repo: str, run: Run, release: Path, token: str | None, code: int, says: str
) -> None:
    hub.store.create("dataset", repo, private=False)
    before = len(hub.log)
    said = push(run, release, repo, "v0.1.0", token=token)
    assert said.code == code, said
    assert says in said.err
    assert "hf_w" not in said.err + said.out
    assert len(hub.log) - before < 6
    assert not [path for method, path in hub.log[before:] if method == "PUT"]


def test_private_means_private(hub: Hub, repo: str, run: Run, release: Path) -> None:
    assert push(run, release, repo, "v0.1.0", "--private").code == 0
    assert hub.store.repo("dataset", repo).private
    said = run("versions", repo, token=None)
    assert said.code == 1
    assert "or it is private" in said.err


def test_two_pushes_at_once(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path, tmp_path_factory: Any
) -> None:
    """The second process has planned on the same commit, and comes second: it is told."""
    push(run, release, repo, "v0.1.0")
    one, two = changed(tmp_path, name="one"), changed(tmp_path, seed="c", name="two")
    other = Commands(hub, tmp_path_factory.mktemp("other"))
    held: list[Said] = []

    def meanwhile(number: int, method: str, path: str) -> None:
        if "/commit/main" in path and not held:
            held.append(Said(0, "", ""))
            args = ["push", str(two), "--repo", repo, "--version", "v0.2.0", "-y"]
            held.append(other.ask(args=args, token=WRITE, cwd=str(tmp_path)))

    hub.fault = meanwhile
    try:
        said = push(run, one, repo, "v0.2.0")
    finally:
        other.close()
    assert held[1].code == 0, held
    assert said.code == 1, said
    assert "was changed by somebody else while this ran" in said.err
    there = hub.store.repo("dataset", repo)
    assert len(there.history("main")) == 3
    assert there.tags["v0.2.0"] == there.branches["main"]


def test_a_release_that_fails_its_verification_is_put_back(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    """The Hub loses a file between the commit and its verification."""
    push(run, release, repo, "v0.1.0")
    there = hub.store.repo("dataset", repo)
    good = there.find("main").tree

    def lose(number: int, method: str, path: str) -> None:
        head = there.find("main")
        if head.title.startswith("v0.2.0"):
            head.tree.pop("reports/funnel.json", None)

    hub.fault = lose
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 1
    assert "reports/funnel.json is missing; main was put back" in said.err
    assert there.find("main").tree == good
    assert [commit.title.split(":")[0] for commit in there.history("main")] == [
        "Take v0.2.0 back",
        "v0.2.0",
        "v0.1.0",
        "initial commit",
    ]
    assert list(there.tags) == ["v0.1.0"]


def test_a_first_release_that_fails_its_verification_leaves_main_empty(
    hub: Hub, repo: str, run: Run, release: Path
) -> None:
    def break_it(number: int, method: str, path: str) -> None:
        if ("dataset", repo) in hub.store.repos:
            head = hub.store.repo("dataset", repo).find("main")
            if "README.md" in head.tree:
                head.tree["README.md"] = hub.store.blob(b"---\nlicense: mit\n---\n")

    hub.fault = break_it
    said = push(run, release, repo, "v0.1.0")
    assert said.code == 1
    assert "README.md has sha256" in said.err
    there = hub.store.repo("dataset", repo)
    assert list(there.find("main").tree) == [".gitattributes"]
    assert there.tags == {}


def test_a_card_edited_on_the_hub_is_not_lost(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")
    there = hub.store.repo("dataset", repo)
    tree = dict(there.find("main").tree)
    text = hub.store.blobs[tree["README.md"].blob] + b"\nA person wrote this.\n"
    there.add("main", {**tree, "README.md": hub.store.blob(text)}, "Update README.md")
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 1
    assert "README.md on main was changed there" in said.err
    assert len(there.history("main")) == 3
    assert push(run, changed(tmp_path), repo, "v0.2.0", "--discard-edits").code == 0
    assert b"A person" not in hub.store.blobs[there.find("main").tree["README.md"].blob]


def test_a_dataset_that_no_release_made_is_not_overwritten(
    hub: Hub, repo: str, run: Run, release: Path
) -> None:
    there = hub.store.create("dataset", repo, private=False)
    tree = {**there.find("main").tree, "train.csv": hub.store.blob(b"a,b\n")}
    there.add("main", tree, "mine")
    said = push(run, release, repo, "v0.1.0")
    assert said.code == 1
    assert "train.csv on main was changed there" in said.err
    assert "train.csv" in there.find("main").tree


def test_it_asks_before_it_publishes(hub: Hub, repo: str, run: Run, release: Path) -> None:
    said = run("push", release, "--repo", repo, "--version", "v0.1.0")
    assert said.code == 2
    assert "say yes with -y" in said.err
    assert ("dataset", repo) not in hub.store.repos


def test_a_busy_hub_is_asked_again_and_a_refusal_is_not(
    hub: Hub, repo: str, run: Run, release: Path
) -> None:
    seen: list[str] = []

    def busy(number: int, method: str, path: str) -> str | None:
        seen.append(path)
        return "429" if seen.count(path) < 2 else None

    hub.fault = busy
    assert push(run, release, repo, "v0.1.0").code == 0
    refused: list[str] = []

    def refuse(number: int, method: str, path: str) -> str | None:
        refused.append(path)
        return "403"

    hub.fault = refuse
    said = push(run, release, repo, "v0.1.0")
    assert said.code == 1
    assert len(refused) == 1


def test_it_loads_by_version_and_by_size(
    hub: Hub, repo: str, run: Run, python: Python, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")
    push(run, changed(tmp_path), repo, "v0.2.0")
    said = python(
        f"""
from datasets import load_dataset
for revision in ("v0.1.0", "v0.2.0", "main"):
    counts = []
    for name in ("default/train", "default/train_1M", "1M/train", "5M/train"):
        config, split = name.split("/")
        rows = load_dataset({repo!r}, config, split=split, revision=revision, streaming=True)
        counts.append(sum(1 for _ in rows))
    print(revision, counts)
print(load_dataset({repo!r}, "1M", revision="v0.1.0")["train"].num_rows)
"""
    )
    assert said.out.splitlines() == [
        "v0.1.0 [60, 30, 30, 60]",
        "v0.2.0 [63, 31, 31, 63]",
        "main [63, 31, 31, 63]",
        "30",
    ], said


def test_after_a_squash_every_version_still_loads_and_the_next_push_works(
    hub: Hub, repo: str, run: Run, python: Python, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")
    push(run, changed(tmp_path), repo, "v0.2.0")
    squash = f"HfApi().super_squash_history({repo!r}, repo_type='dataset')"
    assert python(f"from huggingface_hub import HfApi\n{squash}").code == 0
    assert len(hub.store.repo("dataset", repo).history("main")) == 1
    assert run("verify", f"{repo}@v0.1.0").code == 0
    assert run("verify", f"{repo}@main").code == 0
    assert run("versions", repo, "--format", "json").json["main"] == "v0.2.0"
    assert push(run, changed(tmp_path, seed="z"), repo, "v0.3.0").code == 0


@pytest.mark.parametrize("lost", ["/repos/create", "/commit/main", "/tag/", "/lfs/one/"])
def test_an_answer_that_is_lost_is_not_done_twice(
    hub: Hub, repo: str, run: Run, tmp_path: Path, lost: str
) -> None:
    """The Hub does it, and the connection closes before it can say so."""
    struck: list[str] = []

    def lose(number: int, method: str, path: str) -> str | None:
        if lost in path and not struck:
            struck.append(path)
            return "drop-after"
        return None

    root = releases.write(tmp_path / "x", releases.rows_of(30, seed=lost))
    hub.fault = lose
    said = push(run, root, repo, "v0.1.0")
    assert struck
    assert said.code == 0, said
    there = hub.store.repo("dataset", repo)
    assert len(there.history("main")) == 2
    assert there.tags == {"v0.1.0": there.branches["main"]}


def test_a_manifest_broken_by_hand_on_main_stops_only_the_next_push(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")
    there = hub.store.repo("dataset", repo)
    tree = {**there.find("main").tree, "manifest.json": hub.store.blob(b"{")}
    there.add("main", tree, "Update manifest.json")
    said = push(run, changed(tmp_path), repo, "v0.2.0")
    assert said.code == 1
    assert "manifest.json" in said.err
    assert run("verify", f"{repo}@v0.1.0").code == 0
    assert run("versions", repo).code == 0
    assert push(run, changed(tmp_path), repo, "v0.2.0", "--discard-edits").code == 0


def test_a_kill_between_commit_and_tag_is_gone_on_with(
    hub: Hub, repo: str, run: Run, commands: Commands, release: Path
) -> None:
    def kill(number: int, method: str, path: str) -> str | None:
        if "/tag/" not in path:
            return None
        commands.kill()
        return "drop"

    hub.fault = kill
    assert push(run, release, repo, "v0.1.0").code == -9
    there = hub.store.repo("dataset", repo)
    assert there.tags == {}
    hub.fault = lambda number, method, path: None
    before = len(there.commits)
    said = push(run, release, repo, "v0.1.0")
    assert said.code == 0
    assert "main holds these files already" in said.err
    assert len(there.commits) == before
    assert there.tags == {"v0.1.0": there.branches["main"]}


def test_ctrl_c_is_told_in_a_sentence_and_gone_on_with(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "omi2_hub", "push", str(release), "--repo", repo]
    pushing = subprocess.Popen(
        [*command, "--version", "v0.1.0", "-y"],
        env={**environment(hub, tmp_path / "home"), "HF_TOKEN": WRITE},
        stderr=subprocess.PIPE,
        text=True,
    )

    def interrupt(number: int, method: str, path: str) -> None:
        if "/tag/" in path:
            os.kill(pushing.pid, signal.SIGINT)

    hub.fault = interrupt
    _, told = pushing.communicate(timeout=120)
    hub.fault = lambda number, method, path: None
    assert pushing.returncode == 130, told
    assert told.endswith("stopped: run the same command again to go on\n")
    assert "Traceback" not in told
    assert push(run, release, repo, "v0.1.0").code == 0


def test_a_name_that_somebody_else_tagged_meanwhile(
    hub: Hub, repo: str, run: Run, release: Path
) -> None:
    def tag_it(number: int, method: str, path: str) -> None:
        if "/tag/" in path:
            there = hub.store.repo("dataset", repo)
            there.tags["v0.1.0"] = there.history("main")[-1].oid

    hub.fault = tag_it
    said = push(run, release, repo, "v0.1.0")
    assert said.code == 1
    assert "somebody else published v0.1.0 meanwhile" in said.err
