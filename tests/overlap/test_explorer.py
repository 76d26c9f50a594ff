"""The page to look at matches: hostile texts stay text, what is shared is marked, and it works."""

import html.parser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from omi2.overlap import explorer
from omi2.overlap.explorer import MOST, marked, page

HOSTILE = '</div><script>document.title="PWNED"</script><img src=x onerror="document.title=\'P\'">'


def row(at: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "row": at,
        "id": f"r/{at}",
        "problem_id": "0" * 32,
        "verdict": "contaminated",
        "rule": "near_dup",
        "score": 0.75,
        "benchmark": "toy/test",
        "item": f"i/{at}",
        "problem": "Ulla packs 12 green bottles.",
        "item_problem": "Ulla packs 9 green bottles.",
    } | changed


class Reader(html.parser.HTMLParser):
    """What a browser would see: tags, and whether each was closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("field", ["problem", "item_problem", "benchmark", "item", "id", "rule"])
def test_a_hostile_text_is_only_text(field: str) -> None:
    made = page([row(**{field: HOSTILE})])
    found = read(made)
    assert found.tags.count("script") == 1
    assert "img" not in found.tags
    assert not {name for name in found.attributes if name.startswith("on")}


def test_nothing_is_loaded_from_anywhere() -> None:
    made = page([row()])
    assert not re.findall(r"https?:|//[a-z]|url\(|@import|\bsrc=|\bhref=", made)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', made)
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize(
    ("mine", "other", "wanted"),
    [
        ("Ann sold 7 red lamps", "Bob sold 7 red mats", "Ann <mark>sold 7 red</mark> lamps"),
        ("The lantern burns", "one Lantern", 'The <mark class="word">lantern</mark> burns'),
        ("at 1,200 feet", "1200 meters", 'at <mark class="word">1,200</mark> feet'),
        ("twelve of the", "12 and the", '<mark class="word">twelve</mark> of the'),
        ("nothing here", "else there", "nothing here"),
        ("a < b & c", "", "a &lt; b &amp; c"),
        ("", "x", ""),
        ("ab\u202ecd\x00", "", "ab\ufffdcd\ufffd"),
    ],
)
def test_what_both_hold_is_marked(mine: str, other: str, wanted: str) -> None:
    assert marked(mine, other) == wanted


def test_without_the_items_text_the_page_says_so() -> None:
    assert "Only hashes of it were at hand" in page([row(item_problem=None)])
    assert "no benchmark" in page([row(benchmark=None, item=None, rule="unknown")])


def test_of_very_many_every_rule_and_benchmark_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "MOST", 20)
    rows = [row(at, score=0.9) for at in range(50)] + [row(50, rule="rephrase", score=0.5)]
    made = page(rows)
    assert made.count("<article") == 20
    assert 'data-rule="rephrase"' in made
    assert "51 rows overlap" in made
    assert "20 highest" in made
    assert MOST >= 1000


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_in_a_browser_nothing_hostile_runs_and_the_filter_counts(tmp_path: Path) -> None:
    rows = [row(0, problem=HOSTILE), row(1), row(2, rule="exact", score=1.0)]
    (tmp_path / "x.html").write_text(page(rows), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "x.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert "<title>Overlap with benchmarks</title>" in done.stdout
    assert "3 of 3 shown" in done.stdout  # our own script ran
