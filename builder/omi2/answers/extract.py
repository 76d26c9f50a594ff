r"""Find the final answer in a solution's text.

`boxes(text)` finds every `\boxed{...}` (nested and escaped braces, `\boxed {5}`, `\boxed 5`,
`\fbox`); `extract(text)` takes the last one (or the last few, if nothing but "and" or a comma
stands between them; "the final answer is" after them goes first), else a stated final answer
("the answer is 5", `#### 5`, a last line "A: 5" or "Answer: 5"), else, when asked to, the last
formula or number. Scanning is linear in the text and calls no regular expression that can
backtrack far, so that a hostile text of megabytes costs milliseconds.

Not covered: an answer that is only worked out and never stated; parts of an answer in boxes with
prose between them (the last one wins; the filter stage drops such solutions).
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
_STATED = re.compile(
    r"(?:^|\n)[ \t]*####[ \t]*"
    r"|\b[Ff]inal[ \t]+[Aa]nswer(?:\*\*)?[ \t]*(?:is\b|[:=])(?:\*\*)?[ \t]*:?[ \t]*"
    r"|(?:^|\n)[ \t]*(?:\*\*)?(?:A|Answer|ANSWER)(?:\*\*)?:[ \t]*(?:\*\*)?[ \t]*"
    r"|\b[Tt]he answer[ \t]+is[ \t]*:?[ \t]*"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_MARKS = ("nswer", "####", "A:", "ANSWER:")
_FOLLOW = ("is", ":", "=")
"""What every announcement has in it, and what follows the first."""
_FINAL = re.compile(r"\b[Ff]inal answer[ \t]*(?:is\b|[:=])[ \t]*:?[ \t]*[^\s]")
_LINE = re.compile(rf"[^\n]{{1,{MAX_ANSWER + 100}}}")
_NUMBER = re.compile(
    r"(?:(?<![\w)\]}])[-−])?(?:\d*\\[dtc]?frac\{-?\d{1,20}\}\{\d{1,20}\}"
    r"|\d{1,9} \d{1,9}/\d{1,9}(?![\d/])|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)"
    r"(?:[ \t]?/[ \t]?\d+|,\d{1,2}(?![\d,])|%)?"
)
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]{1,400})\$\$|(?<!\\)\$(?P<b>(?:[^$\\]|\\.){1,400})\$"
    r"|\\\((?P<c>.{1,400}?)\\\)|\\\[(?P<d>.{1,400}?)\\\]",
    re.DOTALL,
)
_GLUE = re.compile(r"(?:[ \t$,;&]|\\q?quad|\\[,;: ]|\\text[ \t]*\{|\}|and|or|\n(?!\n))*")
_NO_GLUE = re.compile(r"[^ \t\n$,;:&\\{}quadtexnor]")
"""A character that glue has not."""
_MARKER = re.compile(r"<\|[a-z_]{1,30}\|>")
_TAIL = 4_000
"""Characters at the end of a text in which a formula that nobody announced is looked for."""


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


def extract(text: str, mode: str = "strict") -> str | None:
    """The final answer of a solution, or None. `mode="relaxed"` falls back on the last number."""
    if "\\boxed" in text or "\\fbox" in text or "\\framebox" in text:
        plain = _only_box(text)
        if plain is not None:
            return _clean(plain)
        found = boxes(text)
        if found and not _FINAL.search(text, found[-1].end):
            return final_boxes(text, found)
    stated = _last_statement(text)
    answer = None if stated is None else _statement(stated)
    if mode == "relaxed":
        if answer is None:
            return last_stated(text)
        return _stated_number(answer)
    return answer


def _only_box(text: str) -> str | None:
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


def _last_statement(text: str) -> str | None:
    """The line after the last announcement of an answer that is followed by something."""
    places = [(text.rfind(mark), mark) for mark in _MARKS]
    for _ in range(200):
        near, mark = max(places)
        if near < 0:
            return None
        places[places.index((near, mark))] = (text.rfind(mark, 0, near), mark)
        if mark == "nswer" and not text[near + 5 : near + 12].lstrip(" \t*").startswith(_FOLLOW):
            continue
        start = text.rfind("\n", max(0, near - 60), near)
        start = max(0, near - 60) if start < 0 else start
        stated = None
        for match in _STATED.finditer(text, start, min(len(text), near + 60)):
            if match.end() >= near and (line := _LINE.match(text, match.end())):
                stated = line.group() if line.group().strip() else stated
        if stated is not None:
            return stated
    return None


def final_boxes(text: str, found: list[Box]) -> str | None:
    """The content of the last box, or of the last few that form one list."""
    last = [found[-1]]
    for box in reversed(found[:-1]):
        if last[-1].start - box.end > 60 or not _GLUE.fullmatch(text, box.end, last[-1].start):
            break
        last.append(box)
    contents = list(dict.fromkeys(box.content.strip() for box in reversed(last)))
    if len(contents) > 1 and _clean(contents[-1]) is None:
        contents = contents[-1:]
    return _clean(", ".join(contents))


def last_stated(text: str) -> str | None:
    """The last formula that has a number in it, or the last number, whichever ends later."""
    text = _MARKER.split(text, maxsplit=1)[0] if "<|" in text else text
    start = max(0, len(text) - _TAIL)
    formula, end = None, -1
    for match in _FORMULA.finditer(text, start):
        inside = next(group for group in match.groups() if group is not None)
        if any(c.isdigit() for c in inside) or "\\in" in inside:
            formula, end = inside, match.end()
    number = None
    for match in _NUMBER.finditer(text, start):
        number = match
    if formula is not None and (number is None or number.end() <= end):
        return _clean(formula)
    return last_number(text)


def last_number(text: str) -> str | None:
    """The last number of a text (with its denominator or percent sign), or None."""
    for start in (max(0, len(text) - _TAIL), 0):
        last = None
        for match in _NUMBER.finditer(text, start):
            last = match
        if last is not None and (start == 0 or last.start() > start + 50):
            break
    return None if last is None else _clean(last.group())


def _stated_number(answer: str) -> str | None:
    """What a sentence of words states: itself, if it can be read; else its last number."""
    from omi2.answers.forms import read

    if " " not in answer or read(answer):
        return answer
    return last_stated(answer.rpartition("=")[2] if "=" in answer else answer) or answer


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


def _statement(rest: str) -> str | None:
    """The answer at the beginning of what follows "the answer is"."""
    rest = rest.strip().strip("*").strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if rest.startswith(opening):
            inside, mark, _ = rest[len(opening) :].partition(closing)
            if mark and not (opening == "$" and inside.strip() == ""):
                return _clean(inside)
    if rest.startswith("$") and rest[1:].removeprefix("-")[:1].isdigit():
        rest = rest[1:]
    sentence = re.split(r"(?:[.!](?:\s|$)|\s*\*\*|<\|)", rest, maxsplit=1)[0]
    if sentence.endswith("$") and sentence.count("$") == 1:
        sentence = sentence[:-1]
    return _clean(sentence)


def _clean(answer: str) -> str | None:
    answer = answer.strip()
    return answer if 0 < len(answer) <= MAX_ANSWER else None
