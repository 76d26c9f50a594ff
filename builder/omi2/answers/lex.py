r"""Cut an answer into tokens: numbers, letters, words, commands and signs.

LaTeX and plain text come out alike: `sqrt(2)` and `\sqrt{2}` begin with one token, `\left` and
spacing are gone, what stands in `\text{}` is words, and letters elsewhere are variables one by one
unless they spell a function, a Greek letter, a unit or a word. Thousands separators belong to
their number at the top level of an answer; inside brackets a comma separates.
"""

import re
from typing import NamedTuple

from omi2.answers.trees import Unreadable
from omi2.answers.units import CURRENCIES, IN_PLAIN_TEXT

MAX_LENGTH = 1_500
"""Characters of an answer that is read as mathematics; a longer one is compared by spelling."""
MAX_DIGITS = 1_500
"""Digits of a number that is read."""
MATRICES = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array"}
LINES = {"cases", "dcases", "rcases", "aligned", "align", "gathered", "gather", "split", "eqnarray",
         "array"}  # fmt: skip
"""Environments that are read. Each edge is two tokens: the command, and the name as a word."""


class Token(NamedTuple):
    """`kind` is n(umber), v(ariable), w(ord), c(ommand) or the sign itself."""

    kind: str
    text: str
    gap: bool = False
    """Whether space stands before it."""
    upright: bool = False
    """Whether it stood in \\text or \\mathrm."""


_TOKEN = re.compile(
    r"""
    (?P<gap>(?:\s|~|\\[,;:!>\ ]|\\q?quad(?![A-Za-z])|\\(?:hspace|vspace|hskip)\*?\{[^{}]*\}
        |\\(?:displaystyle|textstyle|limits|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr|biggl|biggr|hfill
            |thinspace|nolimits|rm|bf|it|tt|sf)(?![A-Za-z])|\\\\?(?:left|right|middle)(?![A-Za-z])\.?
        |\\(?:angle|triangle|measuredangle|Delta\s(?=[A-Z]{3})|displaylimits|[hv]?phantom)(?![A-Za-z]))+)
    |(?P<upright>\\\\?(?:text|textbf|textit|textrm|textnormal|textsf|texttt|mathrm|mathbf|mathit|mathsf
        |mathtt|mathcal|mathscr|mbox|hbox|operatorname|boldsymbol|bm|pmb|emph|underline|textup|vec(?!\s*\{?\\?[ij]))\*?\s*
        (?:\{(?P<inside>(?:[^{}]|\{[^{}]*\})*)\}|(?P<single>[A-Za-z0-9](?![A-Za-z0-9]))))
    |(?P<modulus>\\(?:p|b)?mod\s*\{?\s*(?P<by>\w+)\s*\}?|\(\s*\\?[bp]?mod\s*\{?\s*(?P<of>\w+)\s*\}?\s*\))
    |(?P<set>\\mathbb\s*\{?\s*(?P<letter>[A-Z])\s*\}?(?P<part>(?:\s*[\^_]\s*(?:[+*]|\{[^{}]{1,9}\}))*))
    |(?P<environment>\\(?P<edge>begin|end)\s*\{(?P<named>[A-Za-z]+)\*?\}(?:\{[lcr| ]*\})?)
    |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE](?:[-+]\d{1,4}|\d{1,2}))(?![\w.])
        |\d{1,3}(?:(?:\{,\}|,?\s?\\[!,]\s*|\s?\\\ \s*)\d{3})+(?!\d)(?:\.\d+)?
        |(?P<commas>\d{1,3}(?:,\d{3})+(?![\d]|,\d)(?:\.\d+)?)
        |(?P<spaced>\d{1,3}(?:[ ]\d{3})+(?![\d]|[ ]\d)(?:\.\d+)?)
        |\d+\.\d+|\.\d+|\d*\.(?=\\(?:overline|bar|dot)(?![A-Za-z]))|\d+)
    |(?P<breaks>\\\\(?=\s*(?:[-+\d&\[\]({.,]|\\|$|[A-Za-z](?![A-Za-z]))))
    |\\\\?(?P<command>[A-Za-z]+)
    |\\(?P<escaped>[{}%$|&#_])
    |(?P<word>[A-Za-z]+)
    |(?P<sign><=|>=|!=|==|\*\*|\.\.\.|[-+*/^_=<>(){}\[\]|,;:!'"&%$?.@\#¢£€₹])
    """,
    re.VERBOSE,
)
_TEXT_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp sqrt cbrt abs pi "
    "floor ceil infty gcd lcm max min binom asin acos atan arctg cis"
)
_FUNCTIONS = frozenset(_TEXT_FUNCTIONS.split())
_UPRIGHT_FUNCTIONS = _FUNCTIONS | {"tg", "ctg", "cotg", "cosec", "sh", "ch", "det"}
_TEXT_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi chi psi omega"
)
_GREEK = frozenset(_TEXT_GREEK.split())
_SPELLED = {"infinity": "infty", "inf": "infty", "oo": "infty", "arccosine": "arccos"}
_TEXT_SHORT_WORDS = (
    "a an the of is are be to in on at for and or no not yes if has had by as its it he she his "
    "her so we we all any one two six ten pm am may sat sun mon tue wed thu fri odd way per day "
    "bag box car cat dog pen toy old ago can will was men new now out our up us you ice egg "
    "via let who her him my do did get got man boy red fun cup cow hen pig sum set none i.e"
)
_SHORT_WORDS = frozenset(_TEXT_SHORT_WORDS.split()) | {"I"}


