"""What changed is told on the card of a version, stays there, and is taken for nobody's edit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omi2_hub import changelog, notices, release, versions
from omi2_hub.card import front_matter

from . import releases
from .conftest import Said

OLD, NEW = versions.parse("v0.1.0"), versions.parse("v0.2.0")


def manifest(root: Path, **changes: Any) -> release.Manifest:
    made = {**releases.manifest_of(root), **changes}
    return release.read_manifest(json.dumps(made).encode(), "manifest.json")


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ({"rows": 60}, {"rows": 1234}, "| rows | 60 | 1,234 |"),
        ({"grader": "a@1"}, {"grader": "a@2"}, "| grader | a@1 | a@2 |"),
        (
            {"recipe": {"filter": {"min_chars": 200}}},
            {"recipe": {"filter": {"min_chars": 0}}},
            "| setting filter.min_chars | 200 | 0 |",
        ),
        (
            {"schema": [["a", "string"]]},
            {"schema": [["a", "string"], ["b", "int32"]]},
            "| column b | - | int32 |",
        ),
        ({"sources": {}}, {"sources": {"<b>|x": {"rows": 3}}}, r"| rows of &lt;b&gt;\|x | - | 3 |"),
        ({}, {}, "Nothing that the manifest tells differs from v0.1.0."),
    ],
)
def test_what_differs_is_told(
    release: Path, before: dict[str, Any], after: dict[str, Any], line: str
) -> None:
    told = changelog.section(manifest(release, **before), manifest(release, **after), OLD, NEW)
    assert line in told.splitlines()
    assert "omi2-hub diff ORG/omi2@v0.1.0 v0.2.0" in told


@pytest.mark.parametrize("card", [b"---\na: 1\n---\n\nText\n", b"no end", b"---", b""])
def test_the_section_comes_off_again(card: bytes) -> None:
    yanked = {"v0.1.0": notices.Yank("bad", "2026-01-01")}
    once = notices.with_changes(notices.with_block(card, yanked), "## What changed\n")
    assert notices.strip(once) == card
    stamped = notices.with_version(once, "v0.2.0")
    assert notices.with_version(notices.with_version(once, "v9.9.9"), "v0.2.0") == stamped
    assert notices.strip(stamped) == card
    assert notices.with_changes(once, "## What changed\n") == once
    assert b"## What changed" in notices.with_block(once, {})


def test_a_second_version_says_what_changed_and_a_yank_keeps_it(
    run: Callable[..., Said], python: Callable[[str], Said], repo: str, tmp_path: Path
) -> None:
    def card(revision: str) -> str:
        said = python(
            "from huggingface_hub import hf_hub_download\n"
            f"path = hf_hub_download({repo!r}, 'README.md', repo_type='dataset',"
            f" revision={revision!r})\nprint(open(path).read())"
        )
        assert said.code == 0, said.err
        return said.out

    root = tmp_path / "omi2"
    made = releases.rows_of(60)
    for count, version in ((60, "v0.1.0"), (50, "v0.2.0"), (40, "v0.3.0")):
        releases.write(root, made[:count])
        said = run("push", root, "--repo", repo, "--version", version, "-y")
        assert said.code == 0, said.err
    assert "What changed" not in card("v0.1.0")
    for version in ("v0.1.0", "v0.2.0", "v0.3.0"):
        assert front_matter(card(version))[0]["version"] == version
    assert front_matter(card("main"))[0]["version"] == "v0.3.0"
    assert "| rows | 60 | 50 |" in card("v0.2.0")
    assert "| rows | 50 | 40 |" in card("v0.3.0")
    assert "| rows | 60 | 50 |" not in card("v0.3.0")
    again = run("push", root, "--repo", repo, "--version", "v0.3.0", "-y")
    assert "is published already" in again.out
    assert run("verify", f"{repo}@v0.3.0").code == 0
    said = run("yank", f"{repo}@v0.3.0", "--reason", "a test", "-y")
    assert said.code == 0, said.err
    assert "| rows | 60 | 50 |" in card("main")
    assert "**v0.3.0 was taken back**" in card("main")
    assert front_matter(card("main"))[0]["version"] == "v0.2.0"
    releases.write(root, made[:30])
    said = run("push", root, "--repo", repo, "--version", "v0.4.0", "-y")
    assert said.code == 0, said.err
    assert "| rows | 40 | 30 |" in card("main")
    pulled = tmp_path / "pulled"
    assert run("pull", f"{repo}@v0.4.0", pulled).code == 0
    assert (pulled / "README.md").read_bytes() == (root / "README.md").read_bytes()
