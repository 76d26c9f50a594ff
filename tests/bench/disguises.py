"""Cheap disguises of a benchmark item: what a careless or a sly copy changes, made by code.

`made(texts, kind)` tells each text anew under one of KINDS, the same way on every run; a text that
a kind cannot change (no number to spell, one sentence) is left out. Nothing of it is committed: the
benchmarks and tests that use it read their texts where they lie. Used by `overlap.py`, which prints
how much of each kind is found, and by `fit_rephrase.py`, which learns from half of the items.
"""

import random
import re
from collections.abc import Callable, Sequence

Kind = Callable[[str, random.Random], str]

FILLERS = (
    *("really", "simply", "indeed", "carefully", "perhaps", "again", "today", "mostly", "clearly"),
    *("quickly", "usually", "happily", "certainly", "somewhat", "already", "nearly", "briefly"),
)
NAMES = (
    *("Ottilie", "Wenzel", "Marisol", "Ignatius", "Philippa", "Rasmus", "Leopold", "Henrike"),
    *("Basia", "Tadeo", "Imani", "Soren", "Yusuf", "Noor", "Kofi", "Anneke"),
)
SYNONYMS = {
    "find": "determine", "compute": "work out", "what is": "give",
    "how many": "what number of", "evaluate": "work out", "total": "overall",
    "buys": "purchases", "bought": "purchased", "sells": "offers", "has": "owns",
    "had": "owned", "each": "every", "gets": "receives", "smallest": "least",
    "largest": "greatest", "number": "quantity", "value": "amount", "makes": "produces",
    "made": "produced", "gives": "hands", "gave": "handed", "needs": "requires",
    "if": "supposing", "suppose": "assume", "such that": "so that",
    "positive integers": "natural numbers", "children": "kids", "money": "cash",
    "costs": "is priced at", "left": "remaining", "friends": "pals",
    "express your answer": "write the result", "remaining": "left over", "starts": "begins",
    "week": "seven days", "altogether": "in total", "equation": "relation",
    "polynomial": "expression", "shown": "drawn",
}  # fmt: skip
PREAMBLES = (
    "Read the following problem with care and show each step of your reasoning.",
    "You are a patient tutor. A pupil brings you this question from a mock exam.",
    "Problem 14 (Spring round, 6 points).",
    "Here is a puzzle that I came across last week.",
)
QUESTIONS = (
    "Explain how you know, and check your result in another way.",
    "What would change if every quantity were doubled?",
    "Then say in one sentence which idea was the key one.",
    "(A) 17 (B) 23 (C) 42 (D) 108 (E) none of these",
)
_SPELLED = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = (
    (r"(\d)\s*%|(\d)\\%", r"\1\2 percent"),
    (r"\\?\$(\d[\d,]*(?:\.\d+)?)(?![^$]{0,12}\$)", r"\1 dollars"),
    (r"\bcm\b", "centimeters"),
    (r"\bmph\b", "miles per hour"),
    (r"\b(?:ft|feet)\b", "foot lengths"),
    (r"\bmiles?\b", "mi"),
    (r"\bhours?\b", "hr"),
    (r"\bminutes?\b", "min"),
    (r"\binches\b", "in."),
    (r"\bpounds\b", "lbs"),
    (r"\^\{?\\circ\}?", " degrees"),
)
_LATEX = (
    (r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"(\1)/(\2)"),
    (r"\\[dt]?frac(\d)(\d)", r"\1/\2"),
    (r"\\(?:left|right|displaystyle|,|;|!|quad|qquad)(?![a-z])", " "),
    (r"\\(?:cdot|times)(?![a-z])", "*"),
    (r"\\leq?(?![a-z])", "<="),
    (r"\\geq?(?![a-z])", ">="),
    (r"\\(?:text|mbox|mathrm|textbf|mathbf)\s*\{([^{}]*)\}", r"\1"),
    (r"\^\{(\w)\}", r"^\1"),
    (r"\\[\[\]()]|\$", " "),
)
_UNICODE = (
    *((r"\^\{?2\}?(?!\d)", "²"), (r"\^\{?3\}?(?!\d)", "³"), (r"\\times(?![a-z])", "×")),
    *((r"\\pi(?![a-z])", "π"), (r"\\leq?(?![a-z])", "≤"), (r"\\geq?(?![a-z])", "≥")),
    *((r"\\cdot(?![a-z])", "·"), (r"\\theta(?![a-z])", "θ"), (r"\\frac\{1\}\{2\}", "½")),
)


def spelled(number: int) -> str:
    """A number below a million in words."""
    if number < 20:
        return _SPELLED[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_SPELLED[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = f" {spelled(number % 100)}" if number % 100 else ""
        return f"{_SPELLED[number // 100]} hundred{rest}"
    rest = f" {spelled(number % 1000)}" if number % 1000 else ""
    return f"{spelled(number // 1000)} thousand{rest}"


def _sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.?!])\s+(?=[A-Z$\\])", text.strip()) if s]


