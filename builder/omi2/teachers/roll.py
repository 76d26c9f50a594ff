"""Who is in the fleet: each endpoint is met, set aside, probed, taken back and drained.

A sick endpoint is set aside and probed after a doubling pause: asked who it is and, if it left
samples without an answer, for something that is known to have one (see `member`). It is taken back
with one request at once. One that says that no request to it will work (401, 404, another model) is
stopped at its word; if it had answered before, only when it says so FATAL times, since a gateway
that restarts may say such things too.

While nobody is left who could answer, the run waits: for `outage_s` from the last answer, or not at
all where every endpoint is stopped and no endpoints file may name another. Then it stops, and the
same command goes on. All times are the loop's: monotonic, or simulated.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from omi2.errors import RemoteError
from omi2.recipe import Teacher
from omi2.teachers import endpoints as roster
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.identity import model_of
from omi2.teachers.meet import examined, introduced, mind_queue
from omi2.teachers.member import Member, jitter
from omi2.teachers.pace import Pace
from omi2.teachers.protocol import Fatal, Passing, Request, Served, TeacherError
from omi2.teachers.wire import Wire

FATAL = 3
"""Times in a row that an endpoint which has answered before must say that it never will again."""
PATIENT = 5.0
"""Seconds between two looks whether the waiting is over, while an endpoint still tries."""

log = logging.getLogger("omi2.teachers")


class Roll:
    """The endpoints of a fleet. `pump` is told that one may be asked, `stop` what ends it all."""

    def __init__(
        self,
        teacher: Teacher,
        models: tuple[str, ...],
        wire: Callable[[Endpoint, float], Wire],
        pump: Callable[[], None],
        stop: Callable[[BaseException], None],
    ) -> None:
        self.teacher = teacher
        self.models = models
        self.wire = wire
        self.pump = pump
        self.stop = stop
        self.members: list[Member] = []
        self.gone: list[Member] = []
        self.witness: Request | None = None
        """A request of this run that was answered."""
        self.dark: float | None = None
        """Since when nobody could answer."""
        self.closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, endpoints: list[Endpoint]) -> None:
        """Ask every endpoint who it is, and begin with each as it answers."""
        self.loop = asyncio.get_running_loop()
        for endpoint in endpoints:
            self.join(endpoint)

    async def close(self) -> None:
        """End every task and connection; whoever wakes up meanwhile begins nothing new."""
        self.closing = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for member in self.everyone:
            member.clock(member.state, self.loop.time())
            await member.stack.aclose()
        await asyncio.sleep(0)  # sockets that are closing come to their end

    @property
    def everyone(self) -> list[Member]:
        """Those who were drained, and those who are in; of one name the last is as it is now."""
        return [*self.gone, *self.members]

    def others(self, member: Member) -> list[Member]:
        """Who else is at work."""
        return [m for m in self.members if m.state == "working" and m is not member]

    def join(self, endpoint: Endpoint) -> None:
        """Add an endpoint, and use it once it answers. Raises UsageError for its key."""
        wire = self.wire(endpoint, self.teacher.timeout_s)
        member = Member(endpoint, wire, Pace(endpoint.concurrency), Served(""))
        for before in self.everyone:
            if str(before.endpoint) == str(endpoint):  # it comes back, or its line was edited
                member.tally = before.tally
        self.members.append(member)
        self.spawn(self._join(member))

    async def _join(self, member: Member) -> None:
        await member.wire.open(member.stack)
        await self._probe(member)

    def drain(self, endpoint: Endpoint) -> None:
        """Ask an endpoint nothing more; what it works on comes to its end."""
        for member in [m for m in self.members if m.endpoint == endpoint]:
            member.clock("draining", self.loop.time())
            member.drained(self.loop.time())
            self.members.remove(member)
            self.gone.append(member)
        self.pump()
        self.look()

    def answered(self, member: Member, request: Request) -> None:
        """An endpoint gave an answer to this."""
        member.trust()
        self.witness = request
        if member.back:
            member.back = False
            log.warning("%s answers again", member.endpoint)
        if self.dark is not None:
            log.warning("the work goes on after %s", clock(self.loop.time() - self.dark))
            self.dark = None

    def aside(self, member: Member) -> None:
        """Ask an endpoint nothing more until a probe shows that it can answer."""
        if member.state != "working":
            return
        member.clock("aside", self.loop.time())
        member.proven = False
        self._round(member)
        if member.rounds <= 1:
            log.warning("%s is set aside (%s) and will be probed", member.endpoint, member.why)

    def _round(self, member: Member) -> None:
        """One more round without an answer: probe after a pause."""
        member.rounds += 1
        self.later(jitter(member.rounds), lambda: self.spawn(self._probe(member)))
        self.look()

    async def _probe(self, member: Member) -> None:
        """Look at an endpoint that is not at work; take it in, stop it, or try again later."""
        if member.state != "aside":
            return
        try:
            served = await introduced(member, self.models, self.teacher.choices)
            if member.doubted:
                await examined(member, served, self.witness)
        except Passing as error:
            member.why = str(error)
            self._round(member)
        except TeacherError as error:
            self.fatal(member, error)
        else:
            self._take_in(member, served)

    def _take_in(self, member: Member, served: Served) -> None:
        if member.state != "aside":  # it was drained meanwhile
            return
        if not member.model:  # the first time that it tells
            most = member.endpoint.concurrency
            most = min(most, served.requests) if served.requests else most
            member.pace = Pace(most, told=0 < served.requests <= most)
            self.spawn(mind_queue(member, self.loop))
        else:
            member.pace.start_small()
            member.back = True
        member.served, member.model = served, model_of(member.endpoint, served)
        member.away = 0
        member.clock("working", self.loop.time())
        self.pump()

    def fatal(self, member: Member, error: TeacherError) -> None:
        """An endpoint says that no request to it will work: believed if it never answered, or when
        it says so again and again."""
        member.why = str(error)
        if member.state in ("stopped", "draining", "drained"):
            return
        member.fatal += 1
        if member.tally.answered and (member.fatal < FATAL or not isinstance(error, Fatal)):
            if member.state == "working":
                self.aside(member)
            else:
                self._round(member)
            return
        member.clock("stopped", self.loop.time())
        log.warning("%s is not used any more: %s", member.endpoint, error)
        self.look()

    def look(self) -> None:
        """Whether anybody is left who could answer; else wait, or stop."""
        if any(m.state == "working" or m.pace.in_flight for m in self.everyone):
            return
        hope = [m for m in self.members if m.state == "aside"]
        if any(not m.rounds for m in hope):  # it was not heard yet
            return
        if not hope and roster.file_of(self.teacher) is None:
            self._give_up("no endpoint answers any more")
        elif self.dark is None:
            self.dark = self.loop.time()
            log.warning("no endpoint answers (%s); waiting for one, up to %s (outage_s in "
                        "[teacher]).%s Ctrl-C loses nothing.",
                        self._reasons(), clock(self.teacher.outage_s), self._never())  # fmt: skip
            self.later(self.teacher.outage_s, self._waited, self.dark)

    def _waited(self, since: float) -> None:
        """The time for an outage is over, if it is the same one still."""
        if self.dark != since:
            return
        if any(m.state == "working" for m in self.members):
            self.later(PATIENT, self._waited, since)  # perhaps it answers just now
        else:
            dark = clock(self.loop.time() - since)
            self._give_up(f"no endpoint has answered for {dark}, longer than outage_s in [teacher]")

    def _give_up(self, what: str) -> None:
        self.stop(
            RemoteError(
                f"{what} ({self._reasons()}).{self._never()} What was said is kept; the same "
                "command goes on where it stopped."
            )
        )

    def _reasons(self) -> str:
        return "; ".join(f"{m.endpoint}: {m.why}" for m in self.members) or "none is left"

    def _never(self) -> str:
        """What is likely wrong where nobody was there, or answered, since the build began."""
        if not any(m.model for m in self.everyone):
            return " None was there since this began: are they up, and is that address right?"
        if self.witness is not None:
            return ""
        return (
            " Nothing was answered since this began: `omi2 teachers check RECIPE` shows what each "
            "says to the recipe's own examples."
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a task; a fault of ours in it ends the run: never a silent hang."""
        if self.closing:
            work.close()
            return
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop(error)

    def later(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        """Call something after a pause."""
        self.loop.call_later(seconds, call, *args)


def clock(seconds: float) -> str:
    """A duration as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
