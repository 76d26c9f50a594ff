"""`omi2 overlap` as people meet it: every kind of input, evidence, exit codes; and near-copies in a
build."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from made import replay_file
from omi2 import rows
from omi2.cli import cli
from omi2.errors import Omi2Error, UsageError
from omi2.overlap import copies
from omi2.overlap.benchmarks import standard
from omi2.recipe import Decontaminate, Source, load
from omi2.run import Run, open_run
from omi2.stages import decontaminate

ITEM = "one day ulla packs 12 green bottles into wooden crates that hold 40 kilos of glass"
OWN = "Rasmus paints a fence of 90 boards, and 7 boards need a pot. How many pots does he buy?"
CHANGED = ITEM.replace("12", "13")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"id": ["a"], "problem": [ITEM]}), "bench.parquet")
    table = {"row_id": ["r0", "r1", "r2", "r3"], "problem": [OWN, ITEM, CHANGED, ITEM]}
    pq.write_table(pa.table(table), "mine.parquet")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["overlap", *arguments, "--against", "bench.parquet"])


def test_every_row_to_remove_is_named_and_every_match_kept(here: Path) -> None:
    done = run("mine.parquet")
    assert done.exit_code == 1
    assert [line.split("\t")[:3] for line in done.stdout.splitlines()] == [
        ["1", "r1", "exact"],
        ["2", "r2", "number_change"],
        ["3", "r3", "exact"],
    ]
    assert "bench                   exact" in done.stderr
    assert "1 clean, 3 contaminated; every match is in overlap.parquet" in done.stderr
    told = pl.read_parquet("overlap.parquet")
    assert told["id"].to_list() == ["r1", "r2", "r3"]
    assert told["item_problem"].to_list() == [ITEM] * 3
    assert told["problem_id"].to_list() == [rows.problem_id(t) for t in (ITEM, CHANGED, ITEM)]


def test_the_standard_policy_lists_other_numbers_and_removes_none(here: Path) -> None:
    done = run("mine.parquet", "--no-strict", "--format", "json", "--out", "x/o.parquet")
    told = json.loads(done.stdout)
    assert told["verdicts"] == {"clean": 2, "contaminated": 2}
    assert [row["id"] for row in told["found"]] == ["r1", "r3"]
    assert not {"problem", "item_problem"} & told["found"][0].keys()
    assert told["summary"] == [
        {"benchmark": "bench", "rule": "exact", "rows": 2, "removed": 2},
        {"benchmark": "bench", "rule": "number_change", "rows": 1, "removed": 0},
    ]
    assert len(pl.read_parquet("x/o.parquet")) == 3


def test_clean_is_0_and_an_index_leaves_no_text(here: Path) -> None:
    pq.write_table(pa.table({"problem": [OWN]}), "clean.parquet")
    assert run("clean.parquet").exit_code == 0
    made = CliRunner().invoke(cli, ["overlap-index", "b.npz", "b=bench.parquet"])
    assert made.exit_code == 0
    done = CliRunner().invoke(cli, ["overlap", "mine.parquet", "--against", "b.npz"])
    assert done.exit_code == 1
    assert pl.read_parquet("overlap.parquet")["item_problem"].to_list() == [None] * 3


def test_jsonl_a_release_and_another_column(here: Path) -> None:
    Path("mine.jsonl").write_text(json.dumps({"q": ITEM, "id": "x"}) + "\n")
    assert run("mine.jsonl", "--column", "q").stdout.startswith("0\tx\texact")
    Path("omi2/data").mkdir(parents=True)
    Path("mine.parquet").rename("omi2/data/t0.parquet")
    assert run("omi2").stdout.count("exact") == 2


def test_a_page_to_look_at(here: Path) -> None:
    assert run("mine.parquet", "--html", "o.html").exit_code == 1
    page = Path("o.html").read_text()
    assert page.count('"verdict":"contaminated"') == 3
    assert "wooden crates" in page


def test_items_of_one_name_are_shown_with_their_own_texts(here: Path) -> None:
    items = ("Seven grey lids lie on a shelf.", ITEM, "Nine teapots stand beside a lamp.")
    lines = [json.dumps({"id": "1", "problem": text}) + "\n" for text in items]
    Path("same.jsonl").write_text("".join(lines))
    assert run("mine.parquet", "--against", "same.jsonl").exit_code == 1
    told = pq.read_table("overlap.parquet").to_pylist()
    assert {(row["item"], row["item_problem"]) for row in told} == {("1 (2)", ITEM)}


def test_a_name_that_commands_a_terminal_does_not_reach_it(here: Path) -> None:
    pq.write_table(pa.table({"id": ["\x1b[31m\tx\n"], "problem": [ITEM]}), "evil.parquet")
    done = run("evil.parquet")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none.parquet",), "does not exist"),
        (("mine.parquet", "--column", "text"), "no column text; it has row_id, problem"),
        (
            ("mine.parquet", "--against", "other.jsonl"),
            "in a file of benchmark problems it has to be",
        ),
        (("mine.parquet", "--out", "mine.parquet"), "is what is compared"),
        (("a/b/c",), "no Parquet or JSONL file, no folder of a release"),
        (("mine.csv",), "no Parquet or JSONL file"),
    ],
)
def test_what_is_refused(here: Path, arguments: tuple[str, ...], says: str) -> None:
    Path("other.jsonl").write_text('{"text": "a lamp"}\n')
    done = run(*arguments)
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)


def problem(text: str, *, seed: bool = False) -> dict[str, object]:
    name = rows.problem_id(text)
    return {
        "problem_id": name,
        "problem": text,
        "problem_source": "toy" if seed else "augmented_toy",
        "seed_id": name if seed else "0" * 32,
    }


def stage(folder: Path, texts: list[str], seeds: list[str], parts: int) -> Run:
    run = open_run(folder, parts)
    for name, made in (("seed", [problem(t, seed=True) for t in seeds]),
                       ("augment", [problem(t) for t in texts])):  # fmt: skip
        run.begin(name, "x")
        run.scatter(name, rows.PROBLEMS, made, [])
    run.begin("decontaminate", "x")
    return run


LONG = (
    "Henrike stacks sacks of barley in the dry loft above her mill while rain falls on the slate "
    "roof all week long, and she counts them every evening before the lamp goes out. On the first "
    "evening there are 31 sacks and on each later evening 4 more. How many are there on evening "
)
NEAR = [f"{LONG}{n}?" for n in range(2, 9)]


@pytest.mark.parametrize("parts", [1, 3])
def test_of_near_copies_a_build_keeps_one(tmp_path: Path, parts: int) -> None:
    run = stage(tmp_path, [*NEAR, OWN, ""], [], parts)
    recipe = replace(load("demo"), parts=parts, workers=1)
    report = decontaminate.run(recipe, run)
    assert report.dropped == {"near_copy": 6, "overlap_unknown": 1}
    assert report.left == {"clean": 2}
    dropped = pl.concat([run.read("decontaminate", p, dropped=True) for p in range(parts)])
    names = sorted(map(rows.problem_id, NEAR))
    gone = dropped.filter(reason="near_copy")
    assert sorted(gone["problem_id"]) == names[1:]
    assert all(detail.endswith(f"like {names[0]}") for detail in gone["detail"])
    assert not list(tmp_path.rglob("*.npz"))


def test_a_seed_stays_and_what_is_near_it_goes(tmp_path: Path) -> None:
    run = stage(tmp_path, NEAR[:3], NEAR[3:5], 2)
    report = decontaminate.run(replace(load("demo"), parts=2, workers=1), run)
    assert report.dropped == {"near_copy": 3}
    assert report.came == {"seeds": 2, "new": 3}


def test_near_copies_are_kept_where_the_recipe_says_so(tmp_path: Path) -> None:
    recipe = replace(load("demo"), parts=2, workers=1)
    recipe = replace(recipe, decontaminate=replace(recipe.decontaminate, near_copies=0.0))
    assert decontaminate.run(recipe, stage(tmp_path, NEAR, [], 2)).left == {"clean": 7}


def test_killed_while_deciding_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(load("demo"), parts=3, workers=1)
    whole = stage(tmp_path / "a", [*NEAR, OWN], [], 3)
    report = decontaminate.run(recipe, whole)
    cut = stage(tmp_path / "b", [*NEAR, OWN], [], 3)
    real, written = Run.put, []

    def put(self: Run, *arguments: object) -> None:
        written.append(arguments)
        if len(written) == 5:  # the second part that gets near-copies
            raise Omi2Error("killed")
        real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "put", put)
    with pytest.raises(Omi2Error, match="killed"):
        decontaminate.run(recipe, cut)
    monkeypatch.setattr(Run, "put", real)
    monkeypatch.setattr(copies, "decide", None)  # what was decided is not decided again
    assert decontaminate.run(recipe, cut) == report
    for part in range(3):
        for dropped in (False, True):
            one, two = (r.part("decontaminate", part, dropped=dropped) for r in (whole, cut))
            assert one.read_bytes() == two.read_bytes()


def test_a_replay_keeps_every_problem_it_was_given(tmp_path: Path) -> None:
    """Its problems are seeds, near-copies of one another or not."""
    table = pl.read_parquet(replay_file(tmp_path / "made.parquet"))
    texts = table["problem"].unique(maintain_order=True).to_list()
    run = stage(tmp_path / "run", [], texts, 2)
    report = decontaminate.run(replace(load("demo"), parts=2, workers=1), run)
    assert report.left == {"clean": 12}


@pytest.mark.parametrize("spelling", ["rows.parquet", "./rows.parquet", "sub/../rows.parquet"])
def test_every_row_of_a_file_is_compared_however_it_is_spelled(spelling: str, here: Path) -> None:
    (here / "sub").mkdir()
    table = {"problem": [ITEM, OWN], "split": ["test", "train"]}
    pq.write_table(pa.table(table), "rows.parquet")
    assert run(spelling).exit_code == 1
    assert run(spelling, "--split", "train").exit_code == 0


@pytest.mark.parametrize(
    "outputs",
    [("--out", "mine.parquet"), ("--out", "bench.parquet"), ("--html", "bench.parquet"),
     ("--out", "x", "--html", "./x")],
)  # fmt: skip
def test_no_output_takes_the_place_of_what_was_read(outputs: tuple[str, ...], here: Path) -> None:
    before = {p.name: p.read_bytes() for p in here.iterdir()}
    done = run("mine.parquet", *outputs)
    assert isinstance(done.exception, UsageError)
    assert {p.name: p.read_bytes() for p in here.iterdir()} == before


def test_an_index_does_not_take_the_place_of_its_benchmark(here: Path) -> None:
    before = (here / "bench.parquet").read_bytes()
    done = CliRunner().invoke(cli, ["overlap-index", "bench.parquet", "b=bench.parquet"])
    assert isinstance(done.exception, UsageError)
    assert (here / "bench.parquet").read_bytes() == before


@pytest.mark.parametrize("alone", [False, True])
def test_texts_of_one_benchmark_are_not_texts_of_all(alone: bool, here: Path) -> None:
    made = stage(here / "run", ["How many pots stand on the shelf of the old potter?"], [], 1)
    own = Source(name="bench", file="bench.parquet", answer="", split="")
    rules = Decontaminate(index=() if alone else ("test-sets",), benchmarks=(own,))
    recipe = replace(load("demo"), parts=1, decontaminate=rules)
    told = decontaminate.run(recipe, made).details
    assert told["texts"] is alone
    assert {b["name"]: b["texts"] for b in told["benchmarks"]} == {
        "bench/": True,
        **({} if alone else dict.fromkeys(standard(), False)),
    }


@pytest.mark.parametrize("option", ["--out", "--ids", "--html"])
def test_no_output_lies_in_a_release_that_is_read_or_follows_a_link_to_it(
    option: str, here: Path
) -> None:
    Path("omi2/data").mkdir(parents=True)
    Path("mine.parquet").rename("omi2/data/t0.parquet")
    Path("link").symlink_to("bench.parquet")
    Path("hard").hardlink_to("bench.parquet")
    before = {p: p.read_bytes() for p in here.rglob("*") if p.is_file()}
    for to in ("omi2/data/t0.parquet", "omi2/more.parquet", "link", "hard"):
        assert isinstance(run("omi2", option, to).exception, UsageError), to
    assert {p: p.read_bytes() for p in here.rglob("*") if p.is_file()} == before


def test_a_release_is_compared_by_its_own_thresholds(here: Path) -> None:
    """A release of the standard policy keeps what has other numbers, unless it is asked for."""
    Path("omi2/data").mkdir(parents=True)
    pq.write_table(pa.table({"row_id": ["r"], "problem": [CHANGED]}), "omi2/data/t0.parquet")
    told = {"recipe": {"decontaminate": {"strict": False, "overlap": 0.5}}}
    Path("omi2/manifest.json").write_text(json.dumps(told))
    assert run("omi2").exit_code == 0
    assert run("omi2", "--strict", "--ids", "ids.txt").exit_code == 1
    assert Path("ids.txt").read_text() == "r\n"
    Path("omi2/manifest.json").write_text('{"recipe": 5}')
    assert "is no manifest of omi2" in str(run("omi2").exception)


def test_one_small_file_is_no_benchmark_whatever_it_is_called(here: Path) -> None:
    small = Source(name="gsm8k", file="bench.parquet", answer="", split="test")
    recipe = replace(load("demo"), parts=1, workers=1)
    made = stage(here / "run", [OWN], [], 1)
    named = replace(recipe, decontaminate=Decontaminate(benchmarks=(small,)))
    with pytest.raises(UsageError, match="1 problems, holds 0 of the 1,319 items of the first"):
        decontaminate.run(named, made)
    alone = replace(recipe, decontaminate=Decontaminate(index=(), benchmarks=(small,)))
    told = decontaminate.run(alone, stage(here / "run2", [OWN], [], 1)).details["standard"]
    assert told["gsm8k/test"] == {"items": 1319, "with_texts": 0}


@pytest.mark.shared
def test_the_texts_of_the_standard_benchmarks_are_known_for_what_they_are(
    here: Path, shared_data: Path
) -> None:
    """By their items, under another name too; hashes of what is there as texts are left out."""
    names = {"gsm8k": "gsm8k", "amc23": "other"}
    sources = tuple(
        Source(name=name, file=str(shared_data / "benchmarks" / f"{file}.parquet"), answer="",
               split="test")
        for file, name in names.items()
    )  # fmt: skip
    recipe = replace(load("demo"), parts=1, workers=1)
    recipe = replace(recipe, decontaminate=Decontaminate(benchmarks=sources, embed="off"))
    told = decontaminate.run(recipe, stage(here / "run", [OWN], [], 1)).details
    counts = {name: one["with_texts"] for name, one in told["standard"].items()}
    assert counts["gsm8k/test"] >= 1310
    assert counts["amc23/test"] == 40
    assert counts["math/test"] < 100
    by_name = {one["name"]: one for one in told["benchmarks"]}
    assert [one["name"] for one in told["benchmarks"]].count("gsm8k/test") == 1
    assert by_name["amc23/test"]["texts"]
    assert "minhash" in by_name["gsm8k/test"]["layers"]
    assert "minhash" not in by_name["math/test"]["layers"]
    assert not told["texts"]
