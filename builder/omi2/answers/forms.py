r"""Read an answer: from its text to a `Value`.

The forms around formulas: lists, tuples, sets, intervals and unions, relations, matrices, ratios,
`\pm`, quantities with units. What has words in it goes to `omi2.answers.phrases`.

`read` gives one reading, or two where the notation itself is ambiguous (1,22 is a list and, in half
of Europe, a decimal). What is not understood in full is `Unreadable`: no part of a text is dropped
to make the rest readable, but for words beside a single number.
"""

import re
from functools import lru_cache
from itertools import pairwise

from omi2.answers import phrases
from omi2.answers.boxed import boxes, final_boxes
from omi2.answers.dialects import plain_latex
from omi2.answers.extract import extract
from omi2.answers.formula import formula
from omi2.answers.lex import MAX_LENGTH, Token, tokens
from omi2.answers.measured import quantity
from omi2.answers.moments import clock
from omi2.answers.tidy import bare, characters, unwrap
from omi2.answers.trees import (
    CHOICE,
    Grid,
    Group,
    Node,
    Quantity,
    Ratio,
    Relation,
    Union,
    Unreadable,
    Value,
    formulas,
    negative,
    too_deep,
)

MAX_ITEMS = 40
_GOES_ON = re.compile(r",\s*(?:\.\.+|…|\\[lc]?dots(?![A-Za-z]))")
"""A list whose items are not all there: 2, 4, 6, ..."""
_EDGES = {",", ";", ".", ":", "?", "_", '"'}
_OPEN = {"(", "[", "\\{", "{"}
_CLOSE = {")", "]", "\\}", "}"}
_OPS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "\\approx": "=",
    "\\le": "<=", "\\leq": "<=", "\\leqslant": "<=", "\\ge": ">=", "\\geq": ">=",
    "\\geqslant": ">=", "\\lt": "<", "\\gt": ">", "\\ne": "!=", "\\neq": "!=", "\\in": "in",
    "\\equiv": "=", "\\simeq": "=", "\\sim": "=", "\\doteq": "=", "\\triangleq": "=", "equals": "=",
    "equal": "=",
}  # fmt: skip
_IMPLIES = {"\\Rightarrow", "\\implies", "\\Longrightarrow", "\\iff", "\\Leftrightarrow"}
_INEQUAL = {"<", ">", "<=", ">="}
_OR = {"or", "\\lor", "\\vee"}
_LISTS = {"and", "or", "\\land", "\\lor", "\\wedge", "\\vee"}
_MATRICES = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array"}


@lru_cache(maxsize=20_000)
def read(answer: str) -> tuple[Value, ...]:
    """The readings of an answer, the likelier first; none if it cannot be read."""
    if "boxed" in answer or "\\fbox" in answer:
        answer = _unboxed(characters(answer))
    if len(answer) > 100 and "nswer" in answer and (stated := extract(answer)) is not None:
        answer = stated  # running text that announces its answer
    if len(answer) > MAX_LENGTH or _GOES_ON.search(answer):
        return ()
    text = bare(unwrap(plain_latex(characters(answer))))
    first = _try(text, "thousands")
    if "," in text and (other := phrases.COMMA_NUMBER.search(text)):
        second = _try(text, "decimal" if other["decimal"] else "list")
        return tuple(v for v in dict.fromkeys((first, second)) if v is not None)
    return () if first is None else (first,)


def _unboxed(text: str) -> str:
    """The content of an answer's boxes: of all, if it is made of boxes, else of the last ones."""
    found = boxes(text)
    if not found:
        return text
    gaps = [b.start - a.end for a, b in pairwise(found)]
    if not text[: found[0].start].strip(" $\n\\([") and max(gaps, default=0) <= 60:
        return ", ".join(box.content for box in found)
    return final_boxes(text, found) or ""


def _try(text: str, comma: str) -> Value | None:
    try:
        found = value(tokens(text, comma))
    except (Unreadable, RecursionError):
        return None
    return None if any(too_deep(formula) for formula in formulas(found)) else found


