r"""Read what stands in brackets and environments: tuples, sets, intervals, matrices, cases.

Every function takes `value`, the reader of what stands inside (`omi2.answers.forms.value`).
"""

from collections.abc import Callable, Sequence
from itertools import permutations, product

from omi2.answers.cut import closes, split, trim
from omi2.answers.formula import formula
from omi2.answers.lex import LINES, MATRICES, Token
from omi2.answers.trees import (
    Both,
    Cases,
    Grid,
    Group,
    Node,
    Quantity,
    Relation,
    Unreadable,
    Value,
    negative,
    number,
)

Read = Callable[[list[Token]], Value]
_IF = {"if", "for", "when", "where", "as"}
_OTHERWISE = {"otherwise", "else", "elsewhere"}
_MOST = 4
"""Rows of a determinant that is worked out."""


def group(found: list[Token], value: Read) -> Value:
    """What stands in round, square or curly brackets."""
    opening = found[0].kind
    inside = found[1:-1]
    brackets = opening.strip("\\") + found[-1].kind.strip("\\")
    if brackets == "{}" and (told := _builder(inside, value)) is not None:
        return told
    parts = split(inside, {","})
    if len(parts) == 1:
        parts = split(inside, {";"})
    if len(parts) == 1:
        return _single(opening, brackets, inside, value)
    if brackets not in ("()", "[]", "(]", "[)", "{}"):
        raise Unreadable("brackets that do not belong together")
    items = tuple(value(part) for part in parts)
    if not any(isinstance(item, Group) and item.brackets == "" for item in items):
        return Group(brackets, items)
    several = [
        item.items if isinstance(item, Group) and item.brackets == "" else (item,) for item in items
    ]
    if brackets == "{}":
        return Group("{}", tuple(item for some in several for item in some))
    if brackets != "()":
        raise Unreadable("several ends of an interval")
    return Group("", tuple(Group("()", point) for point in product(*several)))  # (\pm 1, 0)


def _single(opening: str, brackets: str, inside: list[Token], value: Read) -> Value:
    if not trim(inside):
        return Group(brackets, ())
    inner = value(inside)
    if opening == "{" or (brackets in ("()", "[]") and not isinstance(inner, Group)):
        return inner
    if isinstance(inner, Group) and inner.brackets == "":
        return Group(brackets, inner.items)
    return inner if brackets == "()" else Group(brackets, (inner,))


def _builder(inside: list[Token], value: Read) -> Value | None:
    """{x | x > 2}: all real x that the condition, which speaks of x, allows; of no other kind."""
    for mark in ("|", ":", "\\colon"):
        parts = split(inside, {mark})
        if len(parts) == 2 and any(token.text in _STATING for token in parts[1]):
            break
    else:
        return None
    each, condition = trim(parts[0]), parts[1]
    letter = each[0]
    whole = len(each) == 1 or [t.text for t in each[1:]] == ["\\in", "\\mathbbR"]
    spoken = any(token[:2] == ("v", letter.text) for token in condition)
    if letter.kind != "v" or not whole or not spoken:
        raise Unreadable("a set that is more than the solutions of its condition")
    return value(condition)


_STATING = {"=", "<", ">", "<=", ">=", "!=", "\\le", "\\leq", "\\leqslant", "\\ge", "\\geq", "\\lt",
            "\\geqslant", "\\gt", "\\ne", "\\neq", "\\in", "\\equiv"}  # fmt: skip


def environment(found: list[Token], value: Read) -> Value | None:
    r"""What holds a \begin outside of brackets: a matrix, cases; None if none."""
    begins = [at for at, token in enumerate(found) if token.text == "\\begin"]
    if not begins or found[-2].text != "\\end":
        barred = found[0].kind == found[-1].kind == "|" and begins == [1]
        return _determinant(_matrix(found[1:-1], value)) if barred else None
    before, rest = found[: begins[0]], found[begins[0] :]
    if len(begins) > 1 and closes(rest) != len(rest) - 2:
        raise Unreadable("several matrices")
    kind = rest[1].text
    if before and before[-1].kind == "\\{":
        return _lines(rest, value) if len(before) == 1 else None
    if kind in ("vmatrix", "Vmatrix"):
        found_value = _determinant(_matrix(rest, value))
    elif before and before[-1].text in ("\\det", "det"):
        found_value, before = _determinant(_matrix(rest, value)), before[:-1]
    elif kind in LINES - {"array"} or (kind == "array" and not before and _stating(rest)):
        return _lines(rest, value) if not before else None
    else:
        grid = _matrix(rest, value)
        return _times(_factor(before), grid) if before else grid
    return Quantity(Node("*", (_factor(before), found_value.node))) if before else found_value


