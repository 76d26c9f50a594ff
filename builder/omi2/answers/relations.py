"""Equations and inequalities: what they name, and whether two say the same.

"x = 5", "f(2) = 5", "AB/CD = 5" and "the profit = 5" name a quantity and give its value;
"2x + z = 1" does not. Two equations are the same up to a constant factor; two inequalities up to
a positive one (and the direction they are written in).
"""

import re
from fractions import Fraction

from omi2.answers.approximate import Run
from omi2.answers.assign import assigned
from omi2.answers.exact import NotExact, TooLarge, Undefined, exact, point_at
from omi2.answers.policy import DIFFERENT, UNKNOWN, Policy, Verdict
from omi2.answers.probe import as_line, same
from omi2.answers.trees import (
    EVERY,
    Group,
    Node,
    Quantity,
    Ratio,
    Relation,
    Value,
    Words,
    minus,
    names,
    negative,
    number,
    put,
    walk,
)

_FLIPPED = {">": "<", ">=": "<="}
_NUMBERED = re.compile(r"_\d$")
_FUNCTION = re.compile(r"y|[A-Za-z]\(([a-z])\)")
"""The name of a function, as its formula is told: y, f(x), P(n)."""
_FUNCTIONS = frozenset("fghpqyFGHPQ")


def named(relation: Relation) -> str | None:
    """What an equation names, or None."""
    if set(relation.ops) != {"="}:
        return None
    side = relation.sides[0]
    if isinstance(side, Words):
        return side.text
    if isinstance(side, Group):
        parts = [named(Relation(("=",), (item, item))) for item in side.items]
        return None if None in parts else ",".join(str(part) for part in parts)
    if isinstance(side, Ratio):
        return None if any(_name(item) is None for item in side.items) else ":"
    if isinstance(side, Quantity):
        found = None if side.unit else _name(side.node)
        if found is not None:
            return found
        if not names(side.node):
            return "="  # 21 + 23 = 44 states 44
        last = relation.sides[-1]
        if is_sum_of_letters(side.node) and isinstance(last, Quantity) and not names(last.node):
            letters = sorted(names(side.node))
            return "+".join(letters) if not {"x", "y", "z"} & set(letters) else None
        if len(relation.ops) > 1:
            return "="  # and so does the end of a chain
    return None


def is_sum_of_letters(node: Node) -> bool:
    """m + n, which many problems ask for; x + y = 5 may as well be a line."""
    return node.op == "+" and all(part.op == "name" for part in node.args)


def unnamed(relation: Relation) -> Value:
    """The value that a naming equation gives."""
    return relation.sides[-1]


def one_value(chain: Relation) -> Group | None:
    """x = y = 1 as x = 1, y = 1, if a chain gives several letters one value; else None."""
    *told, last = chain.sides
    letters = {
        side.node.name
        for side in told
        if isinstance(side, Quantity) and side.node.op == "name" and not side.unit
    }
    if set(chain.ops) != {"="} or len(told) < 2 or len(letters) < len(told):
        return None
    if not isinstance(last, Quantity) or names(last.node):
        return None
    return Group("", tuple(Relation(("=",), (side, last)) for side in told))


def solves(equation: Relation, told: Value, policy: Policy) -> Verdict | None:
    """An equation in one letter, as 2x = 6 or x^2 = 9, beside what may solve it: 3, x = 3, -3, 3.

    EQUAL where it is linear and this is its root, DIFFERENT where a value does not solve it, else
    UNKNOWN: it may have more solutions, and "solve" does not ask for an equation. None if the
    equation names a value, or this is none.
    """
    step = _simple(equation) if equation.ops == ("=",) and named(equation) is None else None
    if step is None or len(names(gap := step[0][1])) != 1:
        return None
    (letter,) = names(gap)
    items = told.items if isinstance(told, Group) and told.brackets in ("", "{}") else (told,)
    values = [unnamed(i) if isinstance(i, Relation) and named(i) == letter else i for i in items]
    nodes = [i.node for i in values if isinstance(i, Quantity) and not names(i.node)]
    if not nodes or len(nodes) != len(values):
        return None
    found = {same(put(gap, letter, node), number(0), policy) for node in nodes}
    if DIFFERENT in found:
        return DIFFERENT
    root = _root(gap, letter, policy) if len(nodes) == 1 else None
    return UNKNOWN if root is None else same(root, nodes[0], policy)


def _name(node: Node) -> str | None:
    """The name that a formula is, if it is one: x, f(2), AB, AB/CD, |AB|, cos A."""
    if node.op == "name":
        return node.name
    if _is_derivative(node):
        return "d/d"
    if node.op == "*" and node.args[0].op == "^" and len(node.args) == 2:  # f^{-1}(x)
        head, power = node.args[0].args
        if head.op == "name" and head.name in _FUNCTIONS and power.op == "number":
            return f"{head.name}^{power.value}({_argument(node.args[1])})"
    if node.op == "*" and all(part.op in ("name", "number", "const", "+") for part in node.args):
        head = node.args[0]
        if head.op != "name":
            return None
        if head.name[0] in _FUNCTIONS and len(node.args) == 2:
            return f"{head.name}({_argument(node.args[1])})"
        if node.args[1].op == "number" or all(
            p.op == "name" and p.name.isupper() for p in node.args
        ):
            return "".join(part.name for part in node.args)
        return None
    if node.op == "/" or (node.op == "call" and node.name in ("abs", "sin", "cos", "tan")):
        parts = [_name(part) for part in node.args]
        if node.name == "abs" and parts[0] is not None and len(parts[0]) > 1 and _upper(node):
            return parts[0]  # |AB| is the length AB
        if None in parts or (node.op == "/" and not _upper(node)):
            return None
        return f"{node.op}{node.name}{parts}"
    return None


