r"""Read a formula: a recursive-descent parser from tokens to a `Node`.

It knows sums, products written or not, quotients, powers, `\frac`, roots, mixed numbers, repeating
decimals, numbers in a base (`52_8`), scientific notation, percents, degrees, factorials, binomials,
absolute values, floors, the elementary functions, subscripts and primes on names, `\pm`.

Not covered (`Unreadable`): sums, integrals and limits with bounds, derivatives, anything else.
"""

from fractions import Fraction

from omi2.answers.commands import BEGINS, command, name
from omi2.answers.lex import Token
from omi2.answers.numerals import numeral
from omi2.answers.trees import Node, Unreadable, either, negative, number

MAX_DEPTH = 40
_PRODUCT = {"\\cdot", "\\times", "\\ast", "\\bullet"}
_BETWEEN = {"\\choose": "call", "\\over": "/"}
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
        after: list[Node] = []
        """Factors that may stand below the slash before them, as in x/2y."""
        while True:
            kind, text = self.kind(), self.text()
            if kind == "*" or (kind == "c" and text in _PRODUCT):
                self.at += 1
                parts, after = [*_told(parts, after), self.signed_power()], []
            elif kind == "/" or (kind == "c" and text == "\\div"):
                if self.kind(1) == "w":  # miles / hour: the unit's affair
                    break
                self.at += 1
                below = self.signed_power()
                left = _times(_told(parts, after))
                parts, after = [Node("/", (left, below))], []
            elif self.starts_factor():
                if kind == "n" and parts[-1].op == "number":
                    raise Unreadable("two numbers without a sign between them")
                loose = bool(after) or (len(parts) == 1 and self.hangs())
                factor = self.power()
                (after if loose else parts).append(factor)
            else:
                break
        return _times(_told(parts, after))

    def hangs(self) -> bool:
        """Whether the next factor may belong below the slash before it: x/2y, but not 1/2 x."""
        if self.at < 2 or self.found[self.at - 2].kind != "/":
            return False
        below = self.found[self.at - 1]
        plain = below.kind == "n" and self.at > 2 and self.found[self.at - 3].kind in ("n", "}")
        return not plain and (below.kind == "c" or not self.found[self.at].gap)

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
        return kind == "c" and (text in BEGINS)

    def power(self) -> Node:
        node = self.base()
        while True:
            kind = self.kind()
            if kind == "^":
                node = self.raised(node)
            elif kind == "!" and self.kind(1) != "=":
                self.at += 1
                double = self.kind() == "!" and not self.found[self.at].gap
                self.at += double
                node = Node("call", (node,), "double factorial" if double else "factorial")
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
            node = name(self, node.name)
        joined = self.kind() == "v" and not self.found[self.at].gap
        if joined and not braced and (node.op, node.name) == ("const", "e"):  # e^2x
            raised, factor = Node("^", (node, exponent)), self.power()
            whole = Node("^", (node, Node("*", (exponent, factor))))
            return either(Node("*", (raised, factor)), whole)
        return Node("^", (node, exponent))

    def group(self) -> Node:
        self.expect("{")
        node = self.sum()
        self.expect("}")
        return node

    def base(self) -> Node:
        kind, text = self.kind(), self.text()
        self.at += 1
        if kind == "n":
            return numeral(self, text)
        if kind == "v":
            return name(self, text)
        if kind in ("(", "[", "{"):
            node = self.sum()
            self.expect(_OPENERS[kind])
            return node
        if kind == "|" or (kind == "c" and text == "\\lvert"):
            self.bars += 1
            node = self.sum()
            self.bars -= 1
            if self.text() not in ("|", "\\rvert"):
                raise Unreadable("a bar is missing")
            self.at += 1
            return Node("call", (node,), "abs")
        if kind == "c":
            return command(self, text)
        raise Unreadable(f"unexpected {text!r}" if text else "something is missing at the end")


def _times(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Node("*", tuple(parts))


def _told(parts: list[Node], after: list[Node]) -> list[Node]:
    """A quotient and the factors after it, in both readings."""
    if not after:
        return parts
    above, below = parts[0].args
    return [either(Node("*", (parts[0], *after)), Node("/", (above, Node("*", (below, *after)))))]
