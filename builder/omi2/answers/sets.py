"""Sets of real numbers: intervals, unions, what inequalities mean.

An inequality in one variable that is linear (checked, not assumed) is an interval; `x != 5` is two;
so `x < 5`, `5 > x`, `(-oo, 5)` and `R \\ [5, oo)` are compared as what they are. Other
inequalities (x^2 < 4) are left alone.
"""

from functools import cmp_to_key

from omi2.answers.policy import DEFAULT, DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.probe import as_line, same
from omi2.answers.spans import INFINITY, Interval, end, holds, joined, order, overlap, sign
from omi2.answers.trees import (
    Both,
    Group,
    Node,
    Quantity,
    Relation,
    Union,
    Value,
    formulas,
    minus,
    names,
    negative,
)

_MOST = 40
"""Intervals of one set."""
_TURNED = str.maketrans("<>", "><")


def compare(a: Value, b: Value, policy: Policy) -> Verdict | None:
    """Compare two sets of real numbers; None if either is not known to be one."""
    one, other = intervals(a), intervals(b)
    if one is None or other is None:
        sets = isinstance(a, Union | Both), isinstance(b, Union | Both)
        return UNKNOWN if all(sets) else None
    told_by = _letters(a), _letters(b)
    if told_by[0] != told_by[1] and all(told_by):
        return UNKNOWN  # x < 5 and z < 5 may be about two things
    nodes = (node for interval in (*one, *other) for node in (interval.low, interval.high))
    if any(not end(node) and sign(node) is None for node in nodes):
        return UNKNOWN  # what cannot be ordered cannot be joined either
    one, other = joined(one), joined(other)
    if len(one) != len(other):
        return DIFFERENT
    doubt = False
    for x, y in zip(one, other, strict=True):
        if (x.low_closed, x.high_closed) != (y.low_closed, y.high_closed):
            return DIFFERENT
        found = same(x.low, y.low, policy), same(x.high, y.high, policy)
        if DIFFERENT in found:
            return DIFFERENT
        doubt = doubt or UNKNOWN in found
    return UNKNOWN if doubt else EQUAL


def _letters(value: Value) -> frozenset[str]:
    """The variables that a set is told by."""
    return frozenset(name for formula in formulas(value) for name in names(formula) if name)


def intervals(value: Value) -> list[Interval] | None:
    """The intervals that make up a set."""
    if isinstance(value, Union):
        parts = [intervals(item) for item in value.items]
        if value.without:
            return _without(parts[0], value.without[0])
        found = [interval for part in parts if part is not None for interval in part]
        return None if None in parts else found
    if isinstance(value, Both):
        return _common([intervals(item) for item in value.items])
    if isinstance(value, Group):
        return _group(value)
    if isinstance(value, Relation):
        return _relation(value)
    return None


def _common(parts: list[list[Interval] | None]) -> list[Interval] | None:
    """What lies in every one of several sets."""
    if None in parts or not parts:
        return None
    found = parts[0] or []
    for part in parts[1:]:
        found = [overlap(x, y) for x in found for y in part or []]
        if len(found) > _MOST:
            return None
        found = [interval for interval in found if holds(interval)]
    return found


def _group(value: Group) -> list[Interval] | None:
    if value.brackets == "":
        return _listed(value)
    nodes = [i.node for i in value.items if isinstance(i, Quantity) and not names(i.node)]
    if len(nodes) != len(value.items):
        return None
    if value.brackets == "{}":
        return [Interval(node, True, node, True) for node in nodes]
    if len(nodes) != 2 or value.brackets not in ("()", "[]", "(]", "[)"):
        return None
    return [Interval(nodes[0], value.brackets[0] == "[", nodes[1], value.brackets[1] == "]")]


def _listed(value: Group) -> list[Interval] | None:
    """A list of inequalities: they hold together, or are a union if they cannot; of intervals."""
    if not value.items or not all(isinstance(item, Relation) for item in value.items):
        endless = [isinstance(i, Group) and any(end(f) for f in formulas(i)) for i in value.items]
        return intervals(Union(value.items)) if endless and all(endless) else None
    parts = [_relation(item) for item in value.items if isinstance(item, Relation)]
    if None in parts or len(_letters(value)) != 1:
        return None
    return _common(parts) or [interval for part in parts for interval in part or []]


