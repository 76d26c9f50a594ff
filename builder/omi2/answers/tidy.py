"""Characters: one way to write each sign, before anything is read.

Unicode minus signs, digits of any script, superscripts, vulgar fractions, roots and relations
become ASCII or LaTeX; marks that print nothing (right-to-left marks, zero-width spaces, controls)
go; a control character that once was a LaTeX command ("\\f" + "rac") becomes it again. Then the
wrappers that say "this is a formula" or "this is the answer" come off.
"""

import re
import unicodedata

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-",
    "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "∙": r"\cdot ", "÷": r"\div ", "∗": "*",
    "∕": "/", "⁄": "/", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ",
    "⩽": r"\le ", "⩾": r"\ge ", "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ",
    "∅": r"\emptyset ", "±": r"\pm ", "∓": r"\mp ", "√": r"\sqrt ",
    "∛": r"\sqrt[3]", "∜": r"\sqrt[4]", "°": r"^\circ ",
    "º": r"^\circ ", "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "∶": ":",
    "ℂ": r"\mathbb{C}", "≡": r"\equiv ", "⇒": r"\implies ", "⟹": r"\implies ", "∖": r"\setminus ",
    "∧": r"\land ", "∨": r"\lor ", "≅": r"\cong ", "∠": r"\angle ", "△": r"\triangle ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ",
    "⌉": r"\rceil ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ",
    "θ": r"\theta ", "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ", "ω": r"\omega ", "，": ",",
    "\xa0": " ", "\u2009": " ", "\u202f": " ",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_SUPERSCRIPTS = re.compile(f"[{''.join(_RAISED)}]+")
_SUBSCRIPTS = re.compile(f"[{''.join(_LOWERED)}]+")
_ROOT = re.compile(r"([√∛∜]|(?<![\\A-Za-z])sqrt)\s*(\d+(?:\.\d+)?)")
"""A root sign takes the whole number behind it, where TeX's own command takes a digit."""
_ROOTS = {"√": r"\sqrt", "sqrt": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_SCIENTIFIC = re.compile(r"(?<=\d) x (?=10 ?\^)")
"""4 x 10^5: the letter is a times sign."""
_DOTS = re.compile(r"(?<![\d.])(\d*)\.(\d+)\s*(?:\.\.\.+|\\[lc]?dots(?![A-Za-z]))")
"""A decimal that goes on."""
_BROKEN = re.compile("\f(?=rac|box|orall)|\b(?=oxed|inom|eta|egin|ar|f)|\t(?=ext|imes|heta|frac|an)"
                     "|\x07(?=pprox|lpha)|\r(?=angle|ight)|\x0b(?=ec|arphi)")  # fmt: skip
_LETTER = {"\f": r"\f", "\b": r"\b", "\t": r"\t", "\x07": r"\a", "\r": r"\r", "\x0b": r"\v"}
_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)"), ("**", "**"), ("`", "`"))
_EDGES = " \t\n\r.,;:!?"
_LEADING = " \t\n\r;:"


def characters(text: str) -> str:
    """A text in one alphabet. Never longer than some tens of times the text."""
    if any(mark in text for mark in "\f\b\t\x07\r\x0b"):
        text = _BROKEN.sub(lambda m: _LETTER[m.group()], text)
    if "sqrt" in text or not text.isascii():
        text = _ROOT.sub(lambda m: f"{_ROOTS[m[1]]}{{{m[2]}}}", text)
    if " x 10" in text:
        text = _SCIENTIFIC.sub(r" \\times ", text)
    if text.isascii() and text.isprintable():
        return _DOTS.sub(_endless, text) if "..." in text or "dots" in text else text
    if not text.isascii():
        text = _SUPERSCRIPTS.sub(lambda m: "^{" + "".join(map(_RAISED.get, m.group())) + "}", text)  # type: ignore[arg-type]
        text = _SUBSCRIPTS.sub(lambda m: "_{" + "".join(map(_LOWERED.get, m.group())) + "}", text)  # type: ignore[arg-type]
        text = "".join(c if c < "\x7f" else _SIGNS.get(c) or _fraction(c) or c for c in text)
    if not text.isascii():
        text = "".join(map(_one, unicodedata.normalize("NFKC", text)))
    text = "".join(c for c in text if c >= " " or c in "\n\t\r")
    return _DOTS.sub(_endless, text) if "..." in text or "dots" in text else text


def _fraction(character: str) -> str:
    """A vulgar fraction, apart from the digits before it: 2½ is no 21/2."""
    told = unicodedata.decomposition(character)
    if not told.startswith("<fraction>"):
        return ""
    return " {" + unicodedata.normalize("NFKC", character).replace("⁄", "/") + "}"


def _endless(match: re.Match[str]) -> str:
    r"""0.1666... as 0.1\overline{6}; where no period shows, the digits that are there.

    A period shows if it stands there twice and is all there is (0.1212...), or at least three times
    at the end, or twice where there are three digits (0.166...): 2.718281828... has none.
    """
    whole, digits = match.groups()
    for length in range(1, min(len(digits) // 2, 12) + 1):
        period, times = digits[-length:], 1
        while times < 50 and digits.endswith(period * (times + 1)):
            times += 1
        before = digits[: len(digits) - length * times]
        if times >= 3 or (times == 2 and (not before or len(digits) == 3)):
            return rf"{whole or 0}.{before}\overline{{{period}}}"
    return f"{whole or 0}.{digits}"


def _one(character: str) -> str:
    if character < "\x7f":
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return "" if unicodedata.category(character) in ("Cf", "Cc", "Cs", "Cn") else character


def unwrap(text: str) -> str:
    """A text without the marks that only say that it is a formula, and the stop at its end."""
    before = None
    while text != before:
        before = text
        text = text.lstrip(_LEADING).rstrip(_EDGES) if not text.endswith(("!", "?")) else text
        if text.endswith(("!", "?")):
            text = text.strip(_LEADING)
        if text.endswith("\\"):
            text = text[:-1]
        for opening, closing in _WRAPPERS:
            inside = text[len(opening) : len(text) - len(closing)]
            if (
                len(text) > len(opening) + len(closing)
                and text.startswith(opening)
                and text.endswith(closing)
                and opening not in inside
                and closing not in inside
                and not (inside.endswith("\\") and closing == "$")
            ):
                text = inside
    return text


_DOTTED = re.compile(r"\b([ap])\.\s?m\.?(?![a-z])", re.IGNORECASE)
_LISTED = re.compile(r"""\[\s*(?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*\s*\]""")
"""A list as Python prints it."""
_DELIMITERS = re.compile(r"\\[\[\]()]|\$\$")


def bare(text: str) -> str:
    """A text without the marks around its formulas; a dollar sign that is left means money."""
    if "$" in text:
        text = text.replace("$$", " ").replace("\\$", "\x01")
        text = text.replace("$", " " if text.count("$") % 2 == 0 else "\x01").replace("\x01", "$")
    if "\\" in text:
        text = _DELIMITERS.sub(" ", text)
        text = text.replace("\\langle", "(").replace("\\rangle", ")")
    if _LISTED.fullmatch(text):
        text = text.replace("'", "").replace('"', "").replace("\\\\", "\\")
    return _DOTTED.sub(r"\1m", text)
