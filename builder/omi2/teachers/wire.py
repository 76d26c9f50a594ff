"""One endpoint over its protocol: who it is, what it completes, how many wait at it.

How long its queue is, an endpoint tells in different ways: TGI in a header of each answer; vLLM,
SGLang and llama.cpp at /metrics, where that is turned on (`QUEUES`), and there TGI too, whatever
its route. Where neither is there, `pace` goes by whether more at once still gives more.

An endpoint that says our key back gets it struck out of whatever is kept of its words.
"""

import re
from contextlib import AsyncExitStack
from dataclasses import replace

from omi2.teachers import openai, tgi
from omi2.teachers.endpoints import PROTOCOLS, Endpoint
from omi2.teachers.protocol import Request, Said, Served
from omi2.teachers.transport import Link, whole

QUEUES = re.compile(
    r"^(?:vllm:num_requests_waiting|sglang:num_queue_reqs|llamacpp:requests_deferred"
    r"|tgi_queue_size)(?:\{[^}\n]*\})? (\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(?=\s|$)",
    re.MULTILINE,
)
"""Requests that wait for a slot, in the words of each server; one line for each of its engines."""


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
        strike = self.link.strike
        names = tuple(map(strike, served.names))
        return replace(served, model=strike(served.model), names=names, wire=strike(served.wire))

    async def complete(self, served: Served, request: Request, choices: int = 1) -> list[Said]:
        """A completion, or several of one request."""
        said: list[Said] = await self._protocol.complete(self.link, served, request, choices)
        if not self.link.secret:
            return said
        strike = self.link.strike
        return [replace(one, text=strike(one.text), reason=strike(one.reason)) for one in said]

    async def several(self, served: Served, choices: int) -> bool:
        """Whether so many choices of one request are honoured: tried, not assumed."""
        if self._protocol is tgi:
            return False
        ask = self._protocol.complete
        return await openai.gives_several(ask, self.link, served, choices)

    async def waiting(self) -> int | None:
        """How many requests wait for a slot there, or None where that is not told."""
        if self._protocol is tgi:
            return None
        found = QUEUES.findall(await self.link.text("/metrics"))
        return sum(whole(float(count)) for count in found) if found else None