def value(found: list[Token], depth: int = 0) -> Value:
    """The value that these tokens are. Raises Unreadable."""
    found = _trim(found)
    if not found or depth > 12:
        raise Unreadable("nothing there, or too deep")
    if (told := phrases.choice(found)) is not None:
        letter = Quantity(Node("name", name=told[0]))
        return Group(CHOICE, (letter, value(told[1], depth + 1))) if told[1] else letter
    if (words := phrases.words_only(found)) is not None:
        return words
    parts = _split(found, _IMPLIES)
    if len(parts) > 1:
        return value(parts[-1], depth + 1)  # a derivation states its end
    for separators in ({";"}, _LISTS, {","}):
        parts = _split(found, separators)
        if len(parts) > 1:
            said = {token.text for token in found} & _LISTS if separators is _LISTS else set()
            return _joined(said, _list(parts, depth, keep=separators == {";"}))
    sides, ops = _relation(found)
    if not ops and len(sides[0]) < len(found):  # "= 5"
        return value(sides[0], depth + 1)
    if ops:
        return Relation(tuple(ops), tuple(value(side, depth + 1) for side in sides))
    for mark in ("\\cup", "\\bigcup"):
        parts = _split(found, {mark})
        if len(parts) > 1:
            return Union(tuple(value(part, depth + 1) for part in parts))
    parts = _split(found, {"\\setminus", "\\backslash"})
    if len(parts) == 2:
        return Union((value(parts[0], depth + 1),), (value(parts[1], depth + 1),))
    parts = _split(found, {":", "\\colon"})
    if len(parts) > 1:
        return _ratio(parts, depth)
    if found[0].text == "\\begin" or (found[0].kind in _OPEN and _closes(found) == len(found) - 1):
        return _matrix(found, depth) if found[0].text == "\\begin" else _group(found, depth)
    if found[0].text in ("\\emptyset", "\\varnothing") and len(found) == 1:
        return Group("{}", ())
    if found[0].text == "\\mathbbR" and len(found) == 1:
        return Group("()", tuple(Quantity(n) for n in (negative(_INFINITY), _INFINITY)))
    return quantity(found)


_INFINITY = Node("const", name="infty")


def _trim(found: list[Token]) -> list[Token]:
    start, end = 0, len(found)
    while start < end and (found[start].kind in _EDGES or _is_break(found[start])):
        start += 1
    while start < end and (found[end - 1].kind in _EDGES or _is_break(found[end - 1])):
        end -= 1
    return found[start:end]


def _is_break(token: Token) -> bool:
    return token.kind == "c" and token.text in ("\\\\", "\\therefore")