def _stating(found: list[Token]) -> bool:
    return any(token.text in _STATING for token in found)


def _factor(before: list[Token]) -> Node:
    if before[-1].kind == "*" or before[-1].text in ("\\cdot", "\\times"):
        before = before[:-1]
    return number(-1) if [token.kind for token in before] == ["-"] else formula(before)


def _times(factor: Node, grid: Grid) -> Grid:
    if not all(isinstance(cell, Quantity) for row in grid.rows for cell in row):
        raise Unreadable("a matrix of other things than numbers")
    cells = [[Quantity(Node("*", (factor, cell.node))) for cell in row] for row in grid.rows]  # type: ignore[union-attr]
    return Grid(tuple(map(tuple, cells)))


def _matrix(found: list[Token], value: Read) -> Grid:
    r"""\begin{pmatrix} a & b \\ c & d \end{pmatrix}."""
    kind = found[1].text
    if kind not in MATRICES or [token.text for token in found[-2:]] != ["\\end", kind]:
        raise Unreadable("an environment that is no matrix")
    rows = [
        tuple(value(cell) for cell in split(row, {"&"})) for row in split(found[2:-2], {"\\\\"})
    ]
    if not rows or len({len(row) for row in rows}) != 1:
        raise Unreadable("a matrix with holes")
    return Grid(tuple(rows))


def _determinant(grid: Grid) -> Quantity:
    size = len(grid.rows)
    nodes = [[cell.node for cell in row if isinstance(cell, Quantity)] for row in grid.rows]
    if size > _MOST or any(len(row) != size for row in nodes):
        raise Unreadable("a determinant that is not worked out")
    terms = []
    for order in permutations(range(size)):
        term = Node("*", tuple(nodes[row][column] for row, column in enumerate(order)))
        crossed = sum(order[i] > order[j] for i in range(size) for j in range(i + 1, size))
        terms.append(negative(term) if crossed % 2 else term)
    return Quantity(Node("+", tuple(terms)))


def _lines(found: list[Token], value: Read) -> Value:
    """Lines of equations, which hold together; or the pieces of a function."""
    if found[-1].text != found[1].text:
        raise Unreadable("an environment in another")
    rows = split(found[2:-2], {"\\\\"})
    if found[1].text.endswith("cases") or found[1].text == "array":
        pieces = [_piece(row, value) for row in rows]
        if all(piece is not None for piece in pieces):
            return Cases(tuple(piece for piece in pieces if piece is not None))
    items = tuple(value([t for t in row if t.kind != "&"]) for row in rows)
    if not all(isinstance(item, Relation) for item in items):
        raise Unreadable("lines that state nothing")
    return together(items)


def together(items: Sequence[Value]) -> Value:
    """Statements that all hold: inequalities cut each other, equations are listed."""
    if any(isinstance(item, Relation) and set(item.ops) - {"=", "in"} for item in items):
        return Both(tuple(items))
    return Group("", tuple(items))


def _piece(row: list[Token], value: Read) -> tuple[Value, Value | None] | None:
    """A value and its condition (None: otherwise), if a line is that."""
    row = trim(row)
    parts = split(row, {"&"})
    if len(parts) == 1:
        at = next((i for i, t in enumerate(row) if t.text.lower() in _IF | _OTHERWISE), 0)
        parts = [row[:at], row[at:]] if at else parts
    if len(parts) != 2:
        return None
    said, condition = trim(parts[0]), trim(parts[1])
    if any(token.text in _STATING for token in said):
        return None
    while condition and condition[0].text.lower() in _IF:
        condition = trim(condition[1:])
    if len(condition) == 1 and condition[0].text.lower() in _OTHERWISE:
        return value(said), None
    return value(said), value(condition)
