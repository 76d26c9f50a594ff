"""The endpoints at work: who is asked next, and what becomes of an answer or a failure.

Work lies in `todo`. Each endpoint has as many workers as its pace allows, and each worker takes one
item after another; while there is too little work, the least loaded endpoint (by weight) is asked.

A failed request goes to another endpoint, or after a jittered, doubling pause to the same one, and
each try that may be its own fault is charged to its budget: `retries` more tries, then it is a dead
letter. A 429 and a request that was never worked on (`away`) are not charged. A 429 makes the
endpoint pause (Retry-After if given).
What ends a sample without a text is weighed first: `member` says what an endpoint is believed for.

A group of samples goes as one request to an endpoint that was seen to honour it; elsewhere, and
once it failed, each of its samples goes by itself.

Not covered: a per-item deadline; an item waits as long as some endpoint lives.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from omi2.errors import RemoteError
from omi2.recipe import Teacher
from omi2.teachers import numbers
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.member import OPINIONS, Item, Member, jitter
from omi2.teachers.protocol import CHARGED, Completion, Fatal, Passing, Refused, Said, completion
from omi2.teachers.roll import Roll
from omi2.teachers.wire import Wire

NONE_ANSWERED = 64
"""Prompts without an answer, while nothing was ever answered, after which it is not the prompts."""
SPARE = 256
"""Items at hand besides: on a busy machine the caller's thread may come late with new ones."""


