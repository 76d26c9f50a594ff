"""A picture in SVG: a panel with a title, what is drawn on it, and words for who cannot see it.

One file serves light and dark. Each picture brings its own panel, so that it can be read on any
page; where the reader's system is dark, a media query in the file turns panel, bars and text.
Colours keep a contrast of 4.5 to 1 for text and 3 to 1 for bars on both panels, and no meaning
hangs on colour alone. Letters are large for the width, so that a phone's screen shows them.

Not covered: knowing how wide a letter is. Labels are cut by count, with room to spare.
"""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

WIDTH = 640
EDGE = 24
"""Between the panel's edge and what is on it."""
TOP = 78
"""Where drawing begins, under title and subtitle."""
LETTER = 8.0
"""Width of a letter at SIZE, with room to spare."""
SIZE = 15
SMALL = 13
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
LIGHT = {"panel": "#ffffff", "edge": "#d1d9e0", "track": "#eaeef2", "ink": "#1f2328",
         "dim": "#59636e", "one": "#0969da", "two": "#bc4c00"}  # fmt: skip
DARK = {"panel": "#151b23", "edge": "#3d444d", "track": "#262c36", "ink": "#f0f6fc",
        "dim": "#9da7b3", "one": "#4493f8", "two": "#db6d28"}  # fmt: skip

Legend = Sequence[tuple[str, str]]
"""What each colour says."""

_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
_STYLE = (
    "".join(f".{name}{{fill:{value}}}" for name, value in DARK.items() if name != "edge")
    + f".edge{{stroke:{DARK['edge']}}}"
)


def picture(
    title: str, said: str, height: float, drawn: Sequence[str], spoken: str, legend: Legend = ()
) -> str:
    """The whole file. `drawn` ends at `height`; the legend comes under it."""
    keys, x = [], float(EDGE)
    for colour, words in legend:
        wide = 22 + LETTER * len(words)
        if x > EDGE and x + wide > WIDTH - EDGE:
            x, height = float(EDGE), height + 24
        keys.append(rect(x, height + 12, 12, 12, colour))
        keys.append(text(x + 20, height + 23, words, "dim", size=SMALL))
        x += wide
    height = round(height + (38 if legend else 6))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-label={quoteattr(title)} '
            f'font-family="{FONT}" font-size="{SIZE}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{_plain(f'{said}. {spoken}')}</desc>",
            f"<style>@media (prefers-color-scheme: dark) {{{_STYLE}}}</style>",
            f'<rect class="panel edge" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" '
            f'rx="10" fill="{LIGHT["panel"]}" stroke="{LIGHT["edge"]}"/>',
            f'<text class="ink" x="{EDGE}" y="36" font-size="19" font-weight="600" '
            f'fill="{LIGHT["ink"]}">{_plain(title)}</text>',
            text(EDGE, 58, said, "dim", size=SMALL),
            *drawn,
            *keys,
            "</svg>\n",
        ]
    )


def text(
    x: float, y: float, words: str, colour: str = "ink", *, anchor: str = "", size: int = SIZE
) -> str:
    """A line of words; `anchor` is middle or end where `x` is not its beginning."""
    where = f' text-anchor="{anchor}"' if anchor else ""
    small = f' font-size="{size}"' if size != SIZE else ""
    return (
        f'<text class="{colour}" x="{number(x)}" y="{number(y)}"{where}{small} '
        f'fill="{LIGHT[colour]}">{_plain(words)}</text>'
    )


def rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled bar."""
    return (
        f'<rect class="{colour}" x="{number(x)}" y="{number(y)}" width="{number(width)}" '
        f'height="{number(height)}" rx="2" fill="{LIGHT[colour]}"/>'
    )


def line(x: float, y: float, to: float, down: float, *, dashed: bool = False) -> str:
    """A thin line of the edge's colour."""
    dash = ' stroke-dasharray="3 4"' if dashed else ""
    return (
        f'<line class="edge" x1="{number(x)}" y1="{number(y)}" x2="{number(to)}" '
        f'y2="{number(down)}" stroke="{LIGHT["edge"]}"{dash}/>'
    )


def cut(label: str, letters: int) -> str:
    """At most so many letters; what is cut says so."""
    return label if len(label) <= letters else f"{label[: letters - 1]}…"


def number(value: float) -> str:
    """A coordinate: tenths are enough, and no digits that say nothing."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _plain(words: str) -> str:
    return escape(_CONTROL.sub("\ufffd", words))
