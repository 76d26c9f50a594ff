"""Which model a teacher is, whatever hosts it stands on.

An endpoint is asked (`/info`, `/v1/models`) unless the recipe or its own line names its model; the
embedded teacher is its file, by sha256. So moving to other hosts changes nothing, and another model
behind the same address does. What was found is remembered in the run directory (`ledger/
teacher.json`): a run whose teachers are gone by now can still be graded and filtered, by the very
lines that were asked then.

A name in `[teacher] model` is compared with what an endpoint says of itself; a name on an
endpoint's own line (`model=NAME`) is believed. Two models in one pool are refused, unless the
recipe says `mixed = true`; then every endpoint has to tell its model at the start, since the ledger
knows the pool by all of their names.

Not covered: whether a server tells the truth.
"""

import asyncio
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omi2.errors import RemoteError, UsageError
from omi2.files import read_json, write_json
from omi2.recipe import Teacher
from omi2.teachers import chat, embedded
from omi2.teachers import endpoints as roster
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.protocol import Fatal, Served, TeacherError
from omi2.teachers.wire import Wire

NAME = "teacher.json"
LONGEST, GRACE = 30.0, 3.0
"""Seconds for anybody to tell a model, and for the others once somebody has."""


@dataclass(frozen=True)
class Identity:
    """The models of a teacher, sorted, and the sha256 of those that are files here."""

    models: tuple[str, ...]
    files: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The one name under which the ledger keeps what the teacher said."""
        return " + ".join(self.models)


def model_of(endpoint: Endpoint, served: Served) -> str:
    """What rows call an endpoint's model. Raises Fatal where it says another than the recipe."""
    named = endpoint.model
    if not named:
        return served.model
    bare = named.removesuffix(chat.SUFFIX)
    if endpoint.believed or not served.names or bare in served.names:
        return named
    raise Fatal(
        f"it serves {', '.join(served.names[:4])}, not {bare} as the recipe says; if that is the "
        f"same model under another name, put model={bare} behind its address"
    )


def wire_name(endpoint: Endpoint, served: Served, model: str) -> str:
    """What a request has to call the model: there it may go by another name."""
    bare = model.removesuffix(chat.SUFFIX)
    if served.wire:
        return served.wire
    if endpoint.believed and served.names and bare not in served.names:
        return served.names[0]
    return bare


def identify(teacher: Teacher) -> Identity:
    """Ask whoever has to be asked. Raises RemoteError if nobody tells, UsageError if two differ."""
    endpoints = roster.read(teacher)
    told: dict[str, str] = {}
    failed: dict[str, TeacherError] = {}
    files = set()
    for e in endpoints:
        if e.kind == "embedded":
            files.add(embedded.sha256_of(e.url))
        if e.model:
            told[str(e)] = e.model
    unnamed = [e for e in endpoints if not e.model]
    if unnamed:
        asyncio.run(_ask(unnamed, teacher, told, failed))
    if teacher.mixed and len(told) < len(endpoints):
        name = next(str(e) for e in endpoints if str(e) not in told)
        raise RemoteError(
            f"{name} does not tell its model ({failed.get(name, 'no answer in time')}): in a mixed "
            "pool each has to. Start it, or put model=NAME behind its address."
        )
    if not told:
        name, error = next(iter(failed.items()), (str(endpoints[0]), "no answer in time"))
        raise RemoteError(
            f"the endpoint {name} cannot be used: {error}. Is the server up, and is that its "
            "address and protocol? Nothing was lost; the same command goes on."
        )
    models = sorted(set(told.values()))
    if len(models) > 1 and not teacher.mixed:
        raise UsageError(
            f"the endpoints serve different models ({', '.join(models)}): a recipe has one "
            "teacher. If that is meant, say mixed = true in [teacher]."
        )
    return Identity(tuple(models), tuple(sorted(files)))


def known(teacher: Teacher, folder: Path) -> Identity:
    """The same, and remembered in this folder: where nobody answers, what these lines were then."""
    path = folder / NAME
    lines: dict[str, Any] = {"endpoints": list(teacher.endpoints), "model": teacher.model,
                             "mixed": teacher.mixed}  # fmt: skip
    try:
        found = identify(teacher)
    except RemoteError:
        told = read_json(path)
        if not isinstance(told, dict) or any(told.get(k) != v for k, v in lines.items()):
            raise
        return Identity(tuple(told["models"]), tuple(told["files"]))
    told = {**lines, **{name: list(value) for name, value in asdict(found).items()}}
    if read_json(path) != told:
        write_json(path, told)
    return found


async def _ask(
    endpoints: list[Endpoint],
    teacher: Teacher,
    told: dict[str, str],
    failed: dict[str, TeacherError],
) -> None:
    """Ask each; once one has told, the others (but in a mixed pool) get a moment."""

    async def ask(e: Endpoint) -> None:
        wire = Wire(e, min(teacher.timeout_s, LONGEST))
        async with wire.link:
            try:
                served = await wire.identify()
                told[str(e)] = model_of(replace(e, model=""), served)
            except TeacherError as error:
                failed[str(e)] = error

    tasks = {asyncio.ensure_future(ask(e)) for e in endpoints}
    pending = tasks
    while pending and not told:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    if pending:
        _, pending = await asyncio.wait(pending, timeout=None if teacher.mixed else GRACE)
    for task in pending:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(found, Exception):  # a fault of ours, or a key that cannot be sent
            raise found
