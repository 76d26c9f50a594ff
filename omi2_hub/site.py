"""The pages of a preview, made in memory: card, rows, what was dropped, contamination.

Pages hold no script and load nothing from elsewhere, and a content security policy says so. Filters
are radio buttons and CSS (`:has`), so they work from the keyboard and in a saved page; class names
are numbers, never text of the data. All text is escaped: by the templates, by `latex` where there
may be formulas, by the Markdown engine where it is the card's.

Not covered: searching all rows. The pages show a sample (`sample`); for a row's whole story there
is `omi2 explain`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from omi2_hub import latex, sample
from omi2_hub.card import front_matter
from omi2_hub.errors import HubError, UsageError
from omi2_hub.release import CARD, MANIFEST, Manifest, read_manifest

HERE = Path(__file__).parent / "pages"
POLICY = "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'"
CARD_BYTES = 4 << 20
EXPLORER = "explorer.html"
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" '
    'rx="4" fill="#0969da"/><circle cx="8" cy="8" r="4" fill="none" stroke="#fff" '
    'stroke-width="2"/></svg>'
)


def pages(root: Path, run: Path | None = None, explorer: Path | None = None) -> dict[str, bytes]:
    """Every file of the site by its path. Raises HubError where the release cannot be read.

    `run` is the run directory of the build, for dropped rows; `explorer` a page of matches that
    `omi2 overlap --html` wrote, which brings its own policy.
    """
    manifest = _manifest(root)
    gone = sample.of_dropped(run) if run else None
    found = {
        "index.html": ("Card", None, _card(root)),
        "rows.html": ("Rows", "rows.css", _rows(root, manifest)),
        "dropped.html": ("Dropped", "dropped.css", _dropped(manifest, gone)),
        "contamination.html": ("Contamination", None, _report(root, linked=explorer is not None)),
    }
    common = {
        "name": manifest.name,
        "rows": manifest.rows,
        "policy": POLICY,
        "pages": [(file, label) for file, (label, _, _) in found.items()],
    }
    made = {"style.css": (HERE / "style.css").read_bytes(), "icon.svg": ICON.encode()}
    for file, (label, rules, (template, values)) in found.items():
        made[file] = (
            _templates()
            .get_template(template)
            .render({**common, "title": label, "current": file, "rules": rules, **values})
            .encode()
        )
        if rules:
            made[rules] = _rules(values.get("groups", ()))
    if explorer is not None:
        made[EXPLORER] = _explorer(explorer)
    for picture in sorted((root / "pictures").glob("*.svg")):
        if picture.is_file() and picture.stat().st_size <= CARD_BYTES:
            made[f"pictures/{picture.name}"] = picture.read_bytes()
    return made


def _manifest(root: Path) -> Manifest:
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder: give the folder that `omi2 build` wrote, ./omi2")
    try:
        text = (root / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{root} holds no {MANIFEST}: run `omi2 build` to its end") from None
    return read_manifest(text, str(root / MANIFEST))


def _card(root: Path) -> tuple[str, dict[str, Any]]:
    """The card as HTML, its front matter left out."""
    text = _read(root / CARD)
    if text is None:
        return "layout.html.j2", {"body": "<h1>No card</h1><p>There is no README.md.</p>"}
    try:
        text = front_matter(text)[1]
    except HubError as error:
        said = _templates().from_string("<p>{{ said }}</p>").render(said=str(error))
        return "layout.html.j2", {"body": said + markdown(text)}
    return "layout.html.j2", {"body": markdown(text)}


def _explorer(path: Path) -> bytes:
    """A page of matches. Raises UsageError where the file is none."""
    try:
        page = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name a page") from None
    if b"Content-Security-Policy" not in page[:4096]:
        raise UsageError(f"{path} is no page of matches: write one with `omi2 overlap --html`")
    return page


def _report(root: Path, *, linked: bool) -> tuple[str, dict[str, Any]]:
    text = _read(root / "reports" / "contamination.md")
    if text is None:
        text = "# Contamination\n\nThis release has no reports/contamination.md."
    link = f'<p><a href="{EXPLORER}">Look at every match, side by side</a></p>' if linked else ""
    return "layout.html.j2", {"body": link + markdown(text)}


def _rows(root: Path, manifest: Manifest) -> tuple[str, dict[str, Any]]:
    """The sample of rows with its filters."""
    found = sample.of_rows([root / path for path in manifest.data])
    keys = [
        (
            str(row["problem_source"]),
            sample.BANDS[sample.band(row["votes"], row["votes_total"])],
            str(row["answer_type"]),
        )
        for row in found
    ]
    groups, classes = _filters(
        ("Source", "Votes", "Answer type"), keys, tuple(sample.BANDS.values())
    )
    items = [
        {
            "row": row,
            "classes": names,
            "problem": _html(row["problem"]),
            "solution": _html(row["generated_solution"]),
            "answer": _answer(row["expected_answer"]),
            "tenth": round(10 * (row["votes"] or 0) / (row["votes_total"] or 1)),
            "facts": _facts(row),
        }
        for row, names in zip(found, classes, strict=True)
    ]
    return "rows.html.j2", {"items": items, "groups": groups}


def _dropped(manifest: Manifest, gone: sample.Gone | None) -> tuple[str, dict[str, Any]]:
    """What was dropped: the counts of the funnel, and rows where there is a run."""
    funnel = manifest.raw.get("funnel")
    steps = [s for s in funnel if isinstance(s, dict)] if isinstance(funnel, list) else []
    counts = [
        (str(step.get("stage")), str(reason), count)
        for step in steps
        for reason, count in (step.get("dropped") or {}).items()
        if isinstance(count, int)
    ]
    found = gone.rows if gone else ()
    groups, classes = _filters(("Stage", "Reason"), [(row.stage, row.reason) for row in found], ())
    items = [
        {
            "row": asdict(row),
            "classes": names,
            "problem": _html(row.problem),
            "text": _html(row.text),
            "hidden": row.reason.startswith("overlap_") or row.reason == "problem_dropped",
        }
        for row, names in zip(found, classes, strict=True)
    ]
    return "dropped.html.j2", {
        "told": gone is not None,
        "counts": counts,
        "groups": groups,
        "items": items,
    }


def _filters(
    labels: tuple[str, ...], keys: Sequence[tuple[str, ...]], order: tuple[str, ...]
) -> tuple[list[dict[str, Any]], list[str]]:
    """A group of choices for each label, and each item's CSS classes; names are numbers only."""
    groups: list[dict[str, Any]] = []
    classes: list[list[str]] = [[] for _ in keys]
    for at, label in enumerate(labels):
        values = [key[at] for key in keys]
        rank = {value: n for n, value in enumerate(order)}
        known = sorted(set(values), key=lambda v: (rank.get(v, len(rank)), -values.count(v), v))
        choices: list[dict[str, Any]] = [{"id": f"f{at}-any", "label": "any", "count": None}]
        for number, value in enumerate(known):
            choices.append({"id": f"f{at}-{number}", "label": value, "count": values.count(value)})
        groups.append({"name": f"f{at}", "label": label, "choices": choices})
        for names, value in zip(classes, values, strict=True):
            names.append(f"f{at}-{known.index(value)}")
    return groups, [" ".join(names) for names in classes]


