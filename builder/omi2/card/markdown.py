"""Text into Markdown, and the templates in cards/ into pages.

Whatever a template prints is escaped, so that no text of the data, of a recipe or of a model can
become markup; only what this module built itself (`Markup`) passes as it is. Numbers are printed
with thousands commas. A name that a template uses and nobody gives is an error.

Not covered: HTML pages. The preview has an escaping of its own.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

_HERE = Path(__file__).parent
CARDS = next(p for p in (_HERE.parent / "cards", _HERE.parents[2] / "cards") if p.is_dir())
"""The templates: inside the package in a wheel, beside builder/ in a checkout."""

_SPECIAL = re.compile(r"[\\`*\[\]|~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown reads; an underscore inside a word is none of it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


_NUMBER = re.compile(r"([\d,.]+( (bytes|KB|MB|GB))?)?")


class Markup(str):
    """Markdown that this package built: printed as it is."""

    __slots__ = ()


def fill(template: str, **values: object) -> str:
    """A page from a template of cards/."""
    return _environment().get_template(template).render(values)


def escape(value: object) -> Markup:
    """Text in one line that is neither Markdown nor HTML."""
    if isinstance(value, Markup):
        return value
    text = f"{value:,}" if isinstance(value, int) else _CONTROL.sub(" ", str(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(_SPECIAL.sub(r"\\\g<0>", text))


def code(value: object) -> Markup:
    """A name in a code span, in which nothing is markup, a table's bars included."""
    text = _CONTROL.sub(" ", str(value)).strip() or " "
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return Markup(f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|"))


def block(text: str, language: str = "") -> Markup:
    """Text in a fenced block that it cannot end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return Markup(f"{fence}{language}\n{text}\n{fence}")


def table(head: Sequence[str], body: Iterable[Sequence[object]]) -> Markup:
    """A table; numbers stand to the right. Empty where it has no line."""
    lines = [list(line) for line in body]
    if not lines:
        return Markup("")
    right = [all(_NUMBER.fullmatch(escape(line[at])) for line in lines) for at in range(len(head))]
    rule = [Markup("---:" if r else "---") for r in right]
    return Markup(
        "\n".join(
            "| " + " | ".join(escape(cell) for cell in line) + " |" for line in (head, rule, *lines)
        )
    )


def join(parts: Iterable[object], between: str = ", ") -> Markup:
    """Several, each escaped."""
    return Markup(between.join(escape(part) for part in parts))


def megabytes(count: int) -> str:
    """A number of bytes as people read it."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def percent(part: float, whole: float) -> str:
    """A share; a dash where there is nothing to share."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(CARDS),
        finalize=escape,
        autoescape=False,  # noqa: S701 (that is HTML's; `finalize` escapes for Markdown)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {"code": code, "bytes": megabytes}
    made.filters.update(filters)
    return made


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)
