"""Plain arithmetic in running text: find it, check it, write its steps out.

A chain is a run of plain numbers, operators and `=` that stands by itself, such as `2+3*4 = 14`;
what is part of a larger formula claims nothing about numbers and is left alone. Values are exact
fractions, computed by a small parser of fixed depth: nothing in a text is ever evaluated as code.
All scanning is linear. Not covered: thousands separators, percent, units, letters: such a chain is
not read, and what is not read is not judged.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

WITHIN = 10_000
"""Two values are equal within one part in this many (NeMo-Skills, arithmetic filter: 1e-4)."""

Number = int | Fraction
"""An exact value: an integer where that is what it came to, since integers are quick."""
Chain = tuple[int, int, list[str]]
"""Where a run of plain arithmetic begins and ends, and its sides."""
_CHAIN = re.compile(r"-?[0-9(][0-9+\-*/()= ]*(?:\.(?=[0-9])[0-9+\-*/()= ]*)*")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[-+*/()]")
_TWO_NUMBERS = re.compile(r"\d\s+\d")
_OPERATORS = re.compile(r"[-+*/].*[-+*/]", re.DOTALL)
_OPERATOR = re.compile(r"(?<=[\d)])\s*[-+*/]")
_OPEN_LEFT = re.compile(
    r"(?:[\w\\{}^%,.)\]'|√]|\d:|[-+*/^×·÷√]\s*|\\(?:times|cdot|div|pm|mp)\s*|\bof\s+)$"
)
_VARIABLE = re.compile(r"\b[A-Za-z]\s+$")
_OPEN_RIGHT = re.compile(
    r"[\w{}^%|(\[!]|,\d|:\d|\s*[-+*/^×·÷_]|\s*\\(?![])\\!,;: ]|text|mbox|mathrm|quad)"
    r"|\s*[x×]\s*\d|\s*\(?mod\b|\s*(?:R|r|remainder)\b"
)


def wrong_arithmetic(text: str) -> Iterator[tuple[str, int]]:
    """Every chain of plain numbers whose first side is not its last, and how many operators it has.

    NVIDIA's filter looks only at chains of two or more operators; those of one are told apart.
    """
    return _wrong(_chains(text))


def _wrong(chains: Iterable[Chain]) -> Iterator[tuple[str, int]]:
    for _, _, sides in chains:
        if not _holds(sides[0], sides[-1]):
            yield _told(sides)


def _told(sides: list[str]) -> tuple[str, int]:
    operators = sum(len(_OPERATOR.findall(side)) for side in sides)
    return "=".join(side.strip() for side in sides), operators


def expand(text: str) -> str:
    """Write each calculation of several steps and one `=` as the chain of its steps.

    >>> expand("so 2+3*4=14, or 2 + 3 * 4 = 14")
    'so 2+3*4=2+12=14, or 2 + 3 * 4 = 2 + 12 = 14'
    """
    pieces, done = [], 0
    for start, end, sides in _chains(text):
        steps = _shown(sides)
        if steps is not None:
            pieces += [text[done:start], steps, text[end - len(sides[1]) : end].strip()]
            done = end
    return "".join([*pieces, text[done:]])


def _shown(sides: list[str]) -> str | None:
    """A calculation of several steps with its steps, up to its last `=`; None where it has none."""
    steps = _steps(sides[0]) if len(sides) == 2 else None
    if steps is None or len(steps) < 2:
        return None
    wide = " " in sides[0].strip()
    equals = " = " if sides[0].endswith(" ") else "="
    spelled = [sides[0].strip(), *(_spelled(step, wide=wide) for step in steps[:-1])]
    return "".join(side + equals for side in spelled)


class Claim(NamedTuple):
    """What a run of plain arithmetic says, should it stand by itself."""

    opened: int
    """Brackets before its chain that do not belong to it."""
    length: int
    bracket: bool
    """Whether the chain begins with one of its own."""
    chain: str | None
    """The chain, where its first side is not its last, with its operators."""
    operators: int | None
    shown: str | None
    """The chain with its steps, where it has several."""


@functools.lru_cache(maxsize=1 << 14)
def claim(run: str) -> Claim | None:
    """What a run (`_CHAIN` with an `=`) claims; None where that is true and has no steps to show.

    Where it stands is not looked at: what is harmless here is harmless wherever it stands.
    """
    if (found := _chain(run)) is None:
        return None
    opened, sides, length = found
    steps = _shown(sides)
    chain, operators = (None, None) if _holds(sides[0], sides[-1]) else _told(sides)
    if steps is None and chain is None:
        return None
    shown = None if steps is None else steps + sides[1].strip()
    return Claim(opened, length, run[opened] == "(", chain, operators, shown)


def _holds(one: str, other: str) -> bool:
    """Whether two sides are equal, or one of them cannot be read."""
    first, last = value(one), value(other)
    if first is None or last is None or first == last:
        return True
    off = _size(first - last) * WITHIN
    return bool(off <= _size(first) or off <= _size(last))


def _size(number: Number) -> Number:
    return number if number >= 0 else -number


@functools.lru_cache(maxsize=1 << 14)
def value(expression: str) -> Number | None:
    """The exact value of plain arithmetic, or None where it cannot be read or has no value."""
    tokens = _tokens(expression)
    if tokens is None:
        return None
    try:
        result, rest = _sum(tokens, 0, 0)
    except (ValueError, ZeroDivisionError, IndexError):
        return None
    return result if rest == len(tokens) else None


def _chains(text: str) -> Iterator[Chain]:
    """Every run of plain arithmetic with an `=` in it and an operator on its first side.

    A run that is part of a larger formula (2x = 6, x - 2 + 5 = 8, 3 + 4 = 7y) claims nothing about
    plain numbers and is left out. So is one that is read as something else (5! and 2 mod 5).
    """
    text = text.replace("−", "-")
    for match in _CHAIN.finditer(text):
        begin, run = match.start(), match.group()
        if "=" not in run or (chain := _chain(run)) is None:
            continue
        opened, sides, length = chain
        start = begin + opened
        end = start + length
        before = text[max(0, start - 12) : start]
        if opened and before.endswith("("):
            before = before.removesuffix("(" * opened).removesuffix("\\")
        applied = text[start] == "(" and _VARIABLE.search(before)  # f (2+3)
        if applied or _OPEN_LEFT.search(before) or _OPEN_RIGHT.match(text, end):
            continue
        yield start, end, sides


@functools.lru_cache(maxsize=1 << 14)
def _chain(run: str) -> tuple[int, list[str], int] | None:
    """How many brackets before a run do not belong to its chain, the chain's sides and length."""
    run = run.rstrip("+-*/(= ")
    if "=" not in run:
        return None
    first, last = run.split("=")[0], run.split("=")[-1]
    opened = max(0, first.count("(") - first.count(")"))
    closed = max(0, last.count(")") - last.count("("))
    if run.startswith("(" * opened) and run.endswith(")" * closed):  # (2+3=5), \(2+3=5\)
        run = run[opened : len(run) - closed].rstrip()
    else:
        opened = 0
    sides = run.split("=")
    if not all(side.strip() for side in sides) or not _OPERATOR.search(sides[0]):
        return None
    return opened, sides, len(run)


