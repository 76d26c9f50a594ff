"""Getting to know an endpoint: which model it serves, what it is able to, how long its queue is,
and whether it answers what is known to have an answer."""

import asyncio
from dataclasses import replace

from omi2.teachers.identity import model_of, wire_name
from omi2.teachers.member import Member
from omi2.teachers.protocol import (
    Fatal,
    Passing,
    Refused,
    Request,
    Served,
    TeacherError,
    completion,
)

QUEUE_EVERY = 5.0
"""Seconds between two looks at how many requests wait at an endpoint that tells it."""
PLAIN = "Problem: What is 2 + 3?\nSolution: 2 + 3 = 5.\n\nProblem: What is 4 + 3?\nSolution:"
PLAIN_TOKENS = 16
"""What an endpoint is asked, to see whether it answers at all."""


async def introduced(member: Member, models: tuple[str, ...], choices: int) -> Served:
    """What an endpoint says of itself. Raises Fatal where its model is none of ours."""
    served = await member.wire.identify()
    model = model_of(member.endpoint, served)
    if model not in models:
        raise Fatal(f"it serves {model}, not {' or '.join(models)}")
    served = replace(served, wire=wire_name(member.endpoint, served, model))
    if choices > 1:
        served = replace(served, several=await member.wire.several(served, choices))
    return served


async def examined(member: Member, served: Served, witness: Request | None) -> None:
    """Ask a doubted endpoint for what is known to have an answer. Raises where it has none.

    Where nothing was answered yet, it is asked a plain question, with the sampling of a request
    that it left without an answer: to refuse even that is Fatal.
    """
    request = witness
    if request is None:
        asked = next(iter(member.doubted.values()))
        tokens = min(asked.max_tokens, PLAIN_TOKENS)
        request = replace(asked, prompt=PLAIN, max_tokens=tokens)
    try:
        said = (await member.wire.complete(served, request))[0]
    except Refused as error:
        if witness is None:
            raise Fatal(f"it refuses even a plain question: {error}") from None
        raise Passing(f"it refuses what was answered before: {error}") from None
    except Passing as error:
        if error.kind != "forbidden":
            raise
        raise Fatal(f"{error}, whatever it is asked") from None  # it is the key
    member.tally.lost_tokens += said.tokens
    if not completion(said, member.model, request.stop).text.strip():
        asked_for = "a plain question" if witness is None else "what was answered before"
        raise Passing(f"it answers nothing to {asked_for}")
    member.cleared()


async def mind_queue(member: Member, loop: asyncio.AbstractEventLoop) -> None:
    """Look now and then how many requests wait at an endpoint, where it tells that."""
    while member.state in ("working", "aside"):
        await asyncio.sleep(QUEUE_EVERY)
        try:
            waiting = await member.wire.waiting() if member.state == "working" else 0
        except Passing:
            continue
        except TeacherError:
            return
        if waiting is None:
            return
        member.pace.backlog(waiting, loop.time())
