"""The demo's seeds: every answer recomputed from its `check` expression, exactly and without eval.

In `check` a list outside a call is an unordered set, a tuple is a point, decimals are exact.
"""

import ast
import operator
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
import sympy
from math_verify import parse

SEEDS = tomllib.loads((files("omi2") / "seeds" / "demo.toml").read_text("utf-8"))["seed"]

NAMES: dict[str, Any] = {"pi": sympy.pi, **{name: sympy.Symbol(name) for name in "xynk"}}
CALLS: dict[str, Callable[..., Any]] = {
    "gcd": sympy.gcd,
    "lcm": sympy.lcm,
    "comb": sympy.binomial,
    "perm": sympy.ff,
    "factorial": sympy.factorial,
    "mod": sympy.Mod,
    "sqrt": sympy.sqrt,
    "abs": sympy.Abs,
    "min": sympy.Min,
    "max": sympy.Max,
    "sum": sum,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "log": sympy.log,
    "interval_open": sympy.Interval.open,
    "interval_closed": sympy.Interval,
    "matrix": sympy.Matrix,
}
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def compute(check: str) -> Any:
    """The value of a `check` expression."""

    def walk(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return sympy.Rational(str(ast.get_source_segment(check, node)))
            case ast.Name(name):
                return NAMES[name]
            case ast.UnaryOp(ast.USub(), inner):
                return -walk(inner)
            case ast.BinOp(left, how, right):
                return OPERATORS[type(how)](walk(left), walk(right))
            case ast.Call(ast.Name(name), arguments):
                return CALLS[name](*map(walk, arguments))
            case ast.Tuple(items):
                return tuple(map(walk, items))
            case ast.List(items):
                return list(map(walk, items))
            case _:
                raise ValueError(f"{ast.dump(node)} has no place in a check")

    return walk(ast.parse(check, mode="eval").body)


def read(latex: str) -> Any:
    """The value of one LaTeX expression, as Math-Verify reads it (its symbols are not ours)."""
    value = parse(f"\\boxed{{{latex}}}", parsing_timeout=None)[0]
    return value.subs({symbol: NAMES[symbol.name] for symbol in value.free_symbols})


def same(latex: str, value: Any) -> bool:
    r"""Does one LaTeX expression have this value? (`60^\circ` counts as 60.)"""
    return bool(sympy.simplify(read(latex.replace(r"^\circ", "")) - value) == 0)


def parts(answer: str) -> list[str]:
    r"""What stands between `(`, `[` or `\{` and its end, at commas."""
    return re.sub(r"\\left|\\right|\\\{|\\\}", " ", answer).strip(" ([)]").split(",")


def agrees(answer: str, value: Any) -> bool:
    """Is a seed's answer this value, of this form?"""
    if isinstance(value, sympy.MatrixBase):
        inner = answer.removeprefix(r"\begin{pmatrix}").removesuffix(r"\end{pmatrix}")
        rows = [row.split("&") for row in inner.split(r"\\")]
        shape = (len(rows), *{len(row) for row in rows})
        return shape == value.shape and all(
            same(cell, value[at, place])
            for at, row in enumerate(rows)
            for place, cell in enumerate(row)
        )
    if isinstance(value, sympy.Interval):
        ends = "(" if value.left_open else "[", ")" if value.right_open else "]"
        return (answer[0], answer[-1]) == ends and agrees_in_order(answer, value.args[:2])
    if isinstance(value, tuple):
        return (answer.replace(r"\left", "")[0], answer[-1]) == ("(", ")") and agrees_in_order(
            answer, value
        )
    if isinstance(value, list):
        rest = list(value)
        for part in parts(answer):
            rest.remove(next(item for item in rest if same(part, item)))
        return answer.startswith(r"\{") and not rest
    return same(answer, value)


def agrees_in_order(answer: str, values: tuple[Any, ...]) -> bool:
    found = parts(answer)
    return len(found) == len(values) and all(map(same, found, values))


@cache
def seed(name: str) -> dict[str, Any]:
    return next(seed for seed in SEEDS if seed["id"] == name)


@pytest.mark.parametrize("name", [seed["id"] for seed in SEEDS])
def test_the_answer_is_what_its_check_computes(name: str) -> None:
    assert agrees(seed(name)["answer"], compute(seed(name)["check"]))


@pytest.mark.parametrize(
    ("answer", "check", "wanted"),
    [  # the recomputing itself: it must be able to fail
        ("5", "2 + 3", True),
        ("6", "2 + 3", False),
        ("0.3", "0.1 + 0.2", True),  # exact
        (r"\frac{1}{2}", "comb(4, 2) / factorial(4) * 2", True),
        (r"7\sqrt{3}", "sqrt(147)", True),
        (r"60^\circ", "60", True),
        ("3", "mod(-4, 7)", True),
        ("x^2-1", "(x + 1) * (x - 1)", True),
        ("x^2+1", "(x + 1) * (x - 1)", False),
        ("(1,2)", "(1, 2)", True),
        ("(2,1)", "(1, 2)", False),
        ("(1,2)", "interval_open(1, 2)", True),
        ("(1,2)", "interval_closed(1, 2)", False),
        ("[1,2]", "interval_closed(1, 2)", True),
        ("[1,2]", "(1, 2)", False),
        (r"\{2,1\}", "[1, 2]", True),
        (r"\{1\}", "[1, 2]", False),
        (
            r"\begin{pmatrix} 2 \\ 0 \end{pmatrix}",
            "matrix([[1, 1], [0, 0]]) * matrix([[1], [1]])",
            True,
        ),
        (r"\begin{pmatrix} 2 & 0 \end{pmatrix}", "matrix([[2], [0]])", False),
        ("10", "sum([1, 2, 3, 4])", True),
    ],
)
def test_recomputing(answer: str, check: str, wanted: bool) -> None:
    assert agrees(answer, compute(check)) is wanted


@pytest.mark.parametrize(
    "check", ["__import__('os')", "'a'", "x if 1 else y", "open(1)", "x.y", "z"]
)
def test_a_check_is_arithmetic_and_nothing_else(check: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        compute(check)


def test_the_set_as_a_whole() -> None:
    assert 140 <= len(SEEDS) <= 160
    for key in ("id", "problem"):
        assert [k for k, n in Counter(seed[key] for seed in SEEDS).items() if n > 1] == []
    fields = {"id", "subject", "steps", "problem", "answer", "check"}
    assert [seed["id"] for seed in SEEDS if set(seed) != fields] == []
    assert [seed["id"] for seed in SEEDS if seed["id"].split("/")[0] != seed["subject"]] == []
    assert [seed["id"] for seed in SEEDS if seed["steps"] not in (1, 2, 3)] == []


def test_the_subjects() -> None:
    held = Counter(seed["subject"] for seed in SEEDS)
    assert held["word"] == 100
    assert set(held) - {"word"} == {
        "algebra",
        "counting_and_probability",
        "geometry",
        "intermediate_algebra",
        "number_theory",
        "prealgebra",
        "precalculus",
    }
    assert min(held.values()) >= 5
