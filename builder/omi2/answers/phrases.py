"""Answers with words in them: units, counted nouns, dates, times, and a number in a short phrase.

"18 vacuum cleaners", "Josh's profit was $70,000" and "x equals 5 miles" state one number each, and
that is the answer; the noun stays with it, and what follows a known unit ("liters of milk") stays
behind a bar. A phrase with two numbers, or with a word that may turn the number into something else
("at least 5", "twice 5", "3 squared", "10 km north", "5 less"), is not read.

Not covered: words that turn a number and are in no list here; all arithmetic in words but
"negative", "point", "and a half" and fractions ("three sixteenths", "2 thirds").
"""

import re
from fractions import Fraction

from omi2.answers.counting import MANY_PARTS, SCALES, SIGNS, TURNS_BEFORE, noun, spelled
from omi2.answers.formula import prefix
from omi2.answers.lex import Token
from omi2.answers.moments import TIME, moment
from omi2.answers.trees import (
    Node,
    Quantity,
    Relation,
    Unreadable,
    Value,
    Words,
    negative,
    number,
)
from omi2.answers.units import CURRENCIES, measure, telling
from omi2.answers.wording import worded

COMMA_NUMBER = re.compile(
    r"(?<![\d,.])\d{1,3}(?:,\d{3}){2,}(?![\d,.])"
    r"|(?<![\d,.])(?P<decimal>(?:\d{4,}|0),\d{2,}|\d{1,3},(?:\d{2}|\d{4,}))(?![\d,.])"
)
"""Digits with commas that may be read in two ways: as separators, or as a list or a decimal.

One digit after the comma is a list alone: 2,3 is too often the two numbers.
"""
GROUPED = re.compile(
    r"(?<![\d.,])(?:\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?"
    r"|\d{1,3}(?:(?:\.\d{3})+|(?: \d{3})+),\d+)(?![\d.,])"
)
"""A number as India (12,34,567) or half of Europe (1.234,56) groups it; or a list."""
_MONEY = {"$", "€", "£", "₹", "¢"}
_NEAR = 4
"""Words before a number among which one that turns it is looked for."""
_OPTION = {"option", "choice", "answer", "the", "correct", "is"}
_LETTERS = set("ABCDEFGH")


def ungrouped(found: re.Match[str]) -> str:
    """A number of `GROUPED` with a point and without its separators."""
    text = found[0].replace(" ", "")
    if text.count(",") > 1 or re.search(r",.*\.", text):
        return text.replace(",", "")
    return text.replace(".", "").replace(",", ".")


def words_only(found: list[Token]) -> Value | None:
    """The value that these tokens are if they are words, a number word, a date or a time."""
    if (told := moment(found)) is not None:
        return told
    kinds = {token.kind for token in found}
    if "w" not in kinds or "n" in kinds:
        return None
    if kinds - {"w", "v", "'", '"', ",", ".", "-", "!", "?", ":", ";", "(", ")", "&"}:
        return None
    words = [token.text for token in found if token.kind in ("w", "v")]
    lower = [word.lower() for word in words]
    if lower[0] in ("yes", "no") and found[1:] and found[1].kind in (",", ".", ";"):
        return None if TURNS_BEFORE & set(lower) else worded(words[:1])  # Yes, it is
    count, rest = spelled(lower)
    if count is not None and not {"or", "and", "equals", "equal"} & set(rest):
        if len(rest) > 3:
            raise Unreadable("a number word in a sentence")
        return Quantity(number(count), noun(rest))
    if set(lower) & {"equals", "equal", "or", "and"}:
        return None
    if len(found) == 1 and len(found[0].text) == 1:
        return Quantity(Node("name", name=found[0].text))
    return worded(words)


