"""Hostile and broken input: a sentence, at once, and never a traceback."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omi2_hub import card, console, notices, release, text
from omi2_hub.errors import HubError
from omi2_hub.manifest import read_manifest

from . import releases
from .conftest import ROOT, Said
from .helpers import by_hand, push, reseal, rewrite
from .hub_store import Refused
from .local_hub import Hub

Run = Callable[..., Said]
DEFAULT = "config_name: default\n"
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)


def front(root: Path, **changes: Any) -> list[str]:
    """What is said of the release's card with other keys in its front matter."""
    import yaml

    meta = {**card.front_matter((root / "README.md").read_text())[0], **changes}
    said = f"---\n{yaml.safe_dump(meta)}---\n"
    return card.problems(said, release.read(root).manifest)


CARDS = [
    ({"dataset_info": [{"splits": [1, 2]}]}, "the splits of config default is no list of tables"),
    ({"dataset_info": [{"splits": {"train": 5}}]}, "is no list of tables, but has {'train': 5}"),
    ({"dataset_info": [{"splits": {}}]}, "is no list of tables, but has {}"),
    ({"dataset_info": [{"features": 5}]}, "features is no list of tables, but has 5"),
    ({"dataset_info": [{"features": {"a": 1}}]}, "features is no list of tables"),
    ({"dataset_info": [{"features": [{"name": "x", "struct": 5}]}]}, "struct is no list of tables"),
    ({"dataset_info": [{"features": [{"name": "x", "list": [[]]}]}]}, "other features than"),
    ({"dataset_info": ["x"]}, "dataset_info is no list of tables"),
    ({"dataset_info": []}, "no dataset_info:"),
    (
        {"configs": [{"config_name": "default", "data_files": [{"split": "train", "path": 5}]}]},
        "a path that is no file and no list of files: 5",
    ),
    ({"configs": [{"config_name": "x" * 500, "data_files": [5]}]}, "without a split: 5"),
    ({"configs": ["y" * 500]}, "is no config_name with a list data_files"),
]


@pytest.mark.parametrize(("changes", "says"), CARDS)
def test_a_card_of_another_shape(release: Path, changes: dict[str, Any], says: str) -> None:
    said = front(release, **changes)
    assert any(says in one for one in said), said
    assert all(len(one) < 300 for one in said)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("when: 2020-99-99", "is not YAML: month must be in"),
        ("n: " + "9" * 5000, "is not YAML"),
        ("[" * 100_000, "is not YAML: RecursionError|is not YAML: maximum recursion"),
        ("a: &a [1, *a]", "more than 1,000,000 values"),
        (BOMB, "more than 1,000,000 values"),
        (f"n: 0x{'f' * 5000}\nconfigs: []", "no configs:"),
    ],
)
def test_front_matter_that_is_made_to_break(lines: str, says: str) -> None:
    started = time.process_time()
    with pytest.raises(HubError, match=says):
        card.configs(card.front_matter(f"---\n{lines}\n---\n")[0])
    assert time.process_time() - started < 3


MANIFESTS = [
    (lambda m: m.update(format=True), "has format True"),
    (lambda m: m.update(name="de\nmo"), "name holds 'de\\\\nmo', with characters"),
    (lambda m: m.update(name="de\x1b[31mmo"), "with characters that no name has"),
    (lambda m: m.update(name="de\ud800mo"), "is not JSON"),
    (lambda m: m.update(recipe={"x": float("nan")}), "NaN is no number of JSON"),
    (lambda m: m.update(rows=10**400), "which nothing holds"),
    (lambda m: m.update(rows=[["x"] * 500] * 500), "rows is .{0,80}, not a number"),
    (lambda m: m["sources"].update({"a\x00": {"rows": 1}}), "with characters that no name has"),
    *(
        (lambda m, path=path: m["files"].update({path: {"bytes": 1, "sha256": "0"}}), says)
        for path, says in [
            (".", "is a folder|is no path"),
            ("data", "is a folder"),
            ("README.md/x", "README.md', which is a folder"),
            ("a\x00b", "with characters that no name has"),
            (".git/config", "lies under .git/, where no released file"),
            ("reports/.cache/x", "lies under .cache/"),
            (".omi2-pull/x", "lies under .omi2-pull/"),
            ("manifest.json", "omi2-hub or the Hub writes itself"),
            ("notices.json", "omi2-hub or the Hub writes itself"),
            (".gitattributes", "omi2-hub or the Hub writes itself"),
            ("x" * 300, "has a name of more than 255 bytes"),
        ]
    ),
]


