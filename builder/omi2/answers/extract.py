r"""Find the final answer in a solution's text.

`extract(text)` takes the last box (see `boxed`; "the final answer is" after it goes first), else a
stated final answer ("the answer is 5", `#### 5`, a last line "Answer: 5", a heading "Final Answer"
with the answer below it), else, when asked to, the last formula or number. Scanning is linear in
the text and calls no regular expression that can backtrack far, so that a hostile text of megabytes
costs milliseconds.

Not covered: an answer that is only worked out and never stated; two statements that contradict each
other (the last one counts).
"""

import re

from omi2.answers.boxed import MAX_ANSWER, boxes, clean, final_boxes, only_box

_STATED = re.compile(
    r"(?:^|\n)[ \t]*####(?![ \t]*(?:#|Step\b|\**(?:Final[ \t]+)?Answer))[ \t]*"
    r"|\b[Ff]inal[ \t]+[Aa]nswer(?:\*\*)?[ \t]*(?:is\b|[:=])(?:\*\*)?[ \t]*:?[ \t]*"
    r"|(?:^|\n)[ \t#>*_-]{0,12}(?:A|[Aa]nswer|ANSWER)(?:\*\*)?:[ \t]*(?:\*\*)?[ \t]*"
    r"|\b[Aa]nswer(?:[ \t]+(?:to|of|for)\b[^\n.:=$\\]{1,60})?[ \t]+is\b(?:\*\*)?[ \t]*:?[ \t]*"
    r"|(?:^|\n)[ \t]*(?:(?:#+|\*\*)[ \t]*(?:Final[ \t]+)?|Final[ \t]+)[Aa]nswer\**[ \t]*(?=\n|$)"
)
_MARKS = ("nswer", "####", "A:", "ANSWER:")
_FOLLOW = ("is", ":", "=", "to", "of", "for", "\n", "")
"""What every announcement has in it, and what follows the first."""
_NEAR = 100
"""Characters on either side of a mark in which its announcement begins and ends."""
_MATH = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_FILLER = re.compile(
    r"(?:[Tt]herefore|[Tt]hus|[Hh]ence|[Ss]o|[Tt]hen|[Ss]imply|[Ii]ndeed|[Gg]iven by)\b[,:]?[ \t]*"
)
_ENDS = re.compile(r"[.!](?:\s|$)|\s*\*\*|<\||\n")
_ASIDE = re.compile(r",[ \t]+(?:not|which|since|because|as|so|where|when|but|for|rather)\b")
"""Where a sentence that has said its answer goes on."""
_MORE = re.compile(
    r"[ \t]*(?:,|,?[ \t]*and\b|,?[ \t]*or\b)[ \t]*(?:\$|\\[(\[])"
    r"|[ \t]*(?:\\?%|(?:percent|dozen|hundred|thousand|million|billion|trillion|degrees)\b)"
)
"""What follows a formula and belongs to the answer: another formula, or what scales it."""
_SHORT_LINE = 5
"""Words of a line below an announcement that is taken for the answer, and not for prose."""
_FINAL = re.compile(r"\b[Ff]inal answer[ \t]*(?:is\b|[:=])[ \t]*:?[ \t]*[^\s]")
_NUMBER = re.compile(
    r"(?=[-−\d\\])(?:(?<![\w)\]}])[-−])?(?:\d*\\[dtc]?frac\{-?\d{1,20}\}\{\d{1,20}\}"
    r"|\d{1,9} \d{1,9}/\d{1,9}(?![\d/])|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)"
    r"(?:[ \t]?/[ \t]?\d+|,\d{1,2}(?![\d,])|%)?"
)
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]{1,400})\$\$|\$(?<!\\\$)(?P<b>(?:[^$\\]|\\.){1,400})\$"
    r"|\\\((?P<c>.{1,400}?)\\\)|\\\[(?P<d>.{1,400}?)\\\]",
    re.DOTALL,
)
_MARKER = re.compile(r"<\|[a-z_]{1,30}\|>")
_TAIL = 4_000
"""Characters at the end of a text in which a formula that nobody announced is looked for."""


def checked(mode: str) -> None:
    """Raise ValueError if this is no mode: a misspelt one would be taken for "strict"."""
    if mode not in ("strict", "relaxed"):
        raise ValueError(f"mode is {mode!r}: one of strict, relaxed")


