"""Getting to know an endpoint: which model it serves, what it is able to, how long its queue is."""

import asyncio
from dataclasses import replace

from omi2.teachers.identity import model_of, wire_name
from omi2.teachers.member import Member
from omi2.teachers.protocol import Fatal, Passing, Served, TeacherError

QUEUE_EVERY = 5.0
"""Seconds between two looks at how many requests wait at an endpoint that tells it."""


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
