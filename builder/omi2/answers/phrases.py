"""Answers with words in them: units, counted nouns, dates, times, and a number in a short phrase.

"18 vacuum cleaners", "Josh's profit was $70,000" and "x equals 5 miles" state one number each, and
that is the answer; the noun stays with it. A phrase with two numbers, or one whose words turn the
number into something else ("at least 5", "not 5"), is not read.
"""

import re
from fractions import Fraction

from omi2.answers.formula import prefix
from omi2.answers.lex import Token
from omi2.answers.trees import Node, Quantity, Relation, Unreadable, Value, Words, number
from omi2.answers.units import known, measure

COMMA_NUMBER = re.compile(
    r"(?<![\d,.])\d{1,3}(?:,\d{3}){2,}(?![\d,.])"
    r"|(?<![\d,.])(?P<decimal>(?:\d{4,}|0),\d+|\d{1,3},(?:\d{1,2}|\d{4,}))(?![\d,.])"
)
"""Digits with commas that may be read in two ways: as separators, or as a list or a decimal."""
_MONTH_NAMES = (
    "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
    "september sep sept|october oct|november nov|december dec"
)
_MONTHS = {
    name: at for at, month in enumerate(_MONTH_NAMES.split("|"), 1) for name in month.split()
}
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_NUMERALS = {word: at for at, word in enumerate(_NUMBER_WORDS.split())}
_TEXT_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: at for word, at in zip(_TEXT_TENS.split(), range(20, 100, 10), strict=True)}
_TEXT_PARTS = "half third quarter fifth sixth seventh eighth ninth tenth"
_PARTS = {word: at for at, word in enumerate(_TEXT_PARTS.split(), 2)}
_PARTS |= {"fourth": 4} | {f"{word}s": at for word, at in _PARTS.items()}
_PARTS |= {"fourths": 4, "halves": 2}
_SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_MONEY = {"$", "€", "£", "₹", "¢"}
_TURNS = re.compile(
    r"\b(?:not|never|least|most|than|over|under|below|above|between|within|before|after|up to|"
    r"minus|plus|times|divided|multiples?|power|base|root|squared?|cubed?|percent of|th|odd|even|"
    r"prime|divisible|modulo|without|except|excluding)\s*$"
)
_SAME_WORDS = {"true": "yes", "false": "no", "right": "yes", "correct": "yes"}
_ARTICLES = {"the", "a", "an", "it", "is", "answer", "final"}


def words_only(found: list[Token]) -> Value | None:
    """The text that these tokens are if they are words, a number word, or a date."""
    kinds = {token.kind for token in found}
    if "w" not in kinds:
        return None
    if "n" in kinds:
        return _date(found) if any(token.text.lower() in _MONTHS for token in found) else None
    if kinds - {"w", "v", "'", '"', ",", ".", "-", "!", "?", ":", ";", "(", ")", "&"}:
        return None
    words = [token.text.lower() for token in found if token.kind in ("w", "v")]
    count, rest = spelled(words)
    if count is not None and len(rest) <= 3 and not {"or", "and"} & set(rest):
        return Quantity(number(count), " ".join(rest))
    if {token.text.lower() for token in found} & {"equals", "equal", "or", "and"}:
        return None
    if len(found) == 1 and len(found[0].text) == 1:
        return Quantity(Node("name", name=found[0].text))
    told = [word for word in words if word not in _ARTICLES] or words
    return Words(" ".join(_SAME_WORDS.get(word, word) for word in told))


def spelled(words: list[str]) -> tuple[Fraction | None, list[str]]:
    """The number that words begin with (twenty-five; one half), and the words after it."""
    total, part, at, ones = Fraction(0), 0, 0, False
    if words[0] == "a" and words[1:2] and words[1] in _SCALES:
        words = words[1:]
    while at < len(words):
        word = words[at]
        if word in _NUMERALS and not ones:
            part, ones = part + _NUMERALS[word], True
        elif word in _TENS and part % 100 == 0 and not ones:
            part += _TENS[word]
        elif word in _SCALES:
            part, ones = max(part, 1) * _SCALES[word], False
            if word not in ("hundred", "dozen"):
                total, part = total + part, 0
        elif word in _PARTS and ones and 0 < part < _PARTS[word] and not total:
            return Fraction(part, _PARTS[word]), words[at + 1 :]
        elif not (word == "and" and at and words[at + 1 : at + 2] and _counts(words[at + 1])):
            break
        at += 1
    return (total + part if at else None), words[at:]


def _counts(word: str) -> bool:
    return word in _NUMERALS or word in _TENS


