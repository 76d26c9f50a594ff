"""What a release that was made for an experiment says of itself; nothing for any other."""

from collections.abc import Mapping
from typing import Any

from omi2.card.known import teller
from omi2.card.markdown import Markup, code, join

Facts = Mapping[str, Any]


@teller
def experiment(facts: Facts) -> Markup:
    """The ablations of `omi2.ablate` that a release was made with, and how many rows each took."""
    split, grade = facts["recipe"]["split"], facts["recipe"]["grade"]
    steps = [step for step in facts["funnel"] if step["stage"] == "split"]
    gone: Mapping[str, int] = steps[0]["dropped"] if steps else {}

    def told(words: str, reason: str) -> Markup:
        return Markup(f"{words} ({gone.get(reason, 0):,} rows were left out for it)")

    parts = []
    if split.get("match"):
        words = f"only what the release {code(split['match'])} covers"
        parts.append(told(words, "not_in_matched_release"))
    if split.get("problems"):
        parts.append(told(f"{split['problems']:,} problems, chosen by hash", "beyond_problems"))
    if most := split.get("rows_per_problem"):
        parts.append(told(f"at most {most:,} rows a problem", "beyond_rows_per_problem"))
    if grade.get("noise"):
        wrong = steps[0]["facts"].get("wrong_on_purpose", 0) if steps else 0
        share = (
            f"{wrong / max(facts['rows'], 1):.1%} of the rows; {grade['noise']:.0%} was asked for"
        )
        parts.append(
            Markup(f"{wrong:,} solutions that are **wrong on purpose** ({share}), with 0 votes")
        )
    if not parts:
        return Markup("")
    return Markup(f"**This release was made for an experiment.** It holds {join(parts)}.")
