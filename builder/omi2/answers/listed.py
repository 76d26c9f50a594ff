"""What a list, a tuple or a table of values holds: its names, its rows, what its items are.

Nothing here compares: `match` asks, and compares what it is given.
"""

from collections.abc import Sequence

from omi2.answers.relations import named, unnamed
from omi2.answers.spans import sign
from omi2.answers.trees import Grid, Group, Quantity, Relation, Value, minus


def inequalities(value: Value) -> bool:
    """Whether a value is a list of relations of which one is an inequality."""
    items = value.items if isinstance(value, Group) and value.brackets == "" else ()
    told = [item for item in items if isinstance(item, Relation)]
    return len(told) == len(items) and any(set(item.ops) - {"=", "in"} for item in told)


def each_by_name(a: Relation, b: Relation) -> list[tuple[Value, Value]] | None:
    """The values of (x, y) = (1, 2) and (y, x) = (2, 1), name by name."""
    tables = []
    for relation in (a, b):
        first, last = relation.sides[0], relation.sides[-1]
        if not (isinstance(first, Group) and isinstance(last, Group) and relation.ops == ("=",)):
            return None
        if len(first.items) != len(last.items) or first.brackets != last.brackets:
            return None
        tables.append(dict(zip(first.items, last.items, strict=True)))
    if tables[0].keys() != tables[1].keys():
        return None
    return [(value, tables[1][name]) for name, value in tables[0].items()]


def rows_of(value: Value) -> list[list[Value]] | None:
    """A value as rows of one length: a matrix, lists in brackets, a vector, a number."""
    if isinstance(value, Grid):
        return [list(row) for row in value.rows]
    if isinstance(value, Group) and value.brackets in ("()", "[]", "") and value.items:
        rows = [item for item in value.items if isinstance(item, Group) and item.brackets == "[]"]
        if len(rows) == len(value.items):
            return (
                [list(row.items) for row in rows]
                if len({len(r.items) for r in rows}) == 1
                else None
            )
        return [list(value.items)]
    if isinstance(value, Quantity):
        return [[value]]
    return None


def holds_items(value: Value) -> bool:
    """Whether this is a set in braces that is not empty."""
    return isinstance(value, Group) and value.brackets == "{}" and bool(value.items)


def may_be_interval(group: Group) -> bool:
    """Whether [ ] hold two ends that are not known to be in falling order."""
    ends = [item.node for item in group.items if isinstance(item, Quantity)]
    if group.brackets != "[]" or len(group.items) != 2 or len(ends) != 2:
        return False
    rises = sign(minus(ends[1], ends[0]))
    return rises is None or rises > 0


def plain(group: Group, other: Group) -> Sequence[Value]:
    """The items of a group, without names where the other has none: x = 1, y = 2 and (1, 2)."""
    if not any(isinstance(item, Relation) for item in group.items):
        return group.items
    if all(isinstance(item, Relation) for item in other.items):
        return group.items
    called = _called(group.items)
    if called is not None and other.brackets == "()":  # y = 1, x = 2 is the point (2, 1)
        return [unnamed(called[name]) for name in sorted(called)]
    return [
        unnamed(i) if isinstance(i, Relation) and named(i) is not None else i for i in group.items
    ]


def alternatives(group: Group) -> bool:
    """Whether a list gives one name several values."""
    called = [named(item) for item in group.items if isinstance(item, Relation)]
    return len(called) == len(group.items) > 1 and len(set(called)) == 1 and group.brackets == ""


def _called(items: Sequence[Value]) -> dict[str, Relation] | None:
    """The items by name, if each is an equation that names something, and no two the same."""
    found = {named(i) or "": i for i in items if isinstance(i, Relation)}
    return found if len(found) == len(items) and not found.keys() & {"", "="} else None


def by_name(items: Sequence[Value], things: Sequence[Value]) -> list[tuple[Value, Value]] | None:
    """Pairs of equations for the same names: x = 1, y = 2 is not y = 1, x = 2."""
    one, other = _called(items), _called(things)
    if one is None or other is None or one.keys() != other.keys():
        return None
    return [(item, other[name]) for name, item in one.items()]
