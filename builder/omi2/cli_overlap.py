"""The commands about overlap: compare a file with benchmarks, make an index, look at what is known.

Reads what `omi2.overlap.inputs` reads, compares with what `omi2.overlap.against` resolves, and
leaves evidence: `overlap.parquet`, and a page to look at it with `--html`.
"""

from pathlib import Path

import click

from omi2.errors import UsageError
from omi2.options import FORMAT


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
    default=True,
    show_default=True,
    help="Count a test item with other numbers as contamination.",
)
@click.option(
    "--texts", is_flag=True, help="Fetch the texts of named benchmarks, for more layers and proof."
)
@click.option("--embed", is_flag=True, help="Compare by sentence embeddings too (implies --texts).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("overlap.parquet"),
    show_default=True,
    help="Where every match is written.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page to look at the matches.",
)
@FORMAT
def overlap(
    file: str,
    against: tuple[str, ...],
    column: str,
    split: str,
    strict: bool,
    texts: bool,
    embed: bool,
    out: Path,
    html: Path | None,
    form: str,
) -> None:
    """Compare FILE's problems with benchmarks; exit 1 if any is contaminated or unknown.

    FILE is Parquet, JSONL, the folder of a release (./omi2), or ORG/NAME[@REVISION] on the Hub.
    """
    from omi2 import console
    from omi2.files import atomic
    from omi2.overlap import evidence, explorer
    from omi2.overlap.against import checker, texts_of
    from omi2.overlap.inputs import read_problems
    from omi2.recipe import Decontaminate

    read = [Path(name).resolve() for name in (file, *against)]
    for path in filter(None, (out, html)):
        if path.resolve() in read:
            raise UsageError(f"{path} is what is compared: write somewhere else")
        read.append(path.resolve())  # nor may the page take the place of the matches
    found = read_problems(file, column=column, split=split)
    made, held = checker(against, Decontaminate(strict=strict), texts=texts or embed)
    distinct = {problem: at for at, problem in enumerate(dict.fromkeys(found.problems))}
    compared = made.check_many(distinct)
    if embed:
        from omi2.overlap.embed import improve

        compared = improve(list(distinct), compared, made, held)
    told, verdicts = evidence.listed(found, compared, distinct, texts_of(held), strict=strict)
    evidence.write(out, told)
    if html:
        with atomic(html) as temporary:
            temporary.write_text(explorer.page(told), encoding="utf-8")
    removed = [row for row in told if row["verdict"] != "clean"]
    summary = evidence.summary(told)
    if form == "json":
        texts_ = ("problem", "item_problem")
        found_ = [{k: v for k, v in row.items() if k not in texts_} for row in removed]
        click.echo(console.as_json({"verdicts": verdicts, "summary": summary, "found": found_}))
    else:
        for row in removed:
            told_ = (row["row"], row["id"], row["rule"], round(row["score"], 3), row["benchmark"],
                     row["item"])  # fmt: skip
            click.echo("\t".join(_line(value) for value in told_))
        for line in summary:
            what = f"{line['benchmark'] or 'no benchmark':<24}{line['rule']:<15}"
            click.echo(f"{what}{line['rows']:>9,} found{line['removed']:>9,} to remove", err=True)
        counts = ", ".join(f"{n:,} {verdict}" for verdict, n in verdicts.items())
        click.echo(f"{counts}; every match is in {out}", err=True)
    if removed:
        raise SystemExit(1)


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
        origin = {"sha256": loaded.origin["sha256"]}
        indexes.append(index.build(f"{name}/{split}", items, ngram, origin))
    index.save(index.merge(indexes), out)
    items_ = sum(len(i.items) for i in indexes)
    click.echo(f"Wrote {out}: {items_:,} items, {out.stat().st_size:,} bytes.", err=True)


def _line(value: object) -> str:
    """A value that stays in its column of its line, and commands no terminal."""
    return "".join(c if c.isprintable() else " " for c in str(value if value is not None else "-"))
