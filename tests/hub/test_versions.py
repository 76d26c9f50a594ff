"""verify, versions, diff, yank and pull against a Hub that holds two versions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from . import releases
from .conftest import Said
from .helpers import change, strike, text_of, yank
from .hub_store import Entry
from .local_hub import Hub

Run = Callable[..., Said]
Python = Callable[[str], Said]
FIRST = "data/tier0-00000-of-00001.parquet"


def test_verify_says_what_it_checked(repo: str, run: Run, two: object) -> None:
    said = run("verify", f"{repo}@v0.1.0", "--format", "json")
    assert said.code == 0, said
    assert said.json["rows"] == 60
    assert said.json["splits"] == [
        "default/train", "default/train_1M", "default/train_2M", "default/train_5M",
        "1M/train", "2M/train", "5M/train",
    ]  # fmt: skip
    assert run("verify", f"{repo}@main").code == 0


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("reports/funnel.json", None, "reports/funnel.json is missing"),
        ("reports/funnel.json", b"[]", "reports/funnel.json has sha256"),
        ("extra.txt", b"x", "extra.txt is not in the manifest"),
        ("README.md", b"---\nlicense: mit\n---\n", "README.md has sha256"),
        (FIRST, b"x", f"{FIRST} has sha256"),
        ("manifest.json", None, "holds no manifest.json"),
        ("manifest.json", b"{}", "is not the manifest of an omi2 release"),
    ],
)
def test_verify_finds_what_was_changed(
    hub: Hub, repo: str, run: Run, two: object, path: str, text: bytes | None, says: str
) -> None:
    change(hub, repo, "v0.2.0", path, text)
    said = run("verify", f"{repo}@v0.2.0")
    assert said.code == 1
    assert says in said.err
    assert run("verify", f"{repo}@v0.1.0").code == 0


def test_verify_reads_the_footers(hub: Hub, repo: str, run: Run, two: object) -> None:
    """The Hub states the right sha256, and holds another table."""
    there = hub.store.repo("dataset", repo)
    entry = there.find("v0.2.0").tree[FIRST]
    assert entry.lfs is not None
    kept = hub.store.large(entry.lfs).read_bytes()
    table = pq.read_table(hub.store.large(entry.lfs))
    pq.write_table(table.slice(0, 5), hub.store.large(entry.lfs))
    size = hub.store.large(entry.lfs).stat().st_size
    there.find("v0.2.0").tree[FIRST] = Entry(size, entry.blob, entry.lfs)
    said = run("verify", f"{repo}@v0.2.0")
    hub.store.large(entry.lfs).write_bytes(kept)
    assert said.code == 1
    assert f"{FIRST} holds 5 rows" in said.err


def test_verify_full_reads_every_byte(hub: Hub, repo: str, run: Run, two: object) -> None:
    entry = hub.store.repo("dataset", repo).find("v0.2.0").tree[FIRST]
    assert entry.lfs is not None
    path = hub.store.large(entry.lfs)
    kept = path.read_bytes()
    middle = bytearray(kept)
    middle[100] ^= 1
    path.write_bytes(middle)
    said = run("verify", f"{repo}@v0.2.0", "--full")
    path.write_bytes(kept)
    assert said.code == 1
    assert f"the bytes of {FIRST} have sha256" in said.err
    assert run("verify", f"{repo}@v0.2.0", "--full").code == 0


def test_a_split_that_does_not_load_is_found(hub: Hub, repo: str, run: Run, tmp_path: Path) -> None:
    """A config that datasets cannot build: its name is one that it forbids."""
    root = releases.write(tmp_path / "x", releases.rows_of(9))
    text = (root / "README.md").read_text().replace("config_name: 1M", "config_name: 1M<")
    (root / "README.md").write_text(text)
    releases.seal(root, releases.manifest_of(root))
    there = hub.store.create("dataset", repo, private=False)
    tree = dict(there.find("main").tree)
    for path in (p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root).as_posix()
        tree[name] = hub.store.blob(path.read_bytes())
    there.add("main", tree, "by hand")
    said = run("verify", f"{repo}@main")
    assert said.code == 1
    assert "1M<" in said.err


def test_versions(hub: Hub, repo: str, run: Run, two: object) -> None:
    found = run("versions", repo, "--format", "json", token=None).json
    assert [(v["version"], v["rows"], v["main"]) for v in found["versions"]] == [
        ("v0.2.0", 63, True),
        ("v0.1.0", 60, False),
    ]
    assert found["versions"][1]["commit"] == hub.store.repo("dataset", repo).tags["v0.1.0"]


def test_diff_by_row_id(repo: str, run: Run, two: list[list[dict[str, Any]]]) -> None:
    old, new = two
    said = run("diff", f"{repo}@v0.1.0", "v0.2.0", "--format", "json")
    assert said.code == 0, said
    found = said.json
    assert found["rows"] == {"old": 60, "new": 63}
    assert (found["added"]["rows"], found["removed"]["rows"]) == (6, 3)
    assert set(found["removed"]["examples"]) == {row["row_id"] for row in old[:3]}
    assert set(found["added"]["examples"]) <= {row["row_id"] for row in new[-6:]}
    assert found["changed"]["rows"] == 2
    assert found["answers_changed"] == {
        "rows": 1,
        "examples": [{"row_id": new[5]["row_id"], "old": old[8]["expected_answer"], "new": "999"}],
    }
    assert found["splits"]["train"] == {"old": 60, "new": 63}
    assert found["sources"]["omi2_word"] == {"old": 48, "new": 50}
    back = run("diff", f"{repo}@v0.2.0", "v0.1.0", "--format", "json").json
    assert (back["added"]["rows"], back["removed"]["rows"]) == (3, 6)


def test_diff_with_itself_reads_nothing(hub: Hub, repo: str, run: Run, two: object) -> None:
    before = len(hub.log)
    found = run("diff", f"{repo}@v0.2.0", "v0.2.0", "--format", "json").json
    kinds = ("added", "removed", "changed", "answers_changed")
    assert [found[kind]["rows"] for kind in kinds] == [0, 0, 0, 0]
    assert not [path for _, path in hub.log[before:] if path.startswith("/cdn/")]


def test_diff_reads_no_texts(hub: Hub, repo: str, run: Run, tmp_path: Path) -> None:
    """Long solutions: the bytes that are fetched are a small part of the files."""
    old = releases.rows_of(1200, words=300)
    new = [{**row, "votes": 4} for row in old]
    sizes = []
    for made, version in ((old, "v0.1.0"), (new, "v0.2.0")):
        root = releases.write(tmp_path / version, made, tiers=1)
        sizes.append((root / FIRST).stat().st_size)
        assert run("push", root, "--repo", repo, "--version", version, "-y").code == 0
    before = hub.sent
    found = run("diff", f"{repo}@v0.1.0", "v0.2.0", "--format", "json").json
    assert (found["changed"]["rows"], found["answers_changed"]["rows"]) == (1200, 0)
    assert hub.sent - before < sum(sizes) / 2


def test_a_version_that_is_not_there(repo: str, run: Run, two: object) -> None:
    for args in (["verify", f"{repo}@v9.0.0"], ["diff", f"{repo}@v0.1.0", "v9.0.0"]):
        said = run(*args)
        assert said.code == 1
        assert "has no version v9.0.0; it has v0.1.0, v0.2.0" in said.err


def test_yanking_what_main_holds_goes_back_by_one_commit(
    hub: Hub, repo: str, run: Run, python: Python, two: object
) -> None:
    there = hub.store.repo("dataset", repo)
    stored = list(hub.store.stored)
    tags = dict(there.tags)
    said = yank(run, repo, "v0.2.0", "answers are <b>wrong</b>", "--format", "json")
    assert (said.code, said.json["main"], said.json["moved"]) == (0, "v0.1.0", True), said
    assert len(there.history("main")) == 4
    assert there.tags == tags
    assert hub.store.stored == stored
    old = there.find("v0.1.0").tree
    now = dict(there.find("main").tree)
    assert now.pop("notices.json")
    assert {**now, "README.md": old["README.md"]} == old
    card = text_of(hub, repo, "README.md")
    assert "**v0.2.0 was taken back** on 20" in card
    assert "answers are &lt;b&gt;wrong&lt;/b&gt;" in card
    assert json.loads(text_of(hub, repo, "notices.json"))["yanked"]["v0.2.0"]["reason"] == (
        "answers are <b>wrong</b>"
    )
    for revision in ("v0.1.0", "v0.2.0", "main"):
        assert run("verify", f"{repo}@{revision}").code == 0
    loaded = f"load_dataset({repo!r}, split='train', revision=r, streaming=True)"
    lines = f"print(*(sum(1 for _ in {loaded}) for r in ('v0.2.0', 'v0.1.0', 'main')))"
    assert python(f"from datasets import load_dataset\n{lines}").out.split() == ["63", "60", "60"]
    found = run("versions", repo, "--format", "json").json
    assert [(v["version"], v["main"], bool(v["yanked"])) for v in found["versions"]] == [
        ("v0.2.0", False, True),
        ("v0.1.0", True, False),
    ]


def test_yanking_an_older_version_leaves_main_what_it_is(
    hub: Hub, repo: str, run: Run, two: object
) -> None:
    there = hub.store.repo("dataset", repo)
    before = there.find("main").tree
    assert yank(run, repo, "v0.1.0").code == 0
    after = there.find("main").tree
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {"README.md", "notices.json"}
    assert "main" in run("versions", repo).out.splitlines()[0]


def test_the_next_version_carries_the_notices(
    hub: Hub, repo: str, run: Run, two: list[list[dict[str, Any]]], tmp_path: Path
) -> None:
    yank(run, repo, "v0.2.0")
    root = releases.write(tmp_path / "three", two[1][:-1])
    said = run("push", root, "--repo", repo, "--version", "v0.3.0", "-y")
    assert said.code == 0, said
    assert "v0.2.0 was taken back" in text_of(hub, repo, "README.md", "v0.3.0")
    assert "v0.2.0" in text_of(hub, repo, "notices.json", "v0.3.0")
    assert "was taken back" not in (root / "README.md").read_text()
    again = run("push", root, "--repo", repo, "--version", "v0.3.0", "-y")
    assert "is published already" in again.out


def test_a_yanked_version_is_not_published_again_under_its_name(
    hub: Hub, repo: str, run: Run, two: list[list[dict[str, Any]]], tmp_path: Path
) -> None:
    yank(run, repo, "v0.2.0")
    root = releases.write(tmp_path / "three", two[0][1:])
    said = run("push", root, "--repo", repo, "--version", "v0.2.0", "-y")
    assert said.code == 1
    assert "a version never changes" in said.err


def test_yanking_every_version_leaves_a_card_and_no_data(
    hub: Hub, repo: str, run: Run, two: list[list[dict[str, Any]]], tmp_path: Path
) -> None:
    assert yank(run, repo, "v0.1.0").code == 0
    said = yank(run, repo, "v0.2.0")
    assert said.code == 0
    assert "no version is left" in said.out
    tree = hub.store.repo("dataset", repo).find("main").tree
    assert set(tree) == {".gitattributes", "README.md", "notices.json"}
    assert run("verify", f"{repo}@v0.2.0").code == 0
    root = releases.write(tmp_path / "three", two[0][:30])
    assert run("push", root, "--repo", repo, "--version", "v0.3.0", "-y").code == 0


def test_yanking_twice_does_nothing(hub: Hub, repo: str, run: Run, two: object) -> None:
    yank(run, repo, "v0.1.0")
    commits = len(hub.store.repo("dataset", repo).commits)
    said = yank(run, repo, "v0.1.0", "another reason")
    assert said.code == 0
    assert "answers are wrong; nothing was done now, and main holds v0.2.0" in said.out
    assert len(hub.store.repo("dataset", repo).commits) == commits


def test_yank_refuses(hub: Hub, repo: str, run: Run, two: object) -> None:
    commits = len(hub.store.repo("dataset", repo).commits)
    assert yank(run, repo, "v7.0.0").code == 1
    assert yank(run, repo, "main").code == 2
    assert yank(run, repo, "v0.1.0", "  ").code == 2
    asked = run("yank", f"{repo}@v0.1.0", "--reason", "x")
    assert (asked.code, "say yes with -y" in asked.err) == (2, True)
    assert len(hub.store.repo("dataset", repo).commits) == commits


def test_yank_keeps_what_a_person_wrote_on_the_card(
    hub: Hub, repo: str, run: Run, two: object
) -> None:
    there = hub.store.repo("dataset", repo)
    text = text_of(hub, repo, "README.md") + "\nBy a person.\n"
    tree = {**there.find("main").tree, "README.md": hub.store.blob(text.encode())}
    there.add("main", tree, "edit")
    assert yank(run, repo, "v0.1.0").code == 0
    assert "By a person." in text_of(hub, repo, "README.md")
    said = yank(run, repo, "v0.2.0")
    assert said.code == 1
    assert "README.md on main was changed there" in said.err
    assert "By a person." in text_of(hub, repo, "README.md")


@pytest.mark.parametrize("kind", ["500", "drop", "drop-after", "down"])
def test_a_yank_that_fails_at_any_request_is_whole_or_not_at_all(
    hub: Hub, repo: str, run: Run, two: object, kind: str
) -> None:
    """Every fourth request of one yank: main is v0.2.0, or v0.1.0 with its notice."""
    there = hub.store.repo("dataset", repo)
    head = there.branches["main"]
    before, old = there.find("v0.2.0").tree, there.find("v0.1.0").tree
    count = len(hub.log)
    assert yank(run, repo, "v0.2.0").code == 0
    requests = len(hub.log) - count
    kinds = ("500", "drop", "drop-after", "down")
    for at in range(kinds.index(kind), requests, 4):
        there.branches["main"] = head
        start = len(hub.log)

        hub.fault = strike(kind, start + at)
        said = yank(run, repo, "v0.2.0")
        hub.fault = lambda number, method, path: None
        assert said.code in (0, 3), said
        tree = dict(there.find("main").tree)
        if "notices.json" in tree:
            del tree["notices.json"]
            assert {**tree, "README.md": old["README.md"]} == old
        else:
            assert tree == before
        assert yank(run, repo, "v0.2.0").code == 0
        assert len(there.history("main")) == 4, (kind, at)


def test_pull_brings_back_what_was_built(repo: str, run: Run, two: object, tmp_path: Path) -> None:
    yank(run, repo, "v0.1.0")
    said = run("pull", f"{repo}@v0.2.0", "back")
    assert said.code == 0, said
    built, back = tmp_path / "v0.2.0", tmp_path / "back"
    names = {p.relative_to(built) for p in built.rglob("*") if p.is_file()}
    assert {p.relative_to(back) for p in back.rglob("*") if p.is_file()} == names
    assert all((built / name).read_bytes() == (back / name).read_bytes() for name in names)
    assert run("card", back, "--check").code == 0
    again = run("pull", f"{repo}@v0.2.0", "back", "--format", "json")
    assert (again.code, again.json["fetched"]) == (0, 0)


def test_pull_goes_on_after_a_failure(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    count = len(hub.log)
    run("pull", f"{repo}@v0.2.0", "whole")
    requests = len(hub.log) - count
    for at in range(0, requests, 2):
        start, name = len(hub.log), f"back{at}"
        hub.fault = strike("down", start + at)
        said = run("pull", f"{repo}@v0.2.0", name)
        hub.fault = lambda number, method, path: None
        assert said.code == 3, (at, said)
        assert not (tmp_path / name / "manifest.json").exists()
        assert run("pull", f"{repo}@v0.2.0", name).code == 0
        assert run("card", name, "--check").code == 0


def test_pull_refuses_wrong_bytes(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    entry = hub.store.repo("dataset", repo).find("v0.2.0").tree[FIRST]
    assert entry.lfs is not None
    path = hub.store.large(entry.lfs)
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + b"x")
    said = run("pull", f"{repo}@v0.2.0", "back")
    path.write_bytes(kept)
    assert said.code == 1
    assert f"{FIRST} of {repo}@" in said.err
    assert not (tmp_path / "back" / "manifest.json").exists()
    assert run("pull", f"{repo}@v0.2.0", "back").code == 0


def test_pull_into_something_else(repo: str, run: Run, two: object, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    said = run("pull", f"{repo}@v0.2.0", "mine")
    assert said.code == 2
    assert "holds something else (notes.txt)" in said.err
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert run("pull", f"{repo}@v0.2.0", "v0.1.0").code == 2


def test_a_disk_that_fills_during_a_pull(
    hub: Hub, repo: str, run: Run, python: Python, two: object, tmp_path: Path
) -> None:
    """A real limit: no file may grow beyond 8 KB in this process, and a shard is larger."""
    lines = f"""
import resource, sys
from omi2_hub.cli import run
old = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, old[1]))
sys.argv = ["omi2-hub", "pull", "{repo}@v0.2.0", "back"]
try:
    sys.exit(run())
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
"""
    said = python(lines)
    assert said.code == 1, said
    assert "no room to write in back" in said.err
    assert not (tmp_path / "back" / "manifest.json").exists()
    assert run("pull", f"{repo}@v0.2.0", "back").code == 0
