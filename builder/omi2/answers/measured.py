r"""Read a quantity: a formula with its currency or unit, or a number in a phrase; what \pm means.

Not covered: several quantities (see `omi2.answers.forms`), what a unit is worth (see `units`).
"""

from itertools import product

from omi2.answers import phrases
from omi2.answers.formula import prefix
from omi2.answers.lex import Token
from omi2.answers.trees import Group, Node, Quantity, Unreadable, Value, negative, rebuilt, walk

_MOST_SIGNS = 4
_SCALES = {"C": "celsius", "F": "fahrenheit"}


def quantity(found: list[Token]) -> Value:
    """A formula with its currency and unit; or a number in a phrase."""
    currency, start = phrases.currency(found)
    try:
        node, rest = prefix(start)
    except Unreadable:
        return phrases.number_in(found)
    if rest and not phrases.is_unit(rest):
        return phrases.number_in(found)
    unit = currency
    if rest:
        node, after = phrases.scaled(node, rest)
        unit = after or unit
    return phrases.hour(node, unit) or _signs(node, unit)


def _signs(node: Node, unit: str) -> Value:
    """A quantity, or the two that \\pm makes of it."""
    if any(part.op == "pm" for part in walk(node)):
        return Group("", tuple(Quantity(each, unit) for each in _every_sign(node)))
    if phrases.is_temperature(node) and not unit:
        node, unit = node.args[0].args[0], _SCALES[node.args[1].name]
    sign, inner = 1, node
    if node.op == "*" and len(node.args) == 2 and node.args[0].value == -1:
        sign, inner = -1, node.args[1]
    if inner.op == "call" and inner.name in ("deg", "percent"):
        inside = inner.args[0]
        return Quantity(
            negative(inside) if sign < 0 else inside, "deg" if inner.name == "deg" else "%"
        )
    return Quantity(node, unit)


def _every_sign(node: Node) -> list[Node]:
    r"""What \pm and \mp make of a formula: with \mp the signs go together, else each by itself."""
    signs = [part.name for part in walk(node) if part.op == "pm"]
    if "\\mp" in signs or len(signs) == 1:
        return [_signed(node, plus) for plus in (True, False)]
    if len(signs) > _MOST_SIGNS:
        raise Unreadable("too many signs")
    return _spread(node)


def _spread(node: Node) -> list[Node]:
    if node.op == "pm":
        inner = _spread(node.args[0])
        return [*inner, *map(negative, inner)]
    if not node.args:
        return [node]
    return [rebuilt(node, args) for args in product(*map(_spread, node.args))]


def _signed(node: Node, plus: bool) -> Node:
    if node.op == "pm":
        inner = _signed(node.args[0], plus)
        return inner if plus == (node.name == "\\pm") else negative(inner)
    if not node.args:
        return node
    args = tuple(_signed(arg, plus) for arg in node.args)
    return rebuilt(node, args)
