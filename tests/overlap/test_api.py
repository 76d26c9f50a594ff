"""The public interface: names and files, pairs, what is refused, and strange problems."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import ROOT
from omi2.errors import UsageError
from omi2.overlap import check, compare_many, index
from omi2.overlap.against import checker, resolve
from omi2.overlap.benchmarks import content, known, standard
from omi2.overlap.inputs import read_problems

ITEM = "one day ulla packs 12 green bottles into wooden crates that hold 40 kilos of glass"
OTHER = "Rasmus paints a fence of 90 boards, and 7 boards need a pot. How many pots does he buy?"


def parquet(path: Path, **columns: object) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def jsonl(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def bench(tmp_path: Path) -> str:
    return parquet(tmp_path / "bench.parquet", id=["a", "b"], problem=[ITEM, OTHER])


def test_check_against_a_file(bench: str) -> None:
    found = check([OTHER.upper(), ITEM.replace("12", "13"), "", "Something else."], [bench])
    assert [m.rule for m in found] == ["exact", "number_change", "unknown", "none"]
    assert [(m.benchmark, m.item) for m in found[:2]] == [("bench", "b"), ("bench", "a")]
    assert [m.contaminated("standard") for m in found] == [True, False, False, False]
    assert [m.contaminated("strict") for m in found] == [True, True, False, False]
    assert check([OTHER], bench)[0].rule == "exact"  # one name, not a list of letters


def test_a_benchmark_by_its_name_is_its_part_of_the_index() -> None:
    names = ("gsm8k", "math/test", "amc23", "aime24")
    parts, whole = [resolve(name, 8)[0] for name in names], index.load("test-sets")
    assert {name for name, _ in parts[0].items} == {"gsm8k/test"}
    assert sum((part.items for part in parts), ()) == whole.items
    assert np.concatenate([part.grams for part in parts]).tolist() == whole.grams.tolist()
    assert sum((part.bags for part in parts), ()) == whole.bags
    assert [b["name"] for b in parts[1].benchmarks] == ["math/test"]


def test_every_benchmark_has_a_content_hash_and_its_hashes_ship() -> None:
    pinned = {"gsm8k/test", "math/test", "math500/test"}
    for name, entry in known().items():
        assert len(entry["content"]) == 64, name
        assert len(entry.get("revision", "")) == (40 if name in pinned else 0), name
        found = resolve(name, 8)[0]
        assert len(found.items) == entry["items"]
        assert found.benchmarks[0]["content"] == entry["content"]
    assert set(standard()) == {"gsm8k/test", "math/test", "amc23/test", "aime24/test"}


@pytest.mark.parametrize("name", ["test-sets", "more-sets"])
def test_no_text_ships_and_no_benchmark_is_large(name: str, tmp_path: Path) -> None:
    whole = index.load(name)
    for one in whole.benchmarks:
        index.save(index.select(whole, [str(one["name"])]), tmp_path / "one.npz")
        assert (tmp_path / "one.npz").stat().st_size < 2_000_000, one
        assert set(one) == {"name", "items", "content"}
    with np.load(files("omi2") / "overlap" / f"{name}.npz") as arrays:  # type: ignore[arg-type]
        text = [n for n in arrays.files if arrays[n].dtype.kind not in "u" or n == "meta"]
        assert text == ["meta"]
        meta = json.loads(arrays["meta"].tobytes())
    assert not [item for _, item in meta["items"] if len(item) > 40 or " " in item]
    assert set(meta) == {"omi2", "format", "n", "benchmarks", "items"}


@pytest.mark.shared
def test_the_indexes_are_those_of_the_files(shared_data: Path) -> None:
    """Each benchmark's texts are what the table says, and every item is found in its index."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "bench" / "index_benchmarks.py", "--check", "--data",
         shared_data], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_content_is_of_the_set() -> None:
    assert content(["a  b", "c"]) == content(["c", "a b"]) != content(["a b"])


