"""Map a function over the parts of a stage: in processes of this machine, or on a Ray cluster.

`over_parts(function, recipe, run, stage)` calls `function(recipe, run, part) -> Report` for every
part that has no counts yet, keeps each report as soon as its part is whole, and returns their sum.
Parts are independent, so how many processes there are, and on how many machines, changes speed and
no byte. `recipe.engine` is local, ray or ray:ADDRESS (`omi2.engine_ray`).

Local processes are spawned, not forked (Polars and pyarrow run threads, and a fork of a threaded
process can hang), and stay warm from stage to stage. They end when the build does, however it does.
Where one is killed from outside, mostly for want of memory, what it was at is run again by half as
many; a part that costs its worker three times while it is the only one is an error that names it.
"""

import functools
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from omi2 import engine_ray
from omi2.errors import Omi2Error
from omi2.recipe import Recipe
from omi2.run import Report, Run

Task = TypeVar("Task")
Result = TypeVar("Result")
PartFunction = Callable[[Recipe, Run, int], Report]


def over_parts(function: PartFunction, recipe: Recipe, run: Run, stage: str) -> Report:
    """Run `function` over every part of `stage` and sum the reports; complete parts are kept."""
    reports = {part: run.counts(stage, part) for part in range(run.parts)}
    todo = [part for part, report in reports.items() if report is None]

    def keep(part: int, report: Report) -> None:
        run.count(stage, part, report)
        reports[part] = report
        run.tell(stage, sum(r is not None for r in reports.values()), run.parts)

    run.tell(stage, run.parts - len(todo), run.parts)
    for part, report in _results(function, recipe, run, stage, todo):
        keep(part, report)
    return total(reports)


def over_tasks(
    function: Callable[[Recipe, Run, Task], None],
    recipe: Recipe,
    run: Run,
    stage: str,
    tasks: Sequence[Task],
) -> None:
    """Run `function` over tasks that are no parts; each keeps its own result."""
    for done, _ in enumerate(_results(function, recipe, run, stage, tasks), start=1):
        run.tell(stage, done, len(tasks))


def total(reports: dict[int, Report | None]) -> Report:
    """The sum of the parts' reports, in the order of the parts."""
    whole = [report for _, report in sorted(reports.items()) if report is not None]
    if len(whole) != len(reports):
        raise Omi2Error(f"{len(reports) - len(whole)} parts were not finished: nothing was summed")
    return functools.reduce(lambda a, b: a + b, whole)


def _results(
    function: Callable[[Recipe, Run, Task], Result],
    recipe: Recipe,
    run: Run,
    stage: str,
    tasks: Sequence[Task],
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, as they come."""
    if recipe.engine != "local":
        return engine_ray.results(function, recipe, run.quiet(), stage, tasks)
    workers = recipe.workers or os.cpu_count() or 1
    if min(workers, len(tasks)) <= 1:
        return ((task, function(recipe, run.quiet(), task)) for task in tasks)
    return _local(functools.partial(function, recipe, run.quiet()), stage, tasks, workers)


def _local(
    function: Callable[[Task], Result], stage: str, tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, Result]]:
    """The same by processes of this machine."""
    left, alone = list(tasks), Counter[Task]()
    while left:
        futures = {_pool(workers).submit(function, task): task for task in left}
        try:
            for future in as_completed(futures):
                result = future.result()
                left.remove(futures[future])
                yield futures[future], result
        except BrokenProcessPool:
            close()
            alone[left[0]] += workers == 1  # which takes them in their order: it was at the first
            if alone[left[0]] == engine_ray.LIVES:
                raise Omi2Error(engine_ray.lost_for_good(stage, left[0], "killed")) from None
            workers = max(1, workers // 2)
        except BaseException:
            close()
            raise


@functools.cache
def _pool(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_follow_parent)


def close() -> None:
    """Kill the processes at once: what they were writing has no name yet."""
    for child in multiprocessing.active_children():
        if child.name.startswith("SpawnProcess"):
            child.kill()
    _pool.cache_clear()


def _follow_parent() -> None:
    """In a worker: leave Ctrl-C to the parent, and end when it ends, even by kill -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
