"""The three verdicts, and what is a matter of convention rather than of mathematics.

`Verdict` is what every comparison returns. `Policy` holds the questions that no mathematics
answers, with the default and the reason for it; `compare`, `classes` and `grade` take one.
"""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """EQUAL, DIFFERENT, or UNKNOWN, which no caller may take for either."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


EQUAL, DIFFERENT, UNKNOWN = Verdict.EQUAL, Verdict.DIFFERENT, Verdict.UNKNOWN


@dataclass(frozen=True)
class Policy:
    """What counts as the same answer. The defaults are what a fair examiner would do."""

    percent: str = "either"
    """`either`: 28% equals 0.28 and also a bare 28, since a question that asks "what percentage"
    is answered both ways; 0.28 never equals 28. `exact`: 28% is 0.28 alone."""
    units: str = "optional"
    """`optional`: a missing unit (or degree sign, currency, counted noun, am or pm, year of a date)
    is forgiven, since the question usually names it; two units must agree, and are converted (50 cm
    is 0.5 m, not 50 m). `required`: both or neither have one."""
    list_order: str = "free"
    """`free`: a bare list or a set has no order (6,-2 is -2,6). `kept`: it has. Brackets ( ) and
    [ ] always keep it: they write points, vectors and intervals. [3, 1] and [1, 2, 3] are lists, as
    Python prints them, and equal 3, 1 and 1, 2, 3; [1, 3] beside 1, 3 is UNKNOWN, since it writes
    an interval as well."""
    several: str = "all"
    """`all`: a list never equals a single value. `last`: its last value speaks for it (30, 45, 105
    is 105), as some benchmarks' graders have it; that is wrong for `find all`, and would make
    classes overlap, so it has to be asked for."""
    truth: str = "same"
    """`same`: true is yes and false is no, since "is it?" and "true or false: it is" ask the same,
    and models answer either with either. `apart`: True against yes is UNKNOWN."""
    rounded: int = 4
    """A decimal with at least this many significant digits equals an exact value that it rounds or
    cuts (1.414 and the root of 2; 0.3333 and 1/3, but not 0.33). Integers and terminating decimals
    of fewer digits are exact. 0: never."""
    tolerance: float = 1e-9
    """Relative; between two numbers that are both written as decimals, for floating-point dust."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("percent", ("either", "exact")),
            ("units", ("optional", "required")),
            ("list_order", ("free", "kept")),
            ("several", ("all", "last")),
            ("truth", ("same", "apart")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}: one of {', '.join(allowed)}")
        for name in ("rounded", "tolerance"):
            if not isinstance(told := getattr(self, name), int | float) or not 0 <= told < 100:
                raise ValueError(f"{name} is {told!r}: a number from 0 to 100")


DEFAULT = Policy()
