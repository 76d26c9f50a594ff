"""A page to look at matches: `page(rows)` over the rows of `overlap.parquet`.

One HTML file with everything in it, no address of anywhere: it opens from a disk and as a static
page on the Hub. Each match is written out, its two texts side by side, with what they share marked:
runs of three words or more, and single words and numbers that tell something. A few lines of
script hide what a search or a filter leaves out; without script everything is shown.

Texts are hostile until proven otherwise: every one is escaped, what does not print is shown as a
mark, and the page's policy names the one script and the one style sheet by their hashes, so that
nothing else could run even if a text broke out.

Not covered: more than `MOST` matches; then the highest of each rule and benchmark are shown, and
the page says how many are not.
"""

import base64
import hashlib
import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from omi2.overlap.evidence import summary
from omi2.overlap.rephrase import bag
from omi2.overlap.text import words

Row = Mapping[str, Any]
MOST = 2000
RUN = 3
"""Words of a run that is marked."""
LONGEST = 8000
"""Characters of a text that are shown."""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")

_STYLE = """
:root{color-scheme:light dark;--edge:light-dark(#d7d9df,#3a3d46);--soft:light-dark(#f5f6f8,#1c1e24);
--back:light-dark(#fff,#131419);--ink:light-dark(#1b1d23,#e6e7ea);--dim:light-dark(#5b606c,#9aa0ad);
--run:light-dark(#ffe08a,#6b5310);--word:light-dark(#cfe5ff,#1d4166);--bad:light-dark(#b3261e,#ff8a80)}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:1180px;margin:auto;padding:0 20px}
h1{font-size:22px;margin:28px 0 4px}
p.lead{margin:0 0 16px;color:var(--dim)}
table{border-collapse:collapse;margin:0 0 20px;font-variant-numeric:tabular-nums}
th,td{padding:3px 18px 3px 0;text-align:left;border-bottom:1px solid var(--edge)}
td.n,th.n{text-align:right}
form{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:10px 16px;align-items:end;
padding:12px 0;background:var(--back);border-bottom:1px solid var(--edge)}
label{display:grid;font-size:12px;color:var(--dim)}
input,select{font:inherit;color:var(--ink);background:var(--soft);border:1px solid var(--edge);
border-radius:6px;padding:5px 8px}
input[type=search]{width:300px;max-width:80vw}
output{margin-left:auto;color:var(--dim)}
article{margin:18px 0;border:1px solid var(--edge);border-radius:10px;overflow:hidden;
content-visibility:auto;contain-intrinsic-size:auto 220px}
article[hidden]{display:none}
article>h2{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline;margin:0;padding:8px 14px;
background:var(--soft);border-bottom:1px solid var(--edge);font-size:14px;font-weight:400}
h2 b{font-weight:650}
h2 .contaminated,h2 .unknown{color:var(--bad)}
h2 code{font-size:12.5px;color:var(--dim);overflow-wrap:anywhere}
.two{display:grid;grid-template-columns:1fr 1fr}
.two>section{padding:8px 14px 14px;min-width:0}
.two>section+section{border-left:1px solid var(--edge)}
h3{margin:0 0 4px;font-size:12px;font-weight:400;color:var(--dim)}
.text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;max-height:24em;overflow:auto}
.none{color:var(--dim);font-style:italic}
mark{color:inherit;border-radius:3px;background:var(--run)}
mark.word{background:var(--word)}
@media(max-width:760px){.two{grid-template-columns:1fr}
.two>section+section{border-left:0;border-top:1px solid var(--edge)}}
"""
_SCRIPT = """
const all=[...document.querySelectorAll('article')],form=document.querySelector('form');
const texts=all.map(a=>a.textContent.toLowerCase());
function show(){
  const of=n=>form.elements[n].value,q=of('q').toLowerCase().split(/\\s+/).filter(Boolean);
  let n=0;
  all.forEach((a,i)=>{
    const d=a.dataset,ok=(!of('benchmark')||d.benchmark===of('benchmark'))
      &&(!of('rule')||d.rule===of('rule'))&&(!of('verdict')||d.verdict===of('verdict'))
      &&+d.score>=+of('score')&&q.every(w=>texts[i].includes(w));
    a.hidden=!ok;n+=ok;
  });
  form.elements.least.value=(+of('score')).toFixed(2);
  form.elements.count.value=n+' of '+all.length+' shown';
}
form.addEventListener('input',show);form.addEventListener('submit',e=>e.preventDefault());show();
"""


def page(
    rows: Iterable[Row],
    verdicts: Mapping[str, int] | None = None,
    title: str = "Overlap with benchmarks",
) -> str:
    """The page of these rows of `overlap.parquet`, the highest scores first."""
    told = list(rows)
    shown = _chosen(told)
    benchmarks = sorted({str(row["benchmark"] or "") for row in shown})
    rules = sorted({str(row["rule"]) for row in shown})
    lead = f"{len(told):,} rows overlap with a benchmark item."
    if len(shown) < len(told):
        lead += f" The {len(shown):,} highest of each rule and benchmark are shown."
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{_shown(title)}</title><style>{_STYLE}</style></head><body>",
            f'<header><h1>{_shown(title)}</h1><p class="lead">{lead} Marked: '
            "<mark>runs of words that both texts hold</mark>, "
            '<mark class="word">single words and numbers that tell something</mark>. '
            "A score of 0.5 is the threshold of its rule, 1 the whole item.</p>",
            _summary(told),
            "</header><main>",
            _form(benchmarks, rules, sorted({str(row["verdict"]) for row in shown})),
            *map(_article, shown),
            f"</main><script>{_SCRIPT}</script></body></html>\n",
        ]
    )


