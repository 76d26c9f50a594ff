r"""One spelling for equal answers, where that takes no mathematics; and what kind an answer is.

`key(answer)` takes away what never changes a value (dollar signs, `\left`, `\text{}`, spaces,
`\dfrac` for `\frac`, thousands separators, a trailing full stop) and writes a plain number as an
exact fraction. Two answers with one key are equal. Two numbers with different keys are different.
Anything else is for `compare`.

Not covered: units, percent signs against fractions, order of lists: they stay in the key, and
`compare` decides.
"""

import re
import unicodedata
from fractions import Fraction

from omi2.answers.trees import Grid, Group, Quantity, Relation, Union, Value, Words, walk

_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_FRAC = re.compile(r"\\[dtc]?frac(?![A-Za-z])")
_SHORT_FRAC = re.compile(r"\\frac\s*(\d)\s*(\d)(?!\d)")
_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?")
_PLAIN_FRAC = re.compile(r"([-+]?)\\frac\{([-+]?\d+)\}\{(\d+)\}|([-+]?\d+)/(\d+)")
_SPACING = re.compile(r"\\(?:left|right|displaystyle|[,;:!> ])(?![A-Za-z])|[~\s]+")
_APART = re.compile(r"(?<=\d)(?:\s|\\[,;:!> ]|~)+(?=\d)")
"""Space between digits: it separates thousands, or two numbers (1 1/2 is not 11/2)."""
_LONG = 10_000
"""Characters beyond which a text is no answer, and is its own key."""
_DIGITS_LIMIT = 400
"""Digits of a number that is read exactly; a longer one stays text (int() is quadratic in them)."""


def key(answer: str) -> str:
    """The canonical spelling of an answer; equal keys mean equal answers.

    >>> key("$1,000.50$") == key("2001/2") == key(r"\\dfrac{2001}{2}")
    True
    """
    if len(answer) > _LONG:
        return answer
    number = rational(answer)
    return f"{number.numerator}/{number.denominator}" if number is not None else _plain(answer)


def rational(answer: str) -> Fraction | None:
    """The exact value of an answer that is an integer, a decimal or a fraction; else None."""
    text = _plain(answer) if len(answer) <= _LONG else answer
    if len(text) > _DIGITS_LIMIT:
        return None
    if match := _NUMBER.fullmatch(text):
        sign, whole, decimals = match.groups()
        if whole is None and decimals is None:
            return None
        value = Fraction(f"{(whole or '0').replace(',', '')}.{decimals or '0'}")
        return -value if sign == "-" else value
    if match := _PLAIN_FRAC.fullmatch(text):
        sign, top, bottom, plain_top, plain_bottom = match.groups()
        numerator, denominator = int(top or plain_top), int(bottom or plain_bottom)
        if denominator == 0:
            return None
        return Fraction(-numerator if sign == "-" else numerator, denominator)
    return None


def answer_type(answer: str) -> str:
    """What kind of answer this is: one of `omi2.rows.ANSWER_TYPES`."""
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
        if value.brackets == "{}":
            return "set"
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
    return "" if after[:3].isdigit() and not after[3:].isdigit() else "\x00"


def _plain(answer: str) -> str:
    """An answer without what never changes its value."""
    text = answer if answer.isascii() else unicodedata.normalize("NFKC", answer)
    text = (
        text.replace("\x00", "")
        .replace("−", "-")
        .replace("\\$", "")
        .replace("$", "")
        .replace("\\%", "%")
    )
    text = _TEXT_COMMAND.sub(r"\1", text)
    text = _FRAC.sub(r"\\frac", text)
    text = _SHORT_FRAC.sub(r"\\frac{\1}{\2}", text)
    text = text.replace("{,}", ",").replace("\\!", "")
    if _APART.search(text):
        text = _APART.sub(_together, text)
    text = _SPACING.sub("", text).replace("\x00", " ")
    return text.rstrip(".")
