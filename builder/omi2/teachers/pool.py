"""Ask a teacher many things at once, and record every word it says.

`generate(jobs, ...)` is a plain generator: it pulls jobs as the endpoints have room, gives each
answer as it comes, in any order, and hides asyncio inside. What the ledger knows is not asked
again, and if it knows everything, no endpoint is contacted. A sample that failed beyond its retry
budget is given with the finish reason `failed` and put down as a dead letter.

How it works: the fleet runs in a loop on a thread of its own, so that endpoints stay busy while the
caller writes a part. Jobs are pulled, and answers given, in the caller's thread alone. An answer is
in the ledger before it is handed over. At most `fleet.room()` jobs are between the two; two jobs
with one key (equal requests) are asked once.

Not covered: endpoints that serve different models. A recipe has one teacher.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from omi2.errors import RemoteError, UsageError
from omi2.recipe import Teacher
from omi2.teachers import embedded, numbers
from omi2.teachers import endpoints as roster
from omi2.teachers.crew import Crew, Settled
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.member import Item, Wire
from omi2.teachers.protocol import Completion, Request, TeacherError
from omi2.teachers.shelf import Shelf


@dataclass(frozen=True)
class Job:
    """A request and whose it is: a part, and the caller's own handle."""

    part: int
    handle: Any
    request: Request


Answer = tuple[Job, Completion]


def generate(
    jobs: Iterable[Job], teacher: Teacher, ledger: Callable[[int], Path]
) -> Iterator[Answer]:
    """Every job with its completion, recorded. `ledger` names the file for a part.

    Raises RemoteError when no endpoint works any more; what was said until then is kept.
    """
    remaining = iter(jobs)
    first = next(remaining, None)
    if first is None:
        return
    endpoints = roster.read(teacher)
    model = _one_model(endpoints, teacher)
    with ExitStack() as stack:
        shelf = stack.enter_context(Shelf(ledger))
        crew: Crew | None = None
        asked: dict[str, list[Job]] = {}
        for job in chain([first], remaining):
            key = job.request.key(model)
            if key in asked:
                asked[key].append(job)
                continue
            known = shelf.look(job.part, key)
            if known is not None:
                yield job, known
                continue
            if crew is None:
                book = numbers.Book(ledger(job.part).with_name(numbers.NAME))
                serving = [stack.enter_context(_serving(e)) for e in endpoints]
                crew = stack.enter_context(Crew(serving, teacher, model, shelf, book))
            asked[key] = [job]
            shelf.hold(job.part)
            crew.put(Item(job, job.request, key))
            while len(asked) >= crew.fleet.room():
                yield from _settle(crew.take(), asked, shelf)
            yield from _settle(crew.ready(), asked, shelf)
        while asked and crew is not None:
            yield from _settle(crew.take(), asked, shelf)


def _settle(answers: Settled, asked: dict[str, list[Job]], shelf: Shelf) -> Iterator[Answer]:
    """Every job that asked for one of these."""
    for item, said in answers:
        shelf.release(item.job.part)
        for job in asked.pop(item.key):
            yield job, said


def _one_model(endpoints: list[Endpoint], teacher: Teacher) -> str:
    """The model of them all. Raises RemoteError if nobody tells it, UsageError if two differ."""
    if not all(e.model for e in endpoints):
        told = asyncio.run(_identify(endpoints, teacher))
    else:
        told = {str(e): e.model for e in endpoints}
    models = sorted(set(told.values()))
    if len(models) > 1:
        raise UsageError(
            f"the endpoints serve different models ({', '.join(models)}): a recipe has one teacher"
        )
    return models[0]


async def _identify(endpoints: list[Endpoint], teacher: Teacher) -> dict[str, str]:
    """What each endpoint that answers says it serves."""

    async def ask(e: Endpoint) -> str | TeacherError:
        if e.model:
            return e.model
        wire = Wire(e, min(teacher.timeout_s, 30.0))
        async with wire.link:
            try:
                return (await wire.identify()).model
            except TeacherError as error:
                return error

    told = dict(zip(map(str, endpoints), await asyncio.gather(*map(ask, endpoints)), strict=True))
    models = {name: said for name, said in told.items() if isinstance(said, str)}
    if models:
        return models
    name, error = next(iter(told.items()))
    raise RemoteError(
        f"the endpoint {name} cannot be used: {error}. Is the server up, and is that its address "
        "and protocol? Nothing was lost; the same command goes on."
    )


@contextmanager
def _serving(e: Endpoint) -> Iterator[Endpoint]:
    """The endpoint itself, or for the embedded one, its server while it runs."""
    if e.kind != "embedded":
        yield e
        return
    with embedded.serve(e.url) as url:
        yield replace(e, kind="openai", url=url)
