"""The endpoints at work: who is asked next, who is set aside, what becomes of a failed request.

Work lies in `todo`. Each endpoint has as many workers as its pace allows, and each worker takes one
item after another; while there is too little work, the least loaded endpoint (by weight) is asked.

A failed request goes to another endpoint, or after a jittered, doubling pause to the same one, and
each try that may be its own fault is charged to its budget: `retries` more tries, then it is a dead
letter. 429 and lost doors are never charged. 429 makes the endpoint pause (Retry-After if given).

An endpoint is set aside after AWAY failures in a row that speak of itself, or when BROKEN different
items in a row got broken answers. It is probed after a doubling pause, taken back with one request
at once, and is trusted again at the first answer. After `retries` rounds without one it counts as
lost, though it is still probed; when every endpoint is lost or stopped (401, 404, another model),
the work stops and is resumable. All times are the loop's: monotonic, or simulated.

A group of samples goes as one request to an endpoint that was seen to honour it; elsewhere, and
once it failed, each of its samples goes by itself.

Not covered: a per-item deadline; an item waits as long as some endpoint lives.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from omi2.errors import RemoteError
from omi2.recipe import Teacher
from omi2.teachers import numbers
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.identity import model_of
from omi2.teachers.meet import introduced, mind_queue
from omi2.teachers.member import Item, Member, Wire, jitter
from omi2.teachers.pace import Pace
from omi2.teachers.protocol import (
    Completion,
    Fatal,
    Passing,
    Refused,
    Served,
    TeacherError,
    completion,
)

log = logging.getLogger("omi2.teachers")


class Fleet:
    """The state that the workers share. `hand` gets (item, completion), `stop` what ends it all."""

    def __init__(
        self,
        endpoints: list[Endpoint],
        teacher: Teacher,
        models: tuple[str, ...],
        hand: Callable[[Item, Completion], None],
        stop: Callable[[BaseException], None],
        wire: Callable[[Endpoint, float], Wire],
    ) -> None:
        self.endpoints = endpoints
        self.teacher = teacher
        self.models = models
        self.hand = hand
        self.stop = stop
        self.wire = wire
        self.members: list[Member] = []
        self.gone: list[Member] = []
        self.todo: deque[Item] = deque()
        self.returned: deque[Item] = deque()
        self.starved = self.closing = False
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Ask every endpoint who it is, and begin with each as it answers."""
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.members = [self._member(e) for e in self.endpoints]
        for member in self.members:
            self._spawn(self._join(member))

    async def close(self) -> None:
        """End every worker and connection; whoever wakes up meanwhile begins nothing new."""
        self.closing = True
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for member in (*self.members, *self.gone):
            member.clock(member.state, self.loop.time())
            await member.stack.aclose()
        await asyncio.sleep(0)  # sockets that are closing come to their end

    def join(self, endpoint: Endpoint) -> None:
        """Add an endpoint while the others work, and use it once it answers."""
        self.members.append(self._member(endpoint))
        self._spawn(self._join(self.members[-1]))

    def _member(self, endpoint: Endpoint) -> Member:
        wire = self.wire(endpoint, self.teacher.timeout_s)
        return Member(endpoint, wire, Pace(endpoint.concurrency), Served(""))

    async def _join(self, member: Member) -> None:
        await member.wire.open(member.stack)
        await self._probe(member)

    def drain(self, endpoint: Endpoint) -> None:
        """Ask an endpoint nothing more; what it works on comes to its end."""
        for member in [m for m in self.members if m.endpoint == endpoint]:
            member.clock("draining", self.loop.time())
            self.members.remove(member)
            self.gone.append(member)
        self.pump()
        self._lost()

    def room(self) -> int:
        """How many items are worth having at hand: twice what the endpoints may take at once."""
        return 16 + 2 * sum(m.pace.ceiling for m in self.members)

    def numbers(self) -> dict[str, Any]:
        """What the fleet did so far."""
        for member in self.members:
            member.clock(member.state, self.loop.time())
        everyone = (*self.members, *self.gone)
        states = {str(m.endpoint): {"state": m.state, "in_flight": m.pace.in_flight,
                                    "limit": int(m.pace.limit)} for m in everyone}  # fmt: skip
        tallies = [(str(m.endpoint), m.tally) for m in everyone]
        return numbers.table(tallies, self.loop.time() - self.began, {"now": states})

    # Who is asked next

    def pump(self) -> None:
        """Start workers while an endpoint has room and there is work for it."""
        while self.todo or self.returned:
            free = [m for m in self.members if self._free(m)]
            for member in sorted(free, key=lambda m: m.load):
                if (item := self._take(member)) is not None:
                    member.pace.in_flight += 1
                    self._spawn(self._work(member, item))
                    break
            else:
                return
        self.starved = True  # whoever puts the next item calls pump

    def _free(self, member: Member) -> bool:
        return member.state == "working" and member.pace.room and member.blocked <= self.loop.time()

    def _take(self, member: Member) -> Item | None:
        """The next item for this endpoint: one that failed elsewhere first."""
        for at, item in enumerate(self.returned):
            if item.avoid is not member or self._alone(member):
                del self.returned[at]
                return self._cut(item, member)
        if not self.todo:
            self.starved = True
        try:
            return self._cut(self.todo.popleft(), member)
        except IndexError:
            return None

    def _cut(self, item: Item, member: Member) -> Item:
        """The item, or the first of its samples where the endpoint takes them one by one."""
        if not item.rest or member.served.several:
            return item
        first, *others = item.alone()
        self.todo.extendleft(reversed(others))
        return first

    def _alone(self, member: Member) -> bool:
        return not any(m.state == "working" for m in self.members if m is not member)

    async def _work(self, member: Member, item: Item | None) -> None:
        """Ask for one item after another while the endpoint has room."""
        try:
            while item is not None:
                try:
                    await self._ask(member, item)
                finally:
                    member.pace.in_flight -= 1
                item = self._take(member) if self._free(member) else None
                if item is not None:
                    member.pace.in_flight += 1
                    if member.pace.room:  # the limit grew
                        self.pump()
        except Exception as error:  # a full disk, or a fault of ours: never a silent hang
            self.stop(error)
            return
        self.pump()
        self._lost()

    async def _ask(self, member: Member, item: Item) -> None:
        began = self.loop.time()
        group = (item, *item.rest)
        try:
            found = await member.wire.complete(member.served, item.request, len(group))
        except Refused as error:
            member.trust()
            if item.rest:  # perhaps only the number of choices: each has to be refused by itself
                member.served = replace(member.served, several=False)
                self.returned.extend(item.alone())
                return
            member.tally.refused += 1
            self.hand(item, Completion("", "refused", 0, member.model, str(error)))
        except Fatal as error:
            self._stopped(member, str(error))
            self.returned.appendleft(item)
        except Passing as error:
            self._failed(member, item, error, began)
        else:
            now = self.loop.time()
            member.trust()
            queued, tokens = found[0].queued, sum(said.tokens for said in found)
            member.pace.answered(began, now, queued, tokens)
            for one, said in zip(group, found, strict=False):
                seed = None if one is item else item.request.seed
                answer = completion(said, member.model, item.request.stop, seed)
                member.tally.answer(now - began, queued, said.tokens, answer.finish_reason)
                if one.wanted:
                    self.hand(one, answer)
            if missing := [one for one in group[len(found) :] if one.wanted]:
                member.served = replace(member.served, several=False)
                self.returned.extend(missing)

    # What becomes of a failure

    def _failed(self, member: Member, item: Item, error: Passing, began: float) -> None:
        """Charge the item, slow or set aside the endpoint, and put the item back or give it up."""
        pause = member.hurt(item, error, began, self.loop.time())
        if pause:
            member.blocked = max(member.blocked, self.loop.time() + pause)
            self._later(pause + 0.001, self.pump)
        if item.rest and error.kind in ("lost", "broken"):
            self.todo.extendleft(reversed(item.alone()))
        elif item.tries > self.teacher.retries:
            self.hand(item, Completion("", "failed", 0, member.model, str(error)))
        elif self._alone(member) and error.kind != "busy":
            self._later(jitter(max(item.tries, member.away)), self._back, item)
        else:
            self.returned.append(item)
        if member.sick:
            self._aside(member)

    def _back(self, item: Item) -> None:
        self.returned.append(item)
        self.pump()

    def _aside(self, member: Member) -> None:
        if member.state != "working":
            return
        member.clock("aside", self.loop.time())
        self._round(member)
        if member.rounds <= 1:
            log.warning("%s is set aside (%s) and will be probed", member.endpoint, member.why)

    def _round(self, member: Member) -> None:
        """One more round without an answer: probe after a pause."""
        member.rounds += 1
        self._later(jitter(member.rounds), lambda: self._spawn(self._probe(member)))
        self._lost()

    async def _probe(self, member: Member) -> None:
        """Ask an endpoint who it is; take it in, stop it, or try again later."""
        if member.state != "aside":
            return
        try:
            served = await introduced(member, self.models, self.teacher.choices)
        except Passing as error:
            member.why = str(error)
            self._round(member)
            return
        except TeacherError as error:
            self._stopped(member, str(error))
            return
        if not member.model:  # the first time that it tells
            most = member.endpoint.concurrency
            most = min(most, served.requests) if served.requests else most
            member.pace = Pace(most, told=0 < served.requests <= most)
            self._spawn(mind_queue(member, self.loop))
        else:
            member.pace.start_small()
            log.warning("%s answers again", member.endpoint)
        member.served, member.model = served, model_of(member.endpoint, served)
        member.away = 0
        member.broken.clear()
        member.clock("working", self.loop.time())
        self.pump()

    def _stopped(self, member: Member, why: str) -> None:
        if member.state != "stopped":
            member.clock("stopped", self.loop.time())
            member.why = why
            log.warning("%s is not used any more: %s", member.endpoint, why)
        self._lost()

    def _lost(self) -> None:
        """Stop when there is work and nobody left for it."""
        for member in self.members:
            if member.state == "working" or member.pace.in_flight:
                return
            if member.state == "aside" and member.rounds <= self.teacher.retries:
                return
        reasons = "; ".join(f"{m.endpoint}: {m.why}" for m in self.members)
        self.stop(
            RemoteError(
                f"no endpoint answers any more ({reasons or 'none is left'}). What was said is "
                "kept; the same command goes on where it stopped."
            )
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self.closing:
            work.close()
            return
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _later(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        self.loop.call_later(seconds, call, *args)