def test_compare_many(bench: str) -> None:
    pairs = [
        (OTHER, OTHER),
        (ITEM.replace("40", "41"), ITEM),
        (ITEM, OTHER),
        ("", OTHER),
        (OTHER, ""),
        (f"Well then. {ITEM}!", ITEM),
    ]
    found = compare_many(pairs)
    assert [m.rule for m in found] == [
        *("exact", "number_change", "none", "unknown", "unknown", "near_dup"),
    ]
    assert [m.item for m in found] == ["0", "1", None, None, None, "5"] or found[2].item == "2"
    assert compare_many([]) == []
    assert [m.rule for m in compare_many([("", "")])] == ["unknown"]


@pytest.mark.parametrize(
    ("problems", "says"),
    [("a lamp", "problems is one text"), (["a", None], "problem 1 is no text but NoneType")],
)
def test_what_is_no_list_of_texts_is_refused(problems: list[str], says: str, bench: str) -> None:
    with pytest.raises(UsageError, match=says):
        check(problems, [bench])


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (("a lamp",), "pair 1 is no "),
        ("ab", "pair 1 is no "),
        (("a lamp", None), "pair 1, text 1 is no text but NoneType"),
        ((3, "a lamp"), "pair 1, text 0 is no text but int: 3"),
    ],
)
def test_what_is_no_pair_of_texts_is_refused(pair: tuple[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        compare_many([(ITEM, ITEM), pair])


def test_rows_without_an_id_are_named_by_their_number(tmp_path: Path) -> None:
    rows = [{"id": 0, "problem": ITEM}, {"id": None, "problem": ITEM}, {"problem": ITEM}]
    assert read_problems(jsonl(tmp_path / "b.jsonl", *rows)).ids == ["0", "b/1", "b/2"]


def test_a_pair_is_its_own_affair() -> None:
    """However many other pairs share its words."""
    template = "Wenzel sells {} lamps and then he sells the rest of his lamps. How many?"
    pairs = [(template.format(n + 50), template.format(n)) for n in range(40)]
    together = compare_many(pairs)
    assert [m.rule for m in together] == ["number_change"] * 40
    assert [m.score for m in together] == [compare_many([pair])[0].score for pair in pairs]


STRANGE = {
    "empty": "",
    "spaces": " \n\t ",
    "one word": "lamp",
    "one number": "7",
    "100 KB": "lamp 7 sledge " * 7500,
    "100 KB, one word": "x" * 100_000,
    "100 KB, no word": "$?! " * 25_000,
    "100 KB of points": "1.2" + ".3" * 50_000,
    "another language": "Сколько яблок осталось у Маши, если она съела три из двенадцати?",
    "no spaces": "一個農夫有十二隻羊，賣了三隻，還剩幾隻？",
    "right to left": "كم تفاحة بقيت مع سارة إذا أكلت ٣ من ١٢ تفاحة؟",
    "only LaTeX": r"\[\sum_{n=1}^{\infty}\frac{1}{n^2}\]",
    "only digits": "3 1 4 1 5 9 2 6 5 3 5 8 9 7 9 3",
    "half a pair": "lone \ud800 surrogate",
    "zeros": "a\x00b\x00c",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_problem_is_compared(name: str, tmp_path: Path) -> None:
    text = STRANGE[name]
    (found,) = check([text])
    wordless = name in ("empty", "spaces", "100 KB, no word")
    assert found.rule == ("unknown" if wordless else "none")
    (same,) = compare_many([(text, text)])
    assert same.rule == ("unknown" if wordless else "exact")


def test_a_benchmark_of_strange_problems_survives_its_file(tmp_path: Path) -> None:
    items = [(name, text) for name, text in STRANGE.items() if check([text])[0].rule == "none"]
    index.save(index.build("strange", items, 8, {}), tmp_path / "strange.npz")
    found = check([text for _, text in items], [str(tmp_path / "strange.npz")])
    assert [(m.rule, m.item) for m in found] == [("exact", name) for name, _ in items]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: parquet(p / "b.parquet", text=["x"]), "no column problem or question; it has"),
        (lambda p: parquet(p / "b.parquet", problem=pa.array([], pa.string())), "holds no rows"),
        (lambda p: parquet(p / "b.parquet", problem=[7]), "must be strings"),
        (lambda p: parquet(p / "b.parquet", problem=["?!"]), "hold no word to compare"),
        (lambda p: str(p / "none.parquet"), "does not exist"),
        (lambda p: jsonl(p / "b.jsonl", {"text": "x"}), "no column problem or question"),
        (lambda p: jsonl(p / "b.jsonl", {"problem": 7}), "row 1 has no text"),
        (lambda p: jsonl(p / "b.jsonl", [1]), "line 1 is no object"),
        (lambda p: "no-such-name", "benchmarks known by name: gsm8k/test"),
    ],
)
def test_what_cannot_be_compared_with_is_refused(
    make: Callable[[Path], str], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=says):
        check(["x"], [make(tmp_path)])


