"""Few-shot sets: what is rendered, how a broken set is refused, and the packaged ones."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from omi2 import prompts
from omi2.answers.extract import boxes
from omi2.errors import UsageError

SET = r"""
id = "mine-v1"
task = "solve"
licence = "Apache-2.0"
separator = "\n--\n"
example = "Q: {problem}\nA: {solution}"
query = "Q: {problem}\nA: "
stop = ["\n--\n", "Q:"]
instruction = "  Solve {these}.\n"
[[shots]]
problem = 'What is {solution} in \frac{1}{2}?'
solution = ' Half, \boxed{\frac{1}{2}}. '
[[shots]]
problem = 'One {problem}'
solution = '{'
"""
PACKAGED = sorted(
    path.name.removesuffix(".toml")
    for path in (files("omi2") / "prompts").iterdir()
    if path.name.endswith(".toml")
)


def write(path: Path, text: str = SET) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def packaged(name: str) -> prompts.FewShot:
    return prompts.load(name, name.partition("-")[0])


def test_render(tmp_path: Path) -> None:
    few = prompts.load(write(tmp_path / "mine.toml"), "solve")
    # A shot's own braces stay, whether they are LaTeX or look like a name of the template.
    assert few.prefix == (
        "Solve {these}.\n--\n"
        "Q: What is {solution} in \\frac{1}{2}?\nA: Half, \\boxed{\\frac{1}{2}}.\n--\n"
        "Q: One {problem}\nA: {\n--\n"
    )
    asked = few.render("  Is {problem} \\sqrt{2}?\n")
    assert asked == few.prefix + "Q: Is {problem} \\sqrt{2}?\nA: "
    assert few.stop == ("\n--\n", "Q:")
    assert few.id == "mine-v1"
    assert few.problems == ("What is {solution} in \\frac{1}{2}?", "One {problem}")


def test_without_an_instruction_the_examples_come_first(tmp_path: Path) -> None:
    text = SET.replace('"  Solve {these}.\\n"', '""')
    few = prompts.load(write(tmp_path / "bare.toml", text), "solve")
    assert few.prefix.startswith("Q: What is")


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("stop =", "stops =", "'stop' is missing or not known"),
        ('id = "mine-v1"', "", "'id' is missing or not known"),
        ('id = "mine-v1"', 'id = "a"\nfoo = 1', "'foo' is missing or not known"),
        ('task = "solve"', 'task = "augment"', "is for 'augment', not for 'solve'"),
        ("id =", "id", "is not valid TOML"),
    ],
)
def test_a_broken_set_is_refused(tmp_path: Path, old: str, new: str, wanted: str) -> None:
    path = write(tmp_path / "broken.toml", SET.replace(old, new))
    with pytest.raises(UsageError, match=wanted) as refused:
        prompts.load(path, "solve")
    assert "broken.toml" in str(refused.value)


@pytest.mark.parametrize("name", ["no-such-set", "", "./solve-math", "nowhere/solve-math.toml"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="solve-math") as refused:
        prompts.load(name, "solve")
    assert repr(name) in str(refused.value)


def test_the_packaged_sets_are_there_under_ids_of_their_own() -> None:
    assert len(PACKAGED) >= 6
    assert len({packaged(name).id for name in PACKAGED}) == len(PACKAGED)


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_set(name: str) -> None:
    few = packaged(name)
    assert few.separator == "\n" * 6  # the paper's, and for long answers the stop string as well
    assert few.stop in (("\n" * 6,), ("\n",))
    assert few.prefix.count(few.separator) >= 4
    assert "{problem}" not in few.render("What is $\\frac{1}{2}$ of 6?")
    assert len(set(few.problems)) == len(few.problems) >= 4


@pytest.mark.parametrize("name", [name for name in PACKAGED if name.startswith("solve")])
def test_a_solve_shot_has_one_box_at_its_end(name: str) -> None:
    shots = packaged(name).prefix.split("\n" * 6)
    solutions = [block for block in shots if "\\boxed{}" not in block and block]
    assert len(solutions) >= 4
    for solution in solutions:
        (box,) = boxes(solution)
        assert re.fullmatch(r"\$?( [a-z ]+)?\.", solution[box.end :])
