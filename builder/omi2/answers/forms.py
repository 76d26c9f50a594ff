r"""Read an answer: from its text to a `Value`.

The forms around formulas: lists, tuples, sets, intervals and unions, relations, matrices, ratios,
`\pm`, quantities with units. What has words in it goes to `omi2.answers.phrases`.

`read` gives one reading, or two where the notation itself is ambiguous: 1,22 is a list and, in half
of Europe, a decimal; 1.234,56 and 12,34,567 are grouped numbers, or lists. Answers are EQUAL if any
of their readings are and DIFFERENT if all are, so 1.234,56 equals both 1234.56 and 1.234, 56; which
of these it joins in a vote is for `classes`.

What is not understood in full is `Unreadable`: no part of a text is dropped to make the rest
readable, but for words beside a single number.
"""

import re
from functools import lru_cache
from itertools import pairwise

from omi2.answers import phrases
from omi2.answers.boxed import boxes, final_boxes
from omi2.answers.brackets import environment, group
from omi2.answers.cut import DECLARING, OPEN, closes, declared, split, trim
from omi2.answers.dialects import plain_latex
from omi2.answers.extract import extract
from omi2.answers.formula import formula
from omi2.answers.lex import MAX_LENGTH, Token, tokens
from omi2.answers.measured import quantity
from omi2.answers.moments import clock
from omi2.answers.statements import (
    RELATING,
    is_point,
    named_point,
    number_set,
    related,
    relation,
    residues,
)
from omi2.answers.tidy import bare, characters, unwrap
from omi2.answers.trees import (
    CHOICE,
    Both,
    Group,
    Node,
    Quantity,
    Ratio,
    Relation,
    Union,
    Unreadable,
    Value,
    Words,
    formulas,
    too_deep,
)

_GOES_ON = re.compile(r",\s*(?:\.\.+|…|\\[lc]?dots(?![A-Za-z]))")
"""A list whose items are not all there: 2, 4, 6, ..."""
_BRACKET = re.compile(r"[(\[{]")
_IMPLIES = {"\\Rightarrow", "\\implies", "\\Longrightarrow", "\\iff", "\\Leftrightarrow"}
_OR = {"or", "\\lor", "\\vee"}
_LISTS = {"and", "or", "\\land", "\\lor", "\\wedge", "\\vee"}
_CUP, _CAP = {"\\cup", "\\bigcup"}, {"\\cap", "\\bigcap"}
_WITHOUT, _COLON = {"\\setminus", "\\backslash"}, {":", "\\colon"}
_PARTING = frozenset(
    {",", ";", "to", "\\mathbbR"}.union(
        _IMPLIES, _LISTS, _CUP, _CAP, _WITHOUT, _COLON, DECLARING, RELATING
    )
)
"""Without one of these an answer is a single thing."""
_UNIT_BEHIND = re.compile(
    r"\\?%|\^\s*\{?\s*\\circ\s*\}?"
    r"|(?:\\[,;~ ]|~)*\\(?:text|mathrm)\s*\{[^{}]{1,40}\}(?:\^\{?[-\d]{1,2}\}?)?"
)
_UNIT_LENGTH = 100
_COMBINATIONS = re.compile(r"\s*C\s*\(\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\)\s*")
"""A binomial, or a point that is called C."""


@lru_cache(maxsize=20_000)
def read(answer: str) -> tuple[Value, ...]:
    """The readings of an answer, the likelier first; none if it cannot be read."""
    if "boxed" in answer or "\\fbox" in answer:
        answer = _unboxed(answer)
    if len(answer) > 100 and "nswer" in answer and (stated := extract(answer)) is not None:
        answer = stated  # running text that announces its answer
    if len(answer) > MAX_LENGTH or _GOES_ON.search(answer):
        return ()
    text = bare(unwrap(plain_latex(characters(answer))))
    first = _try(text, "thousands")
    if (counted := _COMBINATIONS.fullmatch(text)) is not None:
        second = _try(rf"\binom{{{counted[1]}}}{{{counted[2]}}}", "thousands")
        return tuple(v for v in (first, second) if v is not None)
    if "," in text and not _BRACKET.search(text) and phrases.GROUPED.search(text):
        second = _try(phrases.GROUPED.sub(phrases.ungrouped, text), "thousands")
        listed = _try(text, "list")
        return tuple(v for v in dict.fromkeys((second, listed)) if v is not None)
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
        return ", ".join(box.content for box in found) + _unit_behind(text[found[-1].end :])
    return final_boxes(text, found) or ""


def _unit_behind(text: str) -> str:
    """What stands behind the last box, if it is a unit, a percent sign or a degree sign."""
    text = text.strip(" $.")
    told = characters(text) if len(text) < _UNIT_LENGTH else ""
    return f" {told}" if _UNIT_BEHIND.fullmatch(told) else ""