class Fleet:
    """The state that the workers share. `hand` gets (item, completion), `stop` what ends it all."""

    def __init__(
        self,
        endpoints: list[Endpoint],
        teacher: Teacher,
        models: tuple[str, ...],
        hand: Callable[[Item, Completion], None],
        stop: Callable[[BaseException], None],
        wire: Callable[[Endpoint, float], Wire] = Wire,
    ) -> None:
        self.endpoints = endpoints
        self.teacher = teacher
        self.hand = hand
        self.roll = Roll(teacher, models, wire, self.pump, stop)
        self.todo: deque[Item] = deque()
        self.returned: deque[Item] = deque()
        self.starved = False
        self.failed = 0
        self.unanswered: set[str] = set()

    def start(self) -> None:
        """Begin with every endpoint that answers."""
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.roll.start(self.endpoints)

    def room(self) -> int:
        """How many items are worth having at hand: twice what the endpoints may take at once."""
        return SPARE + 2 * sum(m.pace.ceiling for m in self.roll.members)

    def numbers(self) -> dict[str, Any]:
        """What the fleet did so far."""
        everyone = self.roll.everyone
        for member in everyone:
            member.clock(member.state, self.loop.time())
        states = {str(m.endpoint): {"state": m.state, "in_flight": m.pace.in_flight,
                                    "limit": int(m.pace.limit), "why": m.why}
                  for m in everyone}  # fmt: skip
        tallies = [(str(m.endpoint), m.tally) for m in everyone]
        return numbers.table(tallies, self.loop.time() - self.began, {"now": states})

    # Who is asked next

    def pump(self) -> None:
        """Start workers while an endpoint has room and there is work for it."""
        while self.todo or self.returned:
            free = [m for m in self.roll.members if self._free(m)]
            for member in sorted(free, key=lambda m: m.load):
                if (item := self._take(member)) is not None:
                    member.pace.in_flight += 1
                    self.roll.spawn(self._work(member, item))
                    break
            else:
                return
        self.starved = True  # whoever puts the next item calls pump

    def _free(self, member: Member) -> bool:
        return member.state == "working" and member.pace.room and member.blocked <= self.loop.time()

    def _take(self, member: Member) -> Item | None:
        """The next item for this endpoint: one that failed elsewhere first."""
        for at, item in enumerate(self.returned):
            if item.avoid is not member or not self.roll.others(member):
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

    async def _work(self, member: Member, item: Item | None) -> None:
        """Ask for one item after another while the endpoint has room."""
        while item is not None:
            try:
                await self._ask(member, item)
            finally:
                member.pace.in_flight -= 1
                member.drained(self.loop.time())
            item = self._take(member) if self._free(member) else None
            if item is not None:
                member.pace.in_flight += 1
                if member.pace.room:  # the limit grew
                    self.pump()
        self.pump()
        self.roll.look()

    async def _ask(self, member: Member, item: Item) -> None:
        began = self.loop.time()
        try:
            found = await member.wire.complete(member.served, item.request, 1 + len(item.rest))
        except Refused as error:
            member.busy = member.away = 0  # it is there
            if item.rest:  # perhaps only the number of choices: each has to be refused by itself
                member.served = replace(member.served, several=False)
                self.returned.extend(item.alone())
                return
            self._weigh(member, item, Completion("", "refused", 0, member.model, str(error)))
        except Fatal as error:
            member.doubt(item)
            self.returned.appendleft(item)
            if member.state == "working":  # else it was under way when another was told the same
                self.roll.fatal(member, error)
        except Passing as error:
            self._failed(member, item, error, began)
        else:
            self._answered(member, item, found, began)

    # What becomes of an answer, and of none

    def _answered(self, member: Member, item: Item, found: list[Said], began: float) -> None:
        """Hand over what has a text, and weigh what has none."""
        now, group = self.loop.time(), (item, *item.rest)
        item.rest = ()
        queued, tokens = found[0].queued, sum(said.tokens for said in found)
        member.pace.answered(began, now, queued, tokens)
        for one, said in zip(group, found, strict=False):
            seed = None if one is item else item.request.seed
            answer = completion(said, member.model, item.request.stop, seed)
            if answer.text and not answer.text.isspace():
                self.roll.answered(member, item.request)
                member.tally.answer(now - began, queued, said.tokens, answer.finish_reason)
                if one.wanted:
                    self.hand(one, answer)
            elif one.wanted:
                self._weigh(member, one, answer, now - began)
        if missing := [one for one in group[len(found) :] if one.wanted]:
            member.served = replace(member.served, several=False)
            self.returned.extend(missing)

    def _weigh(self, member: Member, item: Item, verdict: Completion, took: float = 0.0) -> None:
        """Believe that a sample has no answer, ask another endpoint, or look at this one first."""
        member.doubt(item)
        member.why = verdict.refused or "it answers nothing"
        failed = verdict.finish_reason == "failed"
        others = any(m not in item.judges for m in self.roll.others(member))
        if others and len(item.judges) < OPINIONS and not failed:
            member.tally.failure("doubted", verdict.tokens)
            self.returned.append(item)
        elif any(judge.proven for judge in item.judges):
            self._believed(member, item, verdict, took)
        else:
            member.tally.failure("doubted", verdict.tokens)
            self.returned.append(item)
            self.roll.aside(member)
        if member.sick:
            self.roll.aside(member)

    def _believed(self, member: Member, item: Item, verdict: Completion, took: float) -> None:
        """This sample has no answer. Stop where none ever had one: it is not the samples."""
        if verdict.finish_reason == "refused":
            member.tally.refused += 1
        elif not verdict.refused:
            member.tally.answer(took, -1.0, verdict.tokens, "empty")
        else:
            self.failed += 1
        self.hand(item, verdict)
        if self.roll.witness is None:
            self.unanswered.add(item.request.prompt)
            if len(self.unanswered) >= NONE_ANSWERED:
                self.roll.stop(
                    RemoteError(
                        f"none of {len(self.unanswered)} prompts had an answer, and nothing else "
                        f"ever had; {member.endpoint} said: {member.why}. Does the recipe ask for "
                        "more than the endpoints take? `omi2 teachers check RECIPE` tells."
                    )
                )

    def _failed(self, member: Member, item: Item, error: Passing, began: float) -> None:
        """Charge the item, slow or set aside the endpoint, and put the item back or give it up."""
        pause = member.hurt(item, error, began, self.loop.time())
        if pause:
            member.blocked = max(member.blocked, self.loop.time() + pause)
            self.roll.later(pause + 0.001, self.pump)
        if item.rest and error.kind in CHARGED:
            self.todo.extendleft(reversed(item.alone()))
        elif item.tries > self.teacher.retries and error.kind in CHARGED:
            self._weigh(member, item, Completion("", "failed", 0, member.model, str(error)))
        elif error.kind != "busy" and not self.roll.others(member):
            self.roll.later(jitter(max(item.tries, member.away)), self._back, item)
        else:
            self.returned.append(item)
        if member.sick:
            self.roll.aside(member)

    def _back(self, item: Item) -> None:
        self.returned.append(item)
        self.pump()