def marked(text: str, other: str) -> str:
    """A text as HTML, with what it shares with the other marked.

    >>> marked("Ann sold 7 red lamps", "Bob sold 7 red mats")
    'Ann <mark>sold 7 red</mark> lamps'
    """
    text = text[:LONGEST]
    spans = [found.span() for found in _TOKEN.finditer(text)]
    mine = [_word(text[a:b]) for a, b in spans]
    theirs = [_word(found.group()) for found in _TOKEN.finditer(other[:LONGEST])]
    shared = {tuple(theirs[at : at + RUN]) for at in range(len(theirs) - RUN + 1)}
    kinds = [""] * len(mine)
    known = bag([word for each in theirs for word in each.split()])
    for at, word in enumerate(mine):
        found = bag(word.split())
        if found.stems & known.stems or found.numbers & known.numbers:
            kinds[at] = "word"
    for at in range(len(mine) - RUN + 1):
        if tuple(mine[at : at + RUN]) in shared:
            kinds[at : at + RUN] = ["run"] * RUN
    out, end, at = [], 0, 0
    while at < len(spans):
        first, kind = at, kinds[at]
        while kind == "run" and at + 1 < len(spans) and kinds[at + 1] == "run":
            at += 1
        low, high = spans[first][0], spans[at][1]
        out.append(_shown(text[end:low]))
        inside = _shown(text[low:high])
        opened = '<mark class="word">' if kind == "word" else "<mark>"
        out.append(f"{opened}{inside}</mark>" if kind else inside)
        end, at = high, at + 1
    return "".join([*out, _shown(text[end:])])


def _chosen(told: Sequence[Row]) -> list[Row]:
    """At most MOST rows: every rule and benchmark has its turn, highest scores first."""
    ordered = sorted(told, key=lambda row: (-row["score"], row["row"]))
    turns: Counter[tuple[str, str]] = Counter()
    places: dict[int, int] = defaultdict(int)
    for at, row in enumerate(ordered):
        key = (str(row["benchmark"]), row["rule"])
        places[at] = turns[key]
        turns[key] += 1
    chosen = sorted(sorted(places, key=lambda at: (places[at], at))[:MOST])
    return [ordered[at] for at in chosen]


def _summary(told: Sequence[Row]) -> str:
    lines = "".join(
        f"<tr><td>{_shown(line['benchmark'] or '-')}</td><td>{_shown(line['rule'])}</td>"
        f'<td class="n">{line["rows"]:,}</td><td class="n">{line["removed"]:,}</td></tr>'
        for line in summary(told)
    )
    return (
        '<table><thead><tr><th>benchmark</th><th>rule</th><th class="n">found</th>'
        f'<th class="n">to remove</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def _form(benchmarks: Sequence[str], rules: Sequence[str], verdicts: Sequence[str]) -> str:
    return (
        '<form autocomplete="off"><label>search<input type="search" name="q"></label>'
        f"{_choice('benchmark', benchmarks)}{_choice('rule', rules)}{_choice('verdict', verdicts)}"
        '<label><span>score from <output name="least">0.00</output></span>'
        '<input type="range" name="score" min="0" max="1" step="0.01" value="0"></label>'
        '<output name="count"></output></form>'
    )


def _choice(name: str, values: Sequence[str]) -> str:
    options = '<option value="">all</option>' + "".join(
        f'<option value="{_shown(v)}">{_shown(v or "-")}</option>' for v in values
    )
    return f'<label>{name}<select name="{name}">{options}</select></label>'


def _article(row: Row) -> str:
    item = row["item_problem"]
    benchmark, score = row["benchmark"] or "", float(row["score"])
    right = (
        f'<div class="text">{marked(item, row["problem"])}</div>'
        if item
        else '<p class="none">Only hashes of it were at hand: compare with its file to see it.</p>'
    )
    left = marked(row["problem"], item) if item else _shown(row["problem"][:LONGEST])
    return (
        f'<article data-benchmark="{_shown(benchmark)}" data-rule="{_shown(row["rule"])}" '
        f'data-verdict="{_shown(row["verdict"])}" data-score="{score:.4f}">'
        f"<h2><b>{_shown(row['rule'])}</b><span>{score:.2f}</span>"
        f'<span class="{_shown(row["verdict"])}">{_shown(row["verdict"])}</span>'
        f"<code>{_shown(row['id'])}</code></h2>"
        f'<div class="two"><section><h3>problem, row {int(row["row"])}</h3>'
        f'<div class="text">{left}</div></section>'
        f"<section><h3>{_shown(benchmark or 'no benchmark')} {_shown(row['item'] or '')}</h3>"
        f"{right}</section></div></article>"
    )


def _word(token: str) -> str:
    return " ".join(words(token))


def _shown(text: str) -> str:
    """Text that is only text: escaped, and what does not print shown as a mark."""
    plain = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
    return html.escape(plain)


def _policy() -> str:
    """Nothing may be loaded or run but the one style sheet and the one script."""

    def named(text: str) -> str:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"'sha256-{digest}'"

    return (
        f"default-src 'none'; style-src {named(_STYLE)}; script-src {named(_SCRIPT)}; "
        "base-uri 'none'; form-action 'none'"
    )
