"""What a person sees of a build: live progress on stderr, the funnel on stdout.

On a terminal the progress line is rewritten in place; elsewhere (a pipe, CI) a line is written at
most every ten seconds, after an hour every minute. With `--format json` progress is lines of JSON,
as seldom. What omi2 logs as a warning stands between them, with the date. `NO_COLOR` is honoured by
using no colour at all.
"""

import contextlib
import datetime
import json
import logging
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

QUIET_SECONDS = 10.0
LIVE_SECONDS = 0.1


class Progress:
    """A listener for `Run.tell`: shows how far each stage is, and what the teachers do.

    `form` is human or json; `each` shows the endpoints one by one.
    """

    def __init__(
        self, stream: TextIO | None = None, *, form: str = "human", each: bool = False
    ) -> None:
        self.stream = stream or sys.stderr
        self.json, self.each = form == "json", each
        self.live = self.stream.isatty() and not self.json
        self.told: Mapping[str, Any] = {}
        self.began = time.monotonic()
        self._stage = ""
        self._last = 0.0
        self._width = 0

    def __call__(
        self, what: str, done: int, total: int, live: Mapping[str, Any] | None = None, /
    ) -> None:
        now = time.monotonic()
        self.told = (self.told if live is None else live) if what == self._stage else {}
        if self.json:
            self._json(what, done, total, now)
            return
        clock = _clock(now - self.began)
        if what.endswith(" done"):
            self._line(f"{clock}  {what:<19} {total:>9,} came, {done:,} left", end=True)
            self._stage = ""
            return
        pause = LIVE_SECONDS if self.live else self._quiet(now)
        if what == self._stage and done < total and now - self._last < pause:
            return
        if not self.live and what != self._stage:
            self._stage, self._last = what, now
            return
        self._stage, self._last = what, now
        figures = teachers(self.told)
        self._line(f"{clock}  {what:<19} {done:>9,} of {total:,}{figures}", end=not self.live)
        if self.each and not self.live:
            for name, one in self.told.get("endpoints", {}).items():
                self._line(
                    f"        {name}: {one['tokens_per_second']:,.0f} tokens/s, "
                    f"{one['in_flight']} of {one['limit']} in flight, {one['state']}"
                    + (f" ({one['why']})" if one["why"] else ""),
                    end=True,
                )

    def _json(self, what: str, done: int, total: int, now: float) -> None:
        """A line of JSON: when a stage begins, every ten seconds, and when it is done."""
        end = what.endswith(" done")
        if what == self._stage and now - self._last < self._quiet(now):
            return
        self._stage, self._last = what, now
        entry = {
            "time": _now(),
            "stage": what.removesuffix(" done"),
            "state": "done" if end else "running",
            "seconds": round(now - self.began, 1),
            **({"left": done, "came": total} if end else {"done": done, "total": total}),
            **{
                name: value for name, value in self.told.items() if self.each or name != "endpoints"
            },
        }
        self._entry(entry)

    def warn(self, text: str) -> None:
        """Tell what somebody should know, by the date: it may be read days later."""
        if self.json:
            self._entry({"time": _now(), "warning": text})
        else:
            self._line(f"{_now()} {text}", end=True)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Tell the warnings of omi2's log too, between the lines and in their form."""
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self.warn(record.getMessage())  # type: ignore[method-assign]
        log = logging.getLogger("omi2")
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)

    def _quiet(self, now: float) -> float:
        """Seconds between two lines: a build of weeks writes one a minute."""
        return min(max(QUIET_SECONDS, (now - self.began) / 60), 6 * QUIET_SECONDS)

    def _entry(self, entry: Mapping[str, Any]) -> None:
        self.stream.write(json.dumps(entry) + "\n")
        self.stream.flush()

    def _line(self, text: str, *, end: bool) -> None:
        """Write a line; on a terminal, over the last one."""
        if self.live:
            self.stream.write("\r" + text.ljust(self._width))
            self._width = 0 if end else len(text)
        else:
            self.stream.write(text)
        self.stream.write("\n" if end else "")
        self.stream.flush()


def _now() -> str:
    """The date and time here, with the zone."""
    return datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def teachers(live: Mapping[str, Any]) -> str:
    """What the teachers do at the moment, behind a progress line."""
    before = f"{live['recorded']:,} recorded before" if live.get("recorded") else ""
    if "in_flight" not in live:  # nobody is asked yet
        return before and f"  {before}"
    if live["nobody_for_s"] is not None:
        return f"  no endpoint answers, for {_clock(live['nobody_for_s'])} now"
    told = [f"{live['tokens_per_second']:,.0f} tokens/s", f"{live['in_flight']:,} in flight"]
    if live["working"] < live["of"]:
        told[-1] += f" at {live['working']} of {live['of']} endpoints"
    if live["turned_away"]:
        told.append(f"{live['turned_away']:,} 429s")
    if kinds := live["failures"]:
        each = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        told.append(f"{sum(kinds.values()):,} failed attempts ({each})")
    for name, words in (("refused", "samples refused"), ("failed", "given up")):
        if live[name]:
            told.append(f"{live[name]:,} {words}")
    if before:
        told.append(before)
    if live["eta_s"] is not None:
        told.append(f"{_clock(live['eta_s'])} to go")
    return "  " + ", ".join(told)


def _clock(seconds: float) -> str:
    """A duration: 5:07, 1:02:05, 3 d 4:05:06."""
    days, rest = divmod(int(seconds), 86_400)
    told = f"{rest // 60 % 60:02}:{rest % 60:02}"
    told = f"{rest // 3600}:{told}" if days or rest >= 3600 else told.removeprefix("0")
    return f"{days} d {told}" if days else told


def funnel(manifest: Mapping[str, Any]) -> str:
    """The funnel of a release, as text: what came, what was dropped and why, what left."""
    lines = []
    for step in manifest["funnel"]:
        came, left = sum(step["came"].values()), sum(step["left"].values())
        parts = _labels(step["came"])
        lines.append(f"{step['stage']:<14}{came:>9,} {step['unit']}{parts}")
        lines += [f"{'':<14}{-n:>9,} {why}" for why, n in step["dropped"].items()]
        lines.append(f"{'':<14}{left:>9,} {_left(step)}")
    lines.append("")
    lines += [f"{name:<14}{s['rows']:>9,} rows" for name, s in manifest["splits"].items()]
    return "\n".join(lines)


def summary(manifest: Mapping[str, Any], out: str) -> str:
    """What to know and to do after a build."""
    told = manifest["decontamination"]
    lines = []
    if not told["ran"]:
        lines.append("WARNING: decontamination was turned off; omi2-hub will refuse this release.")
    if (about := told.get("embeddings", {})).get("why"):
        lines.append(f"Not compared by embeddings: {about['why']}.")
    if not manifest["rows"]:
        lines.append(f"Wrote {out}: no row was kept. The funnel above says where they went.")
        return "\n".join(lines)
    where = Path(out).resolve()
    lines += [
        f"Wrote {out}: {manifest['rows']:,} rows. Next, in {where.parent}:",
        f"  python -c 'from datasets import load_dataset; print(load_dataset(\"{where.name}\"))'",
        f"  omi2-hub plan {shlex.quote(str(out))} --repo ORG/omi2",
    ]
    return "\n".join(lines)


def as_json(value: Any) -> str:
    """JSON for programs."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _labels(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{k} {n:,}' for k, n in counts.items())})" if len(counts) > 1 else ""


def _left(step: Mapping[str, Any]) -> str:
    counts: dict[str, int] = step["left"]
    if len(counts) == 1:
        return next(iter(counts))
    return f"left{_labels(counts)}"
