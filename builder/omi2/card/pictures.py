"""The card's pictures: funnel, rows by source, lengths, votes, answer types, overlap.

Drawn by `svg` and not by a plotting library. The base install stays small (matplotlib brings 100 MB
with what it needs), the same numbers give the same bytes on every machine and version, as all of a
release does, text stays text, and one file serves light and dark.

Two kinds: lying bars, whose label and value stand over them, so that neither is cut for the other;
and standing ones over an axis with numbers and a unit.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omi2.card.known import Missing
from omi2.card.svg import EDGE, LETTER, SMALL, TOP, WIDTH, Legend, cut, line, picture, rect, text

STEP = 44
"""From one lying bar to the next."""
HIGH = 180
"""Of standing bars."""
MARKS = 8
"""Steps between the numbers under them."""

Bar = tuple[str, Sequence[tuple[str, int]], str, int]
"""A label, the pieces of its bar (colour, length), its value in words, and its scale's whole."""


def draw(facts: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, str]:
    """Every picture by its file name; one whose facts are missing says so."""
    drawn: dict[str, Callable[[], str]] = {
        "funnel.svg": lambda: funnel(facts["funnel"]),
        "sources.svg": lambda: sources(facts["sources"]),
        "lengths.svg": lambda: lengths(numbers["solution_tokens"]),
        "votes.svg": lambda: votes(numbers["votes"]),
        "answer-types.svg": lambda: answer_types(numbers["answer_types"]),
        "overlap.svg": lambda: overlap(dropped_by_benchmark(facts), numbers["overlap"]),
    }
    return {name: _or_missing(draw) for name, draw in drawn.items()}


def _or_missing(draw: Callable[[], str]) -> str:
    try:
        return draw()
    except Missing as missing:
        return picture("Not known", f"The reports of this release lack {missing.name}", TOP, [], "")


def funnel(steps: Sequence[Mapping[str, Any]]) -> str:
    """What came, left and was dropped at each stage: problems on one scale, samples on another."""
    whole: dict[bool, int] = {}
    for step in steps:
        scale = "problem" in step["unit"]
        whole[scale] = max(whole.get(scale, 0), _came(step))
    bars: list[Bar] = []
    for step in steps:
        left, gone = sum(step["left"].values()), sum(step["dropped"].values())
        came = f" of {left + gone:,}" if gone else ""
        pieces = [("one", left), ("two", gone)]
        bars.append(
            (
                step["stage"],
                pieces,
                f"{left:,}{came} {step['unit']}",
                whole["problem" in step["unit"]],
            )
        )
    legend = (("one", "left"), ("two", "dropped, each with its reason"))
    said = "Problems are drawn to one scale, samples and rows to another"
    return _lying("From seeds to rows", said, bars, legend)


def sources(found: Mapping[str, Mapping[str, int]]) -> str:
    """Rows of each problem_source."""
    most = max((s["rows"] for s in found.values()), default=0)
    bars: list[Bar] = [
        (
            name,
            [("one", s["rows"])],
            f"{_many(s['rows'], 'row')}, {_many(s['problems'], 'problem')}",
            most,
        )
        for name, s in sorted(found.items(), key=lambda item: (-item[1]["rows"], item[0]))
    ]
    return _lying("Rows by source", "What problem_source says", bars)


def answer_types(found: Mapping[str, int]) -> str:
    """Rows of each answer_type."""
    whole, most = sum(found.values()), max(found.values(), default=0)
    bars: list[Bar] = [
        (name, [("one", n)], f"{_many(n, 'row')}, {n / whole:.1%}", most)
        for name, n in found.items()
    ]
    return _lying("Kinds of answers", "What answer_type says", bars)


