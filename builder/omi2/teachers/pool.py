"""Ask a teacher many things at once, and record every word it says.

`generate(jobs, ...)` is a plain generator: it pulls jobs as the endpoints have room, gives each
answer as it comes, in any order, and hides the asyncio loop inside. What the ledger knows is not
asked again, and if it knows everything, no endpoint is contacted.

How it works: `concurrency` tasks for each endpoint take jobs from one shared iterator. A passing
failure is tried again after a pause that doubles; an endpoint that keeps failing is given up and
its jobs go to the others; when none is left, the build stops with RemoteError, and resumes later.

Not covered: finding the best concurrency by itself.
"""

import asyncio
import os
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import httpx2

from omi2.errors import RemoteError, UsageError
from omi2.recipe import Teacher
from omi2.teachers import embedded, openai, tgi
from omi2.teachers.ledger import Ledger
from omi2.teachers.protocol import (
    Completion,
    Fatal,
    Passing,
    Refused,
    Request,
    TeacherError,
)

PROTOCOLS: dict[str, Any] = {"openai": openai, "tgi": tgi}
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the first and, doubling, at most before any later try."""


@dataclass(frozen=True)
class Job:
    """A request and whose it is: a part, and the caller's own handle."""

    part: int
    handle: Any
    request: Request


@dataclass(frozen=True)
class Endpoint:
    """One server: `kind` is its protocol; `model` is "" until it was asked."""

    kind: str
    url: str
    model: str
    concurrency: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.url}"


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
    endpoints = [endpoint(spec, teacher) for spec in teacher.endpoints]
    if not all(e.model for e in endpoints):
        endpoints = asyncio.run(_identify(endpoints, teacher))
    models = sorted({e.model for e in endpoints})
    if len(models) > 1:
        raise UsageError(
            f"the endpoints serve different models ({', '.join(models)}): a recipe has one teacher"
        )
    with ExitStack() as stack:
        ledgers: dict[int, Ledger] = {}

        def book(part: int) -> Ledger:
            if part not in ledgers:
                ledgers[part] = stack.enter_context(Ledger(ledger(part)))
            return ledgers[part]

        for job in chain([first], remaining):
            known = book(job.part).recorded.pop(job.request.key(models[0]), None)
            if known is None:
                served = [stack.enter_context(_serving(e)) for e in endpoints]
                yield from _Pool(chain([job], remaining), served, teacher, book).drive()
                return
            yield job, known


def endpoint(spec: str, teacher: Teacher) -> Endpoint:
    """An endpoint from its spec, such as tgi:http://host:8080. Raises UsageError."""
    kind, _, rest = spec.partition(":")
    if kind == "embedded":
        return Endpoint(kind, rest, teacher.model or embedded.model_name(rest), 1)
    if kind in PROTOCOLS and rest.startswith(("http://", "https://")):
        return Endpoint(
            kind, rest.rstrip("/").removesuffix("/v1"), teacher.model, teacher.concurrency
        )
    raise UsageError(
        f"no such teacher {spec!r}: embedded, embedded:FILE.gguf, openai:http://HOST:PORT, "
        "tgi:http://HOST:PORT or replay:FILE.parquet"
    )


@contextmanager
def _serving(e: Endpoint) -> Iterator[Endpoint]:
    """The endpoint itself, or for the embedded one, its server while it runs."""
    if e.kind != "embedded":
        yield e
        return
    with embedded.serve(e.url) as url:
        yield replace(e, kind="openai", url=url)


async def _identify(endpoints: list[Endpoint], teacher: Teacher) -> list[Endpoint]:
    """The endpoints with the models that they say they serve."""
    found = []
    async with _client(teacher, len(endpoints)) as http:
        for e in endpoints:
            try:
                model = e.model or await PROTOCOLS[e.kind].identify(http, e.url)
            except TeacherError as error:
                raise RemoteError(
                    f"the endpoint {e} cannot be used: {error}. Is the server up, and is that its "
                    "address and protocol? Nothing was lost; the same command goes on."
                ) from None
            found.append(replace(e, model=model))
    return found