def _try(text: str, comma: str) -> Value | None:
    try:
        found = value(tokens(text, comma))
    except (Unreadable, RecursionError):
        return None
    return None if any(too_deep(formula) for formula in formulas(found)) else found


def value(found: list[Token], depth: int = 0) -> Value:
    """The value that these tokens are. Raises Unreadable."""
    found = trim(found)
    if not found or depth > 12:
        raise Unreadable("nothing there, or too deep")

    def deeper(inside: list[Token]) -> Value:
        return value(inside, depth + 1)

    if (told := phrases.choice(found)) is not None:
        letter = Quantity(Node("name", name=told[0]))
        return Group(CHOICE, (letter, deeper(told[1]))) if told[1] else letter
    if (words := phrases.words_only(found)) is not None:
        return (number_set(words.text) if isinstance(words, Words) else None) or words
    if found[-1].kind == "mod" and [token.kind for token in found].count("mod") == 1:
        return residues(deeper(found[:-1]), found[-1].text)
    if not _PARTING.isdisjoint([token.text for token in found]):
        parted = _parted(found, depth)
        if parted is not None:
            return parted
    if (inside := environment(found, deeper)) is not None:
        return inside
    if found[0].kind in OPEN and closes(found) == len(found) - 1:
        return group(found, deeper)
    if (point := named_point(found, deeper)) is not None:
        return point
    if len(found) == 1 and found[0].kind == "c":
        if found[0].text in ("\\emptyset", "\\varnothing"):
            return Group("{}", ())
        if (known := number_set(found[0].text)) is not None:
            return known
    return quantity(found)


def _parted(found: list[Token], depth: int) -> Value | None:
    """What marks outside brackets part: a list, a relation, a union, a ratio; None if none do."""

    def deeper(inside: list[Token]) -> Value:
        return value(inside, depth + 1)

    parts = split(found, _IMPLIES)
    if len(parts) > 1:
        return deeper(parts[-1])  # a derivation states its end
    if (stated := declared(found)) is not found:
        return deeper(stated)
    for separators in ({";"}, _LISTS, {","}):
        parts = split(found, separators)
        if len(parts) > 1:
            said = {token.text for token in found} & _LISTS if separators is _LISTS else set()
            return _and_or(said, _list(parts, depth, separators))
    sides, ops = relation(found)
    if not ops and len(sides[0]) < len(found):  # "= 5"
        return deeper(sides[0])
    if ops:
        return related(sides, ops, deeper)
    for marks, kind in ((_CUP, Union), (_CAP, Both)):
        parts = split(found, marks)
        if len(parts) > 1:
            return kind(tuple(deeper(part) for part in parts))
    parts = split(found, _WITHOUT)
    if len(parts) == 1 and found[0].text == "\\mathbbR" and len(found) > 2:
        parts = [found[:1], found[2:]] if found[1].kind in ("-", "/") else parts
    if len(parts) == 2:
        return Union((deeper(parts[0]),), (deeper(parts[1]),))
    parts = split(found, _COLON)
    if len(parts) > 1:
        return _ratio(parts, depth)
    if [token.kind for token in found] == ["n", "w", "n"] and found[1].text == "to":
        return Ratio((formula(found[:1]), formula(found[2:])))
    return None


def _list(parts: list[list[Token]], depth: int, separators: set[str]) -> Value:
    """A bare list; or a phrase with asides; or a quantity in two units."""
    if len(parts) > 1 and any(token.kind == "w" for part in parts for token in part):
        joined = phrases.with_aside(parts)
        if joined is not None:
            return value(joined, depth + 1)
    items = phrases.excluded(tuple(value(part, depth + 1) for part in parts))
    first = items[0]
    if isinstance(first, Relation) and first.ops == ("=",) and all(isinstance(i, Quantity) for i in items[1:]):  # noqa: E501  # fmt: skip
        items = (first, *(Relation(("=",), (first.sides[0], item)) for item in items[1:]))
    if (total := phrases.total(items)) is not None:
        return total
    flat: list[Value] = []
    for item in items:
        if isinstance(item, Group) and item.brackets == "":
            keep = separators == {";"} or (separators is _LISTS and is_point(item))
            flat.extend([Group("()", item.items)] if keep else item.items)
        else:
            flat.append(item)
    return Group("", tuple(flat))


def _and_or(said: set[str], listed: Value) -> Value:
    """A list; but inequalities joined by "or" are a union, and by "and" what all of them allow."""
    items = listed.items if isinstance(listed, Group) else ()
    if not any(isinstance(item, Relation) and set(item.ops) - {"=", "in"} for item in items):
        return listed
    if said and not said <= _OR:
        if said & _OR:
            raise Unreadable("inequalities joined by both and, or")
        return Both(items)
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
