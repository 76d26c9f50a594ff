r"""One dialect of LaTeX: rewrite what is written otherwise here and there, before tokens are cut.

`\lbrace`, `\pmatrix{...\cr...}`, `{-}`, `\textcolor{red}{5}`, `]a,b[`, `1.234.567`, `0.(3)`,
`FF_{16}` and their like become what `lex` and `formula` know. Nothing that says something is lost.
"""

import re

from omi2.answers.numerals import in_base
from omi2.answers.trees import Unreadable

_PLAIN = {
    r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[", r"\rbrack": "]", r"\vert": "|",
    r"\mid": "|", r"\cdotp": r"\cdot", r"\centerdot": r"\cdot", r"\textdegree": r"^\circ",
    r"\textdollar": "$", r"\infin": r"\infty", r"\mathstrut": "", r"\strut": "", r"\cr": r"\\",
    r"\N": r"\mathbb{N}", r"\Z": r"\mathbb{Z}", r"\Q": r"\mathbb{Q}", r"\R": r"\mathbb{R}",
    r"\C": r"\mathbb{C}", r"\leqq": r"\le", r"\geqq": r"\ge", r"\empty": r"\emptyset",
    r"\coloneqq": "=", r"\jmath": "j",
    **dict.fromkeys(
        (r"\ensuremath", r"\mathop", r"\mathrel", r"\mathbin", r"\underline", r"\underbrace",
         r"\tiny", r"\small", r"\normalsize", r"\large", r"\Large", r"\LARGE", r"\huge", r"\Huge"),
        "",
    ),
}  # fmt: skip
_COMMAND = re.compile(r"\\[A-Za-z]+")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&le;": r"\le ", "&ge;": r"\ge ", "&amp;": "&",
             "&times;": r"\times ", "&nbsp;": " "}  # fmt: skip
