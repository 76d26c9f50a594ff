"""The largest thing that a recipe asks of a teacher, so that a check can ask just that.

A prompt is the examples and a problem; the longest that may come is that of a problem of
`max_problem_tokens`, and its answer may take `max_tokens`. Tokens are counted as in `texts`: at
least so many, so an endpoint that takes fewer is certainly too small.
"""

from dataclasses import dataclass

from omi2.prompts import load
from omi2.recipe import Recipe
from omi2.teachers import Request
from omi2.texts import count_tokens

PROBLEM = "What is 4 + 3?"


@dataclass(frozen=True)
class Largest:
    """A request with the longest examples; `tokens` are those with the longest problem."""

    stage: str
    request: Request
    tokens: int


def largest(recipe: Recipe) -> Largest | None:
    """What the stages that ask would ask at most; None where none asks. Raises UsageError."""
    asking = (
        ("augment", recipe.augment, recipe.augment.problems, recipe.augment.max_problem_tokens),
        ("solve", recipe.solve, recipe.solve.samples, recipe.seed.max_problem_tokens),
    )
    found = []
    for stage, rules, counts, longest in asking:
        if not any(count for _, count in counts.values):
            continue
        for source, name in rules.prompt.values if any(n for _, n in rules.prompt.values) else ():
            shots = load(name, stage)
            request = Request(
                shots.render(PROBLEM), rules.temperature.of(source), rules.top_p, rules.max_tokens,
                shots.stop, 1,
            )  # fmt: skip
            tokens = count_tokens(shots.prefix) + longest + rules.max_tokens
            found.append(Largest(stage, request, tokens))
    return max(found, key=lambda one: one.tokens, default=None)
