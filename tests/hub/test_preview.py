"""The preview: its pages hold what they should, nothing in them runs, and it is usable by keyboard.

In a real browser where there is one (Chromium); the rest by reading the pages.
"""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from made import replay_file
from omi2 import rows
from omi2_hub import latex, preview, sample, site
from omi2_hub.errors import HubError, UsageError
from test_build import make, replay_recipe

from . import browser, releases

needs_browser = pytest.mark.skipif(
    browser.program() is None, reason="needs Chromium: apt-get install chromium"
)
LONG = " + ".join(f"x_{{{at}}}" for at in range(90))
"""A formula that is wider than any screen."""
SCRIPT = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of made generations: its release and its run, whose texts hold scripts and LaTeX."""
    folder = tmp_path_factory.mktemp("built")
    file = replay_file(folder / "made.parquet")
    table = pl.read_parquet(file).with_columns(
        problem=pl.col("problem")
        + pl.lit(rf" {SCRIPT} Let $\frac{{1}}{{2}}$ and $\broken{{$. So ${LONG}$, \[{LONG}\]")
        + pl.lit(f"\n```\n{'wide' * 90}\n```\n"),
    )
    table.write_parquet(file)
    make(replay_recipe(file), folder)
    return folder


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[str, bytes]:
    return site.pages(built / "omi2", built / "run")


@pytest.fixture
def served(pages: dict[str, bytes]) -> Iterator[str]:
    with serving(pages) as url:
        yield url


@contextlib.contextmanager
def serving(pages: dict[str, bytes]) -> Iterator[str]:
    """The address of a preview, in a process of its own as people run it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told: list[str] = []
    up = threading.Event()

    def ready(url: str) -> None:
        told.append(url)
        up.set()

    made: list[Any] = []
    original = preview.ThreadingHTTPServer

    class Kept(original):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    preview.ThreadingHTTPServer = Kept  # type: ignore[misc]
    try:
        thread = threading.Thread(target=preview.serve, args=(pages, port, ready), daemon=True)
        thread.start()
        assert up.wait(10)
    finally:
        preview.ThreadingHTTPServer = original  # type: ignore[misc]
    yield told[0]
    made[0].shutdown()
    thread.join(10)


class Tags(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_no_page_holds_a_script_or_asks_another_server(pages: dict[str, bytes]) -> None:
    for name, page in pages.items():
        if not name.endswith(".html"):
            continue
        for tag, attributes in Tags(page).found:
            assert tag not in ("script", "iframe", "object", "form", "base", "style"), name
            assert not [a for a in attributes if a.startswith("on") or a == "style"], (name, tag)
            if tag in ("img", "link"):
                address = attributes.get("src") or attributes.get("href") or ""
                assert address in pages, f"{name}: {address}"
            if tag == "a":
                assert re.match(r"https://|#|[\w/.-]+$", attributes["href"] or ""), attributes


def test_the_pages_show_card_rows_drops_and_contamination(pages: dict[str, bytes]) -> None:
    assert b"<h1>omi2 replay</h1>" in pages["index.html"]
    assert b'src="pictures/funnel.svg"' in pages["index.html"]
    assert b'<a href="contamination.html">reports/contamination.md</a>' in pages["index.html"]
    assert b"](" not in pages["index.html"], "a link of the card is shown as text"
    shown = pages["rows.html"].decode()
    assert shown.count("<article") == 24
    assert shown.count("&lt;script&gt;window.ran = 1&lt;/script&gt;") == 24
    assert shown.count("<mfrac>") == 24
    assert shown.count('<code class="tex"') == 24
    gone = pages["dropped.html"].decode()
    for reason in ("no_answer", "wrong_answer", "wrong_arithmetic_one_step"):
        assert f"<code>{reason}</code>" in gone
    assert b"Contamination report" in pages["contamination.html"]


def test_without_a_run_the_counts_are_told_and_no_row(built: Path) -> None:
    page = site.pages(built / "omi2")["dropped.html"].decode()
    assert "<code>wrong_answer</code>" in page
    assert "<article" not in page
    assert "omi2-hub preview DIR --run RUN" in page


def test_what_overlaps_with_a_benchmark_is_not_quoted(built: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "03_decontaminate" / "dropped").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (run / "03_decontaminate" / "manifest.json").write_text("{}")
    secret = {"problem_id": "ab" * 16, "reason": "overlap_exact", "detail": "exact 1.0 b/test 7",
              "text": "the text of a test item"}  # fmt: skip
    pq.write_table(
        pa.Table.from_pylist([secret], rows.DROPPED),
        run / "03_decontaminate" / "dropped" / "part-00000.parquet",
    )
    page = site.pages(built / "omi2", run)["dropped.html"].decode()
    assert "overlap_exact" in page
    assert "b/test 7" in page
    assert "text of a test item" not in page


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"$x^2$", "<msup>"),
        (r"\[\frac12\]", '<math display="block"'),
        (r"\(\sqrt{2}\)", "<msqrt>"),
        (r"so \boxed{\frac{1}{2}}.", 'notation="box"'),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "<mtable"),
    ],
)
def test_formulas_are_rendered(text: str, wanted: str) -> None:
    assert wanted in latex.to_html(text)
    assert "$" not in latex.to_html(text)


