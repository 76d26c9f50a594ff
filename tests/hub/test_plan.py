"""`plan` and `push --dry-run`: what they say, with no token, offline, and against a Hub."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omi2_hub.notices import with_version

from . import releases
from .conftest import Said, environment
from .hub_store import Refused
from .local_hub import WRITE, Hub

Run = Callable[..., Said]


def offline(tmp_path: Path, *args: object, **env: str) -> Said:
    """omi2-hub in a process of its own, with no token and no Hub to be reached."""
    with socket.socket() as nobody:  # a port that is bound and does not listen
        nobody.bind(("127.0.0.1", 0))
        settings = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        settings |= {"HF_ENDPOINT": f"http://127.0.0.1:{nobody.getsockname()[1]}"}
        settings |= {"HF_HOME": str(tmp_path / "home"), "HOME": str(tmp_path / "home"), **env}
        done = subprocess.run(
            [sys.executable, "-m", "omi2_hub", *map(str, args)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=settings,
        )
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_plan_offline_says_what_is_not_known(tmp_path: Path, release: Path) -> None:
    said = offline(tmp_path, "plan", release, "--repo", "acme/omi2")
    assert said.code == 0, said
    assert "remote state unknown: no connection to the Hub" in said.out
    assert "data/tier0-00000-of-00001.parquet" in said.out
    assert "at most (what the Hub has is not known)" in said.out
    assert "next: omi2-hub push" in said.err


def test_a_dry_run_offline(tmp_path: Path, release: Path) -> None:
    args = ["push", release, "--repo", "acme/omi2", "--version", "v0.1.0", "--dry-run"]
    said = offline(tmp_path, *args, "--format", "json", HF_HUB_OFFLINE="1")
    assert said.code == 0, said
    plan = said.json
    files = {p.relative_to(release).as_posix(): p.stat().st_size for p in release.rglob("*.*")}
    stamped = with_version((release / "README.md").read_bytes(), "v0.1.0")
    files["README.md"] = len(stamped)
    assert {f["path"]: f["bytes"] for f in plan["files"]} == files
    assert plan["bytes"] == sum(files.values())
    assert {f["fate"] for f in plan["files"]} == {"unknown"}
    assert (plan["tag"], plan["commits"], plan["version"]) == ("v0.1.0", 1, "v0.1.0")
    assert plan["remote"]["status"] == "unknown"
    assert "HF_HUB_OFFLINE is set" in plan["remote"]["why"]
    assert list(plan["card"]) == ["default", "1M", "2M", "5M"]


def test_a_push_offline_is_a_remote_failure(tmp_path: Path, release: Path) -> None:
    args = ["push", release, "--repo", "acme/omi2", "--version", "v0.1.0", "-y"]
    said = offline(tmp_path, *args, HF_HUB_OFFLINE="1", HF_TOKEN=WRITE)
    assert said.code == 3
    assert "HF_HUB_OFFLINE is set" in said.err


def test_no_token_is_needed_to_plan(hub: Hub, repo: str, run: Run, release: Path) -> None:
    said = run("plan", release, "--repo", repo, "--format", "json", token=None)
    assert (said.code, said.json["remote"]["status"], said.json["creates_repo"]) == (
        0,
        "missing",
        True,
    )
    assert ("dataset", repo) not in hub.store.repos


def test_a_plan_says_which_files_are_new(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    run("push", release, "--repo", repo, "--version", "v0.1.0", "-y")
    made = releases.rows_of(60) + releases.rows_of(3, seed="b")
    root = releases.write(tmp_path / "new", made, tiers=3)
    commits = len(hub.store.repo("dataset", repo).commits)
    said = run("plan", root, "--repo", repo, "--format", "json", token=None)
    assert said.code == 0, said
    assert {f["path"]: f["fate"] for f in said.json["files"]} == {
        "README.md": "changed",
        "data/tier0-00000-of-00001.parquet": "changed",
        "data/tier1-00000-of-00001.parquet": "changed",
        "data/tier2-00000-of-00001.parquet": "new",
        "manifest.json": "changed",
        "reports/contamination.md": "same",
        "reports/funnel.json": "changed",
    }
    assert said.json["version"] == "v0.2.0"
    assert len(hub.store.repo("dataset", repo).commits) == commits
    back = run("plan", release, "--repo", repo, token=None)
    assert back.code == 0
    assert "v0.1.0 is published already: nothing would be done" in back.out
    assert back.err == ""
    asked = run("plan", release, "--repo", repo, "--version", "v0.1.1")
    assert asked.code == 1
    assert "nothing differs from v0.1.0" in asked.err


def test_a_gate_that_fails_is_told_once_and_ends_with_1(run: Run, release: Path) -> None:
    (release / "notes.txt").write_text("mine")
    said = run("plan", release, "--repo", "acme/nothing", "--format", "json")
    assert said.code == 1
    assert not said.json["ok"]
    assert [g["gate"] for g in said.json["gates"] if g["verdict"] == "fail"] == ["manifest"]
    assert "notes.txt is in the folder" in said.err


def test_a_gate_that_wants_a_flag_does_not_fail_a_plan(run: Run, tmp_path: Path) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(9), decontamination={"standard": {}})
    said = run("plan", root, "--repo", "acme/nothing")
    assert said.code == 0
    assert "NEEDS" in said.out
    assert said.err.strip().endswith("--version v0.1.0 --index-only-ok")
    dry = ["push", root, "--repo", "acme/nothing", "--version", "v0.1.0", "--dry-run"]
    assert run(*dry).code == 1
    assert run(*dry, "--index-only-ok").code == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("omi2", "has no namespace"),
        ("a/b/c", "is not a dataset's name"),
        ("acme/om i2", "is not a dataset's name"),
        ("acme/-x", "is not a dataset's name"),
        ("../omi2", "is not a dataset's name"),
    ],
)
def test_names_that_cannot_be(run: Run, release: Path, name: str, says: str) -> None:
    said = run("plan", release, "--repo", name)
    assert said.code == 2
    assert says in said.err


def test_a_folder_named_like_the_dataset_is_refused(
    run: Run, repo: str, release: Path, tmp_path: Path
) -> None:
    (tmp_path / repo).mkdir(parents=True)
    said = run("plan", release, "--repo", repo)
    assert said.code == 1
    assert f"a folder ./{repo} lies in the working directory" in said.err


def test_a_model_of_that_name_is_no_dataset(hub: Hub, repo: str, run: Run) -> None:
    hub.store.create("model", repo, private=False)
    said = run("versions", repo)
    assert said.code == 1
    assert "there is a model of that name" in said.err


def test_usage_errors_end_with_2(run: Run, release: Path, tmp_path: Path) -> None:
    assert run("push", release, "--repo", "a/b", "--version", "1.0.0", "-y").code == 2
    assert run("push", release, "--repo", "a/b").code == 2
    assert run("plan", tmp_path / "no", "--repo", "a/b").code == 2
    assert run("diff", "a/b", "v0.1.0").code == 2
    assert run("nothing").code == 2
    said = run("verify", "a/b", "--format", "json")
    assert (said.code, said.json["exit_code"]) == (2, 2)


TOKENS = [
    "hf_" + "z9" * 17,
    "hf_oauth_eyJhbGciOiJF.eyJzdWIiOiJz.c2lnbmF0dXJl-_x",
    "my-proxy-password",
]


@pytest.mark.parametrize("secret", TOKENS, ids=["user", "oauth", "proxy"])
def test_a_token_is_never_shown(hub: Hub, repo: str, run: Run, release: Path, secret: str) -> None:
    """A server that says in its error what it was sent."""
    heard: list[str] = []

    def echo(number: int, method: str, path: str) -> str | None:
        heard.append(hub.heard)
        raise Refused(400, f"bad header: {hub.heard}")

    hub.tokens[secret] = "read"
    hub.fault = echo
    said = run("push", release, "--repo", repo, "--version", "v0.1.0", "-y", token=secret)
    assert said.code == 1
    assert heard == [f"Bearer {secret}"]
    assert "bad header: Bearer" in said.err
    assert secret not in said.out + said.err
    assert secret.rpartition(".")[2] not in said.out + said.err
    assert secret not in json.dumps(environment(hub, Path()))
