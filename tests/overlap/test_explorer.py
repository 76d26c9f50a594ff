"""The page to look at matches: hostile texts stay text, what is shared is marked, and it works."""

import html.parser
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hub import browser
from omi2.overlap import explorer
from omi2.overlap.explorer import MOST, page, pieces

needs_chromium = pytest.mark.skipif(not browser.program(), reason="needs Chromium")

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


def data(made: str) -> list[dict[str, Any]]:
    """What the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', made)
    assert found
    rows: list[dict[str, Any]] = json.loads(found[1])
    return rows


FIELDS = ["problem", "item_problem", "benchmark", "item", "id", "rule", "judge", "verdict"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "hostile", [HOSTILE, "</script><img src=x>", "<!--<script>", "\u2028</style>"]
)
def test_a_hostile_text_is_only_text(field: str, hostile: str) -> None:
    made = page([row(**{field: hostile})])
    found = read(made)
    assert found.tags.count("script") == 2  # the data, and ours
    assert "img" not in found.tags
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "<!--" not in made


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
        ("Ann sold 7 red lamps", "Bob sold 7 red mats", ["Ann ", (1, "sold 7 red"), " lamps"]),
        ("The lantern burns", "one Lantern", ["The ", (2, "lantern"), " burns"]),
        ("at 1,200 feet", "1200 meters", ["at ", (2, "1,200"), " feet"]),
        ("twelve of the", "12 and the", [(2, "twelve"), " of the"]),
        ("nothing here", "else there", ["nothing here"]),
        ("a < b & c", "", ["a < b & c"]),
        ("", "x", []),
        ("ab\u202ecd\x00", "", ["ab\ufffdcd\ufffd"]),
    ],
)
def test_what_both_hold_is_marked(mine: str, other: str, wanted: list[Any]) -> None:
    assert pieces(mine, other) == wanted


def test_no_letter_is_lost() -> None:
    text = "  Ulla's 3.5 kilos,\nof $x^{2}$ 🍏 and Ulla's 3.5 kilos "
    told = pieces(text, "of Ulla's 3.5 kilos and more")
    assert "".join(p if isinstance(p, str) else p[1] for p in told) == text


def test_the_table_counts_by_benchmark_and_rule() -> None:
    made = page([row(0), row(1), row(2, rule="exact"), row(3, benchmark="b/test")], {"clean": 7})
    assert 'data-benchmark="toy/test" data-rule="near_dup">2</button>' in made
    assert 'data-benchmark="b/test" data-rule="near_dup">1</button>' in made
    assert '<li class="clean"><b>7</b>' in made


def test_of_very_many_every_rule_and_benchmark_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "MOST", 20)
    rows = [row(at, score=0.9) for at in range(50)] + [row(50, rule="rephrase", score=0.5)]
    made = page(rows)
    assert len(data(made)) == 20
    assert "rephrase" in {found["rule"] for found in data(made)}
    assert "51 rows" in made
    assert "20 highest" in made
    assert MOST >= 10_000


def test_the_strongest_rule_comes_first() -> None:
    made = page([row(0, score=1.0), row(1, rule="exact", score=1.0), row(2, score=0.6)])
    assert [found["row"] for found in data(made)] == [1, 0, 2]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of ten thousand matches, one of them hostile, one of hashes alone."""
    rows = [
        row(at, rule=("near_dup", "rephrase")[at % 2], score=0.5 + at / 25_000,
            benchmark=("toy/test", "b/test")[at % 5 == 0],
            problem=f"Ulla packs {at} green bottles, lot {at}.")
        for at in range(10_000)
    ]  # fmt: skip
    rows[7] |= {"problem": HOSTILE, "item_problem": HOSTILE, "id": HOSTILE}
    rows[9] |= {"item_problem": None, "judge": "yes/no", "rule": "judge"}
    path = tmp_path_factory.mktemp("page") / "x.html"
    path.write_text(page(rows, {"clean": 5, "contaminated": 10_000}), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Page]:
    with browser.start(1200, 900) as found:
        yield found


CARDS = "document.querySelectorAll('article').length"
COUNT = "document.querySelector('.count').textContent"
FIRST = "document.querySelector('article').textContent"


