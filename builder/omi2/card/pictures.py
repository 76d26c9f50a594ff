"""The card's pictures, as SVG: funnel, rows by source, lengths, votes, answer types, overlap.

Drawn here and not by a plotting library: the base install stays small (matplotlib brings 100 MB),
the same numbers give the same bytes on every machine and version, the text stays text, and one file
serves light and dark. Each picture brings its own panel, so that it can be read on any page; where
the reader's system is dark, a media query in the file turns panel and text. Colours keep a contrast
of 4.5 to 1 for text and 3 to 1 for bars on both panels, and no meaning hangs on colour alone.

Not covered: knowing how wide a letter is. Labels are cut by count, with room to spare.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

WIDTH = 760
LEFT = 200
"""Where bars begin; labels stand before it."""
LABEL = 22
"""Letters of a label at most."""
STEP = 30
TOP = 74
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
LIGHT = {"panel": "#ffffff", "edge": "#d1d9e0", "ink": "#1f2328", "dim": "#59636e",
         "one": "#0969da", "two": "#bc4c00"}  # fmt: skip
DARK = {"panel": "#151b23", "edge": "#3d444d", "ink": "#f0f6fc", "dim": "#9da7b3",
        "one": "#4493f8", "two": "#db6d28"}  # fmt: skip

Bar = tuple[str, Sequence[tuple[str, int]], str]
"""A label, the pieces of its bar (colour, length), and what stands behind it."""


def draw(facts: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, str]:
    """Every picture by its file name."""
    return {
        "funnel.svg": funnel(facts["funnel"]),
        "sources.svg": sources(facts["sources"]),
        "lengths.svg": lengths(numbers["solution_tokens"]),
        "votes.svg": votes(numbers["votes"]),
        "answer-types.svg": answer_types(numbers["answer_types"]),
        "overlap.svg": overlap(dropped_by_benchmark(facts), numbers["overlap"]),
    }


def funnel(steps: Sequence[Mapping[str, Any]]) -> str:
    """What came, left and was dropped at each stage; each bar is drawn to its own stage's unit."""
    bars: list[Bar] = []
    for step in steps:
        left, gone = sum(step["left"].values()), sum(step["dropped"].values())
        said = f"{left:,} of {left + gone:,} {step['unit']}"
        bars.append((step["stage"], [("one", left), ("two", gone)], said))
    legend = (("one", "left"), ("two", "dropped, each with its reason"))
    return _bars("From seeds to rows", "Each bar is all that came to a stage", bars, legend)


def sources(found: Mapping[str, Mapping[str, int]]) -> str:
    """Rows of each problem_source."""
    bars: list[Bar] = [
        (
            name,
            [("one", s["rows"])],
            f"{_many(s['rows'], 'row')}, {_many(s['problems'], 'problem')}",
        )
        for name, s in sorted(found.items(), key=lambda item: (-item[1]["rows"], item[0]))
    ]
    return _bars("Rows by source", "What problem_source says", bars, to_longest=True)


def answer_types(found: Mapping[str, int]) -> str:
    """Rows of each answer_type."""
    whole = sum(found.values())
    bars: list[Bar] = [
        (name, [("one", n)], f"{_many(n, 'row')}, {n / whole:.1%}") for name, n in found.items()
    ]
    return _bars("Kinds of answers", "What answer_type says", bars, to_longest=True)


