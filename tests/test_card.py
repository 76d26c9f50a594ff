"""The card is computed: change the data and it changes; every snippet runs; nothing is markup.

The snippets of the rendered card run in processes of their own, in a directory that holds the
release, and the one that pins a version runs against a local Hub (tests/hub/test_card_on_hub.py).
"""

import copy
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from made import replay_file
from omi2 import card, rows
from omi2.card import data, markdown, measure, pictures, svg, words
from omi2.card.known import Missing, named
from test_build import make, replay_recipe

VOTED = {"problems_voted": 9000, "problems_tied": 4321}
HOSTILE = (
    "|<script>alert(1)</script> [x](javascript:alert(1)) `$\\frac` *b*\n# head_line_ ```\0\u202e"
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of made generations; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("card")
    recipe = replay_recipe(replay_file(folder / "made.parquet"))
    make(replace(recipe, split=replace(recipe.split, tiers=(8, 16, 1000))), folder)
    return folder / "omi2"


@pytest.fixture
def facts(release: Path) -> dict[str, Any]:
    return dict(json.loads((release / "manifest.json").read_text()))


def body(text: str) -> str:
    return text.partition("\n---\n")[2]


def front(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_the_release_holds_what_the_card_shows(release: Path, facts: dict[str, Any]) -> None:
    text = (release / "README.md").read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith("https://") or (release / target).is_file(), target
    wanted = {f"pictures/{name}.svg" for name in words.PICTURES}
    wanted |= {f"reports/{n}" for n in ("contamination.md", "model-card.md", "numbers.json")}
    assert wanted | {"README.md", "croissant.json"} <= set(facts["files"])
    for heading in ("Load it", "Sizes", "What is in it", "How it was made", "Grading", "Benchmarks",
                    "Known limits", "Versions", "Licence", "Cite"):  # fmt: skip
        assert f"\n## {heading}\n" in text


def test_a_changed_row_changes_every_number_that_tells_of_it(
    release: Path, facts: dict[str, Any], tmp_path: Path
) -> None:
    before = (release / "README.md").read_text()
    table = pl.concat(pl.read_parquet(p) for p in sorted((release / "data").glob("*")))
    changed = table.with_columns(
        votes=pl.Series([1] * len(table), dtype=pl.Int32),
        answer_type=pl.lit("interval"),
        solution_tokens=pl.Series(range(1000, 1000 + len(table)), dtype=pl.Int32),
        problem=pl.lit("Another problem?"),
    )
    (tmp_path / "data").mkdir()
    pq.write_table(changed.to_arrow().cast(rows.ROWS), tmp_path / "data" / "tier0-0.parquet")
    for split in facts["splits"].values():
        split["files"] = ["data/tier0-0.parquet"]
    (tmp_path / "reports").mkdir()
    card.write(tmp_path, facts, [])
    after = (tmp_path / "README.md").read_text()
    assert "problem: Another problem?" in after
    assert "problem: Another problem?" not in before
    longest = 1000 + len(table) - 1
    assert re.search(rf"the longest has\s+{longest:,}\.", after)
    old, new = (pictures.draw(facts, measure(root)) for root in (release, tmp_path))
    differ = {name for name in old if old[name] != new[name]}
    assert differ == {"answer-types.svg", "lengths.svg", "votes.svg"}
    assert "interval: 24 rows, 100.0%" in new["answer-types.svg"]
    assert "integer: 24 rows, 100.0%" in old["answer-types.svg"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f["decontamination"].update(ran=False), "**Decontamination was turned off.**"),
        (lambda f: f["funnel"][2].update(facts={"contaminated math/test": 7}), "| 5,000 | 7 |"),
        (lambda f: f["funnel"][4]["dropped"].update(tie=4321), "tie 4,321"),
        (lambda f: f["funnel"][4]["facts"].update(VOTED), "4,321 ended in a tie"),
        (lambda f: f["funnel"][4]["facts"].update(VOTED), "9,000 problems without a gold answer"),
        (lambda f: f["recipe"]["filter"].update(max_tokens=777), "shorter than 777 tokens"),
        (
            lambda f: (
                f["funnel"][4]["facts"].update(VOTED),
                f["recipe"]["grade"].update(min_votes=3),
            ),
            "needed 3 votes or more",
        ),
        (lambda f: f["recipe"]["filter"].update(min_chars=123), "at least 123 characters long"),
        (lambda f: f.update(rows=31337), "31,337 math problems"),
        (lambda f: f.update(teachers={"org/Llama-3.1-405B": 24}), "Built with Llama"),
        (lambda f: f.update(teachers={"SmolLM2-135M": 24}), "its model card says Apache-2.0"),
        (lambda f: f.update(grader="else@9"), "compared by `else@9`"),
        (lambda f: f["recipe"]["seed"]["sources"][0].update(split="test"), "its *test* split"),
        (lambda f: f["recipe"]["seed"]["sources"][0].update(split="train"), "No test split was"),
        (lambda f: f["decontamination"]["benchmarks"][0].update(content=""), "| not known |"),
        (lambda f: f["funnel"].pop(4), "The grader's report is missing"),
        (lambda f: f["funnel"][4].update(facts={}), "The grader's report is missing"),
    ],
)
def test_a_changed_fact_changes_the_card(
    release: Path, facts: dict[str, Any], change: Callable[[Any], object], says: str
) -> None:
    numbers = measure(release)
    assert says not in card.render(facts, numbers)
    change(facts)
    assert says in card.render(facts, numbers)


