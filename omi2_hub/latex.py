r"""Text with LaTeX into HTML with MathML: formulas rendered, everything else escaped.

Formulas are `$...$`, `$$...$$`, `\(...\)`, `\[...\]`, a bare `\boxed{...}` and the usual
environments; between fences (```) there is code, and no formula. What cannot be rendered is shown
as it was written, marked as such. The text is hostile: `latex2mathml`'s own output is not escaped
(a `<script>` inside `\text` survives it), so its tree is written out here, with the elements and
attributes of MathML that are listed and no other. A formula beyond MAX_FORMULA is not tried.

Not covered: telling a formula from two prices. `$5 and $6` is read as text, as pandoc does it: a
closing `$` follows no space and no digit follows it.
"""

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Any

MAX_FORMULA = 2_000
"""Letters of a formula that is still rendered."""
MAX_TEXT = 20_000
"""Letters of a text that is shown; the rest is said to be missing."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SOME = rf".{{1,{MAX_FORMULA}}}?"
"""As few letters as it takes. Bounded, or a text of openings alone costs its length squared."""
_FORMULA = re.compile(
    r"(?P<fence>^```.*?(?:^```|\Z))"
    rf"|\$\$(?P<dollars>{_SOME})\$\$|\\\[(?P<square>{_SOME})\\\]|\\\((?P<round>{_SOME})\\\)"
    r"|(?P<environment>\\begin\{(?P<name>align\*?|equation\*?|gather\*?|cases|[pbvBV]?matrix)\}"
    rf"{_SOME}\\end\{{(?P=name)\}})"
    r"|(?<![\\$])\$(?P<dollar>(?![\s$])[^$\n]+?(?<![\s\\]))\$(?!\d)"
    r"|(?P<boxed>\\boxed\s*\{)",
    re.DOTALL | re.MULTILINE,
)
_ELEMENTS = _words(
    "math mrow mi mn mo mtext mspace ms mfrac msqrt mroot mstyle merror mpadded mphantom mfenced "
    "menclose msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr "
    "mtd semantics"
)
_ATTRIBUTES = _words(
    "display mathvariant stretchy fence form separator lspace rspace minsize maxsize movablelimits "
    "accent accentunder linethickness columnalign columnspacing columnlines rowspacing rowlines "
    "rowalign width height depth displaystyle scriptlevel notation symmetric largeop"
)
_CHILDREN = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "munder": 2, "mover": 2, "msubsup": 3,
             "munderover": 3}  # fmt: skip
DEPTH = 60
"""Elements inside each other, beyond which nobody reads a formula."""
_VISIBLE = {at: 0x2400 + at for at in range(32) if chr(at) not in "\t\n\r"} | {0x7F: 0x2421}
"""Control characters, which a page cannot hold, as the signs that stand for them."""
_VALUE = re.compile(r"[\w .,%+#-]{0,40}")


def to_html(text: str) -> str:
    """HTML that is safe to put into a page."""
    cut = ""
    if len(text) > MAX_TEXT:
        text, cut = text[:MAX_TEXT], f'<span class="cut"> … ({len(text):,} letters in all)</span>'
    return "".join(_pieces(text.translate(_VISIBLE))) + cut


def _pieces(text: str) -> Iterator[str]:
    at = 0
    while found := _FORMULA.search(text, at):
        yield escape(text[at : found.start()])
        at = found.end()
        if found["fence"]:
            yield f"<code>{escape(found[0])}</code>"
            continue
        if found["boxed"]:
            at = _closing(text, found.end())
        source = text[found.start() : at]
        inside = (
            found["dollars"] or found["square"] or found["round"] or found["environment"]
            or found["dollar"] or source
        )  # fmt: skip
        lines = (found["name"] or "").rstrip("*") in ("align", "equation", "gather")
        block = bool(found["dollars"] or found["square"] or lines)
        yield _rendered(inside, block=block) or _as_written(source)
    yield escape(text[at:])


def _closing(text: str, at: int) -> int:
    """The place behind the brace that closes the one before `at`; the end where none does."""
    depth = 1
    while at < len(text) and depth:
        step = 2 if text[at] == "\\" else 1
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += step
    return min(at, len(text))


def _as_written(source: str) -> str:
    said = escape(source)
    return f'<code class="tex" title="LaTeX that cannot be rendered">{said}</code>'


def _rendered(formula: str, *, block: bool) -> str:
    """The formula as MathML; "" where it is too long or broken."""
    if len(formula) > MAX_FORMULA or _unbalanced(formula):
        return ""
    from latex2mathml.converter import convert_to_element

    try:
        tree = convert_to_element(formula, display="block" if block else "inline")
        return _written(tree) if _sound(tree) else ""
    except Exception:  # the library raises many kinds for broken LaTeX: it is shown as text then
        return ""


def _unbalanced(formula: str) -> bool:
    depth = 0
    for found in re.finditer(r"\\.|[{}]", formula, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth < 0:
            return True
    return depth != 0


def _sound(element: Any, depth: int = 0) -> bool:
    """Whether every command was known and has its arguments, and the tree is no tower."""
    wanted = _CHILDREN.get(str(element.tag).rpartition("}")[2], len(element))
    if depth > DEPTH or len(element) != wanted or (element.text or "").startswith("\\"):
        return False
    return all(_sound(child, depth + 1) for child in element)


def _written(element: Any) -> str:
    """An element and what is in it, as text whose every letter this module vouches for."""
    tag = str(element.tag).rpartition("}")[2]
    inside = escape(unescape(element.text or ""))
    for child in element:
        inside += _written(child) + escape(unescape(child.tail or ""))
    if tag not in _ELEMENTS:
        return inside
    told = "".join(
        f' {name}="{escape(str(value))}"'
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.fullmatch(str(value))
    )
    return f"<{tag}{told}>{inside}</{tag}>"
