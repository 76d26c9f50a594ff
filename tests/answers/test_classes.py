"""Classes of equal answers: numbered by first appearance, transitive, unknown joins nothing."""

import sys

import pytest

from omi2.answers.classes import classes
from omi2.answers.compare import Verdict


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([], []),
        (["5"], [0]),
        (["0.5", "1/2", "3"], [0, 0, 1]),
        (["3", "0.5", "3.0", r"\frac12", "4"], [0, 1, 0, 1, 2]),
        (["b", "a", "b", "a"], [0, 1, 0, 1]),  # by appearance, not by spelling
        (["x+1", "1+x", "x+2", "2+x", "x+1"], [0, 0, 1, 1, 0]),  # mathematics
        (["1024", "x", "2^{10}", "2^10"], [0, 1, 0, 0]),
        (["", "5", ""], [0, 1, 0]),
        (["1/0", "2/0", "1/0"], [0, 1, 0]),  # one key is one class, whatever it means
    ],
)
def test_classes(answers: list[str], wanted: list[int]) -> None:
    assert classes(answers, timeout=30) == wanted


E, D, U = Verdict.EQUAL, Verdict.DIFFERENT, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdicts", "answers", "wanted"),
    [
        ({"ab": U, "bc": U, "ac": U}, "abc", [0, 1, 2]),  # unknown joins nothing
        ({"ab": U, "bc": E, "ac": E}, "abc", [0, 1, 0]),  # equal to both: the first class
        ({"ab": E, "bc": D, "ac": E}, "abc", [0, 0, 0]),  # only a class's first answer is asked
        ({"ab": E, "bc": E, "ac": D}, "abc", [0, 0, 1]),
        ({"ab": D, "bc": U, "ac": D}, "cabc", [0, 1, 2, 0]),
    ],
)
def test_how_verdicts_make_classes(
    verdicts: dict[str, Verdict],
    answers: str,
    wanted: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told(pairs: list[tuple[str, str]], *_: object) -> list[Verdict]:
        return [verdicts["".join(sorted(pair))] for pair in pairs]

    monkeypatch.setattr(sys.modules["omi2.answers.classes"], "compare_many", told)
    assert classes(list(answers)) == wanted
