r"""Formulas that may be read in two ways: what is said of them has to hold in every reading.

`\log` without a base is the natural logarithm to some and to base 10 to others, but it is the same
in both answers to one problem. `x/2y` and `\sin x/2` (`either` nodes) are read one way or the other
by whoever wrote them: each answer by itself.
"""

from itertools import product

from omi2.answers.trees import Node, number, rebuilt, walk

_TEN = number(10)


def doubtful(node: Node) -> bool:
    """Whether a formula has more than one reading."""
    return any(part.op == "either" or _unbased(part) for part in walk(node))


def readings(a: Node, b: Node) -> list[tuple[Node, Node]]:
    """Two formulas in every reading of both."""
    bases = (False, True) if any(_unbased(part) for part in (*walk(a), *walk(b))) else (False,)
    return [
        (_read(a, one, ten), _read(b, other, ten))
        for one, other, ten in product(_ways(a), _ways(b), bases)
    ]


def _ways(node: Node) -> tuple[int, ...]:
    return (0, 1) if any(part.op == "either" for part in walk(node)) else (0,)


def _unbased(node: Node) -> bool:
    return node.op == "call" and node.name == "log" and len(node.args) == 1


def _read(node: Node, way: int, ten: bool) -> Node:
    """A formula with every choice taken the same way."""
    if not node.args:
        return node
    if node.op == "either":
        return _read(node.args[way], way, ten)
    args = tuple(_read(arg, way, ten) for arg in node.args)
    if _unbased(node):
        return Node("call", (args[0], _TEN), "log") if ten else Node("call", args, "ln")
    return rebuilt(node, args)