def put(tab: browser.Page, name: str, value: str) -> str:
    """Fill in a filter as a person does, and tell the count."""
    tab.run(
        f"(() => {{const e = document.querySelector('form').elements.{name}; e.value = "
        f"{json.dumps(value)}; e.dispatchEvent(new Event('input', {{bubbles: true}}))}})()"
    )
    tab.ask("Runtime.evaluate", expression="new Promise(r => setTimeout(r, 120))",
            awaitPromise=True)  # fmt: skip
    return str(tab.run(COUNT))


@needs_chromium
def test_in_a_browser_the_filters_work_together(many: str, tab: browser.Page) -> None:
    tab.open("about:blank")
    tab.open(many)
    assert tab.run(COUNT) == "10,000 of 10,000"
    assert 0 < tab.run(CARDS) < 100, "only the cards that are near are drawn"
    assert put(tab, "benchmark", "b/test") == "2,000 of 10,000"
    assert put(tab, "rule", "rephrase") == "1,000 of 10,000"
    assert put(tab, "score", "0.8") == "250 of 10,000"
    assert put(tab, "q", "LOT 9995.") == "1 of 10,000"
    assert "Ulla packs 9995 green bottles" in tab.run(FIRST)
    marks = tab.run("[...document.querySelectorAll('article mark')].map(m => m.textContent)")
    assert marks.count("bottles") == 2, "in both texts"
    assert "q=LOT" in tab.run("location.hash")
    tab.run("document.querySelector('.clear').click()")
    assert tab.run(COUNT) == "10,000 of 10,000"
    tab.run("document.querySelector('td button').click()")
    assert tab.run(COUNT) == "1,000 of 10,000"
    assert put(tab, "q", "nowhere") == "0 of 10,000"
    assert "No match fits" in tab.run("document.querySelector('#list').textContent")
    assert tab.complaints == []


@needs_chromium
def test_in_a_browser_ten_thousand_are_searched_at_once(many: str, tab: browser.Page) -> None:
    tab.open("about:blank")
    tab.open(f"{many}#q=lot+77&rule=rephrase")
    wanted = sum("77" in str(at) for at in range(1, 10_000, 2))
    assert tab.run(COUNT) == f"{wanted} of 10,000", "the address keeps the filters"
    spent = tab.run("(() => {const t = performance.now(); show(); return performance.now() - t})()")
    assert spent < 1000, "milliseconds, on a busy machine"
    before = tab.run(CARDS)
    tab.run("window.scrollTo(0, document.body.scrollHeight)")
    tab.ask("Runtime.evaluate", expression="new Promise(r => setTimeout(r, 200))",
            awaitPromise=True)  # fmt: skip
    assert tab.run(CARDS) > before


@needs_chromium
def test_in_a_browser_nothing_hostile_runs(many: str, tab: browser.Page) -> None:
    tab.open("about:blank")
    tab.open(many)
    assert put(tab, "q", "pwned") == "1 of 10,000"
    assert "<script>document.title" in tab.run(FIRST)
    assert tab.run("document.querySelectorAll('#list script, #list img').length") == 0
    assert tab.run("document.title") == "Overlap with benchmarks"
    assert put(tab, "q", "") == "10,000 of 10,000"
    assert put(tab, "rule", "judge") == "1 of 10,000"
    assert "judge: yes/no" in tab.run(FIRST)
    assert "Only hashes of it were at hand" in tab.run(FIRST)
    assert tab.complaints == []


@needs_chromium
def test_in_a_browser_the_keys_go_from_match_to_match(many: str, tab: browser.Page) -> None:
    tab.open("about:blank")
    tab.open(many)
    focused = "document.activeElement.dataset.at ?? document.activeElement.name"
    told = []
    for key in ("j", "j", "k", "/"):
        tab.ask("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        told.append(tab.run(focused))
    assert told == ["0", "1", "0", "q"]


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_in_a_browser_it_fits_and_can_be_read(
    scheme: str, width: int, many: str, tab: browser.Page
) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    tab.ask("Emulation.setDeviceMetricsOverride", **size)
    tab.media(scheme)
    tab.open("about:blank")
    tab.open(many)
    assert tab.run("document.documentElement.scrollWidth") <= width
    back = tab.run("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", back)[:3])) > 382
    assert light is (scheme == "light")
    columns = tab.run("getComputedStyle(document.querySelector('.two')).gridTemplateColumns")
    assert len(columns.split()) == (2 if width == 1200 else 1)
