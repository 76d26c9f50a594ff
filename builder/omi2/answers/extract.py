r"""Find the final answer in a solution's text.

`boxes(text)` finds every `\boxed{...}` (nested and escaped braces, `\boxed {5}`, `\boxed 5`,
`\fbox`); `extract(text)` takes the last one, else a stated final answer ("the final answer is 5",
`#### 5`, a last line "A: 5" or "Answer: 5"), else, when asked to, the last number. Scanning is
linear in the text and calls no regular expression that can backtrack far, so that a hostile text
of megabytes costs milliseconds.

Not covered: an answer that is only worked out and never stated; several boxes that together form
one answer (the last one wins; the filter stage drops such solutions).
"""

import re
from dataclasses import dataclass

MAX_ANSWER = 2_000
"""Characters; a longer "answer" is a runaway generation and counts as none."""

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])[ \t]*(?P<brace>\{)?")
_TOKEN = re.compile(rf"{_BOX.pattern}|\\.|[{{}}]", re.DOTALL)
_STATED = re.compile(
    r"(?:^|\n)[ \t]*####[ \t]*(?P<marks>[^\n]{1,200})"
    r"|\b[Ff]inal[ \t]+answer[ \t]*(?:is\b|[:=])[ \t]*:?[ \t]*(?P<final>[^\n]{1,200})"
    r"|(?:^|\n)[ \t]*(?:\*\*)?(?:A|Answer|ANSWER)(?:\*\*)?:"
    r"[ \t]*(?:\*\*)?[ \t]*(?P<line>[^\n]{1,200})"
    r"|\b[Tt]he answer[ \t]+is[ \t]*:?[ \t]*(?P<plain>[^\n]{1,200})"
)
_NUMBER = re.compile(r"[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_FRACTION_TAIL = re.compile(r"[ \t]*/[ \t]*\d+")


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
        elif _BOX.fullmatch(mark):
            stop = _word_end(text, token.end())
            if stop > token.end():
                spans.append((token.start(), stop, token.end(), stop))
    found: list[Box] = []
    for start, end, inside, stop in sorted(spans):
        if not found or start >= found[-1].end:
            found.append(Box(start, end, text[inside:stop]))
    return found


def extract(text: str, mode: str = "strict") -> str | None:
    """The final answer of a solution, or None. `mode="relaxed"` falls back on the last number."""
    found = boxes(text)
    if found:
        return _clean(found[-1].content)
    stated = None
    for match in _STATED.finditer(text):
        stated = match
    if stated is not None:
        answer = _statement(next(group for group in stated.groups() if group is not None))
        if answer is not None:
            return answer
    if mode == "relaxed":
        return last_number(text)
    return None


def last_number(text: str) -> str | None:
    """The last number of a text (with its denominator, if it has one), or None."""
    last = None
    for match in _NUMBER.finditer(text):
        last = match
    if last is None:
        return None
    tail = _FRACTION_TAIL.match(text, last.end())
    return last.group() + (tail.group() if tail else "")


def _word_end(text: str, at: int) -> int:
    r"""Where the answer of `\boxed 5` ends: TeX takes one token, people mean the word."""
    stop = at
    while stop < len(text) and stop - at < 200 and text[stop] not in " \t\n$.,;}":
        stop += 1
    if text[stop : stop + 1] in (".", ",") and text[stop + 1 : stop + 2].isdigit():
        while text[stop : stop + 1].isdigit() or text[stop + 1 : stop + 2].isdigit():
            stop += 1
    return stop


def _statement(rest: str) -> str | None:
    """The answer at the beginning of what follows "the answer is"."""
    rest = rest.strip().strip("*").strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if rest.startswith(opening):
            inside, mark, _ = rest[len(opening) :].partition(closing)
            if mark and not (opening == "$" and inside.strip() == ""):
                return _clean(inside)
    if rest.startswith("$") and rest[1:2].isdigit():
        rest = rest[1:]
    return _clean(re.split(r"(?:\.(?:\s|$)|\s*\*\*)", rest, maxsplit=1)[0])


def _clean(answer: str) -> str | None:
    answer = answer.strip()
    return answer if 0 < len(answer) <= MAX_ANSWER else None