def test_texts_of_a_benchmark_without_an_address_have_to_be_given() -> None:
    with pytest.raises(UsageError, match="give its problems as a Parquet or JSONL file"):
        resolve("svamp", 8, texts=True)


def test_files_of_one_name_keep_apart(tmp_path: Path) -> None:
    for name, text in (("a", ITEM), ("b", OTHER)):
        (tmp_path / name).mkdir()
        parquet(tmp_path / name / "bench.parquet", problem=[text])
    names = [str(tmp_path / name / "bench.parquet") for name in ("a", "b")]
    assert [m.benchmark for m in check([ITEM, OTHER], names)] == names
    assert check([ITEM], [names[0], names[0]])[0].benchmark == "bench"


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"problem": "x"}\n\n{"problem": "cut\n')
    with pytest.raises(UsageError, match=r"b\.jsonl, line 3 is not JSON"):
        read_problems(tmp_path / "b.jsonl")


def test_what_is_read(tmp_path: Path, bench: str) -> None:
    lines = jsonl(tmp_path / "a.jsonl", {"question": ITEM, "id": 7}, {"question": OTHER, "id": 8})
    assert read_problems(lines).ids == ["7", "8"]
    assert read_problems(lines, column="question").problems == [ITEM, OTHER]
    table = {"problem": ["a", "b", "c"], "split": ["train", "test", "test"]}
    one = parquet(tmp_path / "s.parquet", **table)  # type: ignore[arg-type]
    assert read_problems(one, split="test").problems == ["b", "c"]
    assert read_problems(one, split="dev").problems == ["a", "b", "c"]
    assert read_problems(one).ids == ["s/0", "s/1", "s/2"]
    release = tmp_path / "omi2"
    (release / "data").mkdir(parents=True)
    parquet(release / "data" / "t0.parquet", problem=["a"], row_id=["r0"])
    parquet(release / "data" / "t1.parquet", problem=["b", "c"], row_id=["r1", "r2"])
    assert read_problems(release).ids == ["r0", "r1", "r2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no Parquet files"):
        read_problems(tmp_path / "empty")


def test_two_indexes_of_different_ngrams_are_refused(tmp_path: Path, bench: str) -> None:
    index.save(index.build("toy", [("a", ITEM)], 5, {}), tmp_path / "toy.npz")
    with pytest.raises(UsageError, match="different n-grams"):
        checker([bench, str(tmp_path / "toy.npz")])
    with pytest.raises(UsageError, match="nothing to compare with"):
        checker([])


SCRIPT = f"""
from omi2.overlap import check, compare_many
print(compare_many([({ITEM!r}, {ITEM!r})])[0].rule, check([{ITEM!r}])[0].rule)
"""


@pytest.mark.parametrize("how", ["script", "stdin", "interactive"])
def test_it_works_without_a_main_guard(how: str, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(SCRIPT)
    arguments = {"script": ["s.py"], "stdin": ["-"], "interactive": ["-i", "-q", "-"]}[how]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=None if how == "script" else SCRIPT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert "exact none" in done.stdout, done.stderr