_ENTITY = re.compile("|".join(_ENTITIES))
_BINOMIAL = r"\\binom{\1}{\2}"
_FLAT = r"(?:[^{}]|\{[^{}]*\})*"
_RULES = [
    (frozenset(needs.split()), re.compile(pattern), new)
    for needs, pattern, new in (
        (r"{", r"\{\s*([-+=<>:*/|]|\\(?:cdot|times|colon|le|leq|ge|geq|pm|mp|cup|cap)\b)\s*\}",
         r" \1 "),
        (r"\textcolor", r"\\textcolor\s*\{\w+\}\s*(?=\{)", ""),
        (r"\color", r"\\color\s*\{\w+\}", ""),
        (r"\rm \bf", r"\\(?:rm|bf)\s*\{", r"\\mathrm{"),
        (r"\rm \bf \it", r"\{\s*\\(?:rm|bf|it)\s+([^{}]*)\}", r"\\mathrm{\1}"),
        (r"\matrix \pmatrix \bmatrix \vmatrix \Bmatrix",
         rf"\\([pbvB]?matrix)\s*\{{({_FLAT})\}}", r"\\begin{\1}\2\\end{\1}"),
        (r"[", r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\]", r"\\\\ "),
        (r"\Bbb \mathds", r"\\(?:Bbb|mathds)\s*\{?\s*([A-Z])\s*\}?", r"\\mathbb{\1}"),
        (r"\mathbf \mathrm \rm \bf \it", r"\\math(?:bf|rm)\s*\{\s*([RZQ])\s*\}", r"\\mathbb{\1}"),
        (r"\not", r"\\not\s*=", r"\\ne "),
        (r"C", r"\{\}\s*_\{?(\d+)\}?\s*C\s*_\{?(\d+)\}?", _BINOMIAL),
        (r"C", r"(?<![\w\\{])_\{?(\d+)\}?\s*C\s*_\{?(\d+)\}?", _BINOMIAL),
        (r"C", r"(?<![\w.\\])(\d+)C(\d+)(?!\w)", _BINOMIAL),
        (r"\angle", r"m\s*(?=\\angle)", ""),
        (r"^", r"(?<=\d)\s*\^\s*\{\s*(st|nd|rd|th)\s*\}", r"\1"),
        (r"^",
         r"(?<=\d)\s*\^\s*\{?\s*\\(?:text|mathrm)\s*\{\s*(st|nd|rd|th)\s*\}\s*\}?", r"\1"),
        (r"\mathbf \boldsymbol \bm", r"\\(?:mathbf|boldsymbol|bm)\s*\{\s*([ijk])\s*\}",
         r"\\vec{\1}"),
        (r"U", r"(?<=[)\]}])\s*U\s*(?=[\[(]|\\\{)", r" \\cup "),
        (r"\text \mathrm \operatorname \rm \bf \it",
         r"\(\s*\\(?:text|mathrm|operatorname)\s*\{\s*mod\s*\}(?:\\ |~|\s)*", r"(mod "),
        (r"\text \mathrm \operatorname \rm \bf \it",
         r"\\(?:text|mathrm|operatorname)\s*\{\s*\(?\s*mod\s*\}", r"\\mod "),
        (r"\left \right",
         r"\\left\s*([\[\](){}.|]|\\[{}])|\\right\s*([\[\](){}.|]|\\[{}])", r" \1\2 "),
    )
]  # fmt: skip
"""One of the characters or commands without which a rule finds nothing; what it finds; the rest."""
_EUROPEAN = re.compile(r"(?<![\d.,])(\d{1,3}(?:(?:\.\d{3}){2,}|(?:'\d{3})+))(?![\d.]|,\d)")
_PERIOD = re.compile(r"(?<![\d.])(\d*\.\d*)\((\d{1,20})\)(?!\d)")
_MODULO = re.compile(r"(?<=[\d\s)])mod(?:ulo)?\s+(\d+)(?=[\s.$]*$)")
"""In plain words, at the end: 7 mod 11."""
_TIMES = re.compile(r"(?<=\d)\s*x\s*(?=10\s*(?:\^|\*\*))")
_BASED = re.compile(
    r"(?<![\w\\{])(?:\\(?:text|mathrm|mathtt|texttt)\s*\{)?((?=\w*[A-Z])[0-9A-Z]{2,20})\}?"
    r"_\{?(1[1-9]|2\d|3[0-6])\}?(?!\d)"
)
_OUTWARD = re.compile(r"(?:^|\\cup|\\in|=|\\cap)\s*\]|\[\s*(?:$|\\cup|\\cap|[,;]\s*\])")
_ENDS = r"([^\[\]()]+[,;][^\[\]()]+)"
_OUTWARDS = [
    (re.compile(rf"\]{_ENDS}\["), r"(\1)"),
    (re.compile(rf"\]{_ENDS}\]"), r"(\1]"),
    (re.compile(rf"\[{_ENDS}\["), r"[\1)"),
]
_QUAD = re.compile(r"[,;]?\s*\\q?quad(?![A-Za-z])(?:\s|\\q?quad(?![A-Za-z]))*")
_STATES = re.compile(r"[=<>]|\\(?:le|ge|leq|geq|lt|gt|ne|neq|in)(?![A-Za-z])")
_NO_SIDE = re.compile(r"\s*\\(?:text|mathrm)|\s*(?:and|or|for|if|where)\b|\s*[=<>(&]")


def plain_latex(text: str) -> str:
    """A text in one dialect."""
    if "&" in text:
        text = _ENTITY.sub(lambda m: _ENTITIES[m.group()], text)
    if "\\" in text or "{" in text or "C" in text:
        text = _COMMAND.sub(lambda m: _known(m.group()), text)
        there = {*text, *_COMMAND.findall(text)}
        for needs, pattern, new in _RULES:
            if not needs.isdisjoint(there):
                text = pattern.sub(new, text)
        if "quad" in text:
            text = _listed(text)
    if "mod" in text:
        text = _MODULO.sub(r"\\mod \1", text)
    if "x" in text:
        text = _TIMES.sub(r" \\times ", text)
    if "_" in text:
        text = _BASED.sub(_number, text)
    if "." in text or "'" in text:
        text = _EUROPEAN.sub(lambda m: m[1].replace(".", "").replace("'", ""), text)
        text = _PERIOD.sub(r"\1\\overline{\2}", text)
    if ("[" in text or "]" in text) and _OUTWARD.search(text):
        for pattern, new in _OUTWARDS:
            text = pattern.sub(new, text)
    return text.replace("=<", r"\le ") if "=<" in text else text


def _known(command: str) -> str:
    return _PLAIN.get(command, command) + (" " if command in _PLAIN else "")


def _number(match: re.Match[str]) -> str:
    """The value of FF_{16}; what has no such value is left alone."""
    try:
        value = in_base(match[1], int(match[2]))
    except Unreadable:
        return match[0]
    return f" {value} "


def _listed(text: str) -> str:
    r"""A wide space between two statements separates them: x=1 \quad y=2."""
    sides = _QUAD.split(text)
    if all(_STATES.search(side) and not _NO_SIDE.match(side) for side in sides):
        return ", ".join(sides)
    return text