def overlap(dropped: Mapping[str, int], kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Problems dropped for each benchmark, and the highest score of what was kept."""
    most = max(dropped.values(), default=0)
    bars: list[Bar] = []
    for name in sorted({*dropped, *kept} - {"none"}):
        gone = dropped.get(name, 0)
        highest = kept.get(name, {}).get("highest")
        rest = "nothing kept is near it" if highest is None else f"highest score kept {highest:.2f}"
        bars.append((name, [("two", gone)], f"{gone:,} dropped; {rest}", most))
    said = "Problems dropped because they overlap with a test set"
    return _lying("Overlap by benchmark", said, bars, nothing="nothing was compared")


def lengths(found: Mapping[str, Any]) -> str:
    """How long solutions are, in tokens."""
    bars, step = _short(found["bars"]), found["step"]
    marks = [(at, f"{at * step:,}") for at in range(0, len(bars) + 1, len(bars) // MARKS)]
    said = f"Half have at most {found['median']:,} tokens, 95% at most {found['p95']:,}"
    spoken = [f"{at * step:,} to {(at + 1) * step - 1:,} tokens" for at in range(len(bars))]
    named = [("one", "rows", bars)]
    return _standing("Length of solutions", said, named, marks, ("rows", "tokens"), spoken)


def votes(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Problems by the share of their samples that gave the expected answer."""
    marks = [(at, f"{10 * at}%") for at in range(0, 11, 2)]
    named = [
        ("one", "seeds, held against their gold answer", found["seeds"]["bars"]),
        ("two", "new problems, voted on", found["new"]["bars"]),
    ]
    held = [told for told in named if any(told[2])] or named[:1]
    same = " and ".join(
        f"{found[name]['unanimous']:,} of {found[name]['problems']:,} {word}"
        for name, word in (("seeds", "seeds"), ("new", "new problems"))
        if found[name]["problems"]
    )
    said = f"All votes were alike for {same}" if same else "There is nothing to show"
    units = ("problems", "share of the votes that the expected answer got")
    spoken = [f"over {10 * at}% to {10 * at + 10}%" for at in range(10)]
    return _standing("Votes", said, held, marks, units, spoken)


def dropped_by_benchmark(facts: Mapping[str, Any]) -> dict[str, int]:
    """Problems dropped for each benchmark, by the report of `decontaminate`."""
    told = {str(b["name"]): 0 for b in facts["decontamination"].get("benchmarks", ())}
    for step in facts["funnel"]:
        if step["stage"] == "decontaminate":
            for name, count in step["facts"].items():
                if name.startswith("contaminated "):
                    told[name.removeprefix("contaminated ")] = count
    return told


def _lying(
    title: str, said: str, bars: Sequence[Bar], legend: Legend = (), nothing: str = "no row"
) -> str:
    """Lying bars, each to the whole that it names."""
    if not bars:
        bars, said = [(nothing, [], "", 0)], "There is nothing to show"
    room, drawn = WIDTH - 2 * EDGE, []
    for at, (label, pieces, value, whole) in enumerate(bars):
        y, x = TOP + at * STEP, float(EDGE)
        letters = int(room / LETTER) - len(value) - 1
        drawn.append(text(EDGE, y + 12, cut(label, max(letters, 12))))
        drawn.append(text(WIDTH - EDGE, y + 12, value, "dim", anchor="end", size=SMALL))
        drawn.append(rect(EDGE, y + 19, room, 12, "track"))
        for colour, length in pieces:
            wide = max(room * length / whole, 2.0) if length else 0.0
            if wide:
                drawn.append(rect(x, y + 19, min(wide, EDGE + room - x), 12, colour))
            x += wide
    spoken = "; ".join(f"{label}: {value}" for label, _, value, _ in bars)
    return picture(title, said, TOP + len(bars) * STEP, drawn, spoken, legend)


def _standing(
    title: str,
    said: str,
    series: Sequence[tuple[str, str, Sequence[int]]],
    marks: Sequence[tuple[int, str]],
    units: tuple[str, str],
    places: Sequence[str],
) -> str:
    """Standing bars over an axis, the series of one place side by side."""
    grid = _grid(max(n for _, _, bars in series for n in bars))
    top, left, right = TOP + 26, EDGE + LETTER * len(f"{grid[-1]:,}") + 8, WIDTH - EDGE - 14
    foot, wide = top + HIGH, (right - left) / len(places)
    each = (wide - 3) / len(series)
    drawn = [text(left, TOP + 10, units[0], "dim", size=SMALL)]
    for tick in grid:
        y = foot - HIGH * tick / grid[-1]
        drawn.append(line(left, y, right, y, dashed=bool(tick)))
        drawn.append(text(left - 8, y + 4, f"{tick:,}", "dim", anchor="end", size=SMALL))
    for number, (colour, _, bars) in enumerate(series):
        for at, count in enumerate(bars):
            if count:
                tall = max(2.0, HIGH * count / grid[-1])
                x = left + at * wide + 1.5 + number * each
                drawn.append(rect(x, foot - tall, each, tall, colour))
    for at, label in marks:
        drawn.append(text(left + at * wide, foot + 20, label, "dim", anchor="middle", size=SMALL))
    middle = (left + right) / 2
    drawn.append(text(middle, foot + 42, units[1], "dim", anchor="middle", size=SMALL))
    spoken = "; ".join(
        f"{place}: " + ", ".join(f"{bars[at]:,} {name}" for _, name, bars in series)
        for at, place in enumerate(places)
        if any(bars[at] for _, _, bars in series)
    )
    legend = [(colour, name) for colour, name, _ in series] if units[0] != series[0][1] else ()
    return picture(title, said, foot + 48, drawn, spoken, legend)


def _came(step: Mapping[str, Any]) -> int:
    return int(sum(step["left"].values()) + sum(step["dropped"].values()))


def _many(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _short(bars: Sequence[int]) -> Sequence[int]:
    """Without the empty bars at the end, but for those up to the next mark."""
    last = max((at for at, count in enumerate(bars) if count), default=0)
    return bars[: (last // MARKS + 1) * MARKS]


def _grid(most: int) -> list[int]:
    """Round numbers from 0 to the first that is not below `most`: at most five."""
    sizes = (one * 10**power for power in range(20) for one in (1, 2, 5))
    step = next(size for size in sizes if 4 * size >= most)
    return list(range(0, -(-max(most, 1) // step) * step + 1, step))
