"""The workflows: both linters are content, and what their steps run is run here.

The dry run is played against recorded generations, a local Hub and a server that keeps issues as
GitHub does; publishing, with a token that the local Hub gives for a made OIDC identity. Not played:
GitHub's own machinery (schedules, environments, artifacts).
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from conftest import ROOT
from hub import local_hub
from hub.local_hub import WRITE, Handler, Hub

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = ROOT / ".github" / "scripts"
BIN = Path(sys.executable).parent


def sh(script: str, *arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """One of the scripts, as a step runs it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "GITHUB_", "XDG_"))}
    path = os.pathsep.join([str(BIN), kept.get("PATH", "")])
    command = [str(SCRIPTS / script), *map(str, arguments)]
    if script.endswith(".py"):
        command.insert(0, sys.executable)
    return subprocess.run(
        command,
        cwd=cwd,
        env={**kept, "PATH": path, "HOME": str(cwd), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def loaded(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text()))


def program(name: str) -> str:
    found = shutil.which(name, path=str(BIN)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: pip install -e '.[test]'")
    return found


def test_actionlint_is_content() -> None:
    done = subprocess.run(
        [program("actionlint"), *map(str, WORKFLOWS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_is_content() -> None:
    done = subprocess.run(
        [program("zizmor"), "--offline", "--no-progress", *map(str, WORKFLOWS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


def test_the_three_workflows_are_there() -> None:
    assert [path.stem for path in WORKFLOWS] == ["dry-run", "publish", "test"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_a_workflow_is_pinned_bounded_and_trusted_with_little(path: Path) -> None:
    for used in re.findall(r"uses: (.+)", path.read_text()):
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used
    flow = loaded(path)
    assert flow["permissions"] == {"contents": "read"}
    assert "group" in flow["concurrency"]
    assert "secrets." not in path.read_text()
    for name, job in flow["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", ""), f"{name}: text goes in by the environment"


def test_who_may_write_what() -> None:
    asked = {
        (path.stem, name): {k for k, v in (job.get("permissions") or {}).items() if v == "write"}
        for path in WORKFLOWS
        for name, job in loaded(path)["jobs"].items()
    }
    assert {job: kinds for job, kinds in asked.items() if kinds} == {
        ("dry-run", "issue"): {"issues"},
        ("publish", "publish"): {"id-token"},
    }
    publish = loaded(ROOT / ".github" / "workflows" / "publish.yml")
    assert list(publish[True]) == ["workflow_dispatch"]  # YAML 1.1 reads `on` as true
    assert publish["jobs"]["publish"]["environment"] == "hub"
    assert publish["jobs"]["publish"]["needs"] == "build"
    dry = loaded(ROOT / ".github" / "workflows" / "dry-run.yml")
    assert set(dry[True]) == {"schedule", "workflow_dispatch"}


def test_every_script_is_used_and_every_one_used_is_there() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    used = set(re.findall(r"\.github/scripts/([\w.]+)", text))
    there = {path.name for path in SCRIPTS.iterdir() if path.is_file()}
    assert used == there - {"recorded.py"}  # which dry_run.py imports
    for name in used:
        if name.endswith(".sh"):
            assert (SCRIPTS / name).stat().st_mode & stat.S_IXUSR, f"{name} is not executable"
            assert subprocess.run(["bash", "-n", str(SCRIPTS / name)]).returncode == 0


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dry run, played whole: the folder of its results."""
    out = tmp_path_factory.mktemp("dry")
    done = sh("dry_run.py", "check", out, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.timeout(300)
def test_the_dry_run_is_as_expected(dry: Path) -> None:
    assert (dry / "drift.md").read_text() == ""
    text = (dry / "summary.md").read_text()
    assert "As expected." in text
    assert "| split | 17 | 17 |" in text


@pytest.mark.timeout(300)
def test_the_dry_run_pushes_to_nobody_and_writes_the_preview(dry: Path) -> None:
    done = sh("dry_run.py", "hub", dry, cwd=dry)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (dry / "summary.md").read_text()
    assert "Every gate passes." in text
    assert "decontamination" in text
    assert (dry / "preview" / "rows.html").is_file()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """dry_run.py as a module."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import dry_run

    yield dry_run
    for name in ("dry_run", "recorded"):
        sys.modules.pop(name, None)


def expected() -> dict[str, Any]:
    return dict(json.loads((ROOT / "tests" / "dry_run" / "expected.json").read_text()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda e: e["funnel"][4]["dropped"].update(tie=9), "grade, dropped: expected .*tie 9"),
        (
            lambda e: e["funnel"][0]["left"].update(omi2_word=31),
            "seed, left: expected omi2_word 31",
        ),
        (lambda e: e["funnel"].pop(), "split, came: expected nothing, found kept 17"),
        (lambda e: e.update(rows=18), "rows: expected 18, found 17"),
        (lambda e: e.update(content="0" * 64), "the content of the rows: expected 000000000000"),
        (lambda e: e["files"].update({"data/x.parquet": "0"}), r"the bytes of data/x\.parquet"),
    ],
)
def test_a_changed_expectation_is_drift(script: Any, change: Any, says: str) -> None:
    found, wanted = expected(), expected()
    assert script.differences(wanted, found) == []
    change(wanted)
    drift = script.differences(wanted, found)
    assert len(drift) >= 1
    assert any(re.search(says, line) for line in drift), drift


def test_another_pyarrow_is_no_drift_in_the_files(script: Any) -> None:
    wanted = expected()
    wanted["files"] = dict.fromkeys(wanted["files"], "0")
    assert script.differences(wanted, expected()) != []
    wanted["pyarrow"] = "0.0.0"
    assert script.differences(wanted, expected()) == []


def test_the_content_is_that_of_the_rows(script: Any, dry: Path, tmp_path: Path) -> None:
    import polars as pl

    release = tmp_path / "omi2"
    shutil.copytree(dry / "omi2", release)
    assert script.result(release)["content"] == expected()["content"]
    shard = next((release / "data").iterdir())
    table = pl.read_parquet(shard)
    changed = table.with_columns(
        votes=pl.when(pl.int_range(pl.len()) == 3).then(99).otherwise(pl.col("votes"))
    )
    changed.write_parquet(shard)
    assert script.result(release)["content"] != expected()["content"]


@pytest.mark.timeout(300)
def test_a_drifted_dry_run_fails_and_says_where(tmp_path: Path) -> None:
    wanted = expected()
    wanted["funnel"][5]["dropped"]["duplicate"] += 1
    file = tmp_path / "expected.json"
    file.write_text(json.dumps(wanted))
    out = tmp_path / "out"
    done = sh("dry_run.py", "check", out, "--expected", file, cwd=tmp_path)
    assert done.returncode == 1
    drift = (out / "drift.md").read_text()
    assert "filter, dropped: expected duplicate 18" in drift
    assert "found duplicate 17" in drift
    told = tell(out, tmp_path)
    assert told["drift"].startswith("## Dry run with recorded generations")
    assert "**Drifted:**" in told["summary"]


def tell(out: Path, folder: Path) -> dict[str, str]:
    """What tell.sh writes: the step's output and the page's summary."""
    output, summary = folder / "output", folder / "page.md"
    for file in (output, summary):
        file.write_text("")
    done = sh(
        "tell.sh", out, cwd=folder, GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary)
    )
    assert done.returncode == 0, done.stderr
    first, *rest = output.read_text().splitlines()
    mark = first.removeprefix("drift<<")
    assert rest[-1] == mark
    return {"drift": "\n".join(rest[:-1]).strip(), "summary": summary.read_text()}


@pytest.mark.parametrize(
    ("files", "drift"),
    [
        ({}, "did not come to an end"),
        ({"summary.md": "## Live run\n", "drift.md": ""}, ""),
        ({"summary.md": "As expected.\n", "drift.md": ""}, "the live run"),
        ({"summary.md": "**Refused.**\n## Live run\n", "drift.md": ""}, "**Refused.**"),
        ({"summary.md": "## Live run\n", "drift.md": "- rows: 1\nend-x\n"}, "- rows: 1\nend-x"),
    ],
)
def test_what_is_told(tmp_path: Path, files: dict[str, str], drift: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name, text in files.items():
        (out / name).write_text(text)
    told = tell(out, tmp_path)["drift"]
    assert told == "" if drift == "" else drift in told


class Issues(BaseHTTPRequestHandler):
    """The part of GitHub's API that keeps issues, on loopback."""

    disable_nagle_algorithm = True
    issues: ClassVar[list[dict[str, Any]]] = []
    comments: ClassVar[list[tuple[int, str]]] = []

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def say(self, status: int, value: object) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self) -> None:
        base = "/repos/acme/omi2/issues"
        where, _, query = self.path.partition("?")
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        if self.headers["Authorization"] != f"Bearer {WRITE}":
            return self.say(403, {"message": "Resource not accessible by integration"})
        match self.command, where.removeprefix(base).strip("/").split("/"):
            case "GET", [""]:
                asked = dict(urllib.parse.parse_qsl(query))
                found = [i for i in self.issues if asked["labels"] in i["labels"]]
                return self.say(200, [i for i in found if i["state"] == asked["state"]])
            case "POST", [""]:
                number = len(self.issues) + 1
                url = f"https://example.org/issues/{number}"
                self.issues.append({**sent, "number": number, "state": "open", "html_url": url})
                return self.say(201, self.issues[-1])
            case "POST", [number, "comments"]:
                self.comments.append((int(number), sent["body"]))
                return self.say(201, {})
            case "PATCH", [number]:
                self.issues[int(number) - 1].update(sent)
                return self.say(200, self.issues[int(number) - 1])
        return self.say(404, {"message": "Not Found"})

    do_GET = do_POST = do_PATCH = answer


@pytest.fixture
def issues() -> Iterator[tuple[type[Issues], str]]:
    """A GitHub without any issue."""
    held = type("Held", (Issues,), {"issues": [], "comments": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), held) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield held, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def drifted(url: str, drift: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    told = {"DRIFT": drift, "RUN_URL": "https://example.org/runs/7", "GITHUB_API_URL": url,
            "GITHUB_REPOSITORY": "acme/omi2", "GH_TOKEN": WRITE}  # fmt: skip
    return sh("drift_issue.py", cwd=folder, **{**told, **env})


def test_one_issue_is_kept_about_drift(issues: tuple[type[Issues], str], tmp_path: Path) -> None:
    held, url = issues
    assert drifted(url, "", tmp_path).returncode == 0
    assert held.issues == []
    first = "- rows: expected 18, found 17\n- $(touch /x) `id` --help"
    for _ in range(3):
        done = drifted(url, first, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [(i["title"], i["labels"]) for i in held.issues] == [
        ("The dry run drifted", ["dry-run-drift"])
    ]
    assert held.issues[0]["body"].startswith(first)
    assert "https://example.org/runs/7" in held.issues[0]["body"]
    assert held.comments == [], "the same drift is told once"
    assert drifted(url, "- something else", tmp_path).returncode == 0
    assert [number for number, _ in held.comments] == [1]
    assert held.issues[0]["body"].startswith("- something else")
    held.issues[0]["state"] = "closed"
    assert drifted(url, first, tmp_path).returncode == 0
    assert [i["state"] for i in held.issues] == ["closed", "open"]


def test_a_pull_request_with_the_label_is_no_issue(
    issues: tuple[type[Issues], str], tmp_path: Path
) -> None:
    held, url = issues
    held.issues.append(
        {"number": 1, "labels": ["dry-run-drift"], "state": "open", "pull_request": {}}
    )
    assert drifted(url, "- rows", tmp_path).returncode == 0
    assert len(held.issues) == 2


def test_a_refusal_is_told_with_what_drifted(
    issues: tuple[type[Issues], str], tmp_path: Path
) -> None:
    held, url = issues
    done = drifted(url, "- rows: 1", tmp_path, GH_TOKEN="another")  # noqa: S106
    assert done.returncode == 1
    assert "403" in done.stdout
    assert "- rows: 1" in done.stdout
    assert "another" not in done.stdout + done.stderr
    done = drifted("http://127.0.0.1:9", "- rows: 1", tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert held.issues == []


OIDC = "made-identity-of-this-workflow"


def _oidc(handler: Handler) -> None:
    """GitHub's answer to a job with id-token: write."""
    handler.send({"value": OIDC})


def _exchange(handler: Handler) -> None:
    """The Hub's answer to an identity that it trusts for one dataset."""
    asked = handler.json()
    if asked["subject_token"] != OIDC or asked["resource"] != "datasets/acme/published":
        raise local_hub.Refused(403, "not a trusted publisher of that")
    handler.send({"access_token": WRITE, "token_type": "bearer", "expires_in": 3600})


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A local Hub that trusts a publisher; the exchange itself needs no token."""
    routes = [("GET", "/oidc", _oidc), ("POST", "/oauth/token", _exchange)]
    monkeypatch.setattr(local_hub, "ROUTES", [*routes, *local_hub.ROUTES])
    may = Handler.may
    monkeypatch.setattr(
        Handler, "may", lambda self: None if self.where == "/oauth/token" else may(self)
    )
    with Hub(tmp_path / "store") as made:
        yield made


def job(hub: Hub, home: Path, **more: str) -> dict[str, str]:
    """The environment of a job that may ask for an identity, and has no token."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home / "hf"),
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{hub.url}/oidc",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": WRITE,
        "HF_OIDC_RESOURCE": "datasets/acme/published",
        **more,
    }


@pytest.mark.timeout(300)
def test_publishing_needs_no_token_of_ours(dry: Path, trusting: Hub, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    home = tmp_path / "home"
    home.mkdir()
    env = job(trusting, home, GITHUB_STEP_SUMMARY=str(page))
    arguments = (dry / "omi2", "acme/published", "v0.1.0", "--index-only-ok")
    done = sh("publish.sh", *arguments, cwd=home, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "published acme/published@v0.1.0" in done.stdout
    assert "acme/published@v0.1.0 is right" in done.stdout
    assert "v0.1.0" in page.read_text()
    assert WRITE not in done.stdout + done.stderr + page.read_text()
    assert "POST /oauth/token" in trusting.requests()
    again = sh("publish.sh", *arguments, cwd=home, **env)
    assert again.returncode == 0
    assert "is published already" in again.stdout


@pytest.mark.timeout(300)
def test_an_identity_that_is_not_trusted_publishes_nothing(
    dry: Path, trusting: Hub, tmp_path: Path
) -> None:
    env = job(trusting, tmp_path, HF_OIDC_RESOURCE="datasets/acme/other")
    arguments = (dry / "omi2", "acme/other", "v0.1.0", "--index-only-ok")
    done = sh("publish.sh", *arguments, cwd=tmp_path, **env)
    assert done.returncode != 0
    assert not [line for line in trusting.requests() if "/commit/" in line]


@pytest.mark.parametrize("version", ["1.0.0", "main", "v1", "v1.0.0; id"])
def test_what_is_no_version_is_not_published(version: str, tmp_path: Path) -> None:
    done = sh(
        "publish.sh", tmp_path, "acme/omi2", version, cwd=tmp_path, HF_ENDPOINT="http://[::1]:9"
    )
    assert done.returncode == 2


@pytest.mark.timeout(300)
def test_the_release_of_the_publish_workflow(script: Any, trusting: Hub, tmp_path: Path) -> None:
    import recorded

    page = tmp_path / "page.md"
    folder = tmp_path / "release"
    server = recorded.Recorded("recorded", recorded.load(script.GENERATIONS))
    with recorded.serve(server) as url:
        env = {"RECIPE": "dry-run", "REPO": "acme/published", "VERSION": "v0.1.0",
               "HF_ENDPOINT": trusting.url, "HF_HOME": str(tmp_path / "hf"),
               "GITHUB_STEP_SUMMARY": str(page)}  # fmt: skip
        done = sh("build_release.sh", folder, "--teacher", f"openai:{url}", cwd=tmp_path,
                  INDEX_ONLY="--index-only-ok", **env)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not server.missing
    assert {p.name for p in folder.iterdir()} == {"omi2", "preview"}
    assert "one commit" in page.read_text()


def test_a_request_that_was_not_recorded_is_told(script: Any, tmp_path: Path) -> None:
    import recorded

    known = recorded.load(script.GENERATIONS)
    server = recorded.Recorded("recorded", known)
    assert server.answer({"prompt": "another", "seed": 1}) is None
    assert server.missing == ["another"]
    recorded.save(tmp_path / "again.jsonl", known)
    assert (tmp_path / "again.jsonl").read_bytes() == script.GENERATIONS.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_live_run(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    done = sh("dry_run.py", "live", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the funnel adds up" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_in_a_clean_environment(tmp_path: Path) -> None:
    done = sh("try_wheel.sh", tmp_path / "dist", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the wheel works" in done.stdout
    assert len(list((tmp_path / "dist").glob("*.whl"))) == 1