def extract(text: str, mode: str = "strict") -> str | None:
    """The final answer of a solution, or None. `mode="relaxed"` falls back on the last number.

    Raises ValueError for any other mode.
    """
    checked(mode)
    if "\\boxed" in text or "\\fbox" in text or "\\framebox" in text:
        plain = only_box(text)
        if plain is not None:
            return clean(plain)
        found = boxes(text)
        if found and not _FINAL.search(text, found[-1].end):
            return final_boxes(text, found)
    stated = _last_statement(text)
    answer = None if stated is None else stated[0]
    if mode == "relaxed":
        if answer is None:
            return _last_stated(text)
        return stated_number(answer)
    return answer


def _last_statement(text: str) -> tuple[str | None] | None:
    """What the last announcement of an answer states; None if no announcement states anything."""
    places = [(text.rfind(mark), mark) for mark in _MARKS]
    for _ in range(200):
        near, mark = max(places)
        if near < 0:
            return None
        places[places.index((near, mark))] = (text.rfind(mark, 0, near), mark)
        if mark == "nswer":
            follows = text[near + 5 : near + 15].lstrip(" \t*")
            if follows and not follows.startswith(_FOLLOW[:-1]):
                continue
        start = text.rfind("\n", max(0, near - 60), near)
        start = max(0, near - 60) if start < 0 else start
        stated = None
        for match in _STATED.finditer(text, start, min(len(text), near + _NEAR)):
            if match.end() >= near:
                rest = text[match.end() : match.end() + MAX_ANSWER + 100]
                stated = _statement(rest) or stated
        if stated is not None:
            return stated
    return None


def _last_stated(text: str) -> str | None:
    """The last formula that has a number in it, or the last number, whichever ends later."""
    text = _MARKER.split(text, maxsplit=1)[0] if "<|" in text else text
    formula = None
    number = _last_number(text)
    end = 0 if number is None else number.end()
    if any(text.find(mark, end) >= 0 for mark in ("$", "\\)", "\\]")):
        for match in _FORMULA.finditer(text, max(0, len(text) - _TAIL)):
            inside = next(group for group in match.groups() if group is not None)
            if match.end() >= end and (any(map(str.isdigit, inside)) or "\\in" in inside):
                formula = inside
    if formula is not None:
        return clean(formula)
    return None if number is None else clean(number.group())


def _last_number(text: str) -> re.Match[str] | None:
    """The last number of a text (with its denominator or percent sign), or None."""
    last = None
    for tail in (4 * _NEAR, _TAIL, len(text)):
        start = max(0, len(text) - tail)
        for last in _NUMBER.finditer(text, start):  # noqa: B007 (the last one is wanted)
            pass
        if start == 0 or (last is not None and last.start() > start + 50):
            break  # it cannot have begun before
    return last


def stated_number(answer: str) -> str | None:
    """What a sentence of words states: itself, if it can be read; else its last number."""
    from omi2.answers.forms import read

    if " " not in answer or read(answer):
        return answer
    return _last_stated(answer.rpartition("=")[2] if "=" in answer else answer) or answer


def _statement(rest: str) -> tuple[str | None] | None:
    """The answer at the beginning of what follows "the answer is"; None if there is nothing.

    On a line below it stands a formula, a number or a few words; prose is no answer.
    """
    line, _, _ = rest.partition("\n")
    below = not line.strip(" \t*:")
    rest = rest.lstrip(" \t\n*:>").lstrip()
    if not rest:
        return None
    if below and not _is_answer(rest.partition("\n")[0]):
        return None
    rest = _FILLER.sub("", rest, count=1) if (begins := _FILLER.match(rest)) else rest
    if begins and not rest.strip():
        return None
    for opening, closing in _MATH:
        if rest.startswith(opening):
            inside, mark, after = rest[len(opening) :].partition(closing)
            if mark and inside.strip() and (opening != "$" or "\n" not in inside):
                if not _MORE.match(after):
                    return (clean(inside),)
                break
    if re.match(r"\$-?\d", rest) and rest.partition("\n")[0].count("$") % 2:
        rest = rest[1:]
    sentence = _ENDS.split(rest, maxsplit=1)[0]
    said = _ASIDE.split(sentence, maxsplit=1)[0]
    if len(said.split()) < _SHORT_LINE or any(map(str.isdigit, said)):
        sentence = said
    if sentence.endswith("$") and sentence.count("$") == 1:
        sentence = sentence[:-1]
    if "\\boxed" in sentence or "\\fbox" in sentence:
        return (None,)  # a box that is never closed
    return (clean(sentence.strip("`")),)


def _is_answer(line: str) -> bool:
    """Whether a line below an announcement is an answer and not prose."""
    begins = line.startswith(("$", "\\(", "\\[", "\\boxed")) or line[:1].isdigit()
    return begins or len(line.split()) <= _SHORT_LINE
