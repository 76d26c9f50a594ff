"""What a release that was made for an experiment says of itself; nothing for any other."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from omi2.card.markdown import code, join

Facts = Mapping[str, Any]


def experiment(facts: Facts) -> Markup:
    """The ablations of `omi2.ablate` that a release was made with, and how many rows each took."""
    split, grade = facts["recipe"]["split"], facts["recipe"]["grade"]
    told = next((s for s in facts["funnel"] if s["stage"] == "split"), {})
    gone: Mapping[str, int] = told.get("dropped", {})
    parts = []
    if split.get("match"):
        left = gone.get("not_in_matched_release", 0)
        parts.append(
            Markup("only what the release {} covers, with at most as many rows of a problem")
            .format(code(split["match"])) + _left(left)
        )  # fmt: skip
    if split.get("problems"):
        left = gone.get("beyond_problems", 0)
        parts.append(Markup(f"{split['problems']:,} problems, chosen by hash") + _left(left))
    if split.get("rows_per_problem"):
        left = gone.get("beyond_rows_per_problem", 0)
        parts.append(Markup(f"at most {split['rows_per_problem']:,} rows a problem") + _left(left))
    if grade.get("noise"):
        wrong, rows = told.get("facts", {}).get("wrong_on_purpose", 0), facts["rows"]
        parts.append(
            Markup(
                f"{wrong:,} solutions that are **wrong on purpose** ({wrong / max(rows, 1):.1%} of "
                f"the rows; {grade['noise']:.0%} was asked for), which have 0 votes"
            )
        )
    if not parts:
        return Markup("")
    return Markup("**This release was made for an experiment.** It holds ") + join(parts) + "."


def _left(count: int) -> Markup:
    return Markup(f" ({count:,} rows were left out for it)")
