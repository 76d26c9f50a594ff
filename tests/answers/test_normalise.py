"""Keys: one spelling for equal answers, never for different ones; exact numbers; kinds."""

from fractions import Fraction

import pytest

from omi2.answers.normalise import answer_type, key, rational
from omi2.rows import ANSWER_TYPES

SAME = [  # every answer of a row has one key
    ("1000.5", "$1,000.50$", "2001/2", r"\dfrac{2001}{2}", "1000.50", r"\$1,000.5", "+1000.5"),
    ("5", "+5", "5.", "5.0", "05", "５", r"\text{5}", r"\mathrm{5}", " 5 ", r"\left5\right"),
    ("-5", "−5", "-5.0", "$-5$", "- 5"),
    ("0", "-0", "0.0", "00", "0/7"),
    ("1/2", "0.5", ".5", r"\frac12", r"\frac 1 2", r"\tfrac{1}{2}", r"\cfrac{1}{2}", "3/6"),
    ("-1/2", r"-\frac{1}{2}", r"\frac{-1}{2}", "-.5"),
    ("1000000", "1,000,000", "1{,}000{,}000", r"1\,000\,000", "1 000 000", r"1,\!000,\!000"),
    ("x+1", " x + 1 ", "$x+1$", r"\displaystyle x+1", r"x\;+\;1", "x~+~1", "x+1."),
    ("(1,2)", r"\left(1, 2\right)", "( 1 , 2 )"),
    ("yes", r"\text{yes}", r"\textbf{yes}", r"\mbox{ yes }"),
    ("50%", r"50\%", r"$50\%$"),
    (r"\frac{x}{2}", r"\dfrac{x}{2}", r"\tfrac{x}{2}"),
    ("1, 234", "1,  234", r"1,\ 234"),
    ("5²", "5^{2}"),
    ("x₁", "x_{1}"),
    ("½", "{1/2}"),
    ("1½", "1 {1/2}"),
    ("0.1666...", "0.1666…", r"0.1\overline{6}"),
    ("1 1/2", r"1\ 1/2", "1  1/2"),
]


@pytest.mark.parametrize("row", SAME, ids=lambda row: row[0])
def test_one_key_for_equal_answers(row: tuple[str, ...]) -> None:
    assert {key(answer) for answer in row} == {key(row[0])}


def test_different_answers_have_different_keys() -> None:
    heads = [row[0] for row in SAME]
    heads += [
        "1,00",
        "10",
        "12",
        "-12",
        "1.2",
        "0.12",
        "50",
        "yes!",
        "(2,1)",
        "[1,2]",
        "(1,2]",
        "x-1",
    ]
    heads += [
        "2x",
        "x2+1",
        "x^2",
        "1/0",
        "1/3",
        "0.333",
        "0.3333",
        "Yes",
        r"\leftarrow",
        "leftarrow",
        "52",
        "x2",
        "x1",
        "1234",
        "11/2",
        "2⅐",
        "21/7",
        "0.1666",
        "1/6",
    ]
    assert len({key(head) for head in heads}) == len(heads)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("12", Fraction(12)),
        ("-1,234.5", Fraction(-2469, 2)),
        (".125", Fraction(1, 8)),
        ("6/4", Fraction(3, 2)),
        (r"\frac{-6}{4}", Fraction(-3, 2)),
        (r"-\frac{-6}{4}", Fraction(3, 2)),
        ("9" * 400, Fraction(10**400 - 1)),
        ("9" * 401, None),  # too long to read exactly
        ("1/0", None),
        (r"\frac{1}{0}", None),
        ("1,00", None),
        ("12,34,567", None),
        ("5 cm", None),
        ("50%", None),
        ("1e3", None),
        ("1_000", None),
        ("0x10", None),
        (".", None),
        ("-", None),
        ("", None),
        (r"\pi", None),
    ],
)
def test_rational(answer: str, wanted: Fraction | None) -> None:
    assert rational(answer) == wanted


TYPES = [
    ("5", "integer"),
    ("-1,000", "integer"),
    (r"\frac{4}{2}", "integer"),
    ("3.14", "decimal"),
    (".5", "decimal"),
    ("1/2", "fraction"),
    (r"-\frac{1}{2}", "fraction"),
    (r"\frac{\sqrt{2}}{2}", "expression"),
    ("x+1", "expression"),
    (r"2\pi", "expression"),
    ("(x+1)(x-2)", "expression"),
    ("", "expression"),
    ("x=5", "equation"),
    (r"x \le 5", "equation"),
    ("f(x)=x^2", "equation"),
    ("[1,2]", "interval"),
    ("(1,2]", "interval"),
    (r"(-\infty,2)", "interval"),
    (r"[0,1]\cup[2,3]", "interval"),
    (r"\{1,2\}", "set"),
    (r"\left\{1\right\}", "set"),
    ("(1,2)", "tuple"),
    ("1,2,3", "tuple"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "matrix"),
    (r"\begin{bmatrix}1&2\end{bmatrix}", "matrix"),
    ("Monday", "text"),
    (r"\text{on Monday}", "text"),
    ("Yes", "yes_no"),
    (r"\text{false}", "yes_no"),
    ("(A)", "choice"),
    ("B", "choice"),
]


@pytest.mark.parametrize(("answer", "wanted"), TYPES)
def test_answer_type(answer: str, wanted: str) -> None:
    assert answer_type(answer) == wanted


def test_every_type_has_a_case() -> None:
    assert {kind for _, kind in TYPES} == set(ANSWER_TYPES)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["9", "1,000", "\\frac{1}", "\\text{", "{", "(", ",", "$", " ", "-"]
)
def test_a_megabyte_of_one_piece_has_a_key_and_a_type(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert isinstance(key(text), str)
    assert answer_type(text) in ANSWER_TYPES