def choice(found: list[Token]) -> tuple[str, list[Token]] | None:
    """The letter of a choice and what follows it: (A) 5, A. 5, A) 5, A: 5, Option A."""
    at = 0
    while at < len(found) and found[at].kind == "w" and found[at].text.lower() in _OPTION:
        at += 1
    named = {token.text.lower() for token in found[:at]} & {"option", "choice"}
    kinds = [token.kind for token in found[at : at + 3]]
    letter, end = (1, 3) if kinds[:1] == ["("] and kinds[2:] == [")"] else (0, 1)
    if (at and not named) or len(found) < at + end or found[at + letter].text not in _LETTERS:
        return None
    name, rest = found[at + letter].text, found[at + end :]
    marked = bool(rest) and rest[0].kind in (".", ")", ":") and (end == 1 or rest[0].kind == ":")
    if marked:
        rest = rest[1:]
    if not rest:
        return (name, []) if named or marked else None
    if not marked and not named and end == 1:
        return None
    first, then = rest[0], rest[1] if len(rest) > 1 else rest[0]
    if marked and (not first.gap or (first.kind == "w" and first.text[0].isupper())):
        return None  # A:B, and A. Smith
    if first.kind == "-" and first.gap and not then.gap:
        return name, rest
    told = first.kind in ("n", "w", "$") or (first.kind in ("c", "v", "(") and first.gap)
    return (name, rest) if told and first.text not in ("\\cup", "\\cap", "or", "and") else None


def hour(node: Node, unit: str) -> Words | None:
    """3 pm as a time of day."""
    if unit.lower() not in ("am", "pm") or node.op != "number" or node.digits:
        return None
    late = unit.lower() == "pm"
    hours = node.value
    if hours.denominator != 1 or not 1 <= hours <= 12:
        return None
    return Words(f"{int(hours) % 12 + 12 * late:0>2}:00", TIME)


def is_temperature(node: Node) -> bool:
    """Whether a formula is degrees times a C or F."""
    return (
        node.op == "*"
        and len(node.args) == 2
        and (node.args[0].op, node.args[0].name) == ("call", "deg")
        and node.args[1].op == "name"
        and node.args[1].name in ("C", "F")
    )


def excluded(items: tuple[Value, ...]) -> tuple[Value, ...]:
    """x != 1, 2 as what it says: x != 1, x != 2."""
    first = items[0]
    if not (isinstance(first, Relation) and first.ops == ("!=",)):
        return items
    return tuple(
        Relation(first.ops, (first.sides[0], i)) if isinstance(i, Quantity) else i for i in items
    )


def currency(found: list[Token]) -> tuple[str, list[Token]]:
    """The currency that stands before a number, and the tokens without it."""
    at = 1 if found[0].kind == "-" else 0
    rest = found[at + 1 :]
    if rest and found[at].kind in _MONEY:
        return found[at].kind, [*found[:at], *rest]
    if rest and found[at].kind == "w" and found[at].text in CURRENCIES:
        rest = rest[1:] if rest[0].kind == "." else rest
        if rest and rest[0].kind == "n":
            return found[at].text, [*found[:at], *rest]
    return "", found


def is_unit(rest: list[Token]) -> bool:
    """Whether tokens after a formula can be its unit or noun: words, and powers of units."""
    if rest[0].kind not in ("w", *_MONEY, "/", "-", "(") and not rest[0].upright:
        return rest[0].text == "!" and len(rest) == 1
    return not any(
        token.kind == "n" and (at == 0 or rest[at - 1].kind not in ("^", "{", "-"))
        for at, token in enumerate(rest)
    ) and not any(token.kind == "c" and token.text != "\\cdot" for token in rest)


def scaled(node: Node, rest: list[Token]) -> tuple[Node, str]:
    """A formula times the million after it (or its thirds), and the unit after that."""
    while rest and rest[0].text.lower() in SCALES:
        node = Node("*", (node, number(SCALES[rest[0].text.lower()])))
        rest = rest[1:]
    part = MANY_PARTS.get(rest[0].text.lower(), 0) if rest else 0
    if part not in (0, 4) and node.op == "number" and node.value.denominator == 1:
        node, rest = number(node.value / part), rest[1:]
    unit = unit_of(rest)
    if unit and node.op == "call" and node.name == "percent" and unit != "%":
        return node.args[0], f"%|{unit}"
    return node, unit


