"""What the teachers do at this moment, for a progress line: told now and then, answers or none.

Rates are those of the last minute, so that they show what the endpoints do now and not what they
did on average; what is left is estimated from them. Counts are read from the fleet's own thread
without a lock: each is one number, and a line on a screen may be a request off.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from omi2.teachers.fleet import Fleet

WINDOW, APART = 60.0, 1.0
"""Seconds that a rate looks back, and between two of the counts that are kept for it."""
REST = 0.1
"""Seconds between two readings."""

Tell = Callable[[str, int, int, Mapping[str, Any] | None], None]


class Live:
    """The progress of a stage that asks for `total` samples: `tell` hears of it."""

    def __init__(self, tell: Tell, stage: str, total: int) -> None:
        self.fleet: Fleet | None = None
        """The fleet at work, once there is one."""
        self.done = 0
        self._tell, self._stage, self._total = tell, stage, total
        self._read = float("-inf")
        self._past: deque[tuple[float, dict[str, int], int]] = deque()
        self.beat()

    def step(self) -> None:
        """One more sample is done."""
        self.done += 1
        self.beat()

    def beat(self) -> None:
        """Tell how it goes."""
        now: Mapping[str, Any] | None = None
        if time.monotonic() - self._read >= REST:  # it costs something
            self._read = time.monotonic()
            now = self.read(self._total - self.done)
        self._tell(self._stage, self.done, self._total, now)

    def read(self, left: int) -> dict[str, Any]:
        """Figures of the moment, while `left` samples are still to come; empty where none asks."""
        if self.fleet is None:
            return {}
        now = time.monotonic()
        everyone = self.fleet.roll.everyone
        tallies = {str(m.endpoint): m.tally for m in everyone}
        tokens = {name: tally.tokens for name, tally in tallies.items()}
        answered = sum(tally.answered + tally.refused for tally in tallies.values())
        if not self._past or now - self._past[-1][0] >= APART:
            self._past.append((now, tokens, answered))
        while len(self._past) > 2 and now - self._past[0][0] > WINDOW:
            self._past.popleft()
        then, tokens_then, answered_then = self._past[0]
        seconds = max(now - then, 1e-9) if now > then else float("inf")
        rates = {n: (tokens[n] - tokens_then.get(n, 0)) / seconds for n in tokens}
        done = (answered - answered_then) / seconds
        away = self.fleet.roll.dark
        return {
            "tokens_per_second": round(sum(rates.values()), 1),
            "samples_per_second": round(done, 2),
            "in_flight": sum(m.pace.in_flight for m in everyone),
            "turned_away": sum(t.failures["busy"] for t in tallies.values()),
            "failures": sum(sum(t.failures.values()) for t in tallies.values())
            - sum(t.failures["busy"] for t in tallies.values()),
            "refused": sum(t.refused for t in tallies.values()),
            "failed": self.fleet.failed,
            "working": sum(m.state == "working" for m in everyone),
            "of": len(self.fleet.roll.members),
            "eta_s": round(left / done) if done > 0 else None,
            "nobody_for_s": None if away is None else round(self.fleet.loop.time() - away),
            "endpoints": {
                str(m.endpoint): {
                    "state": m.state,
                    "tokens_per_second": round(rates[str(m.endpoint)], 1),
                    "in_flight": m.pace.in_flight,
                    "limit": int(m.pace.limit),
                    "why": "" if m.state == "working" else m.why,
                }
                for m in everyone
            },
        }
