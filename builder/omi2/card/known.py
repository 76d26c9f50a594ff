"""Facts of which a part may be missing: an older release's, or a report without that section.

`named` makes facts that know their own names. What reads one that is not there gets `Missing`: a
`teller`, which writes a part of the card, then says so in its place, and whatever the card cannot
be made without is an error of one sentence.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from omi2.card.markdown import Markup, code
from omi2.errors import Omi2Error

P = ParamSpec("P")


class Missing(Omi2Error):
    """The facts of a release lack one that its card cannot be made without."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the reports of this release lack {name}, and its card cannot be made without it:"
            " build it again, in a run directory of its own (--run)"
        )
        self.name = name


class Section(dict[str, Any]):
    """A table of facts that knows its name."""

    name = ""

    def __missing__(self, key: str) -> Any:
        raise Missing(f"{self.name}{key}")


def named(facts: Any, name: str = "") -> Any:
    """The same facts, every table of which knows its dotted name."""
    if isinstance(facts, Section):
        return facts
    if isinstance(facts, list):
        return [named(inner, name) for inner in facts]
    if not isinstance(facts, dict):
        return facts
    made = Section({key: named(inner, f"{name}{key}.") for key, inner in facts.items()})
    made.name = name
    return made


def teller(tell: Callable[P, Markup]) -> Callable[P, Markup]:
    """A part of the card, which says what it lacks."""

    @wraps(tell)
    def told(*given: P.args, **more: P.kwargs) -> Markup:
        try:
            return tell(*given, **more)
        except Missing as missing:
            return Markup(f"Not known: the reports of this release lack {code(missing.name)}.")

    return told