def _client(teacher: Teacher, connections: int) -> httpx2.AsyncClient:
    key = os.environ.get(teacher.key_env, "")
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(teacher.timeout_s, connect=10.0),
        limits=httpx2.Limits(max_connections=connections),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )


class _Pool:
    """The state that the tasks of one `generate` share."""

    def __init__(
        self,
        jobs: Iterator[Job],
        endpoints: list[Endpoint],
        teacher: Teacher,
        book: Callable[[int], Ledger],
    ) -> None:
        self.jobs = jobs
        self.endpoints = endpoints
        self.teacher = teacher
        self.book = book
        self.returned: deque[Job] = deque()
        self.asking = 0
        self.lost: dict[Endpoint, str] = {}
        self.answers: asyncio.Queue[Answer | None] = asyncio.Queue(maxsize=256)

    def drive(self) -> Iterator[Answer]:
        """Run the tasks between one answer and the next."""
        with asyncio.Runner() as runner:
            stream = self._stream()
            try:
                while (answer := runner.run(_step(stream))) is not None:
                    yield answer
            finally:
                runner.run(stream.aclose())

    async def _stream(self) -> AsyncGenerator[Answer, None]:
        connections = sum(e.concurrency for e in self.endpoints)
        async with _client(self.teacher, connections) as http:
            tasks = [
                asyncio.create_task(self._work(http, e))
                for e in self.endpoints
                for _ in range(e.concurrency)
            ]
            end = asyncio.create_task(self._end(tasks))
            try:
                while (answer := await self.answers.get()) is not None:
                    yield answer
                await end
            finally:
                for task in (*tasks, end):
                    task.cancel()
                await asyncio.gather(*tasks, end, return_exceptions=True)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """When every task has ended, say so; raise what one of them raised."""
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await self.answers.put(None)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if self.returned:
            reasons = "; ".join(f"{e}: {why}" for e, why in self.lost.items())
            raise RemoteError(
                f"no endpoint answers any more ({reasons}). What was said is kept; the same "
                "command goes on where it stopped."
            )

    def _take(self) -> tuple[Job, Completion | None] | None:
        """The next job, and its completion if that is on record."""
        job = self.returned.popleft() if self.returned else next(self.jobs, None)
        if job is None:
            return None
        key = job.request.key(self.endpoints[0].model)
        return job, self.book(job.part).recorded.pop(key, None)

    async def _work(self, http: httpx2.AsyncClient, e: Endpoint) -> None:
        """One of an endpoint's tasks: ask, record, hand over, until nothing is left."""
        while e not in self.lost:
            taken = self._take()
            if taken is None:
                if not self.asking:
                    return
                await asyncio.sleep(0.02)  # a job that is under way elsewhere may come back
                continue
            job, completion = taken
            if completion is None:
                self.asking += 1
                try:
                    completion = await self._ask(http, e, job.request)
                except (Passing, Fatal) as error:
                    self.returned.append(job)
                    self.lost[e] = str(error)
                    return
                finally:
                    self.asking -= 1
                if not completion.refused:
                    self.book(job.part).add(job.request.key(e.model), completion)
            await self.answers.put((job, completion))

    async def _ask(self, http: httpx2.AsyncClient, e: Endpoint, request: Request) -> Completion:
        """One completion, after as many tries as a passing failure deserves."""
        pause = FIRST_PAUSE
        for left in range(self.teacher.retries, -1, -1):
            try:
                answer = await PROTOCOLS[e.kind].complete(http, e.url, e.model, request)
            except Refused as error:
                return Completion("", "refused", 0, e.model, str(error))
            except Passing as error:
                if not left:
                    raise
                await asyncio.sleep(max(error.pause, pause * random.uniform(0.5, 1.0)))  # noqa: S311
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return cast(Completion, answer)
        raise AssertionError("unreachable: the last try returns or raises")


async def _step(stream: AsyncGenerator[Answer, None]) -> Answer | None:
    return await anext(stream, None)