def unit_of(rest: list[Token]) -> str:
    """The longest known unit at the beginning, with what follows it behind a bar; else the noun.

    Raises Unreadable where a word may turn the number into something else.
    """
    words: list[str] = []
    for token in rest:
        if words and words[-1] in ("^", "^-") and token.kind in ("n", "-"):
            words[-1] += token.text  # s^{-1}
        elif token.kind in ("w", "v", "/", "^", "%", *_MONEY):
            words.append(token.text)
        elif token.kind not in ("{", "}", "(", ")", "-") and token.text != "\\cdot":
            break
    if words and words[0] == "of":
        words = words[1:]
    if words and words[0] in ("st", "nd", "rd"):
        words[0] = "th"
    for end in range(min(len(words), 6), 0, -1):
        if measure(" ".join(words[:end])) is not None:
            unit, after = " ".join(words[:end]), noun(words[end:])
            return f"{unit}|{after}" if telling(after) else unit
    return noun(words)


def number_in(found: list[Token]) -> Value:
    """The only number of a phrase."""
    if not any(token.kind == "w" for token in found):
        raise Unreadable("neither a formula nor a phrase")
    if found[0].text.lower() in SIGNS and len(found) > 1 and found[1].kind == "n":
        node, rest = prefix(found[1:])
        node, unit = scaled(node, rest)
        return Quantity(negative(node), unit)
    at, numbers = 0, []
    while at < len(found):
        kind = found[at].kind
        money = kind in _MONEY
        begins = (
            kind == "n"
            or (kind == "c" and found[at].text in ("\\frac", "\\sqrt", "\\dfrac"))
            or (money and at + 1 < len(found) and found[at + 1].kind == "n")
            or (kind == "-" and found[at].gap and at + 1 < len(found) and found[at + 1].kind == "n")
        )
        if not begins:
            if kind in ("c", "=", "<", ">", "^", "\\{", "["):
                raise Unreadable("a phrase with a formula")
            at += 1
            continue
        node, rest = prefix(found[at + 1 :] if money else found[at:])
        before = [token.text.lower() for token in found[:at] if token.kind in ("w", "v")]
        if TURNS_BEFORE & set(before[-_NEAR:]):
            raise Unreadable("a phrase that says more than a number")
        numbers.append((node, found[at].kind if money else "", rest))
        at = len(found) - len(rest)
    if len(numbers) > 1:
        parts = tuple(Quantity(node, unit_of(rest)) for node, _, rest in numbers)
        if (sum_ := total(parts)) is not None:
            return sum_
    if len(numbers) != 1:
        raise Unreadable("a phrase with several numbers, or none")
    node, unit, rest = numbers[0]
    node, after = scaled(node, rest)
    if node.op == "call" and node.name in ("percent", "deg"):
        return Quantity(node.args[0], "%" if node.name == "percent" else "deg")
    return Quantity(node, after if after and measure(after) else unit or after)


def with_aside(parts: list[list[Token]]) -> list[Token] | None:
    """The one part of a list that states something, when the others are words beside it."""
    if (
        len(parts) == 2
        and [token.kind for token in parts[0]] == ["n"]
        and parts[0][0].text.isdigit()
    ):
        words = [token.text.lower() for token in parts[1][:2]]
        if words == ["a", "half"]:  # 2 and a half hours
            return [parts[0][0]._replace(text=f"{parts[0][0].text}.5"), *parts[1][2:]]
    stating = [
        part for part in parts if any(t.kind not in ("w", "v", "'", '"', "-", "!") for t in part)
    ]
    if len(stating) == 1 and len(stating) < len(parts) and any(t.kind == "n" for t in stating[0]):
        asides = [part for part in parts if part is not stating[0]]
        if all(sum(t.kind == "w" for t in part) >= 1 and len(part) >= 2 for part in asides):
            return stating[0]
    return None


def total(items: tuple[Value, ...]) -> Quantity | None:
    """Three dollars and 50 cents: quantities of one dimension in falling units, added."""
    units = []
    for item in items:
        unit = measure(item.unit) if isinstance(item, Quantity) and item.unit else None
        if unit is None or item.node.op != "number":  # type: ignore[union-attr]
            return None
        units.append(unit)
    scales = [scale for _, scale in units]
    if len({dimension for dimension, _ in units}) != 1 or scales != sorted(set(scales))[::-1]:
        return None
    value = Fraction(0)
    for item, scale in zip(items, scales, strict=True):
        value += item.node.value * scale / scales[0]  # type: ignore[union-attr]
    return Quantity(number(value), items[0].unit)  # type: ignore[union-attr]
