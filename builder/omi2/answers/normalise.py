r"""One spelling for equal answers, where that takes no mathematics; and what kind an answer is.

`key(answer)` takes away what never changes a value (dollar signs, `\left`, `\text{}`, spaces,
`\dfrac` for `\frac`, thousands separators, a trailing full stop) and writes a plain number as an
exact fraction. Two answers with one key are equal. Two numbers with different keys are different.
Anything else is for `compare`.

Not covered: units, percent signs against fractions, order of lists: they stay in the key, and
`compare` decides.
"""

import re
from fractions import Fraction
from functools import lru_cache

from omi2.answers.tidy import characters
from omi2.answers.trees import CHOICE, Grid, Group, Quantity, Relation, Union, Value, Words, walk

INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""An integer as it is mostly written."""
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_FRAC = re.compile(r"\\[dtc]?frac(?![A-Za-z])")
_SHORT_FRAC = re.compile(r"\\frac\s*(\d)\s*(\d)(?!\d)")
_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?")
_PLAIN_FRAC = re.compile(r"([-+]?)\\frac\{([-+]?\d+)\}\{(\d+)\}|([-+]?\d+)/(\d+)")
_DOTS = re.compile(r"\\[lc]?dots(?![A-Za-z])")
_SPACING = re.compile(r"\\(?:left|right|displaystyle|[,;:!> ])(?![A-Za-z])|[~\s]+")
_APART = re.compile(r"(?<=\d)(?:\s|\\[,;:!> ]|~)+(?=\d)")
"""Space between digits: it separates thousands, or two numbers (1 1/2 is not 11/2)."""
_LISTED = re.compile(r"(?<=\d),(?:\s|\\[ ;:])+(?=\d{3}(?!\d))")
"""A comma and a space: 1, 234 is a list and not 1,234."""
_LONG = 10_000
"""Characters beyond which a text is no answer, and is its own key."""
_SHORT = 200
"""Characters of an answer whose key is remembered."""
_DIGITS_LIMIT = 400
"""Digits of a number that is read exactly; a longer one stays text (int() is quadratic in them)."""


def key(answer: str) -> str:
    """The canonical spelling of an answer; equal keys mean equal answers.

    >>> key("$1,000.50$") == key("2001/2") == key(r"\\dfrac{2001}{2}")
    True
    """
    if INTEGER.fullmatch(answer):
        return f"{answer}/1"
    if len(answer) > _LONG:
        return answer
    return short_key(answer) if len(answer) <= _SHORT else _key(answer)


def _key(answer: str) -> str:
    number = _rational(answer)  # as most are
    if number is None:
        text = _plain(answer)
        number = _rational(text)
        if number is None:
            return text
    return f"{number.numerator}/{number.denominator}"


short_key = lru_cache(50_000)(_key)
"""What was asked for once in a vote is asked for again."""


def rational(answer: str) -> Fraction | None:
    """The exact value of an answer that is an integer, a decimal or a fraction; else None."""
    if len(answer) > _LONG:
        return None
    written = _rational(answer)  # as most are
    return _rational(_plain(answer)) if written is None else written


def far_apart(a: str, b: str) -> bool:
    """Whether two answers are numbers without a mark, more than one in a hundred apart."""
    one = _rational(a)
    other = _rational(b) if one is not None else None
    if one is None or other is None:
        return False
    left, right = one.numerator * other.denominator, other.numerator * one.denominator
    return abs(left - right) * 100 > max(abs(left), abs(right))


def _rational(text: str) -> Fraction | None:
    if len(text) > _DIGITS_LIMIT:
        return None
    if match := _NUMBER.fullmatch(text):
        sign, whole, decimals = match.groups()
        if whole is None and decimals is None:
            return None
        decimals = decimals or ""
        value = int((whole or "0").replace(",", "") + decimals)
        return Fraction(-value if sign == "-" else value, 10 ** len(decimals))
    if match := _PLAIN_FRAC.fullmatch(text):
        sign, top, bottom, plain_top, plain_bottom = match.groups()
        numerator, denominator = int(top or plain_top), int(bottom or plain_bottom)
        if denominator == 0:
            return None
        return Fraction(-numerator if sign == "-" else numerator, denominator)
    return None


def answer_type(answer: str) -> str:
    """What kind of answer this is: one of `omi2.rows.ANSWER_TYPES`."""
    if INTEGER.fullmatch(answer):
        return "integer"
    if len(answer) > _LONG:
        return "expression"
    text = _plain(answer)
    number = rational(answer)
    if number is not None:
        if "." in text:
            return "decimal"
        return "integer" if number.denominator == 1 and "/" not in text else "fraction"
    for kind, form in _FORMS[:_CERTAIN]:
        if form.search(text):
            return kind
    from omi2.answers.forms import read

    readings = read(answer)
    if readings:
        return _kind(readings[0])
    return next((kind for kind, form in _FORMS if form.search(text)), "expression")


def _kind(value: Value) -> str:
    """The kind of an answer that was read."""
    if isinstance(value, Quantity):
        node = value.node
        if node.op == "number":
            if node.digits:
                return "decimal"
            return "integer" if node.value.denominator == 1 else "fraction"
        plain = node.op == "/" and all(arg.op == "number" for arg in node.args)
        return "fraction" if plain else "expression"
    if isinstance(value, Group):
        ends = [i.node for i in value.items if isinstance(i, Quantity)]
        endless = any(part.name == "infty" for end in ends for part in walk(end))
        if value.brackets in ("{}", CHOICE):
            return "set" if value.brackets == "{}" else "choice"
        two = len(value.items) == 2 and value.brackets
        return "interval" if two and (endless or value.brackets != "()") else "tuple"
    kinds = {Relation: "equation", Union: "interval", Grid: "matrix", Words: "text"}
    return kinds.get(type(value), "expression")


_FORMS = [
    ("yes_no", re.compile(r"^(?:yes|no|true|false)$", re.IGNORECASE)),
    ("choice", re.compile(r"^\(?[A-H]\)?$")),
    ("matrix", re.compile(r"\\begin\{[pbvBV]?matrix\}|\\begin\{array\}")),
    (
        "interval",
        re.compile(r"^[\[(].*[,].*[\])]\\cup|^\[.+,.+[\])]$|^\(.*,.*\]$|\\infty\)$|^\(-\\infty"),
    ),
    ("set", re.compile(r"^\\\{.*\\\}$")),
    ("tuple", re.compile(r"^\(.+,.+\)$|^[^()\[\]]+(?:,[^()\[\]]+)+$")),
    ("equation", re.compile(r"=|\\le|\\ge|\\neq|<|>")),
    ("fraction", re.compile(r"^-?\\frac\{[^{}]*\}\{[^{}]*\}$")),
    ("text", re.compile(r"^[A-Za-z]{2,}[A-Za-z' .-]*$")),
]

_CERTAIN = 3
"""The forms that are decided before the answer is read."""


def _together(space: re.Match[str]) -> str:
    """Nothing, where three digits follow; else a mark that outlives the removal of spaces."""
    after = space.string[space.end() : space.end() + 4]
    thousands = len(after) >= 3 and after[:3].isdigit() and not after[3:].isdigit()
    return "" if thousands else "\x00"


def _plain(answer: str) -> str:
    """An answer without what never changes its value."""
    text = answer if answer.isascii() and ".." not in answer else characters(answer)
    text = text.replace("\x00", "").replace("\\$", "").replace("$", "").replace("\\%", "%")
    if "\\" in text:
        text = _DOTS.sub("...", text)
        text = _TEXT_COMMAND.sub(r"\1", text)
        text = _FRAC.sub(r"\\frac", text)
        text = _SHORT_FRAC.sub(r"\\frac{\1}{\2}", text)
        text = text.replace("\\!", "")
    text = text.replace("{,}", ",")
    if _APART.search(text):
        text = _APART.sub(_together, text)
    text = _LISTED.sub(",\x00", text)
    text = _SPACING.sub("", text).replace("\x00", " ")
    return text.rstrip(".")