def _rules(groups: Iterable[Mapping[str, Any]]) -> bytes:
    """The CSS that hides what a checked choice leaves out."""
    names = [choice["id"] for group in groups for choice in group["choices"][1:]]
    rules = [f"body:has(#{n}:checked) .item:not(.{n}) {{ display: none; }}\n" for n in names]
    return "".join(rules).encode()


def _facts(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    shown = {k: v for k, v in row.items() if k not in ("problem", "generated_solution")}
    overlap = shown.pop("overlap", None)
    if isinstance(overlap, dict):
        score = overlap.get("score")
        told = "not compared" if score is None else f"{score:.3f}"
        near = overlap.get("benchmark")
        shown["overlap"] = f"{told} {near} {overlap.get('item')}" if near else told
    return [
        (
            name,
            "not told"
            if value is None
            else f"{value:.6g}"
            if isinstance(value, float)
            else str(value),
        )
        for name, value in shown.items()
    ]


def _html(text: Any) -> Any:
    from markupsafe import Markup

    return Markup(latex.to_html(str(text or "")))  # noqa: S704 (escaped by `latex`)


def _answer(text: Any) -> Any:
    """An answer, which is LaTeX without dollars as often as not."""
    said = str(text or "")
    return _html(f"${said}$" if "\\" in said and "$" not in said else said)


def markdown(text: str) -> str:
    """Markdown as HTML: raw HTML is shown as text, links lead to https or into the release."""
    from markdown_it import MarkdownIt

    engine = MarkdownIt("commonmark", {"html": False}).enable("table")
    inside = re.compile(r"https://|pictures/|#|reports/contamination\.md$")
    engine.validateLink = lambda url: bool(inside.match(url))  # type: ignore[method-assign]
    tokens = engine.parse(text)
    for token in tokens:  # the policy of the pages allows no inline style
        if token.attrs.pop("style", None) == "text-align:right":
            token.attrs["class"] = "number"
    for token in (inner for outer in tokens for inner in outer.children or ()):
        if token.attrs.get("href") == "reports/contamination.md":
            token.attrs["href"] = "contamination.html"
    return str(engine.renderer.render(tokens, engine.options, {}))


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(CARD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return None
