"""A page to look at matches: `page(rows)` over the rows of `overlap.parquet`.

One HTML file with everything in it, no address of anywhere: it opens from a disk and as a static
page on the Hub. It begins with how many rows have each verdict, and a table of benchmarks by rules
whose numbers filter. Below, each match is a card: rule, score, verdict, what a judge said, and the
two texts side by side with what they share marked: runs of three words or more, and single words
and numbers that tell something. Search, filters and keys are a script (`explorer.js`); it draws the
cards that are near, so that ten thousand matches stay usable, and keeps the filters in the address.

Texts are hostile until proven otherwise. They stand in the page as JSON in which no character can
end an element, the script only ever makes text of them, what does not print is shown as a mark, and
the page's policy names the one script and the one style sheet by their hashes, so that nothing else
could run even if a text broke out.

Not covered: more than `MOST` matches; then the highest of each rule and benchmark are shown, and
the page says how many are not. Formulas are shown as they are written.
"""

import base64
import functools
import hashlib
import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from omi2.overlap.evidence import summary
from omi2.overlap.rephrase import bag
from omi2.overlap.text import words

Row = Mapping[str, Any]
Pieces = list[str | tuple[int, str]]
"""A text in pieces: plain, or (1, part of a run that both hold), or (2, a telling word)."""
MOST = 20_000
RUN = 3
"""Words of a run that is marked."""
LONGEST = 6000
"""Characters of a text that are shown."""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_RULES = ("exact", "near_dup", "rephrase", "number_change", "judge", "unknown", "none")


def page(
    rows: Iterable[Row],
    verdicts: Mapping[str, int] | None = None,
    title: str = "Overlap with benchmarks",
) -> str:
    """The page of these rows of `overlap.parquet`, the highest scores first.

    `verdicts` says how many rows of the input have each verdict, those without a match too.
    """
    told = list(rows)
    shown = _chosen(told)
    script, style = _file("explorer.js"), _file("explorer.css")
    data = json.dumps([_told(row) for row in shown], ensure_ascii=False, separators=(",", ":"))
    lead = f"{len(told):,} rows come near a benchmark item."
    if len(shown) < len(told):
        lead += f" The {len(shown):,} highest of each rule and benchmark are shown."
    choices = (
        _choice("benchmark", sorted({str(row["benchmark"] or "") for row in shown})),
        _choice("rule", [rule for rule in _RULES if any(r["rule"] == rule for r in shown)]),
        _choice("verdict", sorted({str(row["verdict"]) for row in shown})),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{_shown(title)}</title><style>{style}</style></head><body>"
        f'<div class="wide"><h1>{_shown(title)}</h1><p class="lead">{lead} Marked: '
        "<mark>runs of words that both texts hold</mark>, "
        '<mark class="word">single words and numbers that tell something</mark>. '
        "A score of 0.5 is the threshold of its rule, 1 the whole item.</p>"
        f"{_tiles(verdicts or Counter(row['verdict'] for row in told))}{_table(told)}"
        "<noscript><p>The matches need the script of this page, which loads nothing.</p></noscript>"
        '</div><div class="bar"><form class="wide" autocomplete="off" role="search">'
        '<label class="find">search<input type="search" name="q" placeholder="words, an id, an '
        f'item"></label>{"".join(choices)}'
        '<label><span>score from <output name="least">0.00</output></span>'
        '<input type="range" name="score" min="0" max="1" step="0.01" value="0"></label>'
        '<button type="button" class="clear" hidden>clear</button>'
        '<output class="count" name="count" aria-live="polite"></output></form></div>'
        '<main class="wide"><div id="list"></div><div id="end"></div>'
        '<p class="keys"><kbd>j</kbd> <kbd>k</kbd> next and previous match, <kbd>/</kbd> search, '
        "<kbd>Esc</kbd> leave the search. The address keeps the filters.</p></main>"
        f'<script type="application/json" id="data">{_inert(data)}</script>'
        f"<script>{script}</script></body></html>\n"
    )


def pieces(text: str, other: str) -> Pieces:
    """A text in pieces, with what it shares with the other marked.

    >>> pieces("Ann sold 7 red lamps", "Bob sold 7 red mats")
    ['Ann ', (1, 'sold 7 red'), ' lamps']
    """
    text = text[:LONGEST]
    spans = [found.span() for found in _TOKEN.finditer(text)]
    mine = [_facts(text[a:b]) for a, b in spans]
    theirs = [_facts(found.group()) for found in _TOKEN.finditer(other[:LONGEST])]
    its = [word for word, _ in theirs]
    shared = {tuple(its[at : at + RUN]) for at in range(len(its) - RUN + 1)}
    known = frozenset().union(*(telling for _, telling in theirs))
    kinds = [2 if telling & known else 0 for _, telling in mine]
    for at in range(len(mine) - RUN + 1):
        if tuple(word for word, _ in mine[at : at + RUN]) in shared:
            kinds[at : at + RUN] = [1] * RUN
    out: Pieces = []
    end, at = 0, 0
    while at < len(spans):
        first, kind = at, kinds[at]
        while kind == 1 and at + 1 < len(spans) and kinds[at + 1] == 1:
            at += 1
        low, high = spans[first][0], spans[at][1]
        if kind:
            out += [_plain(text[end:low]), (kind, _plain(text[low:high]))]
            end = high
        at += 1
    return [piece for piece in [*out, _plain(text[end:])] if piece]


