"""Units of measure: which words are units, and how they convert. And how words are compared.

A unit is a dimension and an exact scale; a unit such as "cm^2", "miles per hour" or "m/s" is read
as a product of powers. Words that are no known unit ("vacuum cleaners") are counted nouns.

Not covered: units of measure with a prefix beyond the common ones; which gallon or ton is meant and
how many days a month has (`convertible` says that no verdict is to be had by them); ambiguous
letters (a lone m or g is a variable unless it stands in \\text or \\mathrm).
"""

import re
from fractions import Fraction
from functools import lru_cache

F = Fraction
_TABLE = {
    "length": {
        "mm millimeter millimetre": F(1, 1000),
        "cm centimeter centimetre": F(1, 100),
        "dm decimeter decimetre": F(1, 10),
        "m meter metre": F(1),
        "km kilometer kilometre": F(1000),
        "in inch inche inches": F(254, 10000),
        "ft foot feet": F(3048, 10000),
        "yd yard": F(9144, 10000),
        "mi mile": F(1609344, 1000),
    },
    "time": {
        "ms millisecond": F(1, 1000),
        "s sec second": F(1),
        "min minute": F(60),
        "h hr hour": F(3600),
        "day": F(86400),
        "wk week": F(604800),
    },
    "years": {"month": F(1), "yr year": F(12), "decade": F(120), "century centurie": F(1200)},
    "mass": {
        "mg milligram": F(1, 1000),
        "g gram": F(1),
        "kg kilogram": F(1000),
        "tonne": F(1_000_000),
        "oz ounce": F(45359237, 1_600_000),
        "lb lbs pound": F(45359237, 100_000),  # by treaty, since 1959
    },
    "ton": {"ton": F(1)},
    "length^3": {
        "ml mL milliliter millilitre": F(1, 10**6),
        "l L liter litre": F(1, 1000),
    },
    "kitchen": {"cup": F(1), "pint": F(2), "qt quart": F(4), "gal gallon": F(16)},
    "money": {"cent ¢": F(1, 100), "$ dollar usd USD buck": F(1)},
    "euro": {"€ euro EUR": F(1)},
    "sterling": {"£ GBP": F(1)},
    "rupee": {"₹ rs rupee INR": F(1)},
    "angle": {"deg degree": F(1)},
    "radian": {"rad radian": F(1)},
    "part": {"% percent percentage pct": F(1)},
    "force": {"N newton": F(1)},
    "energy": {"J joule": F(1), "kJ kilojoule": F(1000)},
    "power": {"W watt": F(1), "kW kilowatt": F(1000)},
    "volt": {"V volt": F(1)},
    "ampere": {"A ampere amp": F(1)},
    "frequency": {"Hz hertz": F(1)},
    "temperature": {"celsius": F(1)},
    "temperature in America": {"fahrenheit": F(1)},
    "pressure": {"Pa pascal": F(1)},
    "unit": {"unit": F(1)},
}
UNITS: dict[str, tuple[str, int, Fraction]] = {
    word: (dimension.partition("^")[0], int(dimension.partition("^")[2] or 1), scale)
    for dimension, units in _TABLE.items()
    for words, scale in units.items()
    for word in words.split()
}
"""The dimension of a word, its power, and its scale."""
_KIN = {
    "time": "time", "years": "time", "frequency": "work", "mass": "weight", "ton": "weight",
    "force": "work", "kitchen": "volume", "angle": "turn", "radian": "turn",
    "temperature": "heat", "temperature in America": "heat", "energy": "work", "power": "work",
    "volt": "work", "ampere": "work", "pressure": "work",
}  # fmt: skip
"""Dimensions that are not converted here, but elsewhere: of one family."""
_LONE = {"in", "s", "h", "g", "l", "m", "a", "A", "N", "J", "W", "V", "L"}
"""Too short to be taken for a unit in plain text; in \\text or \\mathrm they are one."""
_SHORT = {"mph": "mile / hour", "kph": "km / hour", "kmh": "km / hour"}
IN_PLAIN_TEXT = frozenset(w for w in (*UNITS, *_SHORT, "sq", "cu") if len(w) > 1) - _LONE
CURRENCIES = frozenset({"USD", "EUR", "GBP", "INR", "Rs"})
"""What stands before a sum of money as its sign does."""
_DEGREES = re.compile(
    r"\bdeg(?:rees?)? (?:celsius|c)\b|\bdeg(?:rees?)? (fahrenheit|f)\b", re.IGNORECASE
)
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_TEXT_NOISE = (
    "a an the of is are was were in at to be total about approximately each exactly only so "
    "answer final there will equals equal did does"
)
_NOISE = frozenset(_TEXT_NOISE.split())
_PLURALS = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "feet": "foot",
    "teeth": "tooth", "mice": "mouse", "geese": "goose", "halves": "half", "loaves": "loaf",
    "leaves": "leaf", "knives": "knife", "shelves": "shelf", "dice": "die", "oxen": "ox",
}  # fmt: skip
Dimensions = tuple[tuple[str, int], ...]


