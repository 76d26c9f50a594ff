"""One endpoint in a fleet: how it does, and what it may be believed for.

    a completion                     at once: what it is worth, grading finds out
    nothing to say (no text)         these end a sample, and each may as well be the endpoint's own
    refused (400, 413, 422)          fault: a model whose numbers went wrong, a gateway that refuses
    failed beyond its retry budget   whatever comes, a smaller context than its peers have

So what ends a sample is put to another endpoint where there is one (`OPINIONS`; a failed sample
went round already), and counts only if one of those who say so is `proven`: since it was taken in
it answered something. One that is not is set aside and given a `witness`, a request of this run
that is known to have an answer; where none is known yet, a plain one. So is one that left too many
different prompts in a row without an answer (`DOUBTS`, doubling each time that the witness clears
it: then it is the prompts), or four times as many samples of few prompts. Hence samples that can
have no answer stop no run, and an endpoint that answers nothing takes no sample with it, or where
it is the only one and answered until then, 64.
"""

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from omi2.teachers.endpoints import Endpoint
from omi2.teachers.numbers import Tally
from omi2.teachers.pace import SLOW, Pace
from omi2.teachers.protocol import Passing, Request, Served
from omi2.teachers.wire import Wire

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds before the first and, doubling, at most before any later try."""
AWAY = 3
"""Failures in a row that speak of the endpoint itself, after which it is sick."""
DOUBTS, MOST_DOUBTS = 16, 4096
"""Different prompts in a row without an answer, after which it is looked at; at most so many."""
SAMPLES = 4
"""Samples for each of them: a prompt may have hundreds, which all are under way together."""
OPINIONS = 2
"""Endpoints that have to agree, where there are so many, that a sample is empty or refused."""


def jitter(times: int) -> float:
    """A pause that doubles with each time, between half and all of it."""
    whole = min(FIRST_PAUSE * 2 ** min(max(times - 1, 0), 20), LONGEST_PAUSE)
    return float(whole * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)


@dataclass(eq=False)
class Item:
    """A request on its way: the caller's own handle, its key, and the tries charged to it.

    `rest` are the other samples of its group, where the endpoint is asked for several at once; one
    that is not `wanted` is recorded already and only asked for so that the group stays the same.
    `judges` are the endpoints that left it without an answer.
    """

    job: Any
    request: Request
    key: str
    tries: int = 0
    avoid: "Member | None" = None
    rest: tuple["Item", ...] = ()
    wanted: bool = True
    judges: "set[Member]" = field(default_factory=set)

    def alone(self) -> list["Item"]:
        """The samples that are wanted, each by itself."""
        group = [item for item in (self, *self.rest) if item.wanted]
        self.rest = ()
        return group


@dataclass(eq=False)
class Member:
    """One endpoint, and how it does. `state`: working, aside, stopped, draining or drained."""

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
    fatal: int = 0
    """Times in a row that it said that no request to it will work."""
    back: bool = False
    """Whether it was taken back and has not answered since."""
    since: float = 0.0
    blocked: float = float("-inf")
    busy: int = 0
    away: int = 0
    proven: bool = False
    doubted: dict[str, Request] = field(default_factory=dict)
    """Prompts that it left without an answer since its last one, and a request with each."""
    silent: int = 0
    """Times that it left a sample without an answer since its last one."""
    doubts: int = DOUBTS

    def clock(self, state: str, now: float) -> None:
        """Change the state, and count how long it was at work."""
        if self.state in ("working", "draining"):
            self.tally.seconds += now - self.since
        self.since, self.state = now, state

    def drained(self, now: float) -> None:
        """It works on nothing any more: if it was to be drained, its time ends here."""
        if self.state == "draining" and not self.pace.in_flight:
            self.clock("drained", now)

    def trust(self) -> None:
        """It answered: whatever it was suspected of is forgotten."""
        self.proven = True
        self.busy = self.away = self.rounds = self.fatal = self.silent = 0
        self.doubted.clear()
        self.doubts = DOUBTS

    def cleared(self) -> None:
        """It answered a witness: what it left without an answer has none."""
        self.proven = True
        self.rounds = self.fatal = self.silent = 0
        self.doubted.clear()
        self.doubts = min(2 * self.doubts, MOST_DOUBTS)

    def doubt(self, item: Item) -> None:
        """It left an item without an answer that may have one."""
        item.judges.add(self)
        item.avoid = self
        self.silent += 1
        self.doubted[item.request.prompt] = item.request

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
            case "broken" | "forbidden":
                self.doubt(item)
                item.tries += 1
            case "lost":
                self.away += 1
                self.doubt(item)
                item.tries += 1
                self.pace.cut(SLOW, began, now)
            case _:
                self.away += 1
        return error.pause

    @property
    def sick(self) -> bool:
        """Whether its failures in a row speak of itself and not of what it was asked."""
        many = len(self.doubted) >= self.doubts or self.silent >= SAMPLES * self.doubts
        return self.away >= AWAY or many

    @property
    def load(self) -> float:
        """How full it is; a weight makes it look emptier."""
        return self.pace.in_flight / self.pace.limit / self.endpoint.weight