NEEDED = {"licence", "name", "rows", "splits", "versions"}
"""What no card can be made without: an error says which of it is missing."""
MISSING = "The grader's report is missing"
COUNTS = ("splits.", "sources.", "teachers.", "origins.", "funnel.came.", "funnel.left.",
          "funnel.dropped.", "decontamination.judge.calibration.")  # fmt: skip
"""Tables whose keys are data: one without a key is one of other data."""


def paths(table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Every key of every table in these facts, one list's first item standing for all."""
    for key, value in table.items():
        yield (key,)
        inner, way = (value[0], (key, 0)) if isinstance(value, list) and value else (value, (key,))
        if isinstance(inner, dict):
            yield from ((*way, *rest) for rest in paths(inner))


def test_whatever_fact_is_missing_is_told(facts: dict[str, Any], release: Path) -> None:
    numbers, needed, silent, told = measure(release), set(), set(), 0

    def written(facts: dict[str, Any]) -> str:
        pages = [card.render(facts, numbers), card.contamination(facts, []), card.model_card(facts)]
        return "".join([*pages, *pictures.draw(named(facts), numbers).values()])

    facts["decontamination"]["judge"] = {
        "model": "m", "from": 0.3, "calibration": {"copy": {"yes": 3, "no": 1}},
    }  # fmt: skip
    whole = written(facts)
    grade = next(at for at, step in enumerate(facts["funnel"]) if step["stage"] == "grade")
    ways = [p for p in paths(facts) if p[0] not in ("files", "schema")]
    ways += [("funnel", grade, *p) for p in paths(facts["funnel"][grade])]
    for way in ways:
        less = copy.deepcopy(facts)
        at: Any = less
        for key in way[:-1]:
            at = at[key]
        del at[way[-1]]
        name = ".".join(str(key) for key in way if not isinstance(key, int))
        try:
            text = written(less)
        except Missing as missing:
            needed.add(missing.name)
            continue
        told += text != whole
        said = f"lack `{name}`" in text or f"lack {name}" in text or MISSING in text
        if text != whole and not said and text.count("not known") <= whole.count("not known"):
            silent.add(name)
    assert {name.partition(".")[0] for name in needed} == NEEDED
    assert {name for name in silent if not name.startswith(COUNTS)} == {"decontamination.judge"}
    assert told > 60


def test_the_numbers_are_those_of_the_data(release: Path) -> None:
    numbers = measure(release)
    table = pl.concat(pl.read_parquet(p) for p in sorted((release / "data").glob("*")))
    assert numbers["rows"] == len(table) == 24
    assert numbers["problems"] == table["problem_id"].n_unique() == 12
    assert numbers["answer_types"] == {"integer": 24}
    told = numbers["solution_tokens"]
    tokens = sorted(table["solution_tokens"])
    assert (told["median"], told["longest"]) == (tokens[11], tokens[-1])
    assert sum(told["bars"]) == 24
    assert numbers["votes"]["seeds"]["bars"] == [0, 0, 0, 0, 0, 0, 0, 12, 0, 0]  # 3 of 4
    assert numbers["votes"]["new"]["problems"] == 0
    assert sum(entry["rows"] for entry in numbers["overlap"].values()) == 24


def made_rows(**columns: list[Any]) -> pa.Table:
    """Rows with these columns and nothing else that matters."""
    count = len(next(iter(columns.values())))
    base = {
        "problem_id": [f"{at:016x}" * 2 for at in range(count)],
        "problem_source": ["s"] * count,
    }
    table = [dict.fromkeys(rows.ROWS.names) for _ in range(count)]
    for name, values in {**base, **columns}.items():
        for row, value in zip(table, values, strict=True):
            row[name] = value
    return pa.Table.from_pylist(table, rows.ROWS)


def test_votes_are_put_into_the_right_bars(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(
        made_rows(
            votes=[1, 1, 2, 10, 9, None, 0],
            votes_total=[10, 2, 3, 10, 10, None, 0],
            problem_source=["augmented_s"] * 4 + ["s"] * 3,
        ),
        tmp_path / "data" / "a.parquet",
    )
    told = measure(tmp_path)["votes"]
    assert told["new"] == {
        "problems": 4, "unanimous": 1, "bars": [1, 0, 0, 0, 1, 0, 1, 0, 0, 1],
    }  # fmt: skip
    assert told["seeds"]["problems"] == 3
    assert told["seeds"]["bars"] == [0] * 8 + [1, 0]  # the two without votes are in no bar


def test_a_release_without_rows(release: Path, facts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "reports").mkdir()
    pq.write_table(rows.ROWS.empty_table(), tmp_path / "data" / "tier0-0.parquet")
    for split in facts["splits"].values():
        split.update(files=["data/tier0-0.parquet"], rows=0, bytes=0)
    facts.update(rows=0, sources={}, teachers={})
    card.write(tmp_path, facts, [])
    assert "The release holds no row." in (tmp_path / "README.md").read_text()
    for name in words.PICTURES:
        ET.parse(tmp_path / "pictures" / f"{name}.svg")  # noqa: S314 (our own)


def test_text_of_the_data_is_never_markup(
    release: Path, facts: dict[str, Any], tmp_path: Path
) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    (tmp_path / "data").mkdir()
    (tmp_path / "reports").mkdir()
    hostile = made_rows(
        problem=[HOSTILE], generated_solution=[HOSTILE], expected_answer=[HOSTILE],
        problem_source=[HOSTILE], teacher=[HOSTILE], answer_type=[HOSTILE],
        overlap=[{"score": 0.5, "benchmark": HOSTILE, "item": HOSTILE}],
    )  # fmt: skip
    pq.write_table(hostile, tmp_path / "data" / "tier0-0.parquet")
    for split in facts["splits"].values():
        split["files"] = ["data/tier0-0.parquet"]
    facts.update(
        name=HOSTILE, sources={HOSTILE: {"rows": 1, "problems": 1}}, teachers={HOSTILE: 1},
        origins={HOSTILE: {"file": HOSTILE}}, grader=HOSTILE,
    )  # fmt: skip
    facts["decontamination"]["benchmarks"][0].update(name=HOSTILE, sha256=HOSTILE)
    facts["recipe"]["seed"]["sources"][0].update(name=HOSTILE, split=HOSTILE)
    facts["funnel"][2]["dropped"] = {HOSTILE: 3}
    card.write(tmp_path, facts, [{"problem_id": HOSTILE, "reason": HOSTILE, "detail": HOSTILE}])
    engine = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table")
    for name in ("README.md", "reports/contamination.md", "reports/model-card.md"):
        text = (tmp_path / name).read_text()
        page = engine.render(body(text) if text.startswith("---") else text)
        assert "alert(1)" in page, name
        assert "<script" not in page
        assert 'href="javascript' not in page
        assert "<h1>head" not in page
        assert "<em>b</em>" not in page
    assert front((tmp_path / "README.md").read_text())["pretty_name"] == f"omi2 {HOSTILE}"
    for name in words.PICTURES:
        drawing = ET.parse(tmp_path / "pictures" / f"{name}.svg")  # noqa: S314 (our own)
        assert not [e for e in drawing.iter() if e.tag.endswith(("script", "a"))]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1234567, "1,234,567"),
        ("omi2_word", "omi2_word"),
        ("_a_ *b* [c]", r"\_a\_ \*b\* \[c\]"),
        ("a|b\nc", r"a\|b c"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        (markdown.Markup("*a*"), "*a*"),
    ],
)
def test_escape(value: object, wanted: str) -> None:
    assert markdown.escape(value) == wanted