def tokens(text: str, comma: str = "thousands") -> list[Token]:
    """The tokens of a text. `comma` says what 1,234 is: `thousands`, a `list`, or a `decimal`."""
    if len(text) > MAX_LENGTH:
        raise Unreadable("too long")
    found: list[Token] = []
    _cut(text, comma, False, found)
    return found


def _cut(text: str, comma: str, upright: bool, found: list[Token]) -> None:
    at, end, depth, gap, environments = 0, len(text), 0, False, 0
    braces: list[bool] = []
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(f"unexpected {text[at]!r}")
        at = match.end()
        kind = match.lastgroup
        piece = match.group()
        if kind == "gap":
            gap = True
            continue
        if kind == "word":
            _words(piece, gap, upright, found, text, at)
        elif kind == "sign" or kind == "escaped":
            sign = piece
            if kind == "escaped":
                sign = {"\\{": "\\{", "\\}": "\\}"}.get(piece, piece[-1])
            if sign in ("(", "[", "\\{"):
                depth += 1
            elif sign in (")", "]", "\\}"):
                depth -= 1
            elif sign == "{":
                braces.append(_starts_a_set(found))
                depth += braces[-1]
            elif sign == "}" and braces:
                depth -= braces.pop()
            found.append(Token({"**": "^", "==": "="}.get(sign, sign), sign, gap))
        elif kind in ("number", "commas", "spaced"):
            inside = depth > 0 or environments > 0
            loose = bool(match["commas"]) and (inside or comma != "thousands")
            if loose or (match["spaced"] and inside):
                piece = re.split("[, ]", piece, maxsplit=1)[0]
                at = match.start() + len(piece)
            if (
                comma == "decimal"
                and piece.isdigit()
                and depth == 0
                and text[at : at + 1] == ","
                and text[at + 1 : at + 2].isdigit()
            ):
                tail = re.match(r",(\d+)", text[at:])
                piece += "." + tail.group(1) if tail else ""
                at += tail.end() if tail else 0
            piece = re.sub(r"[^\d.eE+-]", "", piece)
            if len(piece) > MAX_DIGITS:
                raise Unreadable("too many digits")
            found.append(Token("n", piece, gap, upright))
        elif kind == "command":
            command = match["command"]
            if command in ("begin", "end"):
                raise Unreadable("an environment without a name")
            found.append(Token("c", "\\" + command, gap))
        elif kind in ("upright", "inside", "single"):
            content = match["inside"] if match["inside"] is not None else match["single"]
            before = len(found)
            _cut(content.strip(), comma, True, found)
            if len(found) > before:
                found[before] = found[before]._replace(gap=True)
        elif kind in ("modulus", "by", "of"):
            found.append(Token("mod", match["by"] or match["of"], gap))
        elif kind in ("set", "letter", "part"):
            part = re.sub(r"[\s{}^_]", "", match["part"])
            found.append(Token("c", "\\mathbb" + match["letter"] + part, gap))
        elif kind in ("environment", "named", "edge"):
            if match["named"] not in MATRICES | LINES:
                raise Unreadable("an environment that is not known here")
            environments += 1 if match["edge"] == "begin" else -1
            found.append(Token("c", f"\\{match['edge']}", gap))
            found.append(Token("w", match["named"], gap))
        elif kind == "breaks":
            found.append(Token("c", "\\\\", gap))
        gap = False


def _starts_a_set(found: list[Token]) -> bool:
    """Whether a bare { begins a set: nothing that takes an argument stands before it."""
    if not found:
        return True
    last = found[-1]
    return last.kind in ("=", ",", "(") or (last.kind == "c" and last.text in ("\\cup", "\\in"))


def _words(word: str, gap: bool, upright: bool, found: list[Token], text: str, at: int) -> None:
    """A run of letters: a word, a function, or variables."""
    lower = word.lower()
    before = found[-1].kind if found else ""
    if upright:
        if word == "i" or (
            len(word) == 1 and not (before in ("n", "}", "/") or (found and found[-1].upright))
        ):
            found.append(Token("v", word, gap, True))
        elif word in _UPRIGHT_FUNCTIONS and not (word == "min" and before in ("n", "}")):
            found.append(Token("c", "\\" + word, gap))
        else:
            found.append(Token("w", word, gap, True))
    elif len(word) == 1:
        per = before == "/" and len(found) > 1 and found[-2].kind == "w"
        found.append(Token("w" if per else "v", word, gap))
    elif word in _GREEK or (
        word in _FUNCTIONS and not (word == "min" and before == "n" and text[at : at + 1] != "(")
    ):
        found.append(Token("c", "\\" + word, gap))
    elif lower in _SPELLED:
        found.append(Token("c", "\\" + _SPELLED[lower], gap))
    elif (
        len(word) >= 4
        or (lower in _SHORT_WORDS and (not word.isupper() or lower == "yes"))
        or (word in IN_PLAIN_TEXT and before in ("n", "}", "w", "/"))
        or (word in IN_PLAIN_TEXT and gap and before in ("v", ")"))
        or (word[0].isupper() and word[1:].islower() and len(word) == 3)
        or word in ("AM", "PM", "DNE")
        or word in CURRENCIES
        or (word in ("st", "nd", "rd", "th") and before == "n" and not gap)
    ):
        found.append(Token("w", word, gap))
    else:
        for letter in word:
            found.append(Token("v", letter, gap))
            gap = False
