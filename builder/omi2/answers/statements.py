"""Read statements: chains of relations, named points, congruences, and the names of number sets."""

from collections.abc import Callable

from omi2.answers.cut import closes, split, step, trim
from omi2.answers.formula import formula
from omi2.answers.lex import Token
from omi2.answers.trees import (
    Group,
    Node,
    Quantity,
    Relation,
    Residues,
    Unreadable,
    Value,
    Words,
    formulas,
    names,
    negative,
    number,
)
from omi2.answers.wording import NUMBERS

Read = Callable[[list[Token]], Value]
_OPS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "\\approx": "=",
    "\\le": "<=", "\\leq": "<=", "\\leqslant": "<=", "\\ge": ">=", "\\geq": ">=",
    "\\geqslant": ">=", "\\lt": "<", "\\gt": ">", "\\ne": "!=", "\\neq": "!=", "\\in": "in",
    "\\equiv": "=", "\\simeq": "=", "\\sim": "=", "\\doteq": "=", "\\triangleq": "=", "equals": "=",
    "equal": "=",
}  # fmt: skip
RELATING = {*_OPS, "in"}
_LABELS = {"\\mathbbE", "\\mathbbP", "\\sum", "\\int", "\\lim", "\\max", "\\min", "\\sup", "\\inf",
           "\\det", "\\prod", "\\operatorname"}  # fmt: skip
NAMELESS = Node("name", name="")
"""What an inequality speaks of that has nothing before its sign."""
_PROVIDED = {"where", "when", "whenever", "if", "provided", "unless"}
_INFINITY = Node("const", name="infty")
_REALS = Group("()", (Quantity(negative(_INFINITY)), Quantity(_INFINITY)))
_POSITIVE = Group("()", (Quantity(number(0)), Quantity(_INFINITY)))
_FROM_ZERO = Group("[)", (Quantity(number(0)), Quantity(_INFINITY)))
_SETS: dict[str, Value] = {
    "\\mathbbR": _REALS, "\\mathbbR+": _POSITIVE, "\\mathbbR>0": _POSITIVE,
    "\\mathbbR\\ge0": _FROM_ZERO, "\\mathbbR\\geq0": _FROM_ZERO, "\\mathbbR\\geqslant0": _FROM_ZERO,
    "\\mathbbZ": Words("integers", NUMBERS), "\\mathbbZ+": Words("positive integers", NUMBERS),
    "\\mathbbZ>0": Words("positive integers", NUMBERS),
    "\\mathbbN": Words("natural numbers", ""), "\\mathbbQ": Words("rational numbers", NUMBERS),
    "\\mathbbC": Words("complex numbers", NUMBERS),
}  # fmt: skip
for _told, _known in (("real number", _REALS), ("real", _REALS), ("positive real", _POSITIVE),
                      ("positive real number", _POSITIVE), ("integer", _SETS["\\mathbbZ"]),
                      ("positive integer", _SETS["\\mathbbZ+"]),
                      ("rational number", _SETS["\\mathbbQ"]),
                      ("natural number", _SETS["\\mathbbN"]),
                      ("nonnegative real number", _FROM_ZERO)):  # fmt: skip
    for _before in ("", "all ", "set of ", "set of all "):
        _SETS[f"{_before}{_told}s"] = _known
    for _before in ("any ", "every "):
        _SETS[f"{_before}{_told}"] = _known
_SETS["all real x"] = _SETS["all real numbers x"] = _SETS["all real values"] = _REALS


def number_set(text: str) -> Value | None:
    """The set of numbers that a command or words name."""
    return _SETS.get(text)


