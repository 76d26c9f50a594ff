"""Map a function over the parts of a stage, in local processes.

`over_parts(function, recipe, run, stage)` calls `function(recipe, run, part) -> Report` for every
part that has no counts yet, keeps each report as soon as its part is whole, and returns their sum.
Parts are independent, so their number of processes changes speed and nothing else.

Processes are spawned, not forked: Polars and pyarrow run threads, and a fork of a threaded process
can hang. Not covered: several machines (a Ray engine would stand here, with the same one function).
"""

import functools
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from omi2.errors import Omi2Error
from omi2.recipe import Recipe
from omi2.run import Report, Run

PartFunction = Callable[[Recipe, Run, int], Report]


def over_parts(function: PartFunction, recipe: Recipe, run: Run, stage: str) -> Report:
    """Run `function` over every part of `stage` and sum the reports; complete parts are kept."""
    reports = {part: run.counts(stage, part) for part in range(run.parts)}
    todo = [part for part, report in reports.items() if report is None]
    workers = min(recipe.workers or os.cpu_count() or 1, len(todo))
    run.tell(stage, run.parts - len(todo), run.parts)
    if workers <= 1:
        for part in todo:
            reports[part] = _keep(run, stage, part, function(recipe, run.quiet(), part))
            run.tell(stage, run.parts - sum(r is None for r in reports.values()), run.parts)
        return total(reports)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = {pool.submit(function, recipe, run.quiet(), part): part for part in todo}
        try:
            for future in as_completed(futures):
                part = futures[future]
                reports[part] = _keep(run, stage, part, future.result())
                run.tell(stage, run.parts - sum(r is None for r in reports.values()), run.parts)
        except BrokenProcessPool:
            raise Omi2Error(
                f"a worker of the {stage} stage was killed, perhaps for want of memory: the parts "
                "that are done are kept; run the same command again, with fewer workers"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return total(reports)


def total(reports: dict[int, Report | None]) -> Report:
    """The sum of the parts' reports, in the order of the parts."""
    whole = [reports[part] for part in sorted(reports)]
    return functools.reduce(lambda a, b: a + b, (r for r in whole if r is not None))


def _keep(run: Run, stage: str, part: int, report: Report) -> Report:
    run.count(stage, part, report)
    return report