def test_pictures_are_the_same_bytes_each_time(release: Path, facts: dict[str, Any]) -> None:
    numbers = measure(release)
    assert pictures.draw(facts, numbers) == pictures.draw(facts, numbers)
    for name, drawn in pictures.draw(facts, numbers).items():
        assert (release / "pictures" / name).read_text() == drawn
        assert "prefers-color-scheme: dark" in drawn


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", [svg.LIGHT, svg.DARK], ids=["light", "dark"])
def test_pictures_have_contrast(colours: dict[str, str]) -> None:
    panel = _luminance(colours["panel"])
    for name, least in (("ink", 4.5), ("dim", 4.5), ("one", 3.0), ("two", 3.0)):
        high, low = sorted([_luminance(colours[name]), panel], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= least, name


def test_what_is_not_known_is_not_promised(release: Path, facts: dict[str, Any]) -> None:
    numbers = measure(release)
    text = card.render(facts, numbers)
    assert "and how much its problem overlaps with a benchmark" in text
    assert "none was decided by a vote" in text
    facts["decontamination"]["ran"] = False
    assert "overlaps with a benchmark" not in card.render(facts, numbers)


def test_a_first_row_of_a_megabyte_is_cut(facts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    long = made_rows(problem=["x" * 10**6], generated_solution=["y" * 10**6])
    pq.write_table(long, tmp_path / "data" / "tier0-0.parquet")
    for split in facts["splits"].values():
        split["files"] = ["data/tier0-0.parquet"]
    card.write(tmp_path, facts, [])
    text = (tmp_path / "README.md").read_text()
    assert f"problem: {'x' * (card.FIRST - 1)}…\n" in text
    assert len(text) < 30_000


def test_every_column_is_told() -> None:
    assert list(words.COLUMNS) == rows.ROWS.names


def test_the_yaml_is_what_the_client_library_reads(release: Path, facts: dict[str, Any]) -> None:
    from huggingface_hub import DatasetCard

    held = DatasetCard.load(release / "README.md")
    data = held.data.to_dict()
    assert data["license"] == facts["licence"]
    assert data["size_categories"] == ["n<1K"]
    assert data["task_categories"] == ["question-answering", "text-generation"]
    assert [c["config_name"] for c in data["configs"]] == ["default", "8", "16", "1K"]
    default = data["dataset_info"][0]
    assert {s["name"]: s["num_examples"] for s in default["splits"]} == {
        "train": 24, "train_8": 8, "train_16": 16, "train_1K": 24,
    }  # fmt: skip
    shards = [n for n in facts["files"] if n.startswith("data/")]
    assert default["download_size"] == sum((release / n).stat().st_size for n in shards)


def test_bytes_and_features_are_those_that_datasets_finds(release: Path, tmp_path: Path) -> None:
    import datasets

    told = {i["config_name"]: i for i in front((release / "README.md").read_text())["dataset_info"]}
    for config in ("16", "1K"):
        builder = datasets.load_dataset_builder(str(release), config, cache_dir=str(tmp_path))
        builder.download_and_prepare()
        found = builder.info.splits["train"]
        split = told[config]["splits"][0]
        assert (split["num_bytes"], split["num_examples"]) == (found.num_bytes, found.num_examples)
        assert told[config]["dataset_size"] == builder.info.dataset_size
        assert builder.info.features.arrow_schema.types == rows.ROWS.types


def size(text: str) -> int:
    """`megabytes` back into bytes, as near as it tells."""
    number, unit = re.fullmatch(r"([\d.]+) (\w+)", text).groups()  # type: ignore[union-attr]
    return round(float(number) * {"bytes": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}[unit])


def test_the_costs_told_are_those_of_loading(release: Path, tmp_path: Path) -> None:
    import datasets

    text = (release / "README.md").read_text()
    shards = sorted((release / "data").iterdir())
    downloaded = sum(path.stat().st_size for path in shards)

    def told(way: str, pattern: str) -> list[int]:
        found = re.search(rf"{re.escape(way)}[^(]*\({pattern}", text)
        assert found, way
        return [size(group) for group in found.groups()]

    built = datasets.load_dataset_builder(
        "parquet",
        data_files=str(release / "data" / "*.parquet"),
        columns=["problem", "generated_solution"],
        cache_dir=str(tmp_path),
    )
    built.download_and_prepare()
    writes = r"downloads ([\d.]+ \w+) and writes ([\d.]+ \w+)"
    assert told("**Only what you train on**", writes) == pytest.approx(
        [downloaded, built.info.dataset_size], rel=0.05
    )
    every = [pq.read_metadata(path) for path in shards]
    columns = [
        (number, group.column(at).path_in_schema, group.column(at).total_compressed_size)
        for number, meta in enumerate(every)
        for group in map(meta.row_group, range(meta.num_row_groups))
        for at in range(group.num_columns)
    ]
    named = {"problem", "expected_answer", "votes", "votes_total"}
    reads = r"reads ([\d.]+ \w+) of ([\d.]+ \w+)"
    assert told("Polars", reads) == pytest.approx(
        [sum(n for at, name, n in columns if at == 0 and name in named), shards[0].stat().st_size],
        rel=0.05,
    )
    assert told("DuckDB", reads) == pytest.approx(
        [sum(n for _, name, n in columns if name == "answer_type"), downloaded], rel=0.05
    )


@pytest.mark.filterwarnings("default::DeprecationWarning")  # rdflib's, inside mlcroissant
@pytest.mark.filterwarnings("default::FutureWarning")
def test_the_croissant_file_is_valid_and_reads_the_rows(release: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert not dataset.metadata.issues.errors
    found = {row["rows/row_id"].decode() for row in dataset.records(record_set="rows")}
    assert found == set(pl.read_parquet(release / "data" / "*.parquet")["row_id"])
    told = json.loads((release / "croissant.json").read_text())["distribution"]
    hashes = {f["@id"]: f["sha256"] for f in told if "sha256" in f}
    files = json.loads((release / "manifest.json").read_text())["files"]
    assert hashes == {n: e["sha256"] for n, e in files.items() if n.startswith("data/")}


def snippets(text: str) -> list[str]:
    """Its Python that needs no Hub, in order (tests/hub/test_card_on_hub.py runs the rest)."""
    return [s for s in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "ORG/omi2" not in s]


NAMED = [s.splitlines()[-1][:40] for s in snippets((card.CARDS / "dataset.md.j2").read_text())]


@pytest.mark.parametrize("number", range(len(NAMED)), ids=NAMED)
def test_a_snippet_runs(release: Path, number: int, tmp_path: Path) -> None:
    found = snippets((release / "README.md").read_text())
    assert len(found) == len(NAMED) >= 5
    script = found[number]
    (tmp_path / "omi2").symlink_to(release)
    checks = {
        "train[0]": "assert len(train) == 8",
        "sizes": "assert {n: len(r) for n, r in sizes.items()} == "
        "{'train': 24, 'train_8': 8, 'train_16': 16, 'train_1K': 24}",
        "pairs": "assert pairs.column_names == ['problem', 'generated_solution']; "
        "assert len(pairs) == 24",
        "stream": "assert sum(1 for _ in stream) == 24",  # whole: see the card on ending early
        "pl.scan": "assert sure.collect().columns == ['problem', 'expected_answer']; "
        "assert rows.collect().height == 8",
        "duckdb.sql": "",
    }
    check = next(check for mark, check in checks.items() if mark in script)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{script}\n{check}\n"],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "duckdb" in script:
        assert "integer" in done.stdout


def test_the_check_against_another_benchmark_runs(release: Path, tmp_path: Path) -> None:
    script = re.search(r"```bash\n(.*?)```", (release / "README.md").read_text(), re.DOTALL)
    assert script
    (tmp_path / "omi2").symlink_to(release)
    row = pl.read_parquet(release / "data" / "*.parquet").row(0, named=True)
    pl.DataFrame({"id": ["7"], "problem": [row["problem"]]}).write_parquet(
        tmp_path / "BENCHMARK.parquet"
    )
    program, *arguments = script[1].split()
    assert program == "omi2"
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # it finds one
    assert row["problem"][:20] in (tmp_path / "matches.html").read_text()


def test_the_model_card_names_data_terms_and_benchmarks(release: Path) -> None:
    text = (release / "reports" / "model-card.md").read_text()
    assert front(text)["datasets"] == ["ORG/omi2"]
    for part in ("gsm8k/test", "CC-BY-4.0", "2410.01560", "`made`"):
        assert part in text


def test_numbers_do_not_depend_on_how_much_is_read_at_once(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Problems joined after every row group, and no file hashed that is described."""
    whole = measure(release)
    described = {
        name: {key: file[key] for key in ("bytes", "sha256", "rows")}
        for name, file in whole["files"].items()
    }
    monkeypatch.setattr(data, "FRESH", -(10**9))
    monkeypatch.setattr(data, "describe", lambda path: pytest.fail(f"{path} was hashed"))
    assert measure(release, described) == whole


def test_the_solutions_of_a_large_shard_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    texts = [f"{number:06}" * 700 for number in range(500)]
    made = made_rows(problem=[f"Problem {at}" for at in range(500)], generated_solution=texts)
    shard = tmp_path / "data" / "tier0-0.parquet"
    pq.write_table(made, shard, use_dictionary=["problem"])
    read: list[list[str]] = []
    really = pq.ParquetFile.read_row_group

    def watch(self: Any, at: int, columns: list[str]) -> Any:
        read.append(columns)
        return really(self, at, columns=columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", watch)
    told = measure(tmp_path)["files"]["data/tier0-0.parquet"]["arrow"]["generated_solution"]
    exact = made.column("generated_solution").nbytes
    assert abs(told - exact) <= exact / 10_000
    assert ["generated_solution" in columns for columns in read] == [False]
