"""The pipeline. OpenMathInstruct-2 (arXiv 2410.01560) on a page:

    seed            the training problems of the seed sets, with their answers          section 3
    augment         a teacher writes new problems, each inspired by a seed              section 3.2
    decontaminate   problems that overlap with a benchmark's test set are dropped       section 3.2
    solve           the teacher writes many solutions to every problem                  section 3.1
    grade           right is what equals the gold answer, or else the majority's        section 3.2
    filter          post-processing rules drop or trim what is right but not good       appendix
    split           a fair order, nested tiers, shards                                  section 3.3

A stage is `run(recipe, run) -> Report`: it reads the parts of the stages before it and writes its
own, with what it dropped and why. `build` runs those whose settings, code or input changed, then
writes the release. Kill it whenever you like: the same command goes on.
"""

from pathlib import Path
from typing import Any

from omi2 import release
from omi2.files import sweep, write_json
from omi2.fingerprint import fingerprint, made_from
from omi2.lock import locked
from omi2.recipe import Recipe, as_table
from omi2.run import Report, Run
from omi2.stages import augment, decontaminate, filter, grade, seed, solve, split

STAGES = (seed, augment, decontaminate, solve, grade, filter, split)


def names() -> tuple[str, ...]:
    """The stages' names, in order."""
    return tuple(stage.__name__.rpartition(".")[2] for stage in STAGES)


def build(recipe: Recipe, run: Run, out: Path) -> dict[str, Any]:
    """Bring the run up to date with the recipe and write the release. Returns its manifest."""
    out = release.folder(out, run.path)
    with locked(run.path), locked(out, release.lock_file(out)):
        release.claim_folder(out)
        sweep(run.path)
        write_json(run.path / "recipe.json", as_table(recipe))
        reports: dict[str, Report] = {}
        for at, (name, stage) in enumerate(zip(names(), STAGES, strict=True)):
            now = fingerprint(name, recipe, run, names()[:at])
            if not run.complete(name, now):
                run.begin(name, now)
                write_json(
                    run.stage(name) / "made_from.json", made_from(name, recipe, run, names()[:at])
                )
                run.finish(name, now, stage.run(recipe, run))
            report = run.report(name)
            assert report is not None  # noqa: S101 (the stage is complete)
            reports[name] = report
            run.tell(f"{name} done", sum(report.left.values()), sum(report.came.values()))
        return release.write(recipe, run, reports, out)
