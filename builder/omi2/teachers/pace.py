"""How much an endpoint is asked at once: found by itself, as TCP finds it.

The limit begins at half of what the endpoint says it takes (or FIRST), doubles in the time of one
answer while nothing hurts, and after the first hurt grows by one in that time. It is cut by a
twentieth on 429 or when the queue grows (the endpoint says how long a request waited, and that is a
fifth of its whole time), and by half on a time-out; once for the requests of one moment, however
many were hurt: those that began before the last cut say nothing new. It never passes the recipe's
limit nor what /info allows. Plain arithmetic without a clock of its own: a simulation runs it too.

Where a queue is told by /metrics, the limit falls to what is not waiting and does not grow until
the queue is short. Where no queue is told at all, it is estimated: a line through the times of the
answers over their tokens meets zero tokens at the time before the first one, and that is the wait.
Growing batches make the line steeper, not higher. Not covered: an endpoint whose answers all have
the same length, or do not tell it, until it times out.
"""

from dataclasses import dataclass, field

FIRST = 16
BUSY, SLOW = 0.95, 0.5
QUEUE_SHARE, QUEUE_SECONDS = 0.2, 0.5
"""A queue counts as growing above this share of the whole time, and this long at least."""
MEMORY = 0.1
"""The weight of the newest request in the running means."""
LONG_MEMORY, FEWEST = 1 / 64, 48
"""The same for the line, and how many answers it needs."""
SPREAD, FIT = 0.02, 0.25
"""What a line needs besides: a squared variation of the tokens, and r squared."""
BACKLOG = 0.05
"""The share of what is under way that may wait: a little, so that no slot falls idle."""


@dataclass
class Line:
    """A line through seconds over tokens: running means of both, their squares and product."""

    seen: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """One more answer."""
        self.seen += 1
        weight = max(LONG_MEMORY, 1 / self.seen)
        self.x += weight * (tokens - self.x)
        self.y += weight * (seconds - self.y)
        self.xx += weight * (tokens * tokens - self.xx)
        self.xy += weight * (tokens * seconds - self.xy)
        self.yy += weight * (seconds * seconds - self.yy)

    def wait(self) -> float:
        """The seconds at zero tokens, or -1 where there is no such line."""
        across, up = self.xx - self.x**2, self.yy - self.y**2
        both = self.xy - self.x * self.y
        if self.seen < FEWEST or both <= 0 or across < SPREAD * self.x**2:
            return -1.0
        if both**2 < FIT * across * up:
            return -1.0
        return max(self.y - both / across * self.x, 0.0)


@dataclass
class Pace:
    """The limit of one endpoint, and how many requests it has now."""

    ceiling: int
    told: bool = False
    """Whether the endpoint itself says what it takes."""
    limit: float = 0.0
    in_flight: int = 0
    doubling: bool = True
    cut_at: float = float("-inf")
    floor: float = 1.0
    queued: float = 0.0
    took: float = 0.0
    telling: bool = False
    """Whether the endpoint tells its queue, in answers or at /metrics."""
    crowded: bool = False
    """Whether too many waited there at the last look."""
    line: Line = field(default_factory=Line)

    def __post_init__(self) -> None:
        first = max(self.ceiling / 2, 1.0) if self.told else float(FIRST)
        self.limit = min(self.limit or first, float(self.ceiling))

    @property
    def room(self) -> bool:
        """Whether one more request may go."""
        return self.in_flight < int(self.limit)

    def answered(self, began: float, now: float, queued: float, tokens: int = 0) -> None:
        """A request that began then was answered now, after waiting `queued` seconds (or < 0)."""
        self.took += MEMORY * (now - began - self.took) if self.took else now - began
        full = self.in_flight >= int(self.limit)  # the limit holds it, not want of work
        if queued >= 0:
            self.telling = True
            self.queued += MEMORY * (queued - self.queued)
            if self.queued > max(QUEUE_SECONDS, QUEUE_SHARE * self.took):
                self.cut(BUSY, began, now)
                return
        elif not self.telling and began >= self.cut_at:
            self.line.add(tokens, now - began)
            wait = self.line.wait()
            if wait > max(QUEUE_SECONDS, QUEUE_SHARE * self.line.y):
                # By Little's law that share of what is under way waits; one tenth of it may.
                self.cut(max(1.1 * (1 - wait / self.line.y), SLOW), began, now)
                return
        if full and not self.crowded:
            grown = self.limit + (1.0 if self.doubling else 1.0 / self.limit)
            self.limit = min(grown, float(self.ceiling))

    def backlog(self, waiting: int, now: float) -> None:
        """The endpoint says that so many requests wait."""
        self.telling = True
        self.crowded = waiting > max(1.0, BACKLOG * self.in_flight)
        if self.crowded and self.in_flight:
            served = max(self.in_flight - waiting, self.in_flight / 2)
            self.cut(min(served / self.in_flight, BUSY), now, now)

    def cut(self, factor: float, began: float, now: float) -> None:
        """A request that began then was hurt: ask for less, once for all that were under way."""
        if began < self.cut_at:
            return
        self.floor = max(1.0, self.limit / 2)
        self.limit = max(1.0, min(self.limit, self.in_flight) * factor)
        self.cut_at = now
        self.doubling = False
        self.queued = 0.0
        self.line = Line()

    def refused(self, began: float, now: float) -> None:
        """A request was refused at once (429). Of several from one moment, each tells that the
        endpoint holds no more than those still under way; yet no moment halves the limit."""
        if began < self.cut_at:
            self.limit = min(self.limit, max(self.floor, self.in_flight - 1.0))
        self.cut(BUSY, began, now)

    def start_small(self) -> None:
        """Begin again with one request: the endpoint comes back from a fault."""
        self.limit = 1.0
        self.doubling = True
