r"""How numbers are written: decimals, mixed numbers, repeating decimals, numbers in a base.

A piece of `formula`'s grammar that goes by rules of its own.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from omi2.answers.lex import Token
from omi2.answers.trees import Node, Unreadable, number

if TYPE_CHECKING:
    from omi2.answers.formula import Reader

FRACTIONS = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\nicefrac", "\\sfrac", "\\rac"}
_TEXT_BASES = "two three four five six seven eight nine ten eleven twelve"
_BASES = {word: str(at) for at, word in enumerate(_TEXT_BASES.split(), 2)} | {"sixteen": "16"}


def numeral(reader: Reader, text: str) -> Node:
    if reader.kind() == "c" and reader.text() in ("\\overline", "\\bar", "\\dot") and "." in text:
        return repeating(reader, text)
    if reader.kind() == "_":
        return based(reader, text)
    value = Fraction(text)
    if "." in text or "e" in text.lower():
        digits = text.lower().partition("e")[0].replace(".", "").lstrip("0")
        places = len(text.lower().partition("e")[0].partition(".")[2])
        exponent = int(text.lower().partition("e")[2] or 0)
        return Node("number", value=value, digits=len(digits), ulp=Fraction(10) ** (exponent - places))  # noqa: E501  # fmt: skip
    if mixed(reader):
        whole = number(value)
        part = reader.base()
        return Node("+", (whole, part))
    return number(value)


def mixed(reader: Reader) -> bool:
    """Whether a proper fraction of plain integers follows an integer: 2 1/2, 2\\frac{1}{2}."""
    if reader.kind() == "c" and reader.text() in FRACTIONS:
        ahead = [t.kind for t in reader.found[reader.at + 1 : reader.at + 7]]
        after = 7
        if ahead[:6] != ["{", "n", "}", "{", "n", "}"]:
            after = 3 if ahead[:2] == ["n", "n"] else 2
            if ahead[:1] != ["n"] or not (
                after == 3 or (len(reader.text(1)) == 2 and reader.text(1).isdigit())
            ):
                return False
        return reader.kind(after) not in ("^", "!")
    if reader.kind() == "{" and [reader.kind(i) for i in range(1, 5)] == ["n", "/", "n", "}"]:
        return True
    return (
        reader.kind() == "n"
        and reader.found[reader.at].gap
        and reader.kind(1) == "/"
        and reader.kind(2) == "n"
        and reader.text().isdigit()
        and reader.text(2).isdigit()
        and int(reader.text()[:9]) < int(reader.text(2)[:9])
        and halved(reader)
    )


def halved(reader: Reader) -> bool:
    """Put braces around the fraction of a plain mixed number, so that it is read as one."""
    at = reader.at
    reader.found = [
        *reader.found[:at],
        Token("{", "{"),
        *reader.found[at : at + 3],
        Token("}", "}"),
        *reader.found[at + 3 :],
    ]
    return True


def repeating(reader: Reader, text: str) -> Node:
    r"""0.1\overline{6}, and 0.\dot{1}4\dot{2} with a dot over each end of the period."""
    mark = reader.text()
    reader.at += 1
    period = _digits(reader)
    if mark == "\\dot" and reader.kind() == "n" and reader.text(1) == "\\dot":
        period += reader.text()
        reader.at += 2
        period += _digits(reader)
    elif mark == "\\dot" and reader.text() == "\\dot":
        reader.at += 1
        period += _digits(reader)
    if not period.isdigit() or len(period) > 40:
        raise Unreadable("a period that is no number")
    places = len(text.partition(".")[2])
    tail = Fraction(int(period), (10 ** len(period) - 1) * 10**places)
    return number(Fraction(f"0{text}0" if text.endswith(".") else text) + tail)


def _digits(reader: Reader) -> str:
    braced = reader.kind() == "{"
    text = reader.text(1) if braced else reader.text()
    reader.at += 3 if braced else 1
    return text


def based(reader: Reader, text: str) -> Node:
    """A number with a subscript: its base, which may be negative."""
    reader.at += 1
    sign = 1
    if reader.kind() == "{" and reader.kind(1) == "-":
        sign = -1
        reader.at += 1
        base = reader.text(1)
    else:
        base = reader.text(1) if reader.kind() == "{" else reader.text()
    reader.at += 3 if reader.kind() in ("{", "-") else 1
    base = _BASES.get(base.lower(), base)
    if not base.isdigit() or not 2 <= int(base[:4]) <= 36:
        raise Unreadable("a subscript that is no base")
    return number(in_base(text, sign * int(base)))


def in_base(text: str, base: int) -> Fraction:
    """The value of digits in a base. Raises Unreadable."""
    whole, _, places = text.partition(".")
    value = 0
    for digit in whole + places:
        worth = int(digit, 36) if digit.isalnum() and digit.isascii() else 99
        if worth >= abs(base):
            raise Unreadable(f"no number in base {base}")
        value = value * base + worth
    return Fraction(value, base ** len(places))
