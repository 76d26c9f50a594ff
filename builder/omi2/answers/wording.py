"""Compare answers in words, with each other and with what is no words.

Words are EQUAL when they are the same after normalisation (case, accents, articles, punctuation).
They are DIFFERENT only with a reason: both belong to one small closed class (yes and no, weekdays,
months, dates, times, parities, directions, conics) and are not the same member, or to two classes
of which no member can mean one of the other, or both are plainly names. Everything else is UNKNOWN:
"unbounded" may be what "infinite" is, and "C" may be the choice that says "circle".

Not covered: synonyms, other languages, sentences.
"""

from omi2.answers import sets
from omi2.answers.moments import (
    DATE,
    DAY,
    DAYS,
    MONTH,
    MONTHS,
    TIME,
    hours_of,
    may_be,
    same_date,
)
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.probe import same
from omi2.answers.trees import Group, Node, Quantity, Ratio, Union, Value, Words
from omi2.answers.units import measure

TRUTH, NAME, NOTHING, REALS, WAY = "truth", "name", "nothing", "reals", "way"
NUMBERS = "numbers"
_CLOSED: dict[str, tuple[str, str]] = {
    **{name: (MONTH, str(at)) for name, at in MONTHS.items()},
    **{name: (DAY, str(at)) for name, at in DAYS.items()},
    **{word: (TRUTH, word) for word in ("yes", "no", "true", "false")},
    **{word: ("parity", word) for word in ("odd", "even")},
    **{word: ("trend", word) for word in ("increasing", "decreasing")},
    **{word: ("conic", word) for word in ("circle", "ellipse", "parabola", "hyperbola")},
}
for _phrase in ("no solution", "no solutions", "none", "no real solution", "no real solutions",
                "no real roots", "empty", "empty set", "null set"):  # fmt: skip
    _CLOSED[_phrase] = (NOTHING, "none")
for _phrase in ("all real numbers", "real numbers", "all reals", "reals", "all real",
                "set of all real numbers", "set of real numbers"):  # fmt: skip
    _CLOSED[_phrase] = (REALS, "reals")
for _ways in ("north northeast east southeast south southwest west northwest", "up down",
              "left right", "clockwise counterclockwise"):  # fmt: skip
    _CLOSED |= {way: (f"{WAY} {_ways}", way) for way in _ways.split()}
_YES = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_ARTICLES = {"the", "a", "an", "it", "is", "answer", "final"}
_EXISTENCE = {"there", "are", "exist", "exists", "such"}
_BEFORE = {"on", "in", "at", "to", "are", "an", "both", "only"}
_NO_NAME_ENDS = (
    "ing", "ed", "ly", "al", "ic", "ive", "ite", "ous", "less", "ble", "ment", "tion", "sion",
    "ity", "ness", "gon", "oid", "ent", "ary", "cle", "gle", "ism", "ure",
)  # fmt: skip
_TEXT_NO_NAMES = (
    "all always another any both concave convex converge converges diverge diverges each either "
    "equal every everything few greater heads impossible infinite less many more neither never "
    "nobody not nothing other rational several smaller some sometimes square rhombus kite cube "
    "sphere cone line plane point tails unique unknown red orange yellow green blue purple black "
    "white gray grey brown pink prime"
)
_NO_NAMES = frozenset(_TEXT_NO_NAMES.split())
"""Words that begin with a capital letter as often as not, and are no names."""


def worded(words: list[str]) -> Words:
    """Words of one answer, as they were written, with their kind if it is a known one."""
    lower = [word.lower() for word in words]
    told = [word for word in lower if word not in _ARTICLES] or lower
    kept = told[1:] if told[0] in _BEFORE and len(told) > 1 else told
    if "no" in kept:  # there is no solution, no solution exists
        kept = [word for word in kept if word not in _EXISTENCE]
    kind, text = _CLOSED.get(" ".join(kept), ("", " ".join(told)))
    text = "does not exist" if text == "dne" else text
    if not kind and len(words) <= 2 and all(map(_is_name, words)):
        kind = NAME
    return Words(text, kind)


def _is_name(word: str) -> bool:
    plain = word[:1].isupper() and word[1:].islower() and len(word) >= 3
    return plain and word.lower() not in _NO_NAMES and not word.endswith(_NO_NAME_ENDS)


def words(a: Value, b: Value, policy: Policy) -> Verdict:
    """Two answers of which at least one is words."""
    if isinstance(a, Words) and isinstance(b, Words):
        return _both(a, b, policy)
    told, thing = (a, b) if isinstance(a, Words) else (b, a)
    assert isinstance(told, Words)  # noqa: S101 (one of them is)
    if isinstance(thing, Ratio):
        return _clocks(told, thing, policy)
    if told.kind == NOTHING:
        return _nothing(thing)
    if told.kind == REALS:
        if isinstance(thing, Group | Union):
            return EQUAL if sets.everything(thing) else DIFFERENT
        return DIFFERENT if _is_number(thing) else UNKNOWN
    if told.kind == TRUTH and _is_number(thing):
        return UNKNOWN if _value(thing) in (0, 1) else DIFFERENT
    if told.kind == TIME and _is_number(thing):
        return _hour(told, thing, policy)
    if told.kind == NUMBERS and isinstance(thing, Group | Union) and sets.everything(thing):
        return DIFFERENT  # the integers, and all real numbers
    if isinstance(thing, Group) and all(isinstance(item, Words) for item in thing.items):
        listed = " ".join(item.text for item in thing.items if isinstance(item, Words))
        return EQUAL if listed == told.text and thing.brackets == "" else UNKNOWN
    return UNKNOWN


