r"""The elementary functions, whose arguments need no brackets: `\sin 2x`, `\log_2 8`, `\sin^2 x`.

Where a slash leaves it open what the function is taken of (`\sin x/2`), both readings are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omi2.answers.lex import Token
from omi2.answers.trees import Node, Unreadable, either, negative, number, walk

if TYPE_CHECKING:
    from omi2.answers.formula import Reader

_OTHER = {
    "tg": "tan", "ctg": "cot", "cotg": "cot", "cosec": "csc", "arctg": "arctan", "sh": "sinh",
    "ch": "cosh", "th": "tanh", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "arsinh": "arcsinh",
}  # fmt: skip
_TEXT_PLAIN = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln exp cis "
    "tg ctg cotg cosec arctg sh ch th asin acos atan"
)
PLAIN = frozenset("\\" + name for name in _TEXT_PLAIN.split())
LOGARITHMS = {"\\log", "\\lg"}


def function(reader: Reader, name: str) -> Node:
    """sin x, sin^2 x, sin(x), log_2 x, and the argument that goes without brackets."""
    name = _OTHER.get(name, name)
    base: Node | None = None
    exponent: Node | None = None
    while reader.kind() in ("_", "^"):
        mark = reader.kind()
        reader.at += 1
        if mark == "^" and reader.kind() in ("+", "-"):
            part = reader.signed_power()
        else:
            part = reader.group() if reader.kind() == "{" else argument(reader)
        if mark == "_":
            base = part
        else:
            exponent = part
    bracketed = reader.kind() in ("(", "{", "[")
    found = function_argument(reader)
    if exponent is not None and exponent.op == "number" and exponent.value == -1:
        if name not in ("sin", "cos", "tan"):
            raise Unreadable("an inverse that is not known")
        name, exponent = "arc" + name, None
    if name == "lg":
        name, base = "log", base if base is not None else number(10)

    def of(argument: Node) -> Node:
        node = _call(name, argument, base)
        return node if exponent is None else Node("^", (node, exponent))

    if bracketed or reader.kind() != "/" or reader.kind(1) not in ("n", "v"):
        return of(found)
    reader.at += 1
    below = reader.power()
    inside = of(Node("/", (found, below)))
    if any(part.name in ("pi", "deg") for part in walk(found)):
        return inside  # nobody writes the cosine of 2 pi, a third of it
    return either(inside, Node("/", (of(found), below)))


def _call(name: str, argument: Node, base: Node | None) -> Node:
    if name == "cis":
        imaginary = Node("*", (Node("const", name="i"), Node("call", (argument,), "sin")))
        return Node("+", (Node("call", (argument,), "cos"), imaginary))
    return Node("call", (argument,) if base is None else (argument, base), name)


def function_argument(reader: Reader) -> Node:
    """What a function is taken of: what is in brackets, or all factors up to the next function."""
    if reader.kind() in ("(", "{", "["):
        return reader.power()
    sign = reader.sign()
    parts = [reader.power()]
    while (
        reader.starts_factor()
        and not (reader.kind() == "c" and reader.text() in PLAIN | LOGARITHMS)
        and reader.kind() not in ("(", "[")
    ):
        parts.append(reader.power())
    node = parts[0] if len(parts) == 1 else Node("*", tuple(parts))
    return negative(node) if sign == "-" else node


def argument(reader: Reader, whole: bool = False) -> Node:
    r"""What \frac and \sqrt take: a group, a digit (`whole`: no less), a letter, a command."""
    if reader.kind() == "{":
        return reader.group()
    if reader.kind() == "n":
        token = reader.found[reader.at]
        if whole and len(token.text) > 1:
            raise Unreadable(r"\sqrt18: TeX takes one digit, a reader both")
        if len(token.text) > 1 and token.text.isdigit():
            reader.found = [
                *reader.found[: reader.at],
                Token("n", token.text[0]),
                Token("n", token.text[1:], True),
                *reader.found[reader.at + 1 :],
            ]
    return reader.base()
