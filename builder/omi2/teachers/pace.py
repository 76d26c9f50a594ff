"""How much an endpoint is asked at once: found by itself, as TCP finds it.

The limit begins at half of what the endpoint says it takes (or FIRST), doubles in the time of one
answer while nothing hurts, and after the first hurt grows by one in that time. It is cut by a
twentieth on 429 or when the queue grows (the endpoint says how long a request waited, and that is a
fifth of its whole time), and by half on a time-out; once for the requests of one moment, however
many were hurt: those that began before the last cut say nothing new. It never passes the recipe's
limit nor what /info allows. Plain arithmetic without a clock of its own: a simulation runs it too.

Not covered: a growing queue at an endpoint that does not tell it (all but TGI), until it times out.
"""

from dataclasses import dataclass

FIRST = 16
BUSY, SLOW = 0.95, 0.5
QUEUE_SHARE, QUEUE_SECONDS = 0.2, 0.5
"""A queue counts as growing above this share of the whole time, and this long at least."""
MEMORY = 0.1
"""The weight of the newest request in the running means."""


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

    def __post_init__(self) -> None:
        first = max(self.ceiling / 2, 1.0) if self.told else float(FIRST)
        self.limit = min(self.limit or first, float(self.ceiling))

    @property
    def room(self) -> bool:
        """Whether one more request may go."""
        return self.in_flight < int(self.limit)

    def answered(self, began: float, now: float, queued: float) -> None:
        """A request that began then was answered now, after waiting `queued` seconds (or < 0)."""
        self.took += MEMORY * (now - began - self.took) if self.took else now - began
        if queued >= 0:
            self.queued += MEMORY * (queued - self.queued)
            if self.queued > max(QUEUE_SECONDS, QUEUE_SHARE * self.took):
                self.cut(BUSY, began, now)
                return
        if self.in_flight >= int(self.limit):  # it was the limit that held it, not want of work
            grown = self.limit + (1.0 if self.doubling else 1.0 / self.limit)
            self.limit = min(grown, float(self.ceiling))

    def cut(self, factor: float, began: float, now: float) -> None:
        """A request that began then was hurt: ask for less, once for all that were under way."""
        if began < self.cut_at:
            return
        self.floor = max(1.0, self.limit / 2)
        self.limit = max(1.0, min(self.limit, self.in_flight) * factor)
        self.cut_at = now
        self.doubling = False
        self.queued = 0.0

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
