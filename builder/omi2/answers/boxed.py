r"""Boxes: find every `\boxed{...}` of a text, and the one that counts.

Nested and escaped braces, `\boxed {5}`, `\boxed 5`, `\boxed\text{on Monday}`, `\fbox`, one
backslash too many. The last box counts; or the last few, where nothing but "and" or a comma stands
between them. One pass, linear in the text.

Not covered: boxes that are never closed (they are none); parts of an answer in boxes with prose
between them (the last one wins; the filter stage drops such solutions).
"""

import re
from dataclasses import dataclass

MAX_ANSWER = 2_000
"""Characters; a longer "answer" is a runaway generation and counts as none."""

_BOX = re.compile(
    r"\\(?:boxed|fbox|framebox)(?![A-Za-z])(?:[\s~]*(?=[{\[])|[ \t~]*)"
    r"(?:\[[^\[\]{}]{0,20}\]\s*(?=\{))?(?P<brace>\{)?"
)
_TOKEN = re.compile(
    rf"{_BOX.pattern}|\\(?!\\(?:boxed|fbox|framebox)(?![A-Za-z])).|[{{}}]", re.DOTALL
)
"""A doubled backslash before a box is one too many, not a line break and a word."""
_NESTED = 3
"""Boxes in a box that are taken off; nobody writes more."""
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_GLUE = re.compile(r"(?:[ \t$,;&]|\\q?quad|\\[,;: ]|\\text[ \t]*\{|\}|and|or|\n(?!\n))*")
_NO_GLUE = re.compile(r"[^ \t\n$,;:&\\{}quadtexnor]")
"""A character that glue has not."""


@dataclass(frozen=True)
class Box:
    """One box: text[start:end] is all of it, `content` what stands inside."""

    start: int
    end: int
    content: str


def boxes(text: str) -> list[Box]:
    """Every outermost box of a text that is closed, in order. One pass, however it is nested."""
    spans: list[tuple[int, int, int, int]] = []  # start and end of the box, of what is inside
    opened: list[tuple[int, int] | None] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark == "{":
            opened.append(None)
        elif mark == "}":
            box = opened.pop() if opened else None
            if box is not None:
                spans.append((box[0], token.end(), box[1], token.start()))
        elif token["brace"]:
            opened.append((token.start(), token.end()))
        elif len(mark) > 2:
            stop = _word_end(text, token.end())
            if stop > token.end():
                spans.append((token.start(), stop, token.end(), stop))
    found: list[Box] = []
    for start, end, inside, stop in sorted(spans):
        if not found or start >= found[-1].end:
            found.append(Box(start, end, text[inside:stop]))
    return found


def only_box(text: str) -> str | None:
    r"""The content of the last \boxed{, where it is plainly the only one that counts.

    None says nothing: `boxes` has to look, which would find the same and takes ten times as long.
    """
    at = text.rfind("\\boxed{")
    if at < 0 or text.find("box", at + 6) >= 0:
        return None
    depth = 0
    for match in _BRACE.finditer(text, at):
        mark = match.group()
        if mark == "{":
            depth += 1
        elif mark == "}":
            depth -= 1
            if depth == 0:
                break
    else:
        return None
    end = match.end()
    if text.find("inal answer", end) >= 0:
        return None
    if text.find("box", 0, at) >= 0 and (
        text.find("}", end) >= 0  # it may close a box around this one
        or text.find("box", max(0, at - 300), at) >= 0
        or not _apart(text, at)
    ):
        return None
    return text[at + 7 : end - 1]


def _apart(text: str, at: int) -> bool:
    """Whether what stands before this place cannot be glue that begins at the end of a box."""
    start = max(text.rfind("}", max(0, at - 60), at) + 1, at - 60, 0)
    return _NO_GLUE.search(text, start, at) is not None


def final_boxes(text: str, found: list[Box]) -> str | None:
    """The content of the last box, or of the last few that form one list."""
    last = [found[-1]]
    for box in reversed(found[:-1]):
        if last[-1].start - box.end > 60 or not _GLUE.fullmatch(text, box.end, last[-1].start):
            break
        last.append(box)
    contents = list(dict.fromkeys(box.content.strip() for box in reversed(last)))
    if len(contents) > 1 and clean(contents[-1]) is None:
        contents = contents[-1:]
    joined = ", ".join(contents)
    for _ in range(_NESTED):
        inner = boxes(joined) if joined.startswith(("\\boxed", "\\fbox")) else []
        if not inner or inner[0].end < len(joined):
            break
        joined = inner[0].content.strip()
    return clean(joined)


def clean(answer: str) -> str | None:
    """An answer without the space around it; None if it is empty, or too long for one."""
    answer = answer.strip()
    return answer if 0 < len(answer) <= MAX_ANSWER else None


def _word_end(text: str, at: int) -> int:
    r"""Where the answer of `\boxed 5` ends: TeX takes one token, people mean the word.

    What stands in brackets belongs to it, spaces and all: `\boxed\text{on Monday}`.
    """
    stop, depth = at, 0
    while stop < len(text) and stop - at < 200:
        mark = text[stop]
        if mark in "{[()]}":
            depth += 1 if mark in "{[(" else -1
            if depth < 0:
                break
        elif depth == 0 and mark in " \t\n$.,;":
            break
        stop += 1
    if depth > 0:
        return at  # never closed
    if text[stop : stop + 1] in (".", ",") and text[stop + 1 : stop + 2].isdigit():
        while text[stop : stop + 1].isdigit() or text[stop + 1 : stop + 2].isdigit():
            stop += 1
    return stop
