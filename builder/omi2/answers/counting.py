"""Numbers in words, and the words beside a number that turn it into something else.

"twenty-five", "three sixteenths", "two and a half", "three point five" and "negative five" are
numbers. After "twice", before "squared" or beside "north" a number is not the answer any more:
`noun` and `TURNS_BEFORE` say so, and what has such a word is not read.

Not covered: words that turn a number and are in no list here; all other arithmetic in words.
"""

from fractions import Fraction

from omi2.answers.trees import Unreadable

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_NUMERALS = {word: at for at, word in enumerate(_NUMBER_WORDS.split())}
_TEXT_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: at for word, at in zip(_TEXT_TENS.split(), range(20, 100, 10), strict=True)}
_TEXT_PARTS = (
    "half third quarter fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_PARTS = {word: at for at, word in enumerate(_TEXT_PARTS.split(), 2)}
_PARTS |= {"fourth": 4, "hundredth": 100, "thousandth": 1000}
ORDINALS = {"first": 1, "second": 2, "third": 3, "twelfth": 12} | {
    word: at for word, at in _PARTS.items() if word.endswith("th")
}
"""Words for a place in an order. From the third on they are words for a part as well."""
MANY_PARTS = {"halves" if word == "half" else f"{word}s": at for word, at in _PARTS.items()}
SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_TEXT_TURNS = (
    "not never no least most than less fewer over under below above beneath between within before "
    "after since until ago later earlier past minus divided multiplied increased decreased reduced "
    "doubled tripled halved doubling factorial base root power squared cubed modulo mod choose out "
    "versus vs without except excluding but besides everything twice thrice double triple "
    "quadruple decrease loss lost drop deficit debt reduction negative "
    "north south east west northeast northwest southeast southwest up down upward upwards downward "
    "downwards clockwise counterclockwise anticlockwise behind ahead forward forwards backward "
    "backwards back right inverse reciprocal opposite"
)
_TURNS = frozenset(_TEXT_TURNS.split()) | _PARTS.keys() | MANY_PARTS.keys()
"""Words beside a number after which it is not the answer any more, or may not be."""
_TEXT_AHEAD = "multiple multiples times plus odd even prime divisible th percent"
_TURNS_AHEAD = frozenset(_TEXT_AHEAD.split())
TURNS_BEFORE = (_TURNS | _TURNS_AHEAD) - {"right"}
SIGNS = {"negative", "minus"}


def spelled(words: list[str]) -> tuple[Fraction | None, list[str]]:
    """The number that words begin with (twenty-five; one half), and the words after it."""
    total, part, at, ones = Fraction(0), 0, 0, False
    if words[0] in SIGNS and len(words) > 1:
        count, rest = spelled(words[1:])
        return (None if count is None else -count), rest
    if words == ["half", "a", "dozen"]:
        return Fraction(6), []
    if words[:1] == ["a"] and words[1:2] and words[1] in _PARTS:
        return Fraction(1, _PARTS[words[1]]), words[2:]
    if words == ["half"]:
        return Fraction(1, 2), []
    if words[0] == "a" and words[1:2] and words[1] in SCALES:
        words = words[1:]
    while at < len(words):
        word = words[at]
        if word in _NUMERALS and not ones:
            part, ones = part + _NUMERALS[word], True
        elif word in _TENS and part % 100 == 0 and not ones:
            part += _TENS[word]
        elif word in ("first", "second") and part % 100 >= 20 and not ones:
            return total + part + ORDINALS[word], ["th", *words[at + 1 :]]  # a third is a part, too
        elif word in SCALES:
            part, ones = max(part, 1) * SCALES[word], False
            if word not in ("hundred", "dozen"):
                total, part = total + part, 0
        elif word in _PARTS and ones and part == 1 and not total:
            return Fraction(1, _PARTS[word]), words[at + 1 :]
        elif word in MANY_PARTS and ones and part > 1 and not total:
            return Fraction(part, MANY_PARTS[word]), words[at + 1 :]
        elif word == "point" and at and words[at + 1 : at + 2]:
            return _decimals(total + part, words[at + 1 :])
        elif words[at : at + 3] == ["and", "a", "half"] and at:
            return total + part + Fraction(1, 2), words[at + 3 :]
        elif not (word == "and" and at and words[at + 1 : at + 2] and _counts(words[at + 1])):
            break
        at += 1
    return (total + part if at else None), words[at:]


def _decimals(whole: Fraction, words: list[str]) -> tuple[Fraction, list[str]]:
    """What "five" says after "three point", and the words after it."""
    place, at = Fraction(1), 0
    while at < len(words) and _NUMERALS.get(words[at], 10) < 10:
        place /= 10
        whole += _NUMERALS[words[at]] * place
        at += 1
    if at == 0:
        raise Unreadable("a point without digits")
    return whole, words[at:]


def _counts(word: str) -> bool:
    return word in _NUMERALS or word in _TENS


def noun(words: list[str]) -> str:
    """Words that may stand after a number and leave it what it is. Raises Unreadable."""
    lower = [word.lower() for word in words]
    counts = {w for w in lower if w in _NUMERALS or w in _TENS or w in SCALES or w == "half"}
    alone = lower in (["square"], ["cube"]) or (lower[:1] == ["times"] and len(lower) > 1)
    if counts or alone or _TURNS & set(lower):
        raise Unreadable("a phrase that says more than a number")
    if lower[:1] == ["to"] or (lower and lower[0] in ORDINALS):
        raise Unreadable("a ratio in words, or a place")
    return " ".join(words)