def _relation(relation: Relation) -> list[Interval] | None:
    """What a linear inequality, or a chain of two, allows."""
    found: Interval | None = None
    if relation.ops[-1] == "in" and len(relation.ops) == 1:
        return intervals(relation.sides[1])
    if (apart := _absolute(relation)) is not None:
        return apart
    variables: set[str] = set()
    for at, op in enumerate(relation.ops):
        left, right = relation.sides[at], relation.sides[at + 1]
        if not (isinstance(left, Quantity) and isinstance(right, Quantity)):
            return None
        if (side := end(left.node)) or end(right.node):  # -oo < x
            if (side or -end(right.node)) * (1 if op in ("<", "<=") else -1) >= 0:
                return None
            found = found or Interval(negative(INFINITY), False, INFINITY, False)
            variables |= names(left.node) | names(right.node)
            continue
        gap = minus(left.node, right.node)
        variables |= names(gap)
        bound = _linear(gap)
        if bound is None or len(variables) != 1:
            return None
        root, rising = bound
        if op == "!=":
            if len(relation.ops) > 1:
                return None
            return [
                Interval(negative(INFINITY), False, root, False),
                Interval(root, False, INFINITY, False),
            ]
        if op == "=":
            return None
        below = (op in ("<", "<=")) == rising  # x < root
        closed = op in ("<=", ">=")
        if found is None:
            found = (
                Interval(negative(INFINITY), False, root, closed)
                if below
                else Interval(root, closed, INFINITY, False)
            )
        elif below and found.high == INFINITY:
            found = found._replace(high=root, high_closed=closed)
        elif not below and found.low == negative(INFINITY):
            found = found._replace(low=root, low_closed=closed)
        else:
            return None
    return None if found is None else [found]


def everything(value: Value) -> bool:
    """Whether a set is all real numbers."""
    found = joined(intervals(value) or [])
    return len(found) == 1 and found[0][::2] == (negative(INFINITY), INFINITY)


def _absolute(relation: Relation) -> list[Interval] | None:
    """What |x| < 5 allows, or |x - 1| >= 2."""
    if len(relation.ops) != 1 or not all(isinstance(side, Quantity) for side in relation.sides):
        return None
    left, right = (side.node for side in relation.sides if isinstance(side, Quantity))
    op = relation.ops[0]
    if right.op == "call" and right.name == "abs":
        left, right, op = right, left, op.translate(_TURNED)
    if not (left.op == "call" and left.name == "abs") or names(right) or op[0] not in "<>":
        return None
    size = sign(right)
    if size != 1:
        return [] if (size == -1 and op[0] == "<") or (size == 0 and op == "<") else None
    ends = Quantity(negative(right)), Quantity(right)
    inside = Quantity(left.args[0])
    if op[0] == "<":
        return _relation(Relation((op, op), (ends[0], inside, ends[1])))
    parts = [
        _relation(Relation((op,), (inside, ends[1]))),
        _relation(Relation((op,), (ends[0], inside))),
    ]
    return None if None in parts else [interval for part in parts if part for interval in part]


def _linear(gap: Node) -> tuple[Node, bool] | None:
    """The root of a formula that is linear in its only variable, and whether it rises."""
    if len(names(gap)) != 1:
        return None
    (name,) = names(gap)
    line = as_line(gap, name, DEFAULT)
    rises = None if line is None else sign(line[1])
    if line is None or not rises:
        return None
    return Node("/", (negative(line[0]), line[1])), rises > 0


def _without(whole: list[Interval] | None, points: Value) -> list[Interval] | None:
    """An interval with single points taken out."""
    if whole is None or len(whole) != 1 or not isinstance(points, Group):
        return None
    nodes = [item.node for item in points.items if isinstance(item, Quantity)]
    if points.brackets != "{}" or len(nodes) != len(points.items) or not nodes:
        return None
    nodes.sort(key=cmp_to_key(order))
    edges = [(whole[0].low, whole[0].low_closed), *((node, False) for node in nodes)]
    ends = [*((node, False) for node in nodes), (whole[0].high, whole[0].high_closed)]
    return [Interval(*low, *high) for low, high in zip(edges, ends, strict=True)]
