r"""What is done to the text of a solution, and when it is dropped (paper, appendix; NeMo-Skills).

Pure functions of one text; `omi2.rules_column` does the same for millions. `judge` applies every
rule in the paper's order and says what it found; `rewrite` makes the released solution from the
generation and what `judge` found.

| rule             | what it does                                                                  |
|------------------|-------------------------------------------------------------------------------|
| prefix           | cuts a leading "My solution:" line                                            |
| one_box          | drops a solution with more than one box                                       |
| trim             | cuts after the answer's sentence (paper) or line (NeMo-Skills)                |
| arithmetic       | drops a solution in which a chain `a op b = c` of plain numbers does not hold |
| arithmetic_split | writes `2 + 3*4 = 14` as `2 + 3*4 = 2 + 12 = 14`                              |
| length           | drops what is shorter than min_chars or longer than max_tokens                |
| box_matches      | drops a solution that, once cut, ends with another answer (`omi2.marks`)      |
| marks            | flags a missing box, chat tokens, drawings and code; drops what it is told to |

What cannot be read as plain arithmetic is kept, as in the original.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omi2.answers.boxed import Box, boxes
from omi2.answers.extract import extract
from omi2.arithmetic import expand, wrong_arithmetic
from omi2.marks import marks, mismatched
from omi2.sections import Filter
from omi2.texts import count_tokens as count_tokens

_PREFIX = re.compile(r"\s*(?:\*\*)?[Mm]y solution(?:\*\*)?[ \t]*(?::(?:\*\*)?|(?=\n))\s*")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_ENVIRONMENT_END = re.compile(r"\\end\{[^{}]{1,40}\}")


@dataclass(frozen=True)
class Judgement:
    """What the rules found: the solution is generation[start:end]; `reason` is "" if it is kept."""

    start: int
    end: int
    expanded: bool
    tokens: int
    reason: str
    detail: str
    flags: tuple[str, ...]


def judge(generation: str, rules: Filter) -> Judgement:
    """Apply every rule to a generation; the first that drops it gives the reason."""
    start, end, found = bounds(generation, rules)
    text = generation[start:end]
    wrong = worst(wrong_arithmetic(text))
    solution = expand(text) if rules.arithmetic_split else text
    tokens = count_tokens(solution)
    reason, detail = "", ""
    if rules.one_box and found > 1:
        reason, detail = "several_boxes", f"{found} boxes"
    elif rules.arithmetic and wrong is not None:
        reason = "wrong_arithmetic" if wrong[1] > 1 else "wrong_arithmetic_one_step"
        detail = wrong[0]
    elif len(solution) < max(rules.min_chars, 1):
        reason, detail = "too_short", f"{len(solution)} characters"
    elif tokens > rules.max_tokens:
        reason, detail = "too_long", f"{tokens} tokens"
    elif rules.box_matches and mismatched(generation, start, end):
        reason, detail = "box_not_matching", str(extract(generation))
    flags = marks(solution)
    if not reason:
        reason = next((mark for mark in flags if mark in rules.drop_marked), "")
    return Judgement(start, end, solution != text, tokens, reason, detail, flags)


def bounds(generation: str, rules: Filter) -> tuple[int, int, int]:
    """Where the solution begins and ends, and how many boxes the generation has."""
    prefix = _PREFIX.match(generation)
    start = prefix.end() if prefix else 0
    found = boxes(generation)
    end = len(generation.rstrip())
    if found and rules.trim != "off":
        end = min(end, _answer_end(generation, found, rules.trim))
    return start, max(end, start), len(found)


def rewrite(generation: str, start: int, end: int, expanded: bool) -> str:
    """The released solution: the generation, cut and expanded as `judge` found."""
    text = generation[start:end]
    return expand(text) if expanded else text


def worst(found: Iterable[tuple[str, int]]) -> tuple[str, int] | None:
    """Of the chains that do not hold, the one with most steps: the first of them."""
    return max(found, key=lambda w: w[1], default=None)


def _answer_end(text: str, found: Sequence[Box], mode: str) -> int:
    """Where the trimmed solution ends; a display formula that holds the answer is not cut open."""
    if mode == "line":
        newline = text.find("\n", found[-1].end)
        end = len(text) if newline < 0 else newline
    else:
        stop = _SENTENCE_END.search(text, found[0].end)
        end = len(text) if stop is None else stop.end() - (stop.group() == "\n")
    for opening, mark in (("\\[", "\\]"), ("$$", "$$")):
        opened, closed = text.count(opening, 0, end), text.count(mark, 0, end)
        if opened % 2 if opening == mark else opened > closed:
            close = text.find(mark, end)
            end = close + len(mark) if close >= 0 else end
    if text.count("\\begin{", 0, end) > text.count("\\end{", 0, end):
        closing = _ENVIRONMENT_END.search(text, end)
        end = closing.end() if closing else end
    return end