def overlap(dropped: Mapping[str, int], kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Problems dropped for each benchmark, and the highest score of what was kept."""
    bars: list[Bar] = []
    for name in sorted({*dropped, *kept} - {"none"}):
        gone = dropped.get(name, 0)
        highest = kept.get(name, {}).get("highest")
        rest = "nothing kept is near it" if highest is None else f"highest score kept {highest:.2f}"
        bars.append((name, [("two", gone)], f"{gone:,} dropped; {rest}"))
    said = "Problems dropped because they overlap with a benchmark's test set"
    return _bars("Overlap by benchmark", said, bars, to_longest=True)


def lengths(found: Mapping[str, Any]) -> str:
    """How long solutions are, in tokens."""
    bars, step = _short(found["bars"]), found["step"]
    marks = [(at, str(at * step)) for at in (*_ticks(len(bars)), len(bars))]
    said = f"Rows by tokens: median {found['median']:,}, 95% up to {found['p95']:,}"
    return _columns("Length of solutions", said, [bars], marks, ())


def votes(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Problems by the share of their samples that gave the expected answer."""
    both = [found["seeds"]["bars"], found["new"]["bars"]]
    marks = [(at, f"{10 * at}%") for at in range(0, 11, 2)]
    said = "Problems by the share of answered samples that gave the expected answer"
    legend = (("one", "seeds, held against their gold answer"), ("two", "new problems, voted on"))
    return _columns("Votes", said, both, marks, legend)


def dropped_by_benchmark(facts: Mapping[str, Any]) -> dict[str, int]:
    """Problems dropped for each benchmark, by the report of `decontaminate`."""
    told = {str(b["name"]): 0 for b in facts["decontamination"].get("benchmarks", ())}
    for step in facts["funnel"]:
        if step["stage"] == "decontaminate":
            for name, count in step["facts"].items():
                if name.startswith("contaminated "):
                    told[name.removeprefix("contaminated ")] = count
    return told


def _bars(
    title: str,
    said: str,
    bars: Sequence[Bar],
    legend: Sequence[tuple[str, str]] = (),
    *,
    to_longest: bool = False,
) -> str:
    """Lying bars: each as long as its share of the longest, or of its own sum."""
    if not bars:
        bars, said = [("nothing", [("one", 0)], "")], "There is nothing to show"
    longest = max(sum(n for _, n in pieces) for _, pieces, _ in bars)
    room = WIDTH - LEFT - 290
    drawn = []
    for at, (label, pieces, behind) in enumerate(bars):
        y, x = TOP + at * STEP, float(LEFT)
        whole = longest if to_longest else sum(n for _, n in pieces)
        drawn.append(_text(LEFT - 12, y + 15, _cut(label), anchor="end", full=label))
        for colour, length in pieces:
            wide = room * length / whole if whole else 0.0
            if wide:
                drawn.append(_rect(x, y, max(wide, 1.5), 20, colour))
            x += wide
        drawn.append(_text(max(x, LEFT) + 10, y + 15, behind, "dim"))
    return _picture(title, said, TOP + len(bars) * STEP + 4, drawn, legend, bars)


def _columns(
    title: str,
    said: str,
    series: Sequence[Sequence[int]],
    marks: Sequence[tuple[int, str]],
    legend: Sequence[tuple[str, str]],
) -> str:
    """Standing bars, the series of one place side by side."""
    high, foot, left = 170, TOP + 190, 64
    most = max([1, *(n for bars in series for n in bars)])
    wide = (WIDTH - left - 24) / max(1, len(series[0]))
    each = (wide - 3) / len(series)
    drawn = [
        _line(left, foot, WIDTH - 24, foot),
        _line(left, foot - high, WIDTH - 24, foot - high, dashed=True),
        _text(left - 8, foot - high + 4, f"{most:,}", "dim", anchor="end"),
        _text(left - 8, foot + 4, "0", "dim", anchor="end"),
    ]
    for number, bars in enumerate(series):
        for at, count in enumerate(bars):
            if count:
                tall = max(1.5, high * count / most)
                x = left + at * wide + 1.5 + number * each
                drawn.append(_rect(x, foot - tall, each, tall, ("one", "two")[number]))
    for at, label in marks:
        drawn.append(_text(left + at * wide, foot + 20, label, "dim", anchor="middle"))
    told = [(label, [("", n)], "") for label, n in _series_told(series)]
    return _picture(title, said, foot + 30, drawn, legend, told)


def _series_told(series: Sequence[Sequence[int]]) -> list[tuple[str, int]]:
    return [(f"bar {at + 1}", sum(counts)) for at, counts in enumerate(zip(*series, strict=True))]


def _picture(
    title: str,
    said: str,
    height: int,
    drawn: Sequence[str],
    legend: Sequence[tuple[str, str]],
    told: Sequence[Bar],
) -> str:
    """The panel around what was drawn, with words for who cannot see it."""
    spoken = "; ".join(
        f"{label}: {behind or ', '.join(f'{n:,}' for _, n in pieces)}"
        for label, pieces, behind in told
    )
    keys, x = [], 24.0
    if legend:
        height += 30
        for colour, words in legend:
            keys.append(_rect(x, height - 25, 12, 12, colour))
            keys.append(_text(x + 18, height - 15, words, "dim"))
            x += 40 + 7.2 * len(words)
    dark = "".join(f".{name}{{fill:{value}}}" for name, value in DARK.items() if name != "edge")
    dark += f".edge{{stroke:{DARK['edge']}}}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-label={quoteattr(title)} '
            f'font-family="{FONT}" font-size="13">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(f'{said}. {spoken}')}</desc>",
            f"<style>@media (prefers-color-scheme: dark) {{{dark}}}</style>",
            f'<rect class="panel edge" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" '
            f'rx="10" fill="{LIGHT["panel"]}" stroke="{LIGHT["edge"]}"/>',
            f'<text class="ink" x="24" y="34" font-size="17" font-weight="600" '
            f'fill="{LIGHT["ink"]}">{escape(title)}</text>',
            _text(24, 55, said, "dim"),
            *drawn,
            *keys,
            "</svg>\n",
        ]
    )


def _text(
    x: float, y: float, words: str, colour: str = "ink", *, anchor: str = "", full: str = ""
) -> str:
    where = f' text-anchor="{anchor}"' if anchor else ""
    whole = f"<title>{escape(full)}</title>" if full and full != words else ""
    return (
        f'<text class="{colour}" x="{_number(x)}" y="{_number(y)}"{where} '
        f'fill="{LIGHT[colour]}">{whole}{escape(words)}</text>'
    )


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect class="{colour}" x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" '
        f'height="{_number(height)}" rx="2" fill="{LIGHT[colour]}"/>'
    )


def _line(x: float, y: float, to: float, down: float, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="3 4"' if dashed else ""
    return (
        f'<line class="edge" x1="{_number(x)}" y1="{_number(y)}" x2="{_number(to)}" '
        f'y2="{_number(down)}" stroke="{LIGHT["edge"]}"{dash}/>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _many(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _cut(label: str) -> str:
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


def _short(bars: Sequence[int]) -> Sequence[int]:
    """Without the empty bars at the end, but for one."""
    last = max((at for at, count in enumerate(bars) if count), default=0)
    return bars[: max(last + 2, 8)]


def _ticks(count: int) -> list[int]:
    step = max(1, -(-count // 8))
    return [at for at in range(0, count, step) if at <= count - step / 2]
