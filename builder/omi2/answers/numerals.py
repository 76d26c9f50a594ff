r"""How numbers are written: decimals, mixed numbers, repeating decimals, numbers in a base.

And function arguments, which need no brackets: both are pieces of `formula`'s grammar that go by
rules of their own.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from omi2.answers.lex import Token
from omi2.answers.trees import Node, Unreadable, negative, number

if TYPE_CHECKING:
    from omi2.answers.formula import Reader

FRACTIONS = {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\nicefrac", "\\sfrac", "\\rac"}
PLAIN = {
    "\\sin", "\\cos", "\\tan", "\\cot", "\\sec", "\\csc", "\\arcsin", "\\arccos", "\\arctan",
    "\\sinh", "\\cosh", "\\tanh", "\\ln", "\\exp",
}  # fmt: skip


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
    reader.at += 1
    braced = reader.kind() == "{"
    period = reader.text(1) if braced else reader.text()
    reader.at += 3 if braced else 1
    if not period.isdigit() or len(period) > 40:
        raise Unreadable("a period that is no number")
    places = len(text.partition(".")[2])
    tail = Fraction(int(period), (10 ** len(period) - 1) * 10**places)
    return number(Fraction(text if not text.endswith(".") else text + "0") + tail)


def based(reader: Reader, text: str) -> Node:
    """A number with a subscript: its base."""
    reader.at += 1
    braced = reader.kind() == "{"
    base = reader.text(1) if braced else reader.text()
    base = _BASES.get(base.lower(), base)
    reader.at += 3 if braced else 1
    if not base.isdigit() or not 2 <= int(base[:4]) <= 36 or not text.isdigit():
        raise Unreadable("a subscript that is no base")
    try:
        return number(int(text, int(base)))
    except ValueError:
        raise Unreadable(f"no number in base {base}") from None


def function(reader: Reader, name: str) -> Node:
    """sin x, sin^2 x, sin(x), log_2 x, and the argument that goes without brackets."""
    base: Node | None = None
    exponent: Node | None = None
    while reader.kind() in ("_", "^"):
        mark = reader.kind()
        reader.at += 1
        if mark == "^" and reader.kind() in ("+", "-"):
            part = reader.signed_power()
        else:
            part = reader.group() if reader.kind() == "{" else reader.argument()
        if mark == "_":
            base = part
        else:
            exponent = part
    argument = function_argument(reader)
    if exponent is not None and exponent.op == "number" and exponent.value == -1:
        if name not in ("sin", "cos", "tan"):
            raise Unreadable("an inverse that is not known")
        name, exponent = "arc" + name, None
    if name == "lg" or (name == "log" and base is None):
        name, base = "log", base if base is not None else (number(10) if name == "lg" else None)
    node = Node("call", (argument,) if base is None else (argument, base), name)
    return node if exponent is None else Node("^", (node, exponent))


def function_argument(reader: Reader) -> Node:
    if reader.kind() in ("(", "{", "["):
        return reader.power()
    sign = reader.sign()
    parts = [reader.power()]
    while reader.starts_factor() and not (
        reader.kind() == "c" and (reader.text() in PLAIN or reader.text() in ("\\log", "\\lg"))
    ) and reader.kind() not in ("(", "["):  # fmt: skip
        parts.append(reader.power())
    if reader.kind() == "/" and reader.kind(1) in ("n", "v"):
        reader.at += 1
        parts = [Node("/", (Node("*", tuple(parts)) if len(parts) > 1 else parts[0], reader.power()))]  # noqa: E501  # fmt: skip
    node = parts[0] if len(parts) == 1 else Node("*", tuple(parts))
    return negative(node) if sign == "-" else node