def known(word: str) -> tuple[str, int, Fraction] | None:
    """A word's dimension, power and scale, singular or plural, or None."""
    for form in (word, word.lower(), word.lower().removesuffix("s")):
        if form in UNITS:
            return UNITS[form]
    return None


@lru_cache(4096)
def measure(unit: str) -> tuple[Dimensions, Fraction] | None:
    """The dimensions (with powers) and the scale of a unit such as `cm ^2 / s`; None if unknown.

    What stands behind a bar (`liter|milk`) is no part of it.
    """
    unit = unit.partition("|")[0]
    powers: dict[str, int] = {}
    scale = Fraction(1)
    sign, pending = 1, 1
    unit = _DEGREES.sub(lambda m: "fahrenheit" if m.group(1) else "celsius", unit)
    unit = _SHORT.get(unit.lower(), unit).replace("per cent", "percent")
    last: tuple[str, int, Fraction] | None = None
    for word in re.findall(r"\^-?\d|/|[^\s/^]+", unit):
        if word in ("/", "per"):
            sign = -1
        elif word[0] == "^" or word in ("squared", "cubed"):
            power = int(word[1:]) if word[0] == "^" else _POWERS[word]
            if last is None:
                return None
            powers[last[0]] = powers.get(last[0], 0) + sign * last[1] * (power - 1)
            scale *= last[2] ** (sign * (power - 1))
        elif word in _POWERS:
            pending = _POWERS[word]
        else:
            last = known(word)
            if last is None:
                return None
            powers[last[0]] = powers.get(last[0], 0) + sign * last[1] * pending
            scale *= last[2] ** (sign * pending)
            pending = 1
    if last is None or pending != 1:
        return None
    return tuple(sorted((k, v) for k, v in powers.items() if v)), scale


@lru_cache(256)
def scales(dimensions: Dimensions) -> frozenset[Fraction]:
    """The scales of the units of a plain dimension (or of its power) that have a name here."""
    if len(dimensions) != 1:
        return frozenset()
    ((name, power),) = dimensions
    return frozenset(
        scale ** (power // its)
        for of, its, scale in UNITS.values()
        if of == name and power % its == 0
    )


def convertible(one: Dimensions, other: Dimensions) -> bool:
    """Whether some table might convert these dimensions, which ours does not."""
    if one == other:
        return True
    families = [
        [("volume", 1)]
        if dimensions == (("length", 3),)
        else sorted((_KIN.get(name, name), power) for name, power in dimensions)
        for dimensions in (one, other)
    ]
    work = any(name == "work" for family in families for name, _ in family)
    return families[0] == families[1] or work


def telling(text: str) -> bool:
    """Whether words say anything about what is counted."""
    return bool(_stems(text))


def same_nouns(a: str, b: str) -> bool:
    """Whether two counted nouns are one, or one says more than the other (coins, gold coins)."""
    mine, other = _stems(a), _stems(b)
    return mine <= other or other <= mine


def _stems(text: str) -> set[str]:
    return {_singular(word) for word in set(re.findall(r"[^\W_]+", text.lower())) - _NOISE}


def _singular(word: str) -> str:
    """One form for a noun and its plural; not always the one that a dictionary has."""
    if word in _PLURALS or len(word) <= 3:
        return _PLURALS.get(word, word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word if word.endswith("ss") else word.removesuffix("s")
