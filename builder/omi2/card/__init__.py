"""Render what people read of a release: card, reports, pictures, Croissant file.

`write` measures the data (`data`), then fills the templates of cards/ (`markdown.fill`) from the
manifest's facts and those numbers. Nothing is typed, so the card cannot disagree with the data, and
whatever is not a number of ours is escaped. A release holds what `write` wrote:

    README.md                  dataset.md.j2, under the YAML of `front`
    reports/contamination.md   contamination.md.j2: every match, by id
    reports/model-card.md      model.md.j2: a beginning for the card of a model trained on the data
    reports/numbers.json       what was measured, for machines
    pictures/*.svg             `pictures`
    croissant.json             `front.croissant`

Not covered: what only publishing knows, such as the version, what changed since the last one, and
what was taken back. `omi2-hub` adds these.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from omi2 import rows
from omi2.card import front, overlaps, pictures, tell
from omi2.card.data import Described, measure
from omi2.card.experiment import experiment
from omi2.card.known import named
from omi2.card.markdown import CARDS, Markup, block, code, fill, table
from omi2.card.svg import cut
from omi2.card.words import COLUMNS, PICTURES
from omi2.files import write_json

__all__ = ["CARDS", "contamination", "measure", "model_card", "render", "write"]

Facts = Mapping[str, Any]

PAIR = ("problem", "generated_solution")
ANSWERED = ("problem", "expected_answer")
"""Columns that the card's snippets read."""
FIRST = 2_000
"""Letters of a value of the first row that the card shows."""


def write(
    root: Path,
    facts: Facts,
    matches: Sequence[Mapping[str, Any]],
    described: Described = MappingProxyType({}),
) -> dict[str, Any]:
    """Write all of it into a release's folder, whose `data/` is there. Returns the numbers.

    Files of `data/` that are `described` already are not hashed.
    Raises `known.Missing` where the facts lack what no card can be made without.
    """
    facts = named(facts)
    numbers = measure(root, described)
    texts = {
        "README.md": render(facts, numbers),
        "reports/contamination.md": contamination(facts, matches),
        "reports/model-card.md": model_card(facts),
        **{f"pictures/{n}": drawn for n, drawn in pictures.draw(facts, numbers).items()},
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    told = {name: value for name, value in numbers.items() if name not in ("files", "first_row")}
    write_json(root / "reports" / "numbers.json", told)
    about = f"{facts['rows']:,} math problems with worked solutions, made with omi2."
    write_json(root / "croissant.json", front.croissant(facts, numbers, about, COLUMNS))
    return numbers


def render(facts: Facts, numbers: Mapping[str, Any]) -> str:
    """The dataset card of a release."""
    facts = named(facts)
    splits, sizes = facts["splits"], front.configs(facts)
    fewest = next(iter(sizes), "")
    fewest_files = splits[sizes[fewest]]["files"] if sizes else list(numbers["files"])
    return f"---\n{front.front_matter(facts, numbers)}---\n\n" + fill(
        "dataset.md.j2",
        name=facts["name"],
        rows=facts["rows"],
        licence=facts["licence"],
        by=tell.by(facts),
        grader=tell.grader(facts),
        numbers=numbers,
        version=facts["versions"]["omi2"],
        first_row=_first_row(numbers["first_row"]),
        smallest=Markup(fewest),
        quoted_smallest=Markup(f'"{fewest}", ' if fewest else ""),
        smallest_cost=tell.cost(numbers, fewest_files),
        smallest_glob=Markup(tell.glob(fewest_files)),
        whole_cost=tell.cost(numbers, [f for s in splits.values() for f in s["files"]]),
        pairs_cost=tell.cost(numbers, list(numbers["files"]), PAIR),
        sure_cost=tell.reading(numbers, fewest_files, (*ANSWERED, "votes", "votes_total")),
        kinds_cost=tell.reading(numbers, list(numbers["files"]), ["answer_type"]),
        promise=tell.promise(facts),
        filters=tell.filters(facts),
        experiment=experiment(facts),
        copies=tell.counted(len(splits), "split", "splits"),
        configs=tell.configs(facts, numbers),
        splits=tell.splits(facts, numbers),
        sources=tell.sources(facts),
        columns=tell.columns(numbers["first_row"]),
        seeds=tell.seeds(facts),
        origins=tell.origins(facts),
        teachers=tell.teachers(facts),
        terms=tell.terms(facts),
        sampling=tell.sampling(facts),
        funnel=tell.funnel(facts),
        grading=tell.grading(facts),
        decontamination=overlaps.decontamination(facts),
        rules=overlaps.rules(facts),
        limits=tell.limits(facts, numbers),
        cite=_citation(facts),
        shown={name: _picture(name, alt) for name, alt in PICTURES.items()},
    )


def contamination(facts: Facts, matches: Sequence[Mapping[str, Any]]) -> str:
    """The contamination report: every match by id, without any text."""
    facts = named(facts)
    return fill(
        "contamination.md.j2",
        name=facts["name"],
        decontamination=overlaps.decontamination(facts),
        rules=overlaps.rules(facts),
        count=len(matches),
        matches=table(
            ("problem_id", "reason", "rule, score, benchmark, item"),
            [(code(m["problem_id"]), m["reason"], m["detail"] or "") for m in matches],
        ),
    )


def model_card(facts: Facts) -> str:
    """A beginning for the card of a model that is trained on this release."""
    facts = named(facts)
    return fill(
        "model.md.j2",
        name=facts["name"],
        rows=facts["rows"],
        licence=facts["licence"],
        terms=tell.terms(facts),
        decontamination=overlaps.decontamination(facts),
        version=facts["versions"]["omi2"],
    )


def _first_row(row: Mapping[str, Any] | None) -> Markup:
    """The first row of the data as YAML-like lines: a name, and its value."""
    if row is None:
        return Markup("The release holds no row.")
    shown = [f"{name}: {cut(str(row[name]), FIRST)}" for name in rows.ROWS.names[:4]]
    return block("\n\n".join(shown), "text")


def _citation(facts: Facts) -> Markup:
    """How to name this very dataset: BibTeX, whose version and address its publisher knows."""
    key = "".join(letter for letter in facts["name"] if letter.isalnum())
    plain = " ".join(re.sub(r"[{}\\\\]", " ", facts["name"]).split())
    rows_ = f"{facts['rows']:,} math problems with worked solutions"
    return block(
        f"@misc{{omi2{key},\n"
        f"  title        = {{omi2 {plain}: {rows_}}},\n"
        f"  howpublished = {{https://huggingface.co/datasets/ORG/omi2, version vX.Y.Z}},\n"
        f"  note         = {{made with omi2 {facts['versions']['omi2']}}}\n}}",
        "bibtex",
    )


def _picture(name: str, alt: str) -> Markup:
    return Markup(f"![{alt}](pictures/{name}.svg)")
