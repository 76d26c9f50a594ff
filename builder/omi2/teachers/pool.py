"""Ask a teacher many things at once, and record every word it says.

`ask(jobs, ...)` is a plain generator: it pulls jobs as the endpoints have room, gives each answer
as it comes, in any order, and hides asyncio inside. What the ledger knows is not asked again, and
if it knows everything, no endpoint is contacted. A sample that failed beyond its retry budget is
given with the finish reason `failed` and put down as a dead letter: that is known from then on too.
`generate` is the same with ledgers of its own.

How it works: the fleet runs in a loop on a thread of its own, so that endpoints stay busy while the
caller writes a part. Jobs are pulled, and answers given, in the caller's thread alone. An answer is
in the ledger before it is handed over. At most `fleet.room()` requests are between the two; two
jobs with one key (equal requests) are asked once.

With `choices` above 1 jobs that stand side by side and differ in their seed alone are asked for as
one request. Groups begin at the first of them and have `choices` samples, whatever is recorded: one
that a kill left half recorded is asked for again as it was, and only what was missing is taken.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omi2.recipe import Teacher
from omi2.teachers import embedded, identity, numbers
from omi2.teachers import endpoints as roster
from omi2.teachers.crew import Crew, Settled
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.identity import Identity
from omi2.teachers.live import Live
from omi2.teachers.member import Item
from omi2.teachers.protocol import Completion, Request
from omi2.teachers.shelf import Shelf

BEAT = 1.0
"""Seconds of silence after which progress is told all the same."""
EMBEDDED_OUTAGE = 20.0


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
    with Shelf(ledger) as shelf:
        jobs = (job for some in ([first], remaining) for job in some)
        yield from ask(jobs, teacher, identity.identify(teacher), shelf)


def ask(
    jobs: Iterable[Job],
    teacher: Teacher,
    who: Identity,
    shelf: Shelf,
    live: Live | None = None,
) -> Iterator[Answer]:
    """Every job with its completion, recorded on this shelf. `live` tells how it goes meanwhile.

    Raises RemoteError when no endpoint works any more; what was said until then is kept.
    """
    endpoints = roster.read(teacher)
    if all(e.kind == "embedded" for e in endpoints):  # a child that ended does not come back
        teacher = replace(teacher, outage_s=min(teacher.outage_s, EMBEDDED_OUTAGE))
    with ExitStack() as stack:
        crew: Crew | None = None
        asked: dict[str, list[Job]] = {}
        witness: Request | None = None

        def settle(answers: Settled) -> Iterator[Answer]:
            for item, said in answers:
                shelf.release(item.job.part)
                for job in asked.pop(item.key):
                    yield told(job, said)

        def told(job: Job, said: Completion, *, recorded: bool = False) -> Answer:
            if live is not None:
                live.step(recorded=recorded)
            return job, said

        for group in _groups(jobs, teacher.choices):
            items = []
            for job in group:
                key = job.request.key(who.label)
                items.append(Item(job, job.request, key, wanted=False))
                if key in asked:
                    asked[key].append(job)
                elif (known := shelf.look(job.part, key)) is not None:
                    witness = job.request if known.text else witness
                    yield told(job, known, recorded=True)
                else:
                    items[-1].wanted = True
                    asked[key] = [job]
                    shelf.hold(job.part)
            if not any(item.wanted for item in items):
                continue
            if crew is None:
                book = numbers.Book(shelf.path(group[0].part).with_name(numbers.NAME))
                serving = [stack.enter_context(_serving(e)) for e in endpoints]
                crew = stack.enter_context(Crew(serving, teacher, who.models, shelf, book, witness))
                if live is not None:
                    live.fleet = crew.fleet
            items[0].rest = tuple(items[1:])
            crew.put(items[0])
            while len(asked) >= crew.fleet.room() * teacher.choices:
                yield from settle(_wait(crew, live))
            yield from settle(crew.take())
        while asked and crew is not None:
            yield from settle(_wait(crew, live))


def _wait(crew: Crew, live: Live | None) -> Settled:
    """Some answers; while there are none, it is told that there are none."""
    while not (answers := crew.take(BEAT)):
        if live is not None:
            live.beat()
    return answers


def _groups(jobs: Iterable[Job], size: int) -> Iterator[list[Job]]:
    """Jobs side by side that ask for the same but with other seeds, so many at most."""
    group: list[Job] = []
    for job in jobs:
        if group and (len(group) == size or not _alike(group[0], job)):
            yield group
            group = []
        group.append(job)
        if size == 1:
            yield group
            group = []
    if group:
        yield group


def _alike(a: Job, b: Job) -> bool:
    return a.part == b.part and replace(a.request, seed=b.request.seed) == b.request


@contextmanager
def _serving(e: Endpoint) -> Iterator[Endpoint]:
    """The endpoint itself, or for the embedded one, its server while it runs."""
    if e.kind != "embedded":
        yield e
        return
    with embedded.serve(e.url) as url:
        yield replace(e, kind="openai", url=url)
