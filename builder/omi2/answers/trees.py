"""What an answer is once it is read: a formula as a small tree, and the forms around formulas.

Everything is immutable and holds no text that was not understood: what cannot be read raises
`Unreadable` instead of becoming half an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


class Unreadable(Exception):
    """This text is not in the small language of answers (or is too large, or nested too deep)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A formula: `op` is number, name, const, +, *, /, ^, root, pm, call; `name` says which.

    With the op `either` it may be read in two ways: see `omi2.answers.ambiguous`.
    """

    op: str
    args: tuple["Node", ...] = ()
    name: str = ""
    value: Fraction = Fraction(0)
    digits: int = 0
    """Significant digits of a number that was written as a decimal; 0 for an exact one."""
    ulp: Fraction = Fraction(0)
    """One unit of the last digit of such a number."""


def number(value: int | Fraction) -> Node:
    """An exact number."""
    return Node("number", value=Fraction(value))


def negative(node: Node) -> Node:
    """The negative of a formula."""
    if node.op == "number":
        return Node("number", value=-node.value, digits=node.digits, ulp=node.ulp)
    return Node("*", (number(-1), node))


def minus(a: Node, b: Node) -> Node:
    """The difference of two formulas."""
    return Node("+", (a, negative(b)))


def either(first: Node, second: Node) -> Node:
    """A formula of two readings."""
    return first if first == second else Node("either", (first, second))


def walk(node: Node) -> Iterator[Node]:
    """A formula and all its parts."""
    todo = [node]
    while todo:
        part = todo.pop()
        yield part
        todo.extend(part.args)


def too_deep(node: Node, most: int = 60) -> bool:
    """Whether a formula is nested so deep that working it out might not end well."""
    level = [node]
    for _ in range(most):
        level = [arg for part in level for arg in part.args]
        if not level:
            return False
    return True


def names(node: Node) -> frozenset[str]:
    """The variables of a formula."""
    return frozenset(part.name for part in walk(node) if part.op == "name")


def rebuilt(node: Node, args: tuple[Node, ...]) -> Node:
    """The same formula of other parts."""
    return Node(node.op, args, node.name, node.value, node.digits, node.ulp)


def put(node: Node, name: str, value: Node) -> Node:
    """A formula with a variable replaced."""
    if node.op == "name":
        return value if node.name == name else node
    if not node.args:
        return node
    args = tuple(put(arg, name, value) for arg in node.args)
    return rebuilt(node, args)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A formula with its unit: a known unit, `%`, `deg`, or the counted noun as it was written."""

    node: Node
    unit: str = ""


EVERY = "every "
"""What the name of a letter begins with that runs over the integers, whatever it was called."""
CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Group:
    """Several answers: brackets `()`, `[]`, `[)`, `(]`, `{}`, or "" for a bare list.

    With the brackets `CHOICE`, one answer told twice: the letter of a choice, and what it says.
    """

    brackets: str
    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of sides: `ops` stand between them (=, <, <=, >, >=, !=, in)."""

    ops: tuple[str, ...]
    sides: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Union:
    """A union of sets; `without` is what `\\setminus` took away."""

    items: tuple["Value", ...]
    without: tuple["Value", ...] = ()


@dataclass(frozen=True, slots=True)
class Both:
    """What all of several sets, or statements, allow."""

    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Cases:
    """A function in pieces: values and their conditions; the condition None is "otherwise"."""

    pieces: tuple[tuple["Value", "Value | None"], ...]


@dataclass(frozen=True, slots=True)
class Residues:
    """Numbers modulo another; `named` where a letter is said to be congruent to them."""

    modulus: Node
    items: tuple["Value", ...]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix, by rows."""

    rows: tuple[tuple["Value", ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """a:b or a:b:c; also a time of day, which looks the same."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Text, normalised. `kind` is the closed class that it belongs to (see `wording`), if any."""

    text: str
    kind: str = ""


Value = Quantity | Group | Relation | Union | Both | Cases | Residues | Grid | Ratio | Words


def parts(value: Value) -> Iterator[Value]:
    """A value and the values in it."""
    yield value
    inner = value.items if isinstance(value, Group | Union | Both | Residues) else ()
    if isinstance(value, Relation):
        inner = value.sides
    if isinstance(value, Cases):
        inner = tuple(part for piece in value.pieces for part in piece if part is not None)
    for part in inner:
        yield from parts(part)


def formulas(value: object) -> Iterator[Node]:
    """Every formula in a value."""
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, Node):
            yield part
        elif isinstance(part, Quantity):
            todo.append(part.node)
        elif isinstance(part, Relation):
            todo.extend(part.sides)
        elif isinstance(part, Group | Union | Both | Ratio | Residues):
            todo.extend(part.items)
        elif isinstance(part, Cases):
            todo.extend(half for piece in part.pieces for half in piece)
        elif isinstance(part, Grid):
            todo.extend(cell for row in part.rows for cell in row)
