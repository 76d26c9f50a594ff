"""What the teachers do at this moment, for a progress line: told now and then, answers or none.

Rates are those of the last minute, so that they show what the endpoints do now and not what they
did on average. The time to go is what is left, over what was done in that minute, recorded samples
among it: a resumed stage that finds two of three samples recorded is through three times as soon.
The minute begins with the first answer, so what was recorded before the first new sample and was
passed over at once promises nothing. The fleet counts on a thread of its own, and its counts are
read without a lock: a line on a screen may be a request off.
"""

import time
from collections import Counter, deque
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
        self.done = self.recorded = 0
        """Samples that are done, and how many of them nobody had to be asked for."""
        self._tell, self._stage, self._total = tell, stage, total
        self._read = float("-inf")
        self._past: deque[tuple[float, dict[str, int], int, int]] = deque()
        self.beat()

    def step(self, *, recorded: bool = False) -> None:
        """One more sample is done; `recorded`: it was there already."""
        self.done += 1
        self.recorded += recorded
        self.beat()

    def beat(self) -> None:
        """Tell how it goes."""
        now: Mapping[str, Any] | None = None
        if time.monotonic() - self._read >= REST:  # it costs something
            self._read = time.monotonic()
            now = self.read()
        self._tell(self._stage, self.done, self._total, now)

    def read(self) -> dict[str, Any]:
        """Figures of the moment; while nobody is asked, how many samples were there already."""
        if self.fleet is None:
            return {"recorded": self.recorded}
        now = time.monotonic()
        everyone = self.fleet.roll.everyone
        tallies = {str(m.endpoint): m.tally for m in everyone}
        tokens = {name: tally.tokens for name, tally in tallies.items()}
        answered = sum(tally.answered + tally.refused for tally in tallies.values())
        if answered and (not self._past or now - self._past[-1][0] >= APART):
            self._past.append((now, tokens, answered, self.done))
        while len(self._past) > 2 and now - self._past[0][0] > WINDOW:
            self._past.popleft()
        then, tokens_then, answered_then, done_then = (
            self._past[0] if self._past else (now, tokens, answered, self.done)
        )
        seconds = now - then or float("inf")
        rates = {n: (tokens[n] - tokens_then.get(n, 0)) / seconds for n in tokens}
        pace = (self.done - done_then) / seconds
        failures: Counter[str] = Counter()
        for tally in tallies.values():
            failures.update(dict(tally.failures))  # a copy, for a new kind may come meanwhile
        away = self.fleet.roll.dark
        return {
            "recorded": self.recorded,
            "tokens_per_second": round(sum(rates.values()), 1),
            "samples_per_second": round((answered - answered_then) / seconds, 2),
            "in_flight": sum(m.pace.in_flight for m in everyone),
            "turned_away": failures.pop("busy", 0),
            "failures": dict(sorted(failures.items())),
            "refused": sum(t.refused for t in tallies.values()),
            "failed": self.fleet.failed,
            "working": sum(m.state == "working" for m in everyone),
            "of": len(self.fleet.roll.members),
            "eta_s": round((self._total - self.done) / pace) if pace > 0 else None,
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