def _both(a: Words, b: Words, policy: Policy) -> Verdict:
    if a.text == b.text and (a.kind == b.kind or not (a.kind and b.kind)):
        return EQUAL
    kinds = {a.kind, b.kind}
    if kinds == {TRUTH}:
        if (a.text in ("yes", "no")) != (b.text in ("yes", "no")) and policy.truth == "apart":
            return UNKNOWN
        return EQUAL if _YES[a.text] == _YES[b.text] else DIFFERENT
    if kinds == {DATE}:
        agree = same_date(a.text, b.text)
        if agree and a.text != b.text and policy.units == "required":
            agree = False
        return UNKNOWN if agree is None else EQUAL if agree else DIFFERENT
    if kinds == {NAME}:
        return DIFFERENT if _apart(a.text, b.text) else UNKNOWN
    if "" in kinds or NAME in kinds or kinds in _OVERLAP:
        return UNKNOWN
    if len(kinds) == 2 and all(kind.startswith(WAY) for kind in kinds):
        return UNKNOWN  # north is up on a map
    return DIFFERENT


_OVERLAP = ({TRUTH, NOTHING}, {DATE, DAY}, {DATE, MONTH}, {DATE, TIME}, {DAY, TIME})
"""Kinds of which each may tell a part of one answer: Tuesday, and the third of March."""


def _apart(one: str, other: str) -> bool:
    """Whether two names share no word and look like no misspelling, short form or initial."""
    mine, its = one.split(), other.split()
    return not any(x[:3] == y[:3] or _edits(x, y) <= 2 for x in mine for y in its)


def _edits(one: str, other: str) -> int:
    """How many letters have to be changed, added or removed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for at, x in enumerate(one, 1):
        before, row = row, [at]
        for i, y in enumerate(other, 1):
            row.append(min(before[i] + 1, row[-1] + 1, before[i - 1] + (x != y)))
    return row[-1]


def _is_number(thing: Value) -> bool:
    return isinstance(thing, Quantity) and thing.node.op == "number"


def _value(thing: Value) -> object:
    return thing.node.value if isinstance(thing, Quantity) else None


def _nothing(thing: Value) -> Verdict:
    """No solution, against something: a number other than 0 (which may count them) is one."""
    if isinstance(thing, Group):
        if not thing.items:
            return EQUAL
        if sets.everything(thing):
            return DIFFERENT
        return DIFFERENT if all(map(_is_number, thing.items)) else UNKNOWN
    return DIFFERENT if _is_number(thing) and _value(thing) != 0 else UNKNOWN


def _clocks(told: Words, ratio: Ratio, policy: Policy) -> Verdict:
    """Words against hours and minutes without am or pm."""
    hours = hours_of(ratio)
    if told.kind != TIME or hours is None:
        return UNKNOWN
    hour, minute = hours
    if not may_be(told.text, hour, minute):
        return DIFFERENT
    whole = told.text == f"{hour:0>2}:{minute:0>2}" and not 1 <= hour <= 12
    return EQUAL if whole or policy.units == "optional" else DIFFERENT


def _hour(told: Words, thing: Value, policy: Policy) -> Verdict:
    """3 pm against 3, where the question says that it asks for the hour."""
    value = _value(thing)
    assert isinstance(thing, Quantity)  # noqa: S101 (it is a number)
    if thing.unit or policy.units == "required" or value not in range(25):
        return UNKNOWN
    if told.text[2:] != ":00":
        return UNKNOWN
    return EQUAL if may_be(told.text, int(value), 0) else DIFFERENT  # type: ignore[call-overload]


def ratios(a: Value, b: Value, policy: Policy) -> Verdict:
    """Two ratios, of which both may be times of day; or a ratio and something else.

    a:b, which "a to b" is as well, is the quotient a/b; beside an interval or a list of the same
    two numbers it is UNKNOWN, since "3 to 4" may be a range.
    """
    if not (isinstance(a, Ratio) and isinstance(b, Ratio)):
        return _ratio_with(a, b, policy) if isinstance(a, Ratio) else _ratio_with(b, a, policy)
    one, other = hours_of(a), hours_of(b)
    if one and other and one == other:
        return EQUAL
    if len(a.items) != len(b.items):
        return DIFFERENT
    found = [
        same(Node("*", (x, b.items[0])), Node("*", (y, a.items[0])), policy)
        for x, y in zip(a.items[1:], b.items[1:], strict=True)
    ]
    if one and other and one[1] == other[1] and (one[0] - other[0]) % 12 == 0:
        return UNKNOWN  # 3:30 and 15:30
    if DIFFERENT in found:
        return DIFFERENT
    return UNKNOWN if UNKNOWN in found else EQUAL


def _ratio_with(ratio: Value, thing: Value, policy: Policy) -> Verdict:
    assert isinstance(ratio, Ratio)  # noqa: S101 (the caller's first)
    if isinstance(thing, Group) and len(thing.items) == len(ratio.items):
        ends = zip(ratio.items, thing.items, strict=True)
        known = (
            isinstance(y, Quantity) and same(x, y.node, policy) is not DIFFERENT for x, y in ends
        )
        return UNKNOWN if all(known) else DIFFERENT
    if not isinstance(thing, Quantity):
        return DIFFERENT
    measured = measure(thing.unit) if thing.unit else None
    if hours_of(ratio) and measured and measured[0] == (("time", 1),):
        return UNKNOWN  # 2:30 as a time that something takes
    if len(ratio.items) != 2:
        return DIFFERENT
    verdict = same(Node("/", ratio.items), thing.node, policy)
    if hours_of(ratio) and verdict is not EQUAL:
        hour, minute = hours_of(ratio) or (0, 0)
        if minute == 0 and thing.node.op == "number" and thing.node.value == hour:
            return UNKNOWN  # 3:00 and 3
    return DIFFERENT if verdict is not EQUAL else EQUAL
