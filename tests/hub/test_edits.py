"""What people do to a dataset on the Hub: nothing of it is lost, believed or fatal unawares."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import hub_yaml, releases
from .conftest import Said
from .helpers import by_hand, changed, edit, push, reseal, text_of, yank
from .local_hub import Hub

Run = Callable[..., Said]


def third(tmp_path: Path) -> Path:
    return releases.write(tmp_path / "third", releases.rows_of(45, seed="third"))


def notices(hub: Hub, repo: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text_of(hub, repo, "notices.json"))["yanked"]
    return found


def test_a_deleted_notices_json_does_not_undo_a_yank(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    yank(run, repo, "v0.1.0")
    edit(hub, repo, "notices.json", None)
    for said in (push(run, third(tmp_path), repo, "v0.3.0"), yank(run, repo, "v0.2.0")):
        assert said.code == 1
        assert "it would be forgotten that v0.1.0 was taken back" in said.err
    said = push(run, third(tmp_path), repo, "v0.3.0", "--discard-edits")
    assert said.code == 0
    assert "notices.json" not in hub.store.repo("dataset", repo).find("main").tree


def test_a_changed_notices_json_is_an_edit(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    yank(run, repo, "v0.1.0")
    other = {"v0.2.0": {"reason": "mine", "date": "2026-01-01"}, **notices(hub, repo)}
    edit(hub, repo, "notices.json", json.dumps({"omi2": "notices", "yanked": other}).encode())
    said = push(run, third(tmp_path), repo, "v0.3.0")
    assert said.code == 1
    assert "notices.json (it tells of other versions than the card)" in said.err


def test_a_broken_notices_json_stops_only_what_needs_it(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    edit(hub, repo, "notices.json", b"{bad")
    for command in (["pull", f"{repo}@v0.1.0", "back"], ["verify", f"{repo}@v0.1.0"]):
        said = run(*command)
        assert said.code == 0, said
        assert "whether v0.1.0 was taken back is not known" in said.err
    assert run("diff", f"{repo}@v0.1.0", "v0.2.0").code == 0
    said = push(run, third(tmp_path), repo, "v0.3.0")
    assert said.code == 1
    assert "notices.json (it cannot be read, so what was taken back is not known)" in said.err
    for said in (run("versions", repo), yank(run, repo, "v0.1.0")):
        assert said.code == 1
        assert "notices.json on main cannot be read" in said.err


def test_a_tag_on_main_hides_no_edit(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    edit(hub, repo, "README.md", text_of(hub, repo, "README.md").encode() + b"\nBy a person.\n")
    there = hub.store.repo("dataset", repo)
    for tag in ("paper-2026", "v0.2.1"):
        there.tags[tag] = there.branches["main"]
        said = push(run, third(tmp_path), repo, "v0.3.0")
        assert said.code == 1
        assert "README.md on main was changed there" in said.err
    assert "By a person." in text_of(hub, repo, "README.md")


def test_an_edited_manifest_is_not_lost(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    text = text_of(hub, repo, "manifest.json").replace("cc-by-4.0", "mine")
    edit(hub, repo, "manifest.json", text.encode())
    said = push(run, third(tmp_path), repo, "v0.3.0")
    assert said.code == 1
    assert "manifest.json (a release that has no tag, or the manifest was changed" in said.err
    said = run("versions", repo)
    assert said.out.splitlines()[-1].startswith("main holds a release without a tag (commit ")
    said = yank(run, repo, "v0.1.0")
    assert (said.code, "main holds a release without a tag" in said.out) == (0, True)
    assert "mine" in text_of(hub, repo, "manifest.json")


def test_tags_that_look_like_versions_and_are_none(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    """They stop nothing but their own name."""
    there = hub.store.repo("dataset", repo)
    first = there.history("main")[-1].oid
    there.tags |= {"v9.9.9": first, "v0.0.1": first}
    said = run("versions", repo)
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == [
        "v0.2.0", "v0.1.0", "v9.9.9", "v0.0.1",
    ]  # fmt: skip
    assert said.out.count("no release") == 2
    assert "nothing to take back" in yank(run, repo, "v9.9.9").err
    assert yank(run, repo, "v0.2.0").code == 0
    there.tags["v0.3.0"] = first
    said = push(run, third(tmp_path), repo, "v0.3.0")
    assert said.code == 1
    assert f"a tag v0.3.0 is on the Hub already, at {first[:12]}" in said.err
    assert "delete that tag" in said.err
    del there.tags["v0.3.0"]
    assert push(run, third(tmp_path), repo, "v0.3.0").code == 0


def test_two_tags_with_one_manifest(hub: Hub, repo: str, run: Run, two: object) -> None:
    """A person tags v0.2.1 on an edited card: each version is what its tag says."""
    edit(hub, repo, "README.md", text_of(hub, repo, "README.md").encode() + b"\nBy a person.\n")
    there = hub.store.repo("dataset", repo)
    there.tags["v0.2.1"] = there.branches["main"]
    assert run("versions", repo, "--format", "json").json["main"] == "v0.2.1"
    said = yank(run, repo, "v0.2.0", "old", "--format", "json")
    assert (said.code, said.json["moved"], said.json["main"]) == (0, False, "v0.2.1"), said
    assert "By a person." in text_of(hub, repo, "README.md")
    assert run("versions", repo).out.splitlines()[0].endswith("main")


def test_what_main_holds_can_be_what_was_taken_back(
    hub: Hub, repo: str, run: Run, two: object
) -> None:
    yank(run, repo, "v0.1.0")
    there = hub.store.repo("dataset", repo)
    tree = dict(there.find("v0.1.0").tree)
    tree["notices.json"] = there.find("main").tree["notices.json"]
    there.add("main", tree, "I want it back")
    line = run("versions", repo).out.splitlines()[1]
    assert "main; taken back 20" in line


def test_a_yanked_version_is_not_handed_out_silently(
    repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    yank(run, repo, "v0.2.0", "answers are wrong\x1b[31m")
    commands = (
        ["push", tmp_path / "v0.2.0", "--repo", repo, "--version", "v0.2.0", "-y"],
        ["pull", f"{repo}@v0.2.0", "back"],
        ["verify", f"{repo}@v0.2.0"],
    )
    for command in commands:
        said = run(*command, "--format", "json")
        assert (said.code, said.json["yanked"]["reason"][:17]) == (0, "answers are wrong"), said
        assert f"warning: {repo}@v0.2.0 was taken back on 20" in said.err
        assert "\x1b" not in said.out + said.err
        assert "load_dataset" not in run(*command).err
    said = run("plan", tmp_path / "v0.2.0", "--repo", repo)
    assert said.code == 0
    assert "v0.2.0 is published already, and was taken back on 20" in said.out


def test_a_reason_is_text_on_the_card_and_on_a_terminal(
    hub: Hub, repo: str, run: Run, two: object
) -> None:
    """Also one that a person wrote into notices.json."""
    yank(run, repo, "v0.1.0", "see *x* [a](http://b) <b>")
    assert r"see \*x\* \[a\](http://b) &lt;b&gt;" in text_of(hub, repo, "README.md")
    evil = {"v0.1.0": {"reason": "a\x1b[31m\nv9.9.9  0000  1 rows  main", "date": "today"}}
    edit(hub, repo, "notices.json", json.dumps({"yanked": evil}).encode())
    said = run("versions", repo)
    assert "\x1b" not in said.out
    assert len(said.out.splitlines()) == 2
    assert r"a\x1b[31m v9.9.9" in said.out


def test_yanking_the_last_version_of_any_licence(
    hub: Hub, repo: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(hub_yaml.LISTED, "license", {"my own: licence", "cc-by-4.0"})
    root = releases.write(tmp_path / "x", releases.rows_of(12), licence="my own: licence")
    text = (root / "README.md").read_text()
    (root / "README.md").write_text(
        text.replace("license: cc-by-4.0", "license: 'my own: licence'")
    )
    reseal(root, lambda manifest: None)
    assert push(run, root, repo, "v0.1.0").code == 0
    said = yank(run, repo, "v0.1.0")
    assert "no version is left, and main holds no data" in said.out
    assert "license: 'my own: licence'\n" in text_of(hub, repo, "README.md")
    said = run("pull", f"{repo}@main", "back")
    assert (said.code, "holds no release: every version was taken back" in said.err) == (1, True)
    assert push(run, changed(tmp_path), repo, "v0.2.0").code == 0


def test_a_yank_where_a_person_deleted_the_card(hub: Hub, repo: str, run: Run, two: object) -> None:
    edit(hub, repo, "README.md", None)
    assert yank(run, repo, "v0.1.0").code == 0
    assert list(notices(hub, repo)) == ["v0.1.0"]
    assert "README.md" not in hub.store.repo("dataset", repo).find("main").tree


def test_an_empty_reason_is_wrong_usage(repo: str, run: Run) -> None:
    said = run("yank", f"{repo}@v0.1.0", "--reason", "", "-y")
    assert (said.code, "wants a reason" in said.err) == (2, True)


def test_verify_finds_numbers_that_do_not_add_up(
    hub: Hub, repo: str, run: Run, tmp_path: Path
) -> None:
    """Every hash is right, card and manifest agree, and what they say is a lie."""
    root = releases.write(tmp_path / "x", releases.rows_of(30))

    def lie(manifest: dict[str, Any]) -> None:
        manifest["rows"] = 999
        for split in manifest["splits"].values():
            split["rows"] *= 1000
        (root / "README.md").write_text(releases.card(manifest["splits"]))

    reseal(root, lie)
    by_hand(hub, repo, root, "v0.1.0")
    said = run("verify", f"{repo}@v0.1.0")
    assert said.code == 1
    assert "the files hold 30 rows, the manifest says 999" in said.err
    assert "the files of split train hold 30 rows, the manifest says 30000" in said.err


def test_verify_counts_the_sources(hub: Hub, repo: str, run: Run, tmp_path: Path) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(30))
    reseal(root, lambda manifest: manifest["sources"]["omi2_word"].update(rows=25))
    by_hand(hub, repo, root, "v0.1.0")
    said = run("verify", f"{repo}@v0.1.0")
    assert "the sources hold 31 rows together, the manifest says 30" in said.err

    def swap(manifest: dict[str, Any]) -> None:
        manifest["sources"] = {"omi2_word": {"problems": 1, "rows": 30}}

    reseal(root, swap)
    by_hand(hub, repo, root, "v0.2.0")
    assert run("verify", f"{repo}@v0.2.0").code == 0
    said = run("verify", f"{repo}@v0.2.0", "--full")
    assert (said.code, "24 rows of source omi2_word" in said.err) == (1, True)


def test_verify_full_reads_large_files_that_are_no_data(
    hub: Hub, repo: str, run: Run, tmp_path: Path
) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(12))
    (root / "reports" / "index.bin").write_bytes(b"large")
    reseal(root, lambda manifest: None)
    by_hand(hub, repo, root, "v0.1.0")
    entry = hub.store.repo("dataset", repo).find("v0.1.0").tree["reports/index.bin"]
    assert entry.lfs is not None
    assert run("verify", f"{repo}@v0.1.0", "--full").code == 0
    hub.store.large(entry.lfs).write_bytes(b"other")
    said = run("verify", f"{repo}@v0.1.0", "--full")
    assert (said.code, "the bytes of reports/index.bin have" in said.err) == (1, True)


def test_a_private_push_to_a_public_dataset(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    push(run, release, repo, "v0.1.0")
    said = push(run, changed(tmp_path), repo, "v0.2.0", "--private")
    assert said.code == 1
    assert f"{repo} is public, and --private is for a dataset that has to be created" in said.err
    hub.store.repo("dataset", repo).private = True
    assert push(run, changed(tmp_path), repo, "v0.2.0", "--private").code == 0


def test_the_question_says_what_becomes_public_and_what_is_replaced(
    hub: Hub, repo: str, run: Run, release: Path, tmp_path: Path
) -> None:
    ask = ["push", release, "--repo", repo, "--version", "v0.1.0"]
    assert f"to {repo}, a new public dataset?" in run(*ask).err
    assert f"to {repo}, a new private dataset?" in run(*ask, "--private").err
    push(run, release, repo, "v0.1.0")
    edit(hub, repo, "README.md", b"mine")
    ask = ["push", changed(tmp_path), "--repo", repo, "--version", "v0.2.0", "--discard-edits"]
    assert f"to {repo}? It replaces what was changed there: README.md." in run(*ask).err


def test_a_token_is_wanted_before_anything_is_read(run: Run, repo: str, tmp_path: Path) -> None:
    said = push(run, tmp_path / "nothing", repo, "v0.1.0", token=None)
    assert (said.code, "no token: run `hf auth login`" in said.err) == (1, True)
    odd = "sécret"
    said = push(run, tmp_path / "nothing", repo, "v0.1.0", token=odd)
    assert (said.code, "characters that no token has" in said.err) == (1, True)
    said = run("push", tmp_path, "--repo", repo, "--version", "v0.1.0", "--dry-run", token=None)
    assert "holds no manifest.json" in said.err