@pytest.mark.parametrize(("change", "says"), MANIFESTS)
def test_a_manifest_that_is_made_to_break(
    release: Path, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    rewrite(release, change)
    with pytest.raises(HubError, match=says) as caught:
        read_manifest((release / "manifest.json").read_bytes(), "manifest.json")
    assert len(str(caught.value)) < 250


def test_a_manifest_that_is_nested_too_deeply() -> None:
    with pytest.raises(HubError, match="nested too deeply"):
        read_manifest(b"[" * 200_000, "manifest.json")


def test_a_release_with_notices_of_its_own(run: Run, release: Path) -> None:
    (release / "notices.json").write_text("{}")
    assert "notices.json is in the folder and not in" in run("plan", release, "--repo", "a/b").err
    reseal(release, lambda manifest: None)
    said = run("plan", release, "--repo", "a/b")
    assert (said.code, "'notices.json', which omi2-hub" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"benchmarks": 5}, "names no benchmark"),
        ({"benchmarks": {"items": 1}}, "names no benchmark"),
        ({"layers": "exact"}, "names no layer"),
        ({"layers": 7}, "names no layer"),
    ],
)
def test_decontamination_of_another_shape(
    run: Run, tmp_path: Path, about: dict[str, Any], says: str
) -> None:
    root = releases.write(tmp_path / "x", releases.rows_of(6), decontamination=about)
    said = run("plan", root, "--repo", "acme/nothing")
    assert (said.code, says in said.err) == (1, True), said


def test_folders_and_files_that_cannot_be_read(run: Run, release: Path) -> None:
    (release / "manifest.json").rename(release / "old.json")
    (release / "manifest.json").mkdir()
    said = run("plan", release, "--repo", "acme/nothing")
    assert said.code == 1
    assert "manifest.json cannot be read (Is a directory)" in said.err