def relation(found: list[Token]) -> tuple[list[list[Token]], list[str]]:
    """The sides of a chain of relations and what stands between them."""
    if RELATING.isdisjoint([token.text for token in found]):
        return [found], []
    sides: list[list[Token]] = [[]]
    ops: list[str] = []
    depth = 0
    for at, token in enumerate(found):
        depth += step(token)
        op = _OPS.get(token.text) if token.kind not in ("n", "v") else None
        if token.text == "in" and at and found[at - 1].kind == "v" and found[at + 1 : at + 2]:
            op = "in" if found[at + 1].kind in ("(", "[", "\\{", "{") else None
        if depth == 0 and op is not None:
            ops.append(op)
            sides.append([])
        else:
            sides[-1].append(token)
    if ops and any(token.kind == "w" and token.text.lower() in _PROVIDED for token in found):
        raise Unreadable("an answer under a condition")
    if ops and ops[0] == "=" and not trim(sides[0]):
        sides, ops = sides[1:], ops[1:]
    return sides, ops


def related(sides: list[list[Token]], ops: list[str], value: Read) -> Value:
    """A relation of these sides; x = 1, 2 and x = +-1 are one for each value."""
    last = value(sides[-1])
    if not trim(sides[0]):
        first: Value = Quantity(NAMELESS)  # "< 5" says what is left out
    else:
        try:
            first = value(sides[0])
        except Unreadable:
            first = _label(sides[0], ops, last)
    between = tuple(value(side) for side in sides[1:-1])
    if ops == ["="] and isinstance(last, Group) and last.brackets == "":
        return Group("", tuple(Relation(("=",), (first, item)) for item in last.items))
    return Relation(tuple(ops), (first, *between, last))


def _label(side: list[Token], ops: list[str], last: Value) -> Value:
    """What an equation names in a way that is no formula: P(A|B) = 1/3. It gives a plain value."""
    side = trim(side)
    plain = isinstance(last, Quantity) and not names(last.node)
    if set(ops) != {"="} or not plain or len(side) > 30:
        raise Unreadable("a side that cannot be read")
    if side[0].kind not in ("v", "w") and side[0].text not in _LABELS:
        raise Unreadable("a side that cannot be read")
    return Words(" ".join(token.text for token in side))


def named_point(found: list[Token], value: Read) -> Value | None:
    """A(1,2): a point with its name."""
    at = 1
    while at < len(found) and found[at].kind in ("_", "'"):
        at += 1 + (found[at].kind == "_")
    if found[0].kind != "v" or not found[0].text.isupper() or at + 4 > len(found):
        return None
    inside = found[at:]
    if inside[0].kind != "(" or closes(inside) != len(inside) - 1 or len(split(inside[1:-1], {","})) < 2:  # noqa: E501  # fmt: skip
        return None
    return Relation(("=",), (Quantity(formula(found[:at])), value(inside)))


def is_point(group: Group) -> bool:
    """Whether a list gives several names a value each: x = 1, y = 2."""
    sides = [i.sides[0] for i in group.items if isinstance(i, Relation) and i.ops == ("=",)]
    return len(sides) == len(group.items) > 1 and len(set(sides)) == len(sides)


def residues(told: Value, modulus: str) -> Value:
    """Numbers modulo another: 3 (mod 5); x = 3, 4 (mod 5). Raises Unreadable."""
    if modulus.strip("0") == "":
        raise Unreadable("modulo nothing")
    node = number(int(modulus)) if modulus.isdigit() else Node("name", name=modulus)
    items = told.items if isinstance(told, Group) and told.brackets == "" else (told,)
    named = isinstance(items[0], Relation)
    kept = tuple(_reduced(item.sides[-1] if isinstance(item, Relation) else item, node)
                 for item in items)  # fmt: skip
    letters = [item.sides[0] for item in items if isinstance(item, Relation)]
    if len(set(letters)) > 1 or any(set(i.ops) != {"="} for i in items if isinstance(i, Relation)):
        raise Unreadable("congruences of several letters")
    if any(list(formulas(letter)) and not names(next(formulas(letter))) for letter in letters):
        raise Unreadable("a congruence of numbers")
    return Residues(node, kept, named)


def _reduced(item: Value, modulus: Node) -> Value:
    if not isinstance(item, Quantity) or item.unit:
        raise Unreadable("a residue that is no number")
    node = item.node
    if node.op == "number" and modulus.op == "number" and node.value.denominator == 1:
        return Quantity(number(node.value % modulus.value))
    return item