@pytest.mark.parametrize(
    "text",
    [
        r"$\frac{1$", r"$\frac{1}$", r"$x^$", r"$\left( x$", r"\boxed{5", r"$\nosuch{1}$", r"$}{$",
        "$" + "{" * 300 + "x" + "}" * 300 + "$", "$" + "x+" * 2000 + "x$", r"\(\sqrt\)",
        r"\begin{pmatrix}1&2",
    ],
)  # fmt: skip
def test_broken_formulas_are_shown_as_they_were_written(text: str) -> None:
    shown = latex.to_html(text)
    assert "<math" not in shown
    assert text[:20] in shown.replace("&amp;", "&")


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT, rf"$\text{{{SCRIPT}}}$", rf"\[{SCRIPT}\]", r"$\href{javascript:alert(1)}{x}$",
        r'$\style{" onload="alert(1)}{x}$', r"$\color{red;x:url(//e)}{x}$", "$&lt;script&gt;$",
        "</math><script>alert(1)</script>", r"$\unicode{x3c}script\unicode{x3e}$", "\x00$\x00$",
        r'$\begin{array}{"><script>}1\end{array}$',
    ],
)  # fmt: skip
def test_hostile_text_is_text(text: str) -> None:
    for tag, attributes in Tags(latex.to_html(text).encode()).found:
        assert tag in latex._ELEMENTS | {"code"}, tag
        assert set(attributes) <= latex._ATTRIBUTES | {"class", "title"}, attributes
        assert "<" not in "".join(v or "" for v in attributes.values())


def test_between_fences_is_code_and_no_formula() -> None:
    shown = latex.to_html("Take $x$.\n```python\nprint('$x$ <b>')\n```\nSo $y$.")
    assert shown.count("<math") == 2
    assert "<code>```python\nprint(&#x27;$x$ &lt;b&gt;&#x27;)\n```</code>" in shown
    assert "<math" not in latex.to_html("```\n$x$ and no end")


def test_control_characters_are_seen() -> None:
    shown = latex.to_html("a\x00b\x1b[31m\tc\n`\x7f` $\x08$ ```\n\x07\n```")
    assert not [c for c in shown if ord(c) < 32 and c not in "\t\n"]
    assert "a␀b␛[31m\tc\n`␡`" in shown
    assert {"␈", "␇"} <= set(shown)


