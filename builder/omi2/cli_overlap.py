"""The commands about overlap: compare a file with benchmarks, make an index, look at what is known.

Reads what `omi2.overlap.inputs` reads, compares with what `omi2.overlap.against` resolves, and
leaves evidence: `overlap.parquet`, a page to look at it with `--html`, and with `--ids` the rows to
remove. A later benchmark: `omi2 overlap ./omi2 --against NEW.parquet` says which rows of a release
it touches, by the thresholds that the release was built with, and `omi2 build ... --against
NEW.parquet` makes the next release without them.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omi2.errors import UsageError
from omi2.options import FORMAT
from omi2.recipe import Decontaminate, Teacher

if TYPE_CHECKING:
    from omi2.overlap.compare import Compared

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file")
@click.option(
    "--against",
    multiple=True,
    default=["test-sets"],
    show_default=True,
    help="Benchmarks by name (gsm8k, math), Parquet or JSONL files of them, or overlap indexes.",
)
@click.option("--column", default="", help="The column with the problems.  [default: problem]")
@click.option(
    "--split",
    default="",
    help="Compare this split alone. By default all rows, and train of a data set on the Hub.",
)
@click.option(
    "--strict/--no-strict",
    default=None,
    help="Count a test item with other numbers as contamination.  [default: as the release was "
    "built, else strict]",
)
@click.option(
    "--texts", is_flag=True, help="Fetch the texts of named benchmarks, for more layers and proof."
)
@click.option("--embed", is_flag=True, help="Compare by sentence embeddings too (implies --texts).")
@click.option(
    "--judge",
    "judges",
    multiple=True,
    help="Ask this teacher about what comes near an item: tgi:URL, openai:URL, chat:URL or "
    "embedded; several share the work (implies --texts).",
)
@click.option(
    "--judge-from",
    type=click.FloatRange(0.0, 0.5),
    default=Decontaminate.judge_from,
    show_default=True,
    help="The score from which the judge is asked; 0.5 is the threshold of every rule.",
)
@click.option(
    "--out",
    type=FILE,
    default=Path("overlap.parquet"),
    show_default=True,
    help="Where every match is written.",
)
@click.option("--ids", type=FILE, help="Also write the ids of the rows to remove, a line each.")
@click.option("--html", type=FILE, help="Also write a page to look at the matches.")
@FORMAT
def overlap(
    file: str,
    against: tuple[str, ...],
    column: str,
    split: str,
    strict: bool | None,
    texts: bool,
    embed: bool,
    judges: tuple[str, ...],
    judge_from: float,
    out: Path,
    ids: Path | None,
    html: Path | None,
    form: str,
) -> None:
    """Compare FILE's problems with benchmarks; exit 1 if any is contaminated or unknown.

    FILE is Parquet, JSONL, the folder of a release (./omi2), or ORG/NAME[@REVISION] on the Hub.
    """
    from omi2.files import atomic
    from omi2.overlap import evidence, explorer
    from omi2.overlap.compare import Asked, compare
    from omi2.overlap.inputs import read_problems, rules_of

    answers = out.with_name(f"{out.stem}.judge")
    _apart((file, *against), (out, ids, html, *([answers] if judges else [])))
    rules = replace(rules_of(file, strict), judge_from=judge_from)
    asked = Asked(Teacher(endpoints=judges), answers) if judges else None
    found = read_problems(file, column=column, split=split)
    told = compare(found, against, rules, texts=texts, embed=embed, asked=asked)
    evidence.write(out, told.rows)
    if ids:
        evidence.write_ids(ids, told.rows)
    if html:
        with atomic(html) as temporary:
            temporary.write_text(explorer.page(told.rows, told.verdicts), encoding="utf-8")
    removed = [row for row in told.rows if row["verdict"] != "clean"]
    (_tell_json if form == "json" else _tell)(told, removed, out)
    if removed:
        raise SystemExit(1)


def _tell_json(told: "Compared", removed: list[dict[str, Any]], out: Path) -> None:
    from omi2 import console
    from omi2.overlap import evidence

    texts = ("problem", "item_problem")
    found = [{name: value for name, value in row.items() if name not in texts} for row in removed]
    summary = evidence.summary(told.rows)
    about = {"judge": told.judge} if told.judge else {}
    click.echo(
        console.as_json({"verdicts": told.verdicts, "summary": summary, "found": found, **about})
    )


def _tell(told: "Compared", removed: list[dict[str, Any]], out: Path) -> None:
    from omi2.overlap import evidence

    for row in removed:
        values = (row["row"], row["id"], row["rule"], round(row["score"], 3), row["benchmark"],
                  row["item"])  # fmt: skip
        click.echo("\t".join(_line(value) for value in values))
    for line in evidence.summary(told.rows):
        what = f"{_line(line['benchmark'] or 'no benchmark'):<24}{line['rule']:<15}"
        click.echo(f"{what}{line['rows']:>9,} found{line['removed']:>9,} to remove", err=True)
    if told.judge:
        about = told.judge
        click.echo(f"{_line(about['model'])} was asked about {about['asked']:,}", err=True)
    counts = ", ".join(f"{n:,} {verdict}" for verdict, n in told.verdicts.items())
    click.echo(f"{counts}; every match is in {out}", err=True)


def _apart(inputs: Iterable[str], outputs: Iterable[Path | None]) -> None:
    """Raise UsageError where an output would take the place of an input, or of another output.

    Links are followed; nothing is written into a folder that is read either.
    """
    read = [Path(name).resolve() for name in inputs]
    for path in filter(None, outputs):
        to = path.resolve()
        if any(to == one or (one in to.parents and one.is_dir()) for one in read) or (
            path.exists() and any(one.exists() and path.samefile(one) for one in read)
        ):
            raise UsageError(f"{path} is what is compared, or lies in it: write somewhere else")
        read.append(to)  # nor may one output take the place of another


@click.command("overlap-index")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("benchmarks", nargs=-1, required=True)
@click.option(
    "--split",
    default="test",
    show_default=True,
    help="Which rows, where a file has a column split.",
)
@click.option(
    "--ngram", default=8, show_default=True, type=click.IntRange(min=2), help="Words in an n-gram."
)
def overlap_index(out: Path, benchmarks: tuple[str, ...], split: str, ngram: int) -> None:
    """Write an index of BENCHMARKS, each NAME=FILE.parquet: hashes and item ids, no text."""
    from omi2.overlap import benchmarks as benchmarks_
    from omi2.overlap import index
    from omi2.recipe import Source
    from omi2.sources import read

    indexes = []
    for spec in benchmarks:
        name, _, file = spec.partition("=")
        if not (name and file):
            raise UsageError(f"{spec!r} is not NAME=FILE.parquet")
        loaded = read(Source(name=name, file=file, answer="", split=split))
        if out.resolve() == Path(file).resolve():
            raise UsageError(f"{out} is the benchmark {name}: write the index somewhere else")
        items = [(str(p["id"]), p["problem"] or "") for p in loaded.problems]
        origin = {"content": benchmarks_.content(text for _, text in items)}
        indexes.append(index.build(f"{name}/{split}", items, ngram, origin))
    index.save(index.merge(indexes), out)
    items_ = sum(len(i.items) for i in indexes)
    click.echo(f"Wrote {out}: {items_:,} items, {out.stat().st_size:,} bytes.", err=True)


def _line(value: object) -> str:
    """A value that stays in its column of its line, and commands no terminal."""
    return "".join(c if c.isprintable() else " " for c in str(value if value is not None else "-"))
