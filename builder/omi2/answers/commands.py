r"""What stands behind a name or a command in a formula: `\frac{a}{b}`, `x_1'`, `\lfloor x \rfloor`.

Each function takes the reader (`omi2.answers.formula.Reader`) that stands behind it, and moves it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from omi2.answers.functions import LOGARITHMS, PLAIN, argument, function
from omi2.answers.numerals import FRACTIONS
from omi2.answers.trees import Node, Unreadable, number

if TYPE_CHECKING:
    from omi2.answers.formula import Reader

_BINOMIALS = {"\\binom", "\\dbinom", "\\tbinom"}
_MANY = {"\\gcd", "\\lcm", "\\max", "\\min"}
_TEXT_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "rho varrho sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon "
    "Phi Psi Omega ell hbar varphi"
)
_GREEK = frozenset("\\" + name for name in _TEXT_GREEK.split())
_ACCENTS = {"\\vec", "\\hat", "\\bar", "\\tilde", "\\overrightarrow", "\\overline", "\\dot",
            "\\widehat", "\\overleftrightarrow", "\\overarc", "\\mathring"}  # fmt: skip
_ARROWS = {"\\vec", "\\hat", "\\overrightarrow"}
BASE_VECTORS = {letter: f"vec {letter}" for letter in "ijk"}
"""The names of the unit vectors, which are no imaginary units."""
BEGINS = FRACTIONS | _BINOMIALS | PLAIN | _ACCENTS | _MANY | LOGARITHMS | _GREEK | {
    "\\sqrt", "\\pi", "\\lfloor", "\\lceil", "\\infty", "\\lvert", "\\abs", "\\floor", "\\ceil",
    "\\cbrt", "\\root", "\\imath",
}  # fmt: skip
"""Commands with which a factor begins."""


def command(reader: Reader, text: str) -> Node:
    """What a command makes of what follows it. Raises Unreadable."""
    if text in FRACTIONS:
        above = argument(reader)
        return Node("/", (above, argument(reader)))
    if text in _BINOMIALS:
        above = argument(reader)
        return Node("call", (above, argument(reader)), "binomial")
    if text == "\\sqrt":
        degree = number(2)
        if reader.kind() == "[":
            reader.at += 1
            degree = reader.sum()
            reader.expect("]")
        return Node("root", (argument(reader, whole=True), degree))
    if text == "\\root":
        degree = reader.sum()
        if reader.text() != "\\of":
            raise Unreadable("a root of nothing")
        reader.at += 1
        return Node("root", (argument(reader, whole=True), degree))
    if text == "\\cbrt":
        return Node("root", (argument(reader), number(3)))
    if text in ("\\pi", "\\infty"):
        return Node("const", name=text[1:])
    if text == "\\imath":
        return Node("const", name="i")
    if text in ("\\abs", "\\floor", "\\ceil"):
        return Node("call", (reader.base(),), text[1:])
    if text in ("\\lfloor", "\\lceil"):
        node = reader.sum()
        if reader.text() != text.replace("\\l", "\\r"):
            raise Unreadable("a floor without its end")
        reader.at += 1
        return Node("call", (node,), text[2:])
    if text in PLAIN or text in LOGARITHMS:
        return function(reader, text[1:])
    if text in _MANY:
        return _of_many(reader, text[1:])
    if text in _ACCENTS:
        return _accented(reader, text)
    if text in _GREEK:
        return name(reader, text.replace("var", ""))
    raise Unreadable(f"unexpected {text!r}")


def _of_many(reader: Reader, text: str) -> Node:
    closing = {"(": ")", "\\{": "\\}"}.get(reader.kind())
    if closing is None:
        raise Unreadable(f"{text} of nothing")
    reader.at += 1
    parts = [reader.sum()]
    while reader.kind() == ",":
        reader.at += 1
        parts.append(reader.sum())
    reader.expect(closing)
    return Node("call", tuple(parts), text)


def _accented(reader: Reader, text: str) -> Node:
    """A letter under a bar or an arrow, or the name of a segment."""
    if text in _ARROWS:
        ahead = [reader.text(at) for at in range(3)]
        letter = ahead[1] if ahead[0] == "{" and ahead[2] == "}" else ahead[0]
        if letter.replace("\\imath", "i").replace("\\jmath", "j") in BASE_VECTORS:
            reader.at += 1 if letter == ahead[0] else 3
            return Node("name", name=BASE_VECTORS[letter.replace("math", "").strip("\\")])
    if reader.kind() != "{":
        return reader.base()
    inside = reader.group()
    if inside.op == "name":
        return name(reader, inside.name)
    if inside.op == "*" and all(part.op == "name" for part in inside.args):
        return inside
    raise Unreadable(f"{text} over a formula")


def name(reader: Reader, text: str) -> Node:
    """A variable with its subscript and primes; e and i are what they always are."""
    plain, at = text, reader.at
    while reader.kind() == "_":
        reader.at += 1
        if reader.kind() == "{":
            closed = next(
                (i for i in range(reader.at, len(reader.found)) if reader.found[i].kind == "}"),
                None,
            )
            if closed is None:
                raise Unreadable("a brace is missing")
            text += "_" + "".join(t.text for t in reader.found[reader.at + 1 : closed])
            reader.at = closed + 1
        else:
            text += "_" + reader.text()
            reader.at += 1
    if plain == "C" and text != plain and reader.kind() == "^":
        return _combinations(reader, at)
    while reader.kind() == "'":
        text += "'"
        reader.at += 1
    if text in ("e", "i"):
        return Node("const", name=text)
    return Node("name", name=text)


def _combinations(reader: Reader, at: int) -> Node:
    """C_n^k, as it is written for a binomial in half of the world; C_1^2 is a square."""
    end = reader.at
    reader.at = at + 1
    above = argument(reader, whole=True)
    if reader.at == end:
        reader.at = end + 1
        below = argument(reader, whole=True)
        sizes = [node.value if node.op == "number" else Fraction(9) for node in (above, below)]
        if sizes[0] >= sizes[1] >= 0:
            return Node("call", (above, below), "binomial")
    reader.at = end
    return Node("name", name="C_" + "".join(t.text for t in reader.found[at + 1 : end]).strip("{}"))