def inserted(text: str, at: random.Random) -> str:
    """A word put in after every four."""
    out = []
    for number, word in enumerate(text.split(" ")):
        out.append(word)
        if number % 4 == 3:
            out.append(at.choice(FILLERS))
    return " ".join(out)


def two_words(text: str, at: random.Random) -> str:
    """Two words before it."""
    return f"{at.choice(('Now please', 'Kindly do', 'Quick one:', 'Next question:'))} {text}"


def reordered(text: str, at: random.Random) -> str:
    """Its sentences in another order, the question last."""
    parts = _sentences(text)
    if len(parts) < 3:
        return text
    head = parts[:-1]
    return " ".join([*head[1:], head[0], parts[-1]])


def question_first(text: str, at: random.Random) -> str:
    """The question before the facts."""
    parts = _sentences(text)
    return " ".join([parts[-1], *parts[:-1]])


def synonyms(text: str, at: random.Random) -> str:
    """Common words by others of their meaning."""
    for word, other in SYNONYMS.items():
        text = re.sub(rf"\b{word}\b", other, text, flags=re.I)
    return text


def latex(text: str, at: random.Random) -> str:
    """Formulas as they are typed without LaTeX."""
    return _replaced(text, _LATEX)


def unicode(text: str, at: random.Random) -> str:
    """Formulas in Unicode's signs."""
    return _replaced(text, _UNICODE)


def names(text: str, at: random.Random) -> str:
    """Every name by another: words with a capital that begin no sentence."""
    found = dict.fromkeys(re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}", text))
    for name, other in zip(found, at.sample(NAMES, min(len(found), len(NAMES))), strict=False):
        text = re.sub(rf"\b{name}\b", other, text)
    return text


def letters(text: str, at: random.Random) -> str:
    """Variables renamed, between dollar signs."""
    table = str.maketrans("xyznabc", "uvwmpqr")
    pieces = text.split("$")
    if len(pieces) % 2 == 0:
        return text
    for place in range(1, len(pieces), 2):
        pieces[place] = re.sub(r"(?<![\\a-zA-Z])[a-z](?![a-z])",
                               lambda m: m.group().translate(table), pieces[place])  # fmt: skip
    return "$".join(pieces)


def digits(text: str, at: random.Random) -> str:
    """Whole numbers in words."""
    return re.sub(r"(?<![\d.,^_{])\d{1,3}(?![\d.,]\d|[\da-zA-Z}])",
                  lambda m: spelled(int(m.group())), text)  # fmt: skip


def figures(text: str, at: random.Random) -> str:
    """Spelled numbers in digits."""
    for number in range(12, 1, -1):
        text = re.sub(rf"\b{_SPELLED[number]}\b", str(number), text, flags=re.I)
    return text


def units(text: str, at: random.Random) -> str:
    """Units spelled out, or shortened."""
    return _replaced(text, _UNITS)


def preamble(text: str, at: random.Random) -> str:
    """A sentence before it."""
    return f"{at.choice(PREAMBLES)} {text}"


def another_question(text: str, at: random.Random) -> str:
    """A sentence after it."""
    return f"{text} {at.choice(QUESTIONS)}"


def styled(text: str, at: random.Random) -> str:
    """A dialogue in capitals, a sentence a line."""
    return "\n".join(f"> {part.upper()}" for part in ["Teacher asks:", *_sentences(text)])


def polite(text: str, at: random.Random) -> str:
    """The question asked another way, and a word of thanks."""
    for was, now in (("How many", "Could you tell me how many"), ("What is", "Can you work out"),
                     ("Find", "I need to know"), ("Compute", "I need to know")):  # fmt: skip
        text = text.replace(was, now)
    return f"{text} Thanks a lot for the help!"


def mixed(text: str, at: random.Random) -> str:
    """Other names, other words, numbers spelled, and a preamble."""
    return preamble(synonyms(digits(names(text, at), at), at), at)


KINDS: dict[str, Kind] = {
    f.__name__: f
    for f in (
        *(inserted, two_words, reordered, question_first, synonyms, latex, unicode, names, letters),
        *(digits, figures, units, preamble, another_question, styled, polite, mixed),
    )
}


def made(texts: Sequence[str], kind: str, seed: int = 5) -> list[tuple[int, str]]:
    """The number of each text that the kind changes, and the text anew."""
    told = []
    for number, text in enumerate(texts):
        at = random.Random(f"{seed} {kind} {number}")
        new = KINDS[kind](text, at)
        if new.split() != text.split():
            told.append((number, new))
    return told


def embedded(texts: Sequence[str], around: Sequence[str], seed: int = 5) -> list[tuple[int, str]]:
    """Each text between three others."""
    told = []
    for number, text in enumerate(texts):
        at = random.Random(f"{seed} embedded {number}")
        first, *rest = at.sample(around, 3)
        told.append((number, "\n\n".join([first, text, *rest])))
    return told


def _replaced(text: str, table: Sequence[tuple[str, str]]) -> str:
    for pattern, other in table:
        text = re.sub(pattern, other, text)
    return text
