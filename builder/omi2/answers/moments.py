"""Times of day and dates, in words and in figures.

A time with am or pm is told in 24 hours ("3:30 p.m." and "noon" are 15:30 and 12:00). Hours and
minutes alone stay a `Ratio` whose numbers are marked: they may be a time or a ratio, and `wording`
compares them as both. A date is year, month, day and weekday, of which some may be missing; one in
figures that can be read in two ways (3/5/2020) keeps both readings.

Not covered: time zones, half past and quarter to, years before 1500, two-digit years.
"""

import re
from fractions import Fraction

from omi2.answers.counting import ORDINALS
from omi2.answers.lex import Token
from omi2.answers.probe import CLOCK
from omi2.answers.trees import Node, Ratio, Words

TIME, DATE, DAY, MONTH = "time", "date", "day", "month"
"""The kinds of `Words` that are read here."""
_MONTH_NAMES = (
    "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
    "september sep sept|october oct|november nov|december dec"
)
MONTHS = {name: at for at, month in enumerate(_MONTH_NAMES.split("|"), 1) for name in month.split()}
_DAY_NAMES = (
    "monday mon|tuesday tue tues|wednesday wed|thursday thu thur thurs|friday fri|saturday sat|"
    "sunday sun"
)
DAYS = {name: at for at, day in enumerate(_DAY_NAMES.split("|"), 1) for name in day.split()}
_BESIDE = {"at", "it", "is", "was", "the", "on", "of", "in", "exactly", ",", ".", "st", "nd", "rd"}
_BESIDE |= {"th"}
_CLOCK = re.compile(
    r"(?P<h>\d{1,2})(?:(?:\:(?P<m>\d\d))?(?:\:(?P<s>\d\d))?(?P<half>am|pm)"
    r"|(?:\:00)?(?P<twelve>noon|midnight)|(?P<clock>o'clock))"
)
_FIGURES = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d{1,2})/(\d{1,2})/(\d{4})")
"""2020-3-5 and 3-5-2020 are differences."""
_YEARS = range(1500, 2200)


def moment(found: list[Token]) -> Words | Ratio | None:
    """The date or the time of day that these tokens are, or None."""
    told = [token.text.lower() for token in found]
    if not any(word in MONTHS or word in _SIGNS for word in told):
        return None
    words = [word for word in told if word not in _BESIDE]
    return _time("".join(words)) or _named(found, words) or _figures("".join(told))


_SIGNS = {"am", "pm", "noon", "midnight", "clock", "morning", "afternoon", "evening", "-", "/"}
"""One of these, or the name of a month, stands in everything that is read here."""


def clock(hours: str, minutes: str) -> Ratio | None:
    """Hours and minutes, which may be a ratio as well, with their numbers marked."""
    if hours.isdigit() and len(hours) <= 2 and int(hours) <= 24:  # noqa: SIM102
        if minutes.isdigit() and len(minutes) == 2 and int(minutes) < 60:
            items = (Node("number", name=CLOCK, value=Fraction(n)) for n in (hours, minutes))
            return Ratio(tuple(items))
    return None


def _time(text: str) -> Words | Ratio | None:
    if text in ("noon", "midnight"):
        return Words("12:00" if text == "noon" else "00:00", TIME)
    text = text.replace("morning", "am").replace("afternoon", "pm").replace("evening", "pm")
    match = _CLOCK.fullmatch(text)
    if match is None or not 1 <= (hour := int(match["h"])) <= 12:
        return None
    minutes, seconds = match["m"] or "00", match["s"] or "00"
    if match["clock"]:
        return clock(match["h"], minutes)
    if int(minutes) >= 60 or int(seconds) >= 60 or (match["twelve"] and hour != 12):
        return None
    late = match["half"] == "pm" or match["twelve"] == "noon"
    told = f"{hour % 12 + 12 * late:0>2}:{minutes}"
    return Words(told if seconds == "00" else f"{told}:{seconds}", TIME)


def _named(found: list[Token], words: list[str]) -> Words | None:
    """A date with the name of its month."""
    month, day, year, weekday = 0, 0, 0, 0
    for word in words:
        number = int(word[:6]) if word.isdigit() else ORDINALS.get(word, 0)
        if word in MONTHS and not month:
            month = MONTHS[word]
        elif word in DAYS and not weekday:
            weekday = DAYS[word]
        elif 1 <= number <= 31 and not day:
            day = number
        elif number in _YEARS and not year:
            year = number
        else:
            return None
    return Words(_date(year, month, day, weekday), DATE) if month and (day or year) else None


def _figures(text: str) -> Words | None:
    """2020-03-05, 3/5/2020 or 25.12.2020; both readings where there are two, the American first:
    3/5/2020 and 5/3/2020 have the same two, and are no one day."""
    match = _FIGURES.fullmatch(text)
    if match is None:
        return None
    iso, american, other = (match.group(*order) for order in ((1, 2, 3), (6, 4, 5), (6, 5, 4)))
    orders = [iso] if match[1] else [american, other]
    dates = dict.fromkeys(
        _date(int(year), int(month), int(day), 0)
        for year, month, day in orders
        if int(year) in _YEARS and 1 <= int(month) <= 12 and 1 <= int(day) <= 31
    )
    return Words("|".join(dates), DATE) if dates else None


def _date(year: int, month: int, day: int, weekday: int) -> str:
    return "-".join(str(part or "?") for part in (year, month, day, weekday))


def same_date(one: str, other: str) -> bool | None:
    """Whether two dates are one, if a missing year or weekday is forgiven; None if that hangs on
    how figures are read, or on a missing day."""
    readings = [(a.split("-"), b.split("-")) for a in one.split("|") for b in other.split("|")]
    agreeing = [
        all(x == y or "?" in (x, y) for x, y in zip(a, b, strict=True)) for a, b in readings
    ]
    if not any(agreeing):
        return False
    told = all((a[2] == "?") == (b[2] == "?") for a, b in readings)
    return True if told and len(readings) == 1 else None


def hours_of(ratio: Ratio) -> tuple[int, int] | None:
    """The hour and the minute, if the numbers of a ratio may be those of a time."""
    if len(ratio.items) != 2 or any(item.name != CLOCK for item in ratio.items):
        return None
    return int(ratio.items[0].value), int(ratio.items[1].value)


def may_be(time: str, hour: int, minute: int) -> bool:
    """Whether a time in 24 hours can be written with this hour and minute, without am or pm."""
    hours, minutes, *_ = (int(part) for part in time.split(":"))
    return minute == minutes and time.count(":") == 1 and (hour == hours or 1 <= hour == (hours - 1) % 12 + 1)  # noqa: E501  # fmt: skip
