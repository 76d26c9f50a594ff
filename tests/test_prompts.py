"""Few-shot sets: what is rendered, how a broken set is refused, and the packaged ones."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import sympy

from omi2 import prompts
from omi2.answers import Verdict, grade
from omi2.answers.boxed import boxes
from omi2.arithmetic import wrong_arithmetic
from omi2.errors import UsageError
from omi2.overlap import check as overlap
from test_seeds import agrees, compute

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


@pytest.mark.parametrize("name", [name for name in PACKAGED if name != "judge"])
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


def shots_of(name: str) -> list[dict[str, str]]:
    text = (files("omi2") / "prompts" / f"{name}.toml").read_text(encoding="utf-8")
    found: list[dict[str, str]] = tomllib.loads(text)["shots"]
    return found


SOLVED = [
    (name, at) for name in PACKAGED if name.startswith("solve") for at in range(len(shots_of(name)))
]


@pytest.mark.parametrize(("name", "at"), SOLVED)
def test_the_arithmetic_of_a_solution_holds(name: str, at: int) -> None:
    assert list(wrong_arithmetic(shots_of(name)[at]["solution"])) == []


@pytest.mark.parametrize(("name", "at"), SOLVED)
def test_the_answer_is_what_its_check_computes(name: str, at: int) -> None:
    shot = shots_of(name)[at]
    value = compute(checked(shot, at))
    (box,) = boxes(shot["solution"])
    assert agrees(box.content, value)
    assert grade(shot["solution"], sympy.latex(value)) is Verdict.EQUAL
    assert grade(shot["solution"], sympy.latex(value + 1)) is Verdict.DIFFERENT


def checked(shot: dict[str, str], at: int) -> str:
    """How a shot's answer is computed: said in it, in its verbose twin, or below."""
    twin = next((s for s in CHECKS if s["problem"] == shot["problem"]), None)
    return shot.get("check") or (twin["check"] if twin else DEMO[at])


CHECKS = [shot for name, at in SOLVED for shot in [shots_of(name)[at]] if "check" in shot]
DEMO = ["12 + 5", "9 - 3", "4 * 6", "10 / 5"]


@pytest.mark.parametrize("name", ["solve-math", "solve-gsm8k"])
def test_the_verbose_twin_solves_the_same_problems_at_more_length(name: str) -> None:
    """Only the format may differ, or an ablation compares two things at once."""
    concise, verbose = shots_of(name), shots_of(f"{name}-verbose")
    assert [s["problem"] for s in concise] == [s["problem"] for s in verbose]
    assert 4 <= len(concise) <= 8
    for short, long in zip(concise, verbose, strict=True):
        assert boxes(short["solution"])[-1].content == boxes(long["solution"])[-1].content
        assert len(long["solution"]) > 1.25 * len(short["solution"])
        assert "## Final answer" in long["solution"]
        assert "#" not in short["solution"]


def test_a_set_by_subject_shows_a_problem_its_own_kind() -> None:
    subjects = {"Algebra", "Counting & Probability", "Geometry", "Intermediate Algebra",
                "Number Theory", "Prealgebra", "Precalculus"}  # fmt: skip
    ids = set()
    for subject in subjects:
        few = prompts.load("solve-math-subjects", "solve", subject)
        assert 4 <= len(few.problems) <= 8
        ids.add(few.id)
    assert len(ids) == 7
    assert "solve-math-subjects-v1/counting_and_probability" in ids
    mixed = prompts.load("solve-math-subjects", "solve", None)
    assert (mixed.id, len(mixed.problems)) == ("solve-math-subjects-v1/mixed", 7)
    assert prompts.load("solve-math", "solve", "Geometry").id == "solve-math-v1"


def test_no_two_sets_by_subject_share_a_problem() -> None:
    problems = [shot["problem"] for shot in shots_of("solve-math-subjects")]
    assert len(set(problems)) == len(problems) == 28


def test_no_set_shows_an_item_of_a_benchmark() -> None:
    """By the check that a release passes, in its strict form, against all that is shipped."""
    kinds = ("problem", "new_problem", "first", "second")
    shown = {shot[kind] for name in PACKAGED for shot in shots_of(name) for kind in kinds
             if kind in shot}  # fmt: skip
    assert len(shown) > 70
    found = overlap(sorted(shown), ["test-sets", "more-sets"])
    assert [match for match in found if match.verdict(strict=True) != "clean"] == []
