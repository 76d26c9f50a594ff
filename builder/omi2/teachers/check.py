"""Look at each endpoint of a teacher before a build depends on it: model, limits, health, a sample.

An endpoint is usable if it says who it is, answers a sample with the recipe's own examples and
sampling, and tells no limit below what the recipe may ask for (`omi2.largest`); what its /health
says is told besides (not every server has one). The embedded teacher is started for it. Endpoints
of different models are each usable, but not together: that is told as well. Not covered: speed
under load, which the pool finds by itself.
"""

import asyncio
import math
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from omi2.errors import Omi2Error
from omi2.recipe import Teacher
from omi2.teachers import embedded
from omi2.teachers import endpoints as roster
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.identity import model_of, wire_name
from omi2.teachers.protocol import Request, TeacherError, completion
from omi2.teachers.wire import Wire

TOO_LONG = 300.0
"""Seconds after which a check gives up, whatever the recipe's time-out."""


@dataclass(frozen=True)
class Finding:
    """What one endpoint showed. `wrong` is "" where it can be used."""

    endpoint: str
    model: str = ""
    requests: int = 0
    tokens: int = 0
    healthy: bool = False
    info_ms: float | None = None
    sample_ms: float | None = None
    sample: str = ""
    wrong: str = ""


def check(teacher: Teacher, sample: Request, tokens: int) -> list[Finding]:
    """A finding for each endpoint, asked for this sample, where `tokens` have to fit.

    Raises UsageError where the teacher is none.
    """
    endpoints = roster.read(teacher)
    servers = [e for e in endpoints if e.kind != "embedded"]

    async def all_of(these: list[Endpoint], teacher: Teacher) -> list[Finding]:
        return list(await asyncio.gather(*(_look(e, teacher, sample, tokens) for e in these)))

    found = {e: f for e, f in zip(servers, asyncio.run(all_of(servers, teacher)), strict=True)}
    for e in endpoints:
        if e.kind == "embedded":
            try:
                with embedded.serve(e.url) as url:
                    there = replace(e, kind="openai", url=url)
                    (looked,) = asyncio.run(all_of([there], teacher))
                    found[e] = replace(looked, endpoint=str(e))
            except Omi2Error as error:
                found[e] = Finding(str(e), wrong=str(error))
    return [found[e] for e in endpoints]


def usable(findings: list[Finding], *, mixed: bool = False) -> bool:
    """Whether every endpoint can be used, and all together."""
    models = {f.model for f in findings}
    return not any(f.wrong for f in findings) and (mixed or len(models) == 1)


async def _look(e: Endpoint, teacher: Teacher, sample: Request, tokens: int) -> Finding:
    """One endpoint, asked three things."""
    wire = Wire(e, min(teacher.timeout_s, TOO_LONG))
    finding = Finding(str(e))
    async with wire.link:
        try:
            began = time.monotonic()
            served = await wire.identify()
            finding = replace(
                finding,
                model=model_of(e, served),
                requests=served.requests,
                tokens=served.tokens,
                info_ms=_ms(began),
            )
            finding = replace(finding, healthy=await wire.link.healthy())
            began = time.monotonic()
            served = replace(served, wire=wire_name(e, served, finding.model))
            (said, *_) = await wire.complete(served, sample)
        except TeacherError as error:
            return replace(finding, wrong=str(error))
        text = completion(said, finding.model, sample.stop).text.strip()
        finding = replace(finding, sample_ms=_ms(began), sample=text[:80])
        if 0 < served.tokens < tokens:
            return replace(finding, wrong=f"it takes {served.tokens:,} tokens of prompt and answer "
                           f"together, and the recipe may ask for {tokens:,}: give it more, or "
                           "lower max_tokens or max_problem_tokens")  # fmt: skip
        if not text:
            return replace(finding, wrong="it answers nothing to the recipe's own examples")
        return finding


def _ms(began: float) -> float:
    return math.ceil((time.monotonic() - began) * 1000)


def table(findings: list[Finding]) -> list[dict[str, Any]]:
    """The findings as plain values."""
    return [{**asdict(f), "usable": not f.wrong} for f in findings]


def lines(findings: list[Finding]) -> list[str]:
    """The findings for people."""
    told = []
    for f in findings:
        if f.wrong:
            told.append(f"{f.endpoint}: NOT USABLE: {f.wrong}")
            continue
        limits = [f"{f.requests} requests at once"] * bool(f.requests)
        limits += [f"{f.tokens} tokens"] * bool(f.tokens)
        health = "healthy" if f.healthy else "does not answer /health with 200"
        told += [
            f"{f.endpoint}: {f.model}, {', '.join(limits) or 'tells no limits'}, {health}",
            f"  model in {f.info_ms:.0f} ms, sample in {f.sample_ms:.0f} ms: {f.sample!r}",
        ]
    return told