def after_choice(found: list[Token]) -> list[Token] | None:
    """What follows the letter of a choice in brackets, (A) 5; None if it is none."""
    if len(found) < 4 or (found[0].kind, found[2].kind) != ("(", ")"):
        return None
    if found[1].text not in {"A", "B", "C", "D", "E"}:
        return None
    first, then = found[3], found[4] if len(found) > 4 else found[3]
    if first.kind == "-" and first.gap and not then.gap:
        return found[3:]
    told = first.kind in ("n", "w", "$") or (first.kind in ("c", "v", "(") and first.gap)
    return found[3:] if told and first.text not in ("\\cup", "\\cap", "or", "and") else None


def hour(node: Node, unit: str) -> Words | None:
    """3 pm as a time of day."""
    if unit.lower() not in ("am", "pm") or node.op != "number" or node.digits:
        return None
    return Words(f"time {node.value.numerator:0>2}:00{unit.lower()}")


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


def _date(found: list[Token]) -> Words | None:
    numbers, month = [], 0
    for token in found:
        lower = token.text.lower()
        if token.kind == "n" and token.text.isdigit():
            numbers.append(int(token.text[:6]))
        elif lower in _MONTHS and not month:
            month = _MONTHS[lower]
        elif lower not in ("st", "nd", "rd", "th", "of", "the", ",", ".", "on"):
            return None
    if not month or not 1 <= len(numbers) <= 2:
        return None
    return Words(f"date {month} {sorted(numbers)}")


def time(parts: list[list[Token]]) -> Words | None:
    """A time of day with am or pm."""
    last = [token.text.lower() for token in parts[-1]]
    half = "".join(last[1:]).replace(".", "")
    if half in ("am", "pm") and all(part[0].kind == "n" for part in parts):
        return Words("time " + ":".join(f"{part[0].text:0>2}" for part in parts) + half)
    return None


def currency(found: list[Token]) -> tuple[str, list[Token]]:
    """The currency that stands before a number, and the tokens without it."""
    at = 1 if found[0].kind == "-" else 0
    if len(found) > at + 1 and found[at].kind in _MONEY:
        return found[at].kind, [*found[:at], *found[at + 1 :]]
    return "", found


def is_unit(rest: list[Token]) -> bool:
    """Whether tokens after a formula can be its unit or noun: words, and powers of units."""
    if rest[0].kind not in ("w", *_MONEY, "/", "-", "(") and not rest[0].upright:
        return rest[0].text == "!" and len(rest) == 1
    return not any(
        token.kind == "n" and (at == 0 or rest[at - 1].kind not in ("^", "{"))
        for at, token in enumerate(rest)
    ) and not any(token.kind == "c" and token.text != "\\cdot" for token in rest)


def scaled(node: Node, rest: list[Token]) -> tuple[Node, str]:
    """A formula times the million after it, and the unit after that."""
    while rest and rest[0].text.lower() in _SCALES:
        node = Node("*", (node, number(_SCALES[rest[0].text.lower()])))
        rest = rest[1:]
    return node, unit_of(rest)


def unit_of(rest: list[Token]) -> str:
    """The longest known unit at the beginning, else the words as they are."""
    words: list[str] = []
    for token in rest:
        if token.kind == "n" and words and words[-1] == "^":
            words[-1] = "^" + token.text
        elif token.kind in ("w", "v", "/", "^", "%", *_MONEY):
            words.append(token.text)
        elif token.kind not in ("{", "}", "(", ")", "-") and token.text != "\\cdot":
            break
    if words and words[0] == "of":
        words = words[1:]
    for end in range(min(len(words), 6), 0, -1):
        if measure(" ".join(words[:end])) is not None:
            return " ".join(words[:end])
    return " ".join(words)


def number_in(found: list[Token]) -> Value:
    """The only number of a phrase."""
    if not any(token.kind == "w" for token in found):
        raise Unreadable("neither a formula nor a phrase")
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
        before = " ".join(token.text.lower() for token in found[:at])
        if _TURNS.search(before):
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
    telling = [
        part for part in parts if any(t.kind not in ("w", "v", "'", '"', "-", "!") for t in part)
    ]
    if len(telling) == 1 and len(telling) < len(parts) and any(t.kind == "n" for t in telling[0]):
        asides = [part for part in parts if part is not telling[0]]
        if all(sum(t.kind == "w" for t in part) >= 1 and len(part) >= 2 for part in asides):
            return telling[0]
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


__all__ = ["currency", "is_unit", "known", "number_in", "scaled", "time", "total", "words_only"]
