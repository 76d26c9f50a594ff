"""One endpoint in a fleet: the way to it, how it does, and the requests on their way to it.

How long its queue is, an endpoint tells in different ways: TGI in a header of each answer; vLLM,
SGLang and llama.cpp at /metrics, where that is turned on (`QUEUES`). Where neither is there, `pace`
goes by whether more at once still gives more.
"""

import random
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from omi2.teachers import openai, tgi
from omi2.teachers.endpoints import PROTOCOLS, Endpoint
from omi2.teachers.numbers import Tally
from omi2.teachers.pace import SLOW, Pace
from omi2.teachers.protocol import Passing, Request, Said, Served
from omi2.teachers.transport import Link

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds before the first and, doubling, at most before any later try."""
AWAY, BROKEN = 3, 16
"""Failures in a row after which an endpoint is sick: those that speak of itself, and different
items with broken answers (fewer could be the items' own fault)."""

QUEUES = re.compile(
    r"^(?:vllm:num_requests_waiting|sglang:num_queue_reqs|llamacpp:requests_deferred)"
    r"(?:\{[^}\n]*\})? ([0-9.eE+]+)",
    re.MULTILINE,
)
"""Requests that wait for a slot, in the words of each server; one line for each of its engines."""


def jitter(times: int) -> float:
    """A pause that doubles with each time, between half and all of it."""
    whole = min(FIRST_PAUSE * 2 ** min(max(times - 1, 0), 20), LONGEST_PAUSE)
    return float(whole * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)


class Wire:
    """One endpoint over its protocol. A simulation has its own class with these methods."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.endpoint = endpoint
        self.link = Link(endpoint.url, endpoint.key_env, timeout_s)
        self._protocol = PROTOCOLS[endpoint.kind]

    async def open(self, stack: AsyncExitStack) -> None:
        """Make ready, until the stack closes."""
        await stack.enter_async_context(self.link)

    async def identify(self) -> Served:
        """What the endpoint says of itself."""
        served: Served = await self._protocol.identify(self.link)
        return served

    async def complete(self, served: Served, request: Request, choices: int = 1) -> list[Said]:
        """A completion, or several of one request."""
        said: list[Said]
        if self._protocol is tgi:
            said = await tgi.complete(self.link, served.wire, request, served.stops)
        else:
            said = await self._protocol.complete(self.link, served.wire, request, choices)
        return said

    async def several(self, served: Served, choices: int) -> bool:
        """Whether so many choices of one request are honoured: tried, not assumed."""
        if self._protocol is tgi:
            return False
        ask = self._protocol.complete
        return await openai.gives_several(ask, self.link, served.wire, choices)

    async def waiting(self) -> int | None:
        """How many requests wait for a slot there, or None where that is not told."""
        if self._protocol is tgi:
            return None
        found = QUEUES.findall(await self.link.text("/metrics"))
        return round(sum(map(float, found))) if found else None


@dataclass(eq=False)
class Item:
    """A request on its way: the caller's own handle, its key, and the tries charged to it.

    `rest` are the other samples of its group, where the endpoint is asked for several at once; one
    that is not `wanted` is recorded already and only asked for so that the group stays the same.
    """

    job: Any
    request: Request
    key: str
    tries: int = 0
    avoid: "Member | None" = None
    rest: tuple["Item", ...] = ()
    wanted: bool = True

    def alone(self) -> list["Item"]:
        """The samples that are wanted, each by itself."""
        group = [item for item in (self, *self.rest) if item.wanted]
        self.rest = ()
        return group


@dataclass(eq=False)
class Member:
    """One endpoint, and how it does. `state`: working, aside, stopped or draining."""

    endpoint: Endpoint
    wire: Wire
    pace: Pace
    served: Served
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    tally: Tally = field(default_factory=Tally)
    state: str = "aside"
    model: str = ""
    why: str = ""
    rounds: int = 0
    since: float = 0.0
    blocked: float = float("-inf")
    busy: int = 0
    away: int = 0
    broken: set[str] = field(default_factory=set)

    def clock(self, state: str, now: float) -> None:
        """Change the state, and count how long it was at work."""
        if self.state in ("working", "draining"):
            self.tally.seconds += now - self.since
        self.since, self.state = now, state

    def trust(self) -> None:
        """It answered: whatever it was suspected of is forgotten."""
        self.busy = self.away = self.rounds = 0
        self.broken.clear()

    def hurt(self, item: Item, error: Passing, began: float, now: float) -> float:
        """Learn from a failure, and charge the item if it may be its own fault.

        Returns the seconds for which the endpoint wants to be asked nothing.
        """
        self.why = str(error)
        self.tally.failure(error.kind, error.tokens)
        item.avoid = self
        match error.kind:
            case "busy":
                self.away += self.pace.limit < 2  # it refuses even one at a time
                self.busy += 1
                self.pace.refused(began, now)
                return max(error.pause, jitter(min(self.busy, 4)))
            case "broken":
                self.broken.add(item.key)
                item.tries += 1
            case "lost":
                self.away += 1
                item.tries += 1
                self.pace.cut(SLOW, began, now)
            case _:
                self.away += 1
        return error.pause

    @property
    def sick(self) -> bool:
        """Whether its failures in a row speak of itself and not of what it was asked."""
        return self.away >= AWAY or len(self.broken) >= BROKEN

    @property
    def load(self) -> float:
        """How full it is; a weight makes it look emptier."""
        return self.pace.in_flight / self.pace.limit / self.endpoint.weight
