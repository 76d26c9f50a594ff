r"""Read a formula: a recursive-descent parser from tokens to a `Node`.

It knows sums, products written or not, quotients, powers, `\frac`, roots, mixed numbers, repeating
decimals, numbers in a base (`52_8`), scientific notation, percents, degrees, factorials, binomials,
absolute values, floors, the elementary functions, subscripts and primes on names, `\pm`.

Not covered (`Unreadable`): sums, integrals and limits with bounds, derivatives, anything else.
"""

from fractions import Fraction

from omi2.answers.lex import Token
from omi2.answers.numerals import FRACTIONS, PLAIN, function, numeral
from omi2.answers.trees import Node, Unreadable, negative, number

MAX_DEPTH = 40
_PRODUCT = {"\\cdot", "\\times", "\\ast", "\\bullet"}
_BINOMIALS = {"\\binom", "\\dbinom", "\\tbinom"}
_BETWEEN = {"\\choose": "call", "\\over": "/"}
_MANY = {"\\gcd", "\\lcm", "\\max", "\\min"}
_TEXT_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "rho varrho sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon "
    "Phi Psi Omega ell hbar"
)
_GREEK = frozenset(_TEXT_GREEK.split())
_ACCENTS = {"\\vec", "\\hat", "\\bar", "\\tilde", "\\overrightarrow", "\\overline", "\\dot",
            "\\widehat", "\\overleftrightarrow", "\\overarc", "\\mathring"}  # fmt: skip
_BEGINS = FRACTIONS | _BINOMIALS | PLAIN | _ACCENTS | _MANY | {
    "\\sqrt", "\\pi", "\\log", "\\lg", "\\lfloor", "\\lceil", "\\infty", "\\lvert", "\\abs",
    "\\floor", "\\ceil", "\\cbrt", "\\varphi", "\\vert",
}  # fmt: skip
_OPENERS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}


def formula(found: list[Token]) -> Node:
    """The formula that these tokens are, all of them."""
    node, rest = prefix(found)
    if rest:
        raise Unreadable(f"unexpected {rest[0].text!r}")
    return node


def prefix(found: list[Token]) -> tuple[Node, list[Token]]:
    """The longest formula at the beginning of these tokens, and the tokens after it."""
    reader = Reader(found)
    node = reader.sum()
    return node, reader.found[reader.at :]