@pytest.mark.parametrize("opening", [r"\[", r"\(", "$$", "$x", r"\boxed{", r"\begin{align}"])
def test_openings_alone_cost_no_more_than_their_length(opening: str) -> None:
    def seconds(letters: int) -> float:
        begun = time.process_time()
        list(latex._pieces(opening * (letters // len(opening))))
        return time.process_time() - begun

    assert seconds(48_000) < 8 * max(seconds(12_000), 0.05)  # 16 times, were it the square


def test_a_formula_beyond_the_bound_is_text() -> None:
    for length, tags in ((latex.MAX_FORMULA, 1), (latex.MAX_FORMULA + 1, 0)):
        assert latex.to_html(f"$${'x' * length}$$").count("<math") == tags


def test_prices_are_no_formulas() -> None:
    assert latex.to_html("from $5 to $6") == "from $5 to $6"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert "30,000 letters in all" in latex.to_html("x" * 30_000)


def test_the_sample_has_every_kind_of_row(tmp_path: Path) -> None:
    made = releases.rows_of(3000)
    made[1234] = {**made[1234], "answer_type": "matrix"}
    root = releases.write(tmp_path / "omi2", made)
    files = sorted((root / "data").iterdir())
    found = sample.of_rows(files, 50)
    assert len(found) == 50
    assert {row["answer_type"] for row in found} == {"integer", "matrix"}
    assert {row["problem_source"] for row in found} == {"omi2_word", "augmented_omi2_word"}
    assert found == sample.of_rows(files, 50)


def big(path: Path, groups: int) -> Path:
    """A shard whose row groups are 4 MB each, and as many as told."""
    table = pa.Table.from_pylist(releases.rows_of(1000, words=400), rows.ROWS)
    with pq.ParquetWriter(path, rows.ROWS, compression="none", use_dictionary=False) as shard:
        for _ in range(groups):
            shard.write_table(table)
    return path


def peak(path: Path) -> int:
    """The most memory, in bytes, that sampling this file takes."""
    script = (
        "import sys, resource, pathlib; from omi2_hub import sample; import pyarrow.parquet;"
        "assert len(sample.of_rows([pathlib.Path(sys.argv[1])])) == 200;"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_the_sample_of_a_large_release_takes_little_memory(tmp_path: Path) -> None:
    few, many = big(tmp_path / "few.parquet", 4), big(tmp_path / "many.parquet", 64)
    grown = many.stat().st_size - few.stat().st_size
    assert grown > 200 << 20
    assert peak(many) - peak(few) < grown / 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gigabyte_of_rows(tmp_path: Path) -> None:
    path = big(tmp_path / "big.parquet", 270)
    assert path.stat().st_size > 10**9
    assert peak(path) < 500 << 20


def test_a_manifest_of_an_older_omi2(built: Path, tmp_path: Path) -> None:
    root = tmp_path / "omi2"
    (root / "data").mkdir(parents=True)
    manifest = json.loads((built / "omi2" / "manifest.json").read_text())
    for name in manifest["files"]:
        if name.startswith("data/"):
            (root / name).write_bytes((built / "omi2" / name).read_bytes())
    for key in ("funnel", "recipe", "origins", "teachers", "versions", "grader"):
        manifest.pop(key)
    (root / "manifest.json").write_text(json.dumps(manifest))
    pages = site.pages(root)
    assert b"There is no README.md." in pages["index.html"]
    assert b"has no reports/contamination.md" in pages["contamination.html"]
    assert pages["rows.html"].count(b"<article") == 24
    (root / "manifest.json").write_text(json.dumps({**manifest, "format": 0}))
    with pytest.raises(HubError, match=r"has format 0, and this omi2-hub reads format 1"):
        site.pages(root)


def test_what_is_no_release_is_refused(tmp_path: Path, built: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no manifest\.json"):
        site.pages(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        site.pages(tmp_path / "nothing")
    with pytest.raises(HubError, match="is no run directory"):
        site.pages(built / "omi2", tmp_path)


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    root = releases.write(tmp_path / "omi2", releases.rows_of(9))
    shard = root / "data" / "tier0-00000-of-00001.parquet"
    shard.write_bytes(b"no parquet at all")
    with pytest.raises(HubError, match=r"tier0-00000-of-00001\.parquet cannot be read as Parquet"):
        site.pages(root)


def test_it_is_written_whole_and_over_itself_alone(pages: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "site"
    preview.write(pages, out, "demo")
    preview.write(pages, out, "demo")
    held = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert held == {*pages, "README.md", preview.MARK}
    assert "sdk: static" in (out / "README.md").read_text()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="holds something that is no preview"):
        preview.write(pages, tmp_path / "mine", "demo")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_port_in_use(pages: dict[str, bytes]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} cannot be used .*name another"):
            preview.serve(pages, port, lambda url: None)


def ask(url: str, path: str, host: str = "") -> tuple[int, dict[str, str], bytes]:
    port = int(url.rstrip("/").rpartition(":")[2])
    there = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    there.request("GET", path, headers={"Host": host} if host else {})
    answer = there.getresponse()
    text = answer.read()
    there.close()
    return answer.status, dict(answer.getheaders()), text


def test_only_the_pages_are_served(served: str) -> None:
    status, headers, _ = ask(served, "/")
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    for path in ("/../../etc/passwd", "/manifest.json", "/%2e%2e/x", "//etc/passwd", "/data/"):
        assert ask(served, path)[0] == 404
    assert ask(served, "/", host="evil.example")[0] == 421


def test_the_command_serves_and_ends(built: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "omi2_hub", "preview", str(built / "omi2"), "--port", "0",
         "--format", "json"],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout
    try:
        told = ""
        while "}" not in told:
            line = process.stdout.readline()
            assert line, "it ended"
            told += line
        assert ask(json.loads(told)["url"], "/rows.html")[0] == 200
    finally:
        process.send_signal(2)
        assert process.wait(10) == 0
        process.stdout.close()


OUTSIDE = """[...document.querySelectorAll('.item > *, pre, table, img, .filters')]
    .filter(e => e.getBoundingClientRect().right > window.innerWidth).map(e => e.className)"""
VISIBLE = "[...document.querySelectorAll('.item')].filter(e => e.offsetParent).length"


@pytest.fixture
def explorer(tmp_path: Path) -> Path:
    """A page of one match, whose texts are hostile, as `omi2 overlap --html` writes it."""
    from omi2.overlap import explorer

    match = {
        "row": 1, "id": "ab" * 16, "problem": f"Add 2 and 3. {SCRIPT}", "verdict": "contaminated",
        "rule": "exact", "score": 1.0, "benchmark": "b/test", "item": "7", "evidence": "words",
        "item_problem": f"Add 2 and 3. {SCRIPT}",
    }  # fmt: skip
    path = tmp_path / "explorer.html"
    path.write_text(explorer.page([match]), encoding="utf-8")
    return path


def test_the_explorer_is_linked_and_what_is_none_is_refused(
    built: Path, explorer: Path, tmp_path: Path
) -> None:
    pages = site.pages(built / "omi2", None, explorer)
    assert pages["explorer.html"] == explorer.read_bytes()
    assert b'href="explorer.html"' in pages["contamination.html"]
    assert b'href="explorer.html"' not in site.pages(built / "omi2")["contamination.html"]
    (tmp_path / "mine.html").write_text("<script>alert(1)</script>")
    with pytest.raises(UsageError, match="is no page of matches"):
        site.pages(built / "omi2", None, tmp_path / "mine.html")
    with pytest.raises(UsageError, match="cannot be read"):
        site.pages(built / "omi2", None, tmp_path / "nothing.html")


@needs_browser
def test_the_explorer_in_a_browser(built: Path, explorer: Path) -> None:
    with (
        serving(site.pages(built / "omi2", None, explorer)) as url,
        browser.start() as page,
    ):
        page.open(f"{url}explorer.html")
        assert page.run("typeof window.ran") == "undefined"
        assert page.run("document.querySelectorAll('article').length") == 1
        assert page.complaints == []


@needs_browser
def test_in_a_browser(served: str, pages: dict[str, bytes]) -> None:
    with browser.start() as page:
        for scheme, width in (("light", 400), ("dark", 1280)):
            page.media(scheme)
            page.ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                     deviceScaleFactor=1, mobile=False)  # fmt: skip
            for name in [n for n in pages if n.endswith(".html")]:
                page.open(served + name)
                assert page.run("document.querySelector('h1').innerText.length") > 3
                assert page.run("[...document.images].every(i => i.naturalWidth > 0)")
                wide = "document.documentElement.scrollWidth <= window.innerWidth"
                assert page.run(wide), (name, width)
                assert page.run(OUTSIDE) == [], (name, width)
        page.open(f"{served}rows.html")
        assert page.run("typeof window.ran") == "undefined"
        assert page.run("document.querySelectorAll('math mfrac').length") == 24
        assert page.run("document.querySelector('mfrac').getBoundingClientRect().height") > 10
        assert page.complaints == []


@needs_browser
def test_filters_work_by_keyboard_alone(built: Path) -> None:
    pages = site.pages(built / "omi2", built / "run")
    with serving(pages) as url, browser.start() as page:
        page.open(f"{url}dropped.html")
        whole = page.run(VISIBLE)
        assert whole == 24  # 8 of each of three reasons
        for _ in range(20):
            page.press("Tab")
            if page.run("document.activeElement.id") == "f1-any":
                break
        assert page.run("document.activeElement.id") == "f1-any", "the filter is not reached"
        page.press("ArrowRight")
        assert page.run("document.querySelector('#f1-0').checked")
        assert page.run(VISIBLE) == 8
        reason = page.run("document.querySelector('label[for=f1-0]').innerText.split(' ')[0]")
        texts = page.run(
            "[...document.querySelectorAll('.item')].filter(e => e.offsetParent)"
            ".map(e => e.querySelector('.gone').innerText)"
        )
        assert set(texts) == {reason}
        page.press("ArrowLeft")
        assert page.run(VISIBLE) == whole
        assert page.complaints == []