def _split(found: list[Token], separators: set[str]) -> list[list[Token]]:
    """Cut at separators that stand in no bracket."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        if token.kind in _OPEN or token.text == "\\begin":
            depth += 1
        elif token.kind in _CLOSE or token.text == "\\end":
            depth -= 1
        if depth == 0 and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) > MAX_ITEMS:
        raise Unreadable("too many items")
    return [part for part in parts if _trim(part)] if len(parts) > 1 else parts


def _relation(found: list[Token]) -> tuple[list[list[Token]], list[str]]:
    """The sides of a chain of relations and what stands between them."""
    sides: list[list[Token]] = [[]]
    ops: list[str] = []
    depth = 0
    for at, token in enumerate(found):
        if token.kind in _OPEN or token.text == "\\begin":
            depth += 1
        elif token.kind in _CLOSE or token.text == "\\end":
            depth -= 1
        op = _OPS.get(token.text) if token.kind not in ("n", "v") else None
        if token.text == "in" and at and found[at - 1].kind == "v" and found[at + 1 : at + 2]:
            op = "in" if found[at + 1].kind in _OPEN else None
        if depth == 0 and op is not None:
            ops.append(op)
            sides.append([])
        else:
            sides[-1].append(token)
    if ops and not _trim(sides[0]):
        sides, ops = sides[1:], ops[1:]
    return sides, ops


def _closes(found: list[Token]) -> int:
    """Where the bracket that opens the tokens is closed, by whatever bracket."""
    depth = 0
    for at, token in enumerate(found):
        if token.kind in _OPEN:
            depth += 1
        elif token.kind in _CLOSE:
            depth -= 1
            if depth == 0:
                return at
    return -1


def _list(parts: list[list[Token]], depth: int, keep: bool) -> Value:
    """A bare list; or a phrase with asides; or a quantity in two units."""
    if len(parts) > 1 and any(token.kind == "w" for part in parts for token in part):
        joined = phrases.with_aside(parts)
        if joined is not None:
            return value(joined, depth + 1)
    items = phrases.excluded(tuple(value(part, depth + 1) for part in parts))
    if (total := phrases.total(items)) is not None:
        return total
    flat: list[Value] = []
    for item in items:
        if isinstance(item, Group) and item.brackets == "":
            flat.extend([Group("()", item.items)] if keep else item.items)
        else:
            flat.append(item)
    return Group("", tuple(flat))


def _joined(said: set[str], listed: Value) -> Value:
    """A list; but inequalities joined by "or" are a union, and "and" is no comma between them."""
    items = listed.items if isinstance(listed, Group) else ()
    if not any(isinstance(item, Relation) and _INEQUAL & set(item.ops) for item in items):
        return listed
    if said and not said <= _OR:
        raise Unreadable("inequalities that hold together")
    return Union(items) if said else listed


def _ratio(parts: list[list[Token]], depth: int) -> Value:
    if phrases.words_only(parts[0]) is not None or (
        len(parts) == 2 and len(parts[0]) == 1 and parts[0][0].text in ("A", "Q")
    ):
        return value([token for part in parts[1:] for token in part], depth + 1)  # "Answer: 5"
    if [[token.kind for token in part] for part in parts] == [["n"], ["n"]] and (
        time := clock(parts[0][0].text, parts[1][0].text)
    ):
        return time
    return Ratio(tuple(formula(part) for part in parts))


def _group(found: list[Token], depth: int) -> Value:
    """What stands in brackets."""
    opening, closing = found[0].kind, found[-1].kind
    inside = found[1:-1]
    brackets = opening.strip("\\") + closing.strip("\\")
    if brackets == "{}":
        for mark in ("|", ":", "\\mid", "\\colon"):
            builder = _split(inside, {mark})
            if len(builder) == 2 and _relation(builder[1])[1]:
                return _solutions(_trim(builder[0]), builder[1], depth)
    parts = _split(inside, {","})
    if len(parts) == 1:
        parts = _split(inside, {";"})
    if len(parts) == 1:
        if not _trim(inside):
            return Group(brackets, ())
        inner = value(inside, depth + 1)
        if opening == "{" or (brackets in ("()", "[]") and not isinstance(inner, Group)):
            return inner
        if brackets == "()" or (isinstance(inner, Group) and inner.brackets == ""):
            return Group(brackets, inner.items) if isinstance(inner, Group) and inner.brackets == "" else inner  # noqa: E501  # fmt: skip
        return Group(brackets, (inner,))
    if brackets not in ("()", "[]", "(]", "[)", "{}"):
        raise Unreadable("brackets that do not belong together")
    items = tuple(value(part, depth + 1) for part in parts)
    return Group(brackets, items)


def _solutions(each: list[Token], condition: list[Token], depth: int) -> Value:
    """{x | x > 2}: all real x that the condition, which speaks of x, allows; of no other kind."""
    letter = each[0]
    whole = len(each) == 1 or [t.text for t in each[1:]] == ["\\in", "\\mathbbR"]
    if (
        letter.kind != "v"
        or not whole
        or not any((token.kind, token.text) == ("v", letter.text) for token in condition)
    ):
        raise Unreadable("a set that is more than the solutions of its condition")
    return value(condition, depth + 1)


def _matrix(found: list[Token], depth: int) -> Value:
    """\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}."""
    if len(found) < 5 or found[1].text not in _MATRICES:
        raise Unreadable("an environment that is no matrix")
    if [token.text for token in found[-2:]] != ["\\end", found[1].text]:
        raise Unreadable("an environment that is no matrix")
    rows = []
    for row in _split(found[2:-2], {"\\\\"}):
        rows.append(tuple(value(cell, depth + 1) for cell in _split(row, {"&"})))
    if not rows or len({len(row) for row in rows}) != 1:
        raise Unreadable("a matrix with holes")
    return Grid(tuple(rows))