def _tokens(expression: str) -> list[str] | None:
    """The tokens of plain arithmetic, or None where something else stands between them."""
    if len(expression) > 500 or _TOKEN.sub("", expression).strip():
        return None
    if _TWO_NUMBERS.search(expression):
        return None
    return _TOKEN.findall(expression)


def _sum(tokens: list[str], at: int, depth: int) -> tuple[Number, int]:
    result, at = _product(tokens, at, depth)
    while at < len(tokens) and tokens[at] in "+-":
        term, after = _product(tokens, at + 1, depth)
        result = result + term if tokens[at] == "+" else result - term
        at = after
    return result, at


def _product(tokens: list[str], at: int, depth: int) -> tuple[Number, int]:
    result, at = _factor(tokens, at, depth)
    while at < len(tokens) and tokens[at] in "*/":
        factor, after = _factor(tokens, at + 1, depth)
        result = result * factor if tokens[at] == "*" else _quotient(result, factor)
        at = after
    return result, at


def _quotient(top: Number, bottom: Number) -> Number:
    if isinstance(top, int) and isinstance(bottom, int) and bottom and top % bottom == 0:
        return top // bottom
    return Fraction(top) / bottom


def _factor(tokens: list[str], at: int, depth: int) -> tuple[Number, int]:
    if depth > 20:
        raise ValueError("nested too deep")
    if tokens[at] == "-":
        result, at = _factor(tokens, at + 1, depth + 1)
        return -result, at
    if tokens[at] == "(":
        result, at = _sum(tokens, at + 1, depth + 1)
        if tokens[at] != ")":
            raise ValueError("a parenthesis is not closed")
        return result, at + 1
    return _number(tokens[at]), at + 1


@functools.lru_cache(maxsize=1 << 14)
def _number(token: str) -> Number:
    """A token's value. Raises ValueError where it is no number."""
    return int(token) if token.isdigit() else Fraction(token)


def _steps(expression: str) -> list[list[str]] | None:
    """The tokens after each operation, innermost and leftmost first; None if it is not plain."""
    if not _OPERATORS.search(expression):
        return None
    tokens = _tokens(expression)
    if tokens is None or value(expression) is None or "-" in tokens[:1]:
        return None
    steps = []
    while (reduced := _reduce(tokens)) is not None:
        tokens = reduced
        steps.append(tokens)
    return steps if len(tokens) == 1 and len(steps) <= 20 else None


def _spelled(tokens: list[str], *, wide: bool) -> str:
    """Tokens as text, with spaces around operators where the author had them."""
    if not wide:
        return "".join(tokens)
    return " ".join(tokens).replace("( ", "(").replace(" )", ")")


def _reduce(tokens: list[str]) -> list[str] | None:
    """One operation carried out; None where none is left or its result is not a short decimal."""
    for operators in ("*/", "+-"):
        for at in range(1, len(tokens) - 1):
            left, operator, right = tokens[at - 1 : at + 2]
            if operator not in operators or not (left[0].isdigit() and right[0].isdigit()):
                continue
            before = tokens[at - 2] if at > 1 else ""
            after = tokens[at + 2] if at + 2 < len(tokens) else ""
            if operators == "+-" and (before in ("-", "*", "/") or after in ("*", "/")):
                continue
            if operators == "*/" and before == "/":
                continue
            if (done := _result(left, operator, right)) is None:
                return None
            if before == "(" and after == ")":
                return [*tokens[: at - 2], done, *tokens[at + 3 :]]
            return [*tokens[: at - 1], done, *tokens[at + 2 :]]
    return None


def _result(left: str, operator: str, right: str) -> str | None:
    """The value of one operation as a short decimal, or None where it is none or below zero."""
    one, other = _number(left), _number(right)
    if operator in "*/":
        if operator == "/" and not other:
            return None
        exact = one * other if operator == "*" else _quotient(one, other)
    else:
        exact = one + other if operator == "+" else one - other
    if exact < 0:
        return None
    if exact.denominator == 1:
        return str(exact.numerator)
    shown = f"{float(exact):.6f}"
    same = int(shown.replace(".", "")) * exact.denominator == exact.numerator * 10**6
    return shown.rstrip("0") if same else None