def test_a_shard_that_may_not_be_read(
    release: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """As root every file can be read, so the system's answer is put in its place."""
    from omi2_hub import release as releasing

    def refuse(path: Path) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(releasing, "hash_file", refuse)
    with pytest.raises(HubError, match=r"README\.md cannot be read \(Permission denied\)"):
        releasing.read(release)


def test_a_shard_whose_pages_are_garbled(release: Path) -> None:
    """The footer is right, and the first rows cannot be searched for secrets: that is no pass."""
    from omi2_hub import gates
    from omi2_hub import release as releasing

    path = release / "data" / "tier0-00000-of-00001.parquet"
    pq.write_table(
        pa.Table.from_pylist(releases.rows_of(30), pq.read_schema(path)), path, compression="zstd"
    )
    text = bytearray(path.read_bytes())
    text[40:2000] = bytes(1960)
    path.write_bytes(bytes(text))
    reseal(release, lambda manifest: None)
    assert "cannot be read as Parquet" in gates.schema(releasing.read(release)).says


def test_hostile_manifests_on_the_hub(hub: Hub, repo: str, run: Run, release: Path) -> None:
    (release / "manifest.json").write_text("[" * 200_000)
    by_hand(hub, repo, release, "v0.1.0")
    for command in (["pull", f"{repo}@v0.1.0", "q"], ["verify", f"{repo}@v0.1.0"]):
        said = run(*command)
        assert (said.code, "nested too deeply" in said.err) == (1, True), said
    said = run("versions", repo)
    assert (said.code, "no release" in said.out) == (0, True)


def test_a_pull_into_odd_folders(repo: str, run: Run, two: object, tmp_path: Path) -> None:
    (tmp_path / "odd" / "manifest.json").mkdir(parents=True)
    said = run("pull", f"{repo}@v0.2.0", "odd")
    assert (said.code, "holds something else (manifest.json)" in said.err) == (2, True)
    said = run("pull", f"{repo}@v0.2.0", tmp_path / "v0.1.0" / "README.md" / "x")
    assert (said.code, "cannot be written (Not a directory)" in said.err) == (1, True), said


def test_two_versions_do_not_mix_in_one_folder(
    hub: Hub, repo: str, run: Run, two: object, tmp_path: Path
) -> None:
    asked: list[str] = []

    def fail(number: int, method: str, path: str) -> str | None:
        asked.append(path)
        return "403" if len([p for p in asked if "/cdn/" in p]) > 1 else None

    hub.fault = fail
    assert run("pull", f"{repo}@v0.1.0", "d").code == 1
    hub.fault = lambda number, method, path: None
    (tmp_path / "d" / "stale.txt").write_text("mine")
    said = run("pull", f"{repo}@v0.2.0", "d")
    assert (said.code, "d holds half of another version" in said.err) == (2, True), said
    said = run("pull", f"{repo}@v0.1.0", "d", "--format", "json")
    assert (said.code, said.json["others"]) == (0, ["stale.txt"]), said
    assert "not of this version: stale.txt" in said.err
    assert (tmp_path / "d" / "stale.txt").read_text() == "mine"


def test_a_gated_dataset_is_told_as_such(hub: Hub, repo: str, run: Run, release: Path) -> None:
    def gate(number: int, method: str, path: str) -> None:
        raise Refused(403, "Access to dataset is restricted", "GatedRepo")

    hub.fault = gate
    for command in (["versions", repo], ["plan", release, "--repo", repo]):
        said = run(*command)
        assert said.code == 1
        assert f"ask for access at {hub.url}/datasets/{repo}" in said.err


def test_an_error_page_is_told_by_its_first_line(hub: Hub, repo: str, run: Run) -> None:
    def page(number: int, method: str, path: str) -> None:
        raise Refused(418, "<html><body>" + "x" * 2000)

    hub.fault = page
    said = run("versions", repo)
    assert (said.code, "<" in said.err, len(said.err) < 400) == (1, False, True), said


def test_names_of_files_are_shown_as_text(hub: Hub, repo: str, run: Run, release: Path) -> None:
    there = hub.store.create("dataset", repo, private=False)
    name = "a\x1b[31m\nok  README.md"
    there.add("main", {**there.find("main").tree, name: hub.store.blob(b"x")}, "mine")
    for command in (["plan", release, "--repo", repo], ["plan", release, "--repo", repo, "-h"]):
        said = run(*command)
        assert "\x1b" not in said.out + said.err
    said = run("plan", release, "--repo", repo)
    assert r"a\x1b[31m\nok  README.md on main was changed there" in said.out


def test_text_made_fit_to_be_shown() -> None:
    assert text.plain("a\tb\x1b[0m\u202e\ud800é") == r"a\tb\x1b[0m\u202e\ud800é"
    assert text.lines("a\n\x07b") == "a\n\\x07b"
    assert text.brief(16**5000) == "a number too long to write"
    assert len(text.brief([["x" * 99] * 99] * 99)) <= text.BRIEF
    shown = console.as_json({"a": "\x9b31m\ud800 é\n"})
    assert shown.encode().decode() == shown
    assert "\x9b" not in shown
    assert json.loads(shown) == {"a": "\x9b31m\ud800 é\n"}


@pytest.mark.parametrize(
    "raw",
    [
        b"{bad", b"[]", b"[" * 200_000, b'{"yanked": 5}', b'{"yanked": {"v1": {}}}',
        b'{"yanked": {"v0.1.0": {}}}', b'{"yanked": {"v0.1.0": 5}}', b"\xff",
    ],
)  # fmt: skip
def test_notices_of_another_shape(raw: bytes) -> None:
    with pytest.raises(HubError, match=r"notices\.json on main cannot be read"):
        notices.parse(raw)


def test_notices_are_one_line_that_can_be_written_again() -> None:
    raw = {"v0.1.0": {"reason": "a\n\u2028 b\ud800", "date": "x"}}
    found = notices.parse(json.dumps({"yanked": raw}).encode())
    assert found["v0.1.0"].reason == "a b?"
    assert notices.parse(notices.render(found)) == found


USAGE = [
    ["push", "r", "--format", "json"],
    ["nonsense", "--format", "json"],
    ["plan", "r", "--repo", "acme/none", "--bogus", "--format=json"],
    ["verify", "acme/x@", "--format", "json"],
    ["diff", "acme/x@v0.1.0", "acme/y@v0.2.0", "--format", "json"],
]


@pytest.mark.parametrize("arguments", USAGE)
def test_wrong_usage_is_json_too(run: Run, arguments: list[str]) -> None:
    said = run(*arguments)
    assert (said.code, said.json["ok"], said.json["exit_code"]) == (2, False, 2), said


def test_ctrl_c_is_json_too(
    hub: Hub, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["omi2-hub", "versions", "--format", "json"])
    assert console.guarded(stop) == 130
    assert json.loads(capsys.readouterr().out)["error"] == "Stopped"


def test_what_nobody_foresaw_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    secret = "hf_" + "q7" * 17

    def fail() -> None:
        raise ZeroDivisionError(f"x {secret}\nmore")

    monkeypatch.setattr(sys, "argv", ["omi2-hub", "versions", "--format", "json"])
    assert console.guarded(fail) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["exit_code"] == 1
    assert "ZeroDivisionError: x hf_…" in said.err
    assert "Traceback" not in said.err
    monkeypatch.setenv(console.DEBUG, "1")
    assert console.guarded(fail) == 1
    said = capsys.readouterr()
    assert "Traceback" in said.err
    assert secret not in said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="wants /dev/full")
@pytest.mark.parametrize(("to", "code"), [(">/dev/full", 1), (">&-", 0), ("2>/dev/full", 0)])
def test_a_result_that_cannot_be_written(release: Path, to: str, code: int) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'builder'}"}
    command = f'"{sys.executable}" -m omi2_hub card "{release}" {to}'
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert ("cannot be written (No space left" in done.stderr) is (to == ">/dev/full")


def test_hints_can_be_pasted(run: Run, tmp_path: Path, repo: str) -> None:
    root = releases.write(tmp_path / "my release", releases.rows_of(6))
    said = run("plan", root, "--repo", repo)
    assert f"next: omi2-hub push '{root}' --repo {repo} --version v0.1.0" in said.err
    said = push(run, root, repo, "v0.1.0")
    script = f'from datasets import load_dataset; print(load_dataset("{repo}", revision="v0.1.0"))'
    assert f"next: python -c '{script}'" in said.err