def _is_derivative(node: Node) -> bool:
    """dy/dx, d/dx f."""
    heads = [part.args[0] if part.op == "*" else part for part in node.args]
    return node.op == "/" and all((head.op, head.name) == ("name", "d") for head in heads)


def _argument(node: Node) -> str:
    """What a function is taken of, so that f(2) and f(3) are two names."""
    return node.name or str(node.value) if not node.args else str(node)


def one_name(a: str, b: str) -> bool:
    """Whether two names may be one: x and x, x and x_1 (one of its values)."""
    return a == b or _NUMBERED.sub("", a) == b or _NUMBERED.sub("", b) == a


def one_function(a: Relation, b: Relation, policy: Policy) -> Verdict:
    """Whether both give one function by its formula, as y = 2x and f(x) = 2x and f(t) = 2t do.

    The formula has to have a variable: y = 3 and x = 3 say two things, which is UNKNOWN.
    """
    ends = [relation.sides[-1] for relation in (a, b)]
    told = [_FUNCTION.fullmatch(named(relation) or "") for relation in (a, b)]
    if not all(told) or not all(isinstance(end, Quantity) and names(end.node) for end in ends):
        return UNKNOWN
    one, other = (end.node for end in ends if isinstance(end, Quantity))
    letters = [match[1] for match in told if match]
    if all(letters) and letters[0] != letters[1]:
        if letters[0] in names(other) or letters[1] in names(one):
            return UNKNOWN
        other = put(other, str(letters[1]), Node("name", name=str(letters[0])))
    return same(one, other, policy)


def _upper(node: Node) -> bool:
    return all(name[0].isupper() for name in names(node))


def equivalent(a: Relation, b: Relation, policy: Policy) -> Verdict:
    """Whether two relations say the same, as they are written, up to a factor."""
    one, other = _simple(a), _simple(b)
    if one is None or other is None:
        return UNKNOWN
    if len(one) != len(other) or sorted(op for op, _ in one) != sorted(op for op, _ in other):
        return UNKNOWN if len(one) != len(other) else DIFFERENT
    if [op for op, _ in one] == ["="] == [op for op, _ in other]:
        return _one_equation(one[0][1], other[0][1], policy)
    return assigned(
        one,
        other,
        lambda x, y: (
            proportional(x[1], y[1], x[0] in ("<", "<="), policy) if x[0] == y[0] else DIFFERENT
        ),
    )


def _one_equation(a: Node, b: Node, policy: Policy) -> Verdict:
    """Two equations f = 0: proportional; or each solves the other, as y = 1/x and xy = 1 do."""
    verdict = proportional(a, b, False, policy)
    if verdict is not DIFFERENT or names(a) != names(b) or len(names(a)) < 2:
        return verdict
    variables = sorted(names(a))
    if _solves_one(a, b, variables):
        return DIFFERENT
    for name in variables:
        roots = _root(a, name, policy), _root(b, name, policy)
        if None not in roots:
            return same(*roots, policy)  # type: ignore[arg-type]
    return verdict


def _solves_one(a: Node, b: Node, variables: list[str]) -> bool:
    """Whether a point is found that solves a = 0, exactly, and not b = 0."""
    if any(part.digits for part in (*walk(a), *walk(b))):
        return False  # what rounds is no exact solution
    point = point_at(0, variables)
    try:
        start, end = (exact(a, {**point, variables[0]: Fraction(n)}) for n in (0, 1))
        point[variables[0]] = start / (start - end)
        return exact(a, point) == 0 and exact(b, point) != 0
    except (NotExact, TooLarge, Undefined, ZeroDivisionError):
        return False


def _root(gap: Node, name: str, policy: Policy) -> Node | None:
    """What a variable is in an equation that is linear in it; None if it is not."""
    line = as_line(gap, name, policy)
    if line is None or same(line[1], number(0), policy) is not DIFFERENT:
        return None
    return Node("/", (negative(line[0]), line[1]))


def _simple(relation: Relation) -> list[tuple[str, Node]] | None:
    """Each step of a chain as (op, left - right), with > turned into <."""
    found = []
    for at, op in enumerate(relation.ops):
        left, right = relation.sides[at], relation.sides[at + 1]
        if not (isinstance(left, Quantity) and isinstance(right, Quantity)) or op == "in":
            return None
        if op in _FLIPPED:
            left, right = right, left
        found.append((_FLIPPED.get(op, op), minus(left.node, right.node)))
    return found


def proportional(a: Node, b: Node, positive: bool, policy: Policy) -> Verdict:
    """Whether one formula is a constant (positive) multiple of the other."""
    variables = sorted(names(a) | names(b))
    if not variables:
        return same(a, b, policy)
    if names(a) != names(b):
        return UNKNOWN if any(name.startswith(EVERY) for name in variables) else DIFFERENT
    for turn in range(6):
        point = point_at(turn, variables)
        try:
            first, second = Run(point).value(a), Run(point).value(b)
        except (NotExact, TooLarge, Undefined):
            continue
        mp = Run(point).mp
        if mp.im(first) or mp.im(second) or not first or not second:
            continue
        if positive and (mp.re(first) > 0) != (mp.re(second) > 0):
            return DIFFERENT
        there, here = a, b
        for name, value in point.items():
            there, here = put(there, name, number(value)), put(here, name, number(value))
        return same(Node("*", (a, here)), Node("*", (b, there)), policy)
    return UNKNOWN