class Reader:
    """Where the parser stands; one method for each level of the grammar."""

    def __init__(self, found: list[Token]) -> None:
        self.found = found
        self.at = 0
        self.depth = 0
        self.bars = 0

    def kind(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.found[at].kind if at < len(self.found) else ""

    def text(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.found[at].text if at < len(self.found) else ""

    def expect(self, kind: str) -> None:
        if self.kind() != kind:
            raise Unreadable(f"{kind!r} is missing")
        self.at += 1

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        parts: list[Node] = []
        first = True
        while True:
            sign = self.sign()
            if sign is None:
                if not first:
                    break
                parts.append(self.product())
            else:
                part = self.product()
                if sign in ("+", "-"):
                    parts.append(negative(part) if sign == "-" else part)
                else:
                    parts.append(Node("pm", (part,), sign))
            first = False
        node = parts[0] if len(parts) == 1 else Node("+", tuple(parts))
        if self.kind() == "c" and self.text() in _BETWEEN:
            op = _BETWEEN[self.text()]
            self.at += 1
            node = Node(op, (node, self.sum()), "binomial" if op == "call" else "")
        self.depth -= 1
        return node

    def sign(self) -> str | None:
        """The sign at hand; two signs make one; None if there is none."""
        sign = None
        while True:
            if self.kind() in ("+", "-"):
                sign = "-" if (sign == "-") != (self.kind() == "-") else "+"
            elif self.kind() == "c" and self.text() in ("\\pm", "\\mp"):
                sign = self.text()
            else:
                return sign
            self.at += 1

    def product(self) -> Node:
        parts = [self.power()]
        while True:
            kind, text = self.kind(), self.text()
            if kind == "*" or (kind == "c" and text in _PRODUCT):
                self.at += 1
                parts.append(self.signed_power())
            elif kind == "/" or (kind == "c" and text == "\\div"):
                if self.kind(1) == "w":  # miles / hour: the unit's affair
                    break
                self.at += 1
                below = self.signed_power()
                left = parts[0] if len(parts) == 1 else Node("*", tuple(parts))
                parts = [Node("/", (left, below))]
            elif self.starts_factor():
                if kind == "n" and parts[-1].op == "number":
                    raise Unreadable("two numbers without a sign between them")
                parts.append(self.power())
            else:
                break
        return parts[0] if len(parts) == 1 else Node("*", tuple(parts))

    def signed_power(self) -> Node:
        sign = self.sign()
        node = self.power()
        if sign is None or sign == "+":
            return node
        return negative(node) if sign == "-" else Node("pm", (node,), sign)

    def starts_factor(self) -> bool:
        kind, text = self.kind(), self.text()
        if kind in ("n", "v", "(", "{", "["):
            return True
        if kind == "|":
            return self.bars == 0
        return kind == "c" and (text in _BEGINS or text[1:] in _GREEK)

    def power(self) -> Node:
        node = self.base()
        while True:
            kind = self.kind()
            if kind == "^":
                node = self.raised(node)
            elif kind == "!" and self.kind(1) != "=":
                self.at += 1
                node = Node("call", (node,), "factorial")
            elif kind == "%":
                self.at += 1
                node = Node("call", (node,), "percent")
            elif kind == "c" and self.text() in ("\\degree", "\\circ") and node.op == "number":
                self.at += 1
                node = Node("call", (node,), "deg")
            else:
                return node

    def raised(self, node: Node) -> Node:
        """What an exponent makes of its base."""
        self.at += 1
        braced = self.kind() == "{"
        mark = self.text(1) if braced else self.text()
        if mark in ("\\circ", "\\degree") or (mark == "o" and node.op == "number"):
            self.at += 3 if braced else 1
            if braced and self.kind(-1) != "}":
                raise Unreadable("an exponent with more than a degree sign")
            return Node("call", (node,), "deg")
        if braced and mark in ("st", "nd", "rd", "th"):
            self.at += 3
            return node
        if mark == "\\prime" and node.op == "name":
            self.at += 3 if braced else 1
            return Node("name", name=node.name + "'")
        if mark == "*" and node.op == "name":
            self.at += 3 if braced else 1
            return Node("name", name=node.name + "*")
        if braced:
            exponent = self.group()
        elif self.kind() == "n" and self.kind(1) == "_":  # v^2_0: the subscript is the letter's
            exponent = number(Fraction(self.text()))
            self.at += 1
        else:
            exponent = self.signed_power() if self.kind() in ("+", "-") else self.base()
            if self.kind() == "^":  # towers are read from the right
                exponent = self.raised(exponent)
        if self.kind() == "_" and node.op == "name":  # v^2_0
            node = self.name(node.name)
        return Node("^", (node, exponent))

    def group(self) -> Node:
        self.expect("{")
        node = self.sum()
        self.expect("}")
        return node

    def argument(self, whole: bool = False) -> Node:
        r"""What \frac and \sqrt take: a group, a digit (`whole`: no less), a letter, a command."""
        if self.kind() == "{":
            return self.group()
        if self.kind() == "n":
            token = self.found[self.at]
            if whole and len(token.text) > 1:
                raise Unreadable(r"\sqrt18: TeX takes one digit, a reader both")
            if len(token.text) > 1 and token.text.isdigit():
                self.found = [
                    *self.found[: self.at],
                    Token("n", token.text[0]),
                    Token("n", token.text[1:], True),
                    *self.found[self.at + 1 :],
                ]
        return self.base()

    def base(self) -> Node:
        kind, text = self.kind(), self.text()
        self.at += 1
        if kind == "n":
            return numeral(self, text)
        if kind == "v":
            return self.name(text)
        if kind in ("(", "[", "{"):
            node = self.sum()
            self.expect(_OPENERS[kind])
            return node
        if kind == "|" or (kind == "c" and text in ("\\lvert", "\\vert")):
            self.bars += 1
            node = self.sum()
            self.bars -= 1
            if self.text() not in ("|", "\\rvert", "\\vert"):
                raise Unreadable("a bar is missing")
            self.at += 1
            return Node("call", (node,), "abs")
        if kind == "c":
            return self.command(text)
        raise Unreadable(f"unexpected {text!r}" if text else "something is missing at the end")

    def name(self, text: str) -> Node:
        """A variable with its subscript and primes; e and i are what they always are."""
        while self.kind() == "_":
            self.at += 1
            if self.kind() == "{":
                closed = next(
                    (i for i in range(self.at, len(self.found)) if self.found[i].kind == "}"), None
                )
                if closed is None:
                    raise Unreadable("a brace is missing")
                text += "_" + "".join(t.text for t in self.found[self.at + 1 : closed])
                self.at = closed + 1
            else:
                text += "_" + self.text()
                self.at += 1
        while self.kind() == "'":
            text += "'"
            self.at += 1
        if text in ("e", "i"):
            return Node("const", name=text)
        return Node("name", name=text)

    def command(self, text: str) -> Node:
        if text in FRACTIONS:
            above = self.argument()
            return Node("/", (above, self.argument()))
        if text in _BINOMIALS:
            above = self.argument()
            return Node("call", (above, self.argument()), "binomial")
        if text == "\\sqrt":
            degree = number(2)
            if self.kind() == "[":
                self.at += 1
                degree = self.sum()
                self.expect("]")
            return Node("root", (self.argument(whole=True), degree))
        if text == "\\cbrt":
            return Node("root", (self.argument(), number(3)))
        if text in ("\\pi", "\\infty"):
            return Node("const", name=text[1:])
        if text in ("\\abs", "\\floor", "\\ceil"):
            return Node("call", (self.base(),), text[1:])
        if text in ("\\lfloor", "\\lceil"):
            node = self.sum()
            if self.text() != text.replace("\\l", "\\r"):
                raise Unreadable("a floor without its end")
            self.at += 1
            return Node("call", (node,), text[2:])
        if text in PLAIN or text in ("\\log", "\\lg"):
            return function(self, text[1:])
        if text in _MANY:
            self.expect("(")
            parts = [self.sum()]
            while self.kind() == ",":
                self.at += 1
                parts.append(self.sum())
            self.expect(")")
            return Node("call", tuple(parts), text[1:])
        if text in _ACCENTS:
            return self.accented(text)
        if text[1:] in _GREEK or text == "\\varphi":
            return self.name(text.replace("var", ""))
        raise Unreadable(f"unexpected {text!r}")

    def accented(self, text: str) -> Node:
        """A letter under a bar or an arrow, or the name of a segment."""
        if self.kind() != "{":
            return self.base()
        inside = self.group()
        if inside.op == "name":
            return self.name(inside.name)
        if inside.op == "*" and all(part.op == "name" for part in inside.args):
            return inside
        raise Unreadable(f"{text} over a formula")
