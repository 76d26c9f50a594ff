"""Numbers in words as numbers in digits: `two hundred and five` is 205, `3 million` is 3000000.

Not covered: ordinals, fractions in words, other languages.
"""

from collections.abc import Sequence
from decimal import Decimal

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
VALUES = {
    **{word: value for value, word in enumerate(_SMALL)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    **SCALES,
}
MOST_WORDS = 16
"""Words that are looked at for one number."""
_MOST_DIGITS = 15


def canonical(word: str) -> str:
    """A word alone, its number plain: `five` is 5, and 2.50 is 2.5."""
    if word in VALUES:
        return str(VALUES[word])
    return word.rstrip("0").rstrip(".") if "." in word else word


def number_at(tokens: Sequence[str]) -> tuple[int, str]:
    """How many words from the first on make one number, and it; (0, "") for fewer than two.

    >>> number_at(["two", "hundred", "and", "five", "lamps"])
    (4, '205')
    >>> number_at(["nine", "ten"])
    (0, '')
    """
    total, current, last, used = Decimal(0), Decimal(0), Decimal(0), 0
    least = Decimal(10**9)  # of the scales so far: each is smaller than the one before
    for at, word in enumerate(tokens[:MOST_WORDS]):
        following = VALUES.get(tokens[at + 1], 100) if at + 1 < len(tokens) else 100
        if word == "and" and last >= 100 and following < 100:
            continue
        if word in VALUES:
            value = Decimal(VALUES[word])
        elif not at and word[0].isdigit() and len(word) <= _MOST_DIGITS:
            value = Decimal(word)
            if following < 100 or len(tokens) < 2 or tokens[1] not in SCALES:
                break
        else:
            break
        if word == "hundred":
            if at and not 0 < current < 100:
                break
            current = 100 * (current if at else Decimal(1))
        elif word in SCALES:
            if at and (not current or value >= least):
                break
            total += value * (current if at else Decimal(1))
            current, least = Decimal(0), value
        elif not at or last >= 100 or (last >= 20 and 0 < value < 10 and not last % 10):
            current += value
        else:
            break
        last, used = value, at + 1
    return (used, canonical(f"{total + current:f}")) if used > 1 else (0, "")


def joined(tokens: Sequence[str]) -> list[str]:
    """The words with every number in digits."""
    out, at = [], 0
    while at < len(tokens):
        used, number = number_at(tokens[at : at + MOST_WORDS]) if begins(tokens, at) else (0, "")
        out.append(number if used else canonical(tokens[at]))
        at += used or 1
    return out


def begins(tokens: Sequence[str], at: int) -> bool:
    """Whether a number of several words may begin here: what `number_at` is asked about."""
    if at + 1 >= len(tokens):
        return False
    if tokens[at + 1] in VALUES:
        return tokens[at] in VALUES or tokens[at][0].isdigit()
    return tokens[at] in SCALES and tokens[at + 1] == "and"