def _chosen(told: Sequence[Row]) -> list[Row]:
    """At most MOST rows: every rule and benchmark has its turn, highest scores first."""
    strength = {rule: at for at, rule in enumerate(_RULES)}
    ordered = sorted(
        told, key=lambda r: (-r["score"], strength.get(r["rule"], len(strength)), r["row"])
    )
    turns: Counter[tuple[str, str]] = Counter()
    places: dict[int, int] = defaultdict(int)
    for at, row in enumerate(ordered):
        key = (str(row["benchmark"]), row["rule"])
        places[at] = turns[key]
        turns[key] += 1
    chosen = sorted(sorted(places, key=lambda at: (places[at], at))[:MOST])
    return [ordered[at] for at in chosen]


def _told(row: Row) -> dict[str, Any]:
    """A row as the script reads it."""
    item = row["item_problem"]
    names = ("id", "verdict", "rule", "benchmark", "item")
    return {
        **{name: _plain(str(row[name] or "")) for name in names},
        "row": int(row["row"]),
        "score": round(float(row["score"]), 4),
        "judge": _plain(str(row.get("judge") or "")),
        "problem": pieces(row["problem"], item or ""),
        "other": pieces(item, row["problem"]) if item else None,
    }


def _tiles(verdicts: Mapping[str, int]) -> str:
    """How many rows were compared, and how many have each verdict."""
    counts = {"compared": sum(verdicts.values()), **dict.fromkeys(("clean",), 0), **verdicts}
    lines = (
        f'<li class="{_shown(n)}"><b>{c:,}</b><span>{_shown(n)}</span>' for n, c in counts.items()
    )
    return f'<ul class="tiles">{"</li>".join(lines)}</li></ul>'


def _table(told: Sequence[Row]) -> str:
    """Benchmarks by rules: how many rows each found; a number filters."""
    counted = {(line["benchmark"], line["rule"]): line for line in summary(told)}
    rules = [rule for rule in _RULES if any(rule == r for _, r in counted)]
    rules += sorted({rule for _, rule in counted} - set(rules))
    head = "".join(f'<th scope="col">{_shown(rule)}</th>' for rule in rules)
    lines = []
    for benchmark in sorted({benchmark for benchmark, _ in counted}):
        cells, removed = "", 0
        for rule in rules:
            line = counted.get((benchmark, rule))
            removed += line["removed"] if line else 0
            cells += "<td>" + (
                f'<button type="button" data-benchmark="{_shown(benchmark)}" '
                f'data-rule="{_shown(rule)}">{line["rows"]:,}</button>' if line else "·"
            ) + "</td>"  # fmt: skip
        lines.append(
            f'<tr><th scope="row">{_shown(benchmark or "no benchmark")}</th>{cells}'
            f"<td>{removed:,}</td></tr>"
        )
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">benchmark</th>{head}'
        f'<th scope="col">to remove</th></tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _choice(name: str, values: Sequence[str]) -> str:
    options = '<option value="">all</option>' + "".join(
        f'<option value="{_shown(v)}">{_shown(v)}</option>' for v in values if v
    )
    return f'<label>{name}<select name="{name}">{options}</select></label>'


@functools.lru_cache(maxsize=1 << 17)
def _facts(token: str) -> tuple[str, frozenset[object]]:
    """A token as its words, and the stems and numbers in it that tell something."""
    found = words(token)
    held = bag(found)
    return " ".join(found), frozenset(("s", x) for x in held.stems) | frozenset(
        ("n", x) for x in held.numbers
    )


def _plain(text: str) -> str:
    """A text whose every character can be seen: what does not print is shown as a mark."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _shown(text: str) -> str:
    """Text that is only text, in HTML."""
    return html.escape(_plain(text))


def _inert(data: str) -> str:
    """JSON that no HTML can be in: the same JSON, with escapes."""
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return data


def _file(name: str) -> str:
    return (files("omi2") / "overlap" / name).read_text(encoding="utf-8").strip()


def _policy(script: str, style: str) -> str:
    """Nothing may be loaded or run but the one style sheet and the one script.

    A score's bar is drawn from a property that the script sets, which a style policy allows.
    """

    def named(text: str) -> str:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"'sha256-{digest}'"

    return (
        f"default-src 'none'; style-src {named(style)}; script-src {named(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
