"""Recipes: the packaged ones hold the paper's numbers; a wrong setting is named, never guessed."""

import re
from pathlib import Path

import pytest

from omi2 import recipe
from omi2.errors import UsageError
from omi2.settings import BySource

SOURCE = '[[seed.sources]]\nname = "s"\nfile = "s.parquet"\n'


@pytest.mark.parametrize("name", recipe.PACKAGED)
def test_a_packaged_recipe_loads_and_survives_a_round_trip(name: str) -> None:
    read = recipe.load(name)
    assert read.name == name
    assert recipe.from_table(recipe.as_table(read), "again") == read


def test_a_table_is_plain() -> None:
    table = recipe.as_table(recipe.parse('name = "n"\n[solve]\nsamples = { a = 3 }\n' + SOURCE, ""))
    assert table["solve"]["samples"] == {"default": 8, "a": 3}
    assert table["seed"]["sources"][0]["name"] == "s"
    assert table["split"]["tiers"] == [1_000_000, 2_000_000, 5_000_000]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [  # a misspelt key names the file, its place, the key and the nearest one
        ("partz = 2", "the top level has no key 'partz'; did you mean 'parts'?"),
        ("[slove]", "the top level has no key 'slove'; did you mean 'solve'?"),
        ("[qqqq]", "the top level has no key 'qqqq'; it knows name, parts"),
        ("[filter]\nmin_char = 3", "[filter] has no key 'min_char'; did you mean 'min_chars'?"),
        (
            "[solve]\ntemprature = 1.0",
            "[solve] has no key 'temprature'; did you mean 'temperature'",
        ),
        (SOURCE + 'anser = "a"', "[seed.sources[0]] has no key 'anser'; did you mean 'answer'?"),
        (SOURCE + SOURCE + 'fil = ""', "[seed.sources[1]] has no key 'fil'; did you mean 'file'?"),
        # a wrong type
        ('parts = "4"', "parts is '4' (str): it needs int"),
        ("parts = 4.0", "parts is 4.0 (float): it needs int"),
        ("parts = true", "parts is True (bool): it needs int"),
        ("[filter]\none_box = 1", "filter.one_box is 1 (int): it needs bool"),
        ("[filter]\ntrim = false", "filter.trim is False (bool): it needs str"),
        ("[grade]\ntimeout_s = true", "grade.timeout_s is True (bool): it needs float"),
        ("[solve]\nsamples = true", "solve.samples.default is True (bool): it needs int"),
        ("[solve]\nsamples = { a = 'x' }", "solve.samples.a is 'x' (str): it needs int"),
        ("[solve.prompt]\ngsm8k = 3", "solve.prompt.gsm8k is 3 (int): it needs str"),
        ("solve = 3", "solve is 3: it is a section, [solve]"),
        ("[split]\ntiers = 5", "split.tiers is 5: it is a list"),
        ("[split]\ntiers = [5, '6']", "split.tiers[1] is '6' (str): it needs int"),
        ("[seed]\nsources = ['gsm8k']", "seed.sources[0] is 'gsm8k': it is a section"),
        # out of range
        ("parts = 0", "the top level: parts is 0: at least 1"),
        ("workers = -1", "workers is -1: at least 0"),
        ("[solve]\ntop_p = 0.0", "[solve]: top_p is 0.0"),
        ("[solve]\ntop_p = 1.5", "[solve]: top_p is 1.5"),
        ("[augment]\nmax_tokens = 0", "[augment]: max_tokens is 0: at least 1"),
        ("[solve]\ntemperature = { a = -0.5 }", "temperature.a is -0.5: at least 0"),
        ("[solve]\ntemperature = nan", "temperature.default is nan: at least 0"),
        ("[decontaminate]\nngram = 1", "ngram is 1: at least 2"),
        ("[decontaminate]\noverlap = 0", "overlap is 0.0"),
        ("[decontaminate]\nmasked_overlap = 1.1", "masked_overlap is 1.1"),
        ("[teacher]\nendpoints = []", "endpoints is empty"),
        ("[teacher]\nconcurrency = 0", "concurrency is 0: at least 1"),
        ("[grade]\nmin_votes = 0", "min_votes is 0: at least 1"),
        ("[grade]\nties = 'coin'", "ties is 'coin': one of drop, hash"),
        ("[grade]\nextract = 'lax'", "extract is 'lax': one of strict, relaxed"),
        ("[filter]\ntrim = 'word'", "trim is 'word': one of sentence, line, off"),
        ("[split]\ntiers = [2, 1]", "tiers is [2, 1]: sizes must rise"),
        ("[split]\ntiers = [0]", "tiers is [0]: sizes must rise"),
        ('[[seed.sources]]\nname = "s"', "source 's' needs exactly one of file, package, dataset"),
        (SOURCE + 'package = "demo"', "source 's' needs exactly one of file, package, dataset"),
        (SOURCE + 'answer_form = "x"', "answer_form is 'x': one of as_is, hash_marks, boxed"),
        ('[[seed.sources]]\nfile = "s"', "[seed.sources[0]] lacks name"),
        # not TOML
        ("parts = ", "is not valid TOML"),
        ("\x00", "is not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named(text: str, wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        recipe.parse(f'name = "n"\n{text}\n', "mine.toml")
    message = str(refused.value)
    assert message.startswith("mine.toml")
    assert wanted in message


def test_a_recipe_needs_a_name() -> None:
    with pytest.raises(UsageError, match=r"mine\.toml: the top level lacks name"):
        recipe.parse("parts = 2", "mine.toml")


def test_a_file_is_read_and_one_that_is_not_utf_8_is_told_where(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "caf\u00e9"\n', encoding="utf-8")
    assert recipe.load(str(path)).name == "caf\u00e9"
    path.write_bytes(b'name = "caf\xe9"\n')
    with pytest.raises(UsageError, match=r"mine\.toml is not UTF-8 text \(byte 11\)"):
        recipe.load(str(path))


@pytest.mark.parametrize(
    ("name", "hint"), [("papre", "Did you mean 'paper'?"), ("zzz", "demo, dry-run"), ("", "demo")]
)
def test_an_unknown_recipe_is_told_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        recipe.load(name)
    assert f"no recipe {name!r}" in str(refused.value)
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("toml", "source", "wanted"),
    [
        ("5", "gsm8k", 5),  # a bare value is for all
        ("5", "augmented_gsm8k", 5),
        ("{ gsm8k = 2, augmented = 3, default = 4 }", "gsm8k", 2),
        ("{ gsm8k = 2, augmented = 3, default = 4 }", "augmented_gsm8k", 3),
        ("{ gsm8k = 2, augmented = 3, default = 4 }", "math", 4),
        ("{ augmented_math = 1, augmented = 3 }", "augmented_math", 1),  # exact before augmented
        ("{ augmented_math = 1, augmented = 3 }", "augmented_gsm8k", 3),
        ("{ gsm8k = 2, default = 4 }", "augmented_gsm8k", 4),  # no leak from the seed's own
        ("{ gsm8k = 2 }", "math", 8),  # what is not said keeps the built-in default
        ("{ augmented = 3 }", "augmentedly", 8),  # only the prefix with its underscore
    ],
)
def test_a_setting_by_source(toml: str, source: str, wanted: int) -> None:
    read = recipe.parse(f'name = "n"\n[solve]\nsamples = {toml}\n', "mine.toml")
    assert read.solve.samples.of(source) == wanted


def test_a_whole_number_will_do_for_a_float() -> None:
    read = recipe.parse('name = "n"\n[solve]\ntemperature = 1\n', "mine.toml")
    assert read.solve.temperature == BySource((("default", 1.0),))
    assert type(read.solve.temperature.of("x")) is float


@pytest.mark.parametrize("name", ["paper", "repo"])
@pytest.mark.parametrize(
    ("source", "samples", "problems"),
    [
        ("math", 512, 80),
        ("gsm8k", 64, 10),
        ("augmented_math", 32, 0),
        ("augmented_gsm8k", 32, 0),
    ],
)
def test_the_papers_samples(name: str, source: str, samples: int, problems: int) -> None:
    read = recipe.load(name)
    assert read.solve.samples.of(source) == samples
    assert read.augment.problems.of(source) == problems


@pytest.mark.parametrize(
    ("name", "seeds", "new", "trim"), [("paper", 1.0, 0.7, "sentence"), ("repo", 1.0, 1.0, "line")]
)
def test_where_paper_and_repo_differ(name: str, seeds: float, new: float, trim: str) -> None:
    read = recipe.load(name)
    for source in ("math", "gsm8k"):
        assert read.solve.temperature.of(source) == seeds
        assert read.solve.temperature.of(f"augmented_{source}") == new
    assert read.filter.trim == trim
    assert (read.solve.top_p, read.solve.max_tokens) == (0.95, 2048)
    assert (read.filter.min_chars, read.filter.max_tokens) == (200, 1024)
    assert read.filter.max_problem_tokens == 1024
    assert read.filter.one_box
    assert read.filter.arithmetic
    assert read.filter.arithmetic_split
    assert read.grade.min_votes == 1
    assert (read.decontaminate.ngram, read.decontaminate.overlap) == (8, 0.5)
    assert {source.split for source in read.seed.sources} == {"train"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[seed]\nlimit = -3", "limit is -3"),
        ("[solve]\nsamples = -2", "samples.default is -2"),
        ("[solve]\nsamples = { augmented = -1 }", "samples.augmented is -1"),
        ("[solve]\ntemperature = inf", "temperature.default is inf"),
        ("[grade]\nmin_share = nan", "min_share is nan"),
        ("[grade]\nmin_share = 1.5", "min_share is 1.5"),
        ("[grade]\ntimeout_s = -1.0", "timeout_s is -1.0"),
        ("[filter]\nmax_tokens = 0", "max_tokens is 0"),
        ("[augment]\nmax_chars = -3", "max_chars is -3"),
    ],
)
def test_a_number_out_of_range_is_named(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        recipe.parse(f'name = "x"\n{line}', "mine.toml")
