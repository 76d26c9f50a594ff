"""What the teachers did and cost, for people: kept beside the ledgers, in no manifest.

`numbers.json` is written anew every few seconds while a stage asks, and at its end; each session
(one run of the command) is an entry, so that a resumed build's numbers add up. Durations are
monotonic; nothing here is a date, and nothing here decides what a build makes. Latencies are kept
as a histogram whose steps are 5% wide, so memory does not grow and a quantile is off by 5% at most.

Tokens of failed attempts count where the endpoint told them (TGI does, in a header); the attempts
that did not tell are counted too, so that a cost is known to be a lower bound.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omi2.files import read_json, write_json

NAME = "numbers.json"
STEP = math.log(1.05)
SMALLEST = 1e-4
SESSIONS = 1000


@dataclass
class Tally:
    """What one endpoint did."""

    seconds: float = 0.0
    """How long it was at work (not set aside)."""
    answered: int = 0
    tokens: int = 0
    lost_tokens: int = 0
    untold: int = 0
    """Failed attempts that did not tell their tokens."""
    refused: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)
    queue: Counter[int] = field(default_factory=Counter)

    def answer(self, took: float, queued: float, tokens: int, reason: str) -> None:
        """Count a completion."""
        self.answered += 1
        self.tokens += tokens
        self.reasons[reason] += 1
        self.latency[_step(took)] += 1
        if queued >= 0:
            self.queue[_step(queued)] += 1

    def failure(self, kind: str, tokens: int) -> None:
        """Count an attempt that failed; one that was only turned away cost no token."""
        self.failures[kind] += 1
        self.lost_tokens += tokens
        if not tokens and kind in ("lost", "broken"):
            self.untold += 1


def _step(seconds: float) -> int:
    return round(math.log(max(seconds, SMALLEST) / SMALLEST) / STEP)


def quantile(histogram: Counter[int], share: float) -> float | None:
    """The duration below which this share lies, in seconds."""
    left = share * sum(histogram.values())
    for step, count in sorted(histogram.items()):
        left -= count
        if left <= 0:
            return float(f"{SMALLEST * math.exp(step * STEP):.3g}")
    return None


def table(
    tallies: Iterable[tuple[str, Tally]], seconds: float, now: dict[str, Any]
) -> dict[str, Any]:
    """One session as plain values: in all, and for each endpoint. `now` is told as it is."""
    each = dict(tallies)
    whole = Tally()
    for tally in each.values():
        for name in ("seconds", "answered", "tokens", "lost_tokens", "untold", "refused"):
            setattr(whole, name, getattr(whole, name) + getattr(tally, name))
        for name in ("failures", "reasons", "latency", "queue"):
            getattr(whole, name).update(getattr(tally, name))
    steps = {name: dict(sorted(getattr(whole, name).items())) for name in ("latency", "queue")}
    return {
        "seconds": round(seconds, 1),
        **_plain(whole, seconds),
        "steps": steps,
        "endpoints": {name: _plain(tally, seconds) for name, tally in each.items()},
        **now,
    }


def _plain(tally: Tally, seconds: float) -> dict[str, Any]:
    return {
        "endpoint_seconds": round(tally.seconds, 1),
        "answered": tally.answered,
        "refused": tally.refused,
        "tokens": tally.tokens,
        "tokens_of_failed_attempts": tally.lost_tokens,
        "failed_attempts_without_tokens": tally.untold,
        "tokens_per_second": round(tally.tokens / seconds, 1) if seconds else 0.0,
        "failures": dict(sorted(tally.failures.items())),
        "finish_reasons": dict(sorted(tally.reasons.items())),
        "latency_p50_s": quantile(tally.latency, 0.5),
        "latency_p95_s": quantile(tally.latency, 0.95),
        "queue_p50_s": quantile(tally.queue, 0.5),
        "queue_p95_s": quantile(tally.queue, 0.95),
    }


class Book:
    """The file of one stage: earlier sessions, and this one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read_json(path)
        sessions = found.get("sessions") if isinstance(found, dict) else None
        self.before: list[Any] = sessions[-SESSIONS:] if isinstance(sessions, list) else []

    def write(self, session: dict[str, Any]) -> None:
        """Write the file anew."""
        write_json(self.path, {"sessions": [*self.before, session]})


def report(path: Path, gpus: float, price: float) -> dict[str, Any] | None:
    """All sessions of a stage added up, and the last one as it stands; None where none was.

    GPU-hours: `gpus` for every hour that an endpoint was at work; cost: `price` for each of them.
    """
    found = read_json(path)
    if not isinstance(found, dict) or not found.get("sessions"):
        return None
    sessions = found["sessions"]
    names = ("seconds", "endpoint_seconds", "answered", "refused", "tokens",
             "tokens_of_failed_attempts", "failed_attempts_without_tokens")  # fmt: skip
    whole: dict[str, Any] = {name: round(sum(s[name] for s in sessions), 1) for name in names}
    for name in ("failures", "finish_reasons"):
        counts: Counter[str] = Counter()
        for session in sessions:
            counts.update(session[name])
        whole[name] = dict(sorted(counts.items()))
    for name in ("latency", "queue"):
        steps: Counter[int] = Counter()
        for session in sessions:
            steps.update({int(k): n for k, n in session.get("steps", {}).get(name, {}).items()})
        whole |= {f"{name}_p{p}_s": quantile(steps, p / 100) for p in (50, 95)}
    if gpus:
        whole["gpu_hours"] = round(whole["endpoint_seconds"] * gpus / 3600, 3)
        if price:
            whole["cost"] = round(whole["gpu_hours"] * price, 2)
    return {"in_all": whole, "sessions": len(sessions), "last": sessions[-1]}


def text(stage: str, found: dict[str, Any]) -> str:
    """A report for people."""
    whole, last = found["in_all"], found["last"]
    told = [
        f"{stage}: {whole['answered']:,} answered, {whole['tokens']:,} tokens in "
        f"{whole['seconds']:,.0f} s"
        + (f" of {found['sessions']} sessions" if found["sessions"] > 1 else ""),
        f"  failed attempts: {_listed(whole['failures'])}; at least "
        f"{whole['tokens_of_failed_attempts']:,} tokens lost in them; "
        f"{whole['refused']:,} samples refused",
        f"  finish reasons: {_listed(whole['finish_reasons'])}",
        "  latency p50 {}, p95 {}; queue p50 {}, p95 {}".format(
            *(_seconds(whole[f"{name}_p{p}_s"]) for name in ("latency", "queue") for p in (50, 95))
        ),
    ]
    if "gpu_hours" in whole:
        cost = f", cost {whole['cost']:,}" if "cost" in whole else ""
        told.append(f"  {whole['gpu_hours']:,} GPU-hours{cost}")
    for name, tally in last["endpoints"].items():
        now = last["now"].get(name, {})
        told.append(
            f"  {name}: {tally['tokens_per_second']:,} tokens/s, {tally['answered']:,} answered, "
            f"failed {_listed(tally['failures'])}; {now.get('state')}, limit {now.get('limit')}"
            + (f"; its last failure: {now['why']}" if now.get("why") else "")
        )
    return "\n".join(told)


def _seconds(value: float | None) -> str:
    return "not told" if value is None else f"{value} s"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items()) or "none"
