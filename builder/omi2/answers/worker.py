"""The worker program: reads pairs of answers as JSON lines, writes a verdict for each.

    $ echo '["\\\\frac{1}{2}", "0.5"]' | python -m omi2.answers.worker
    "equal"

It runs Math-Verify, whose parser and sympy can take for ever or eat all memory on hostile text, so
it limits its own memory, and its CPU time from pair to pair; whoever started it kills it sooner.
Standard output belongs to the protocol; what libraries print goes nowhere.
"""

import json
import os
import re
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

MEMORY = 512 << 20
"""Bytes of data of its own."""

ADDRESSES = 2 << 30
"""Bytes of address space, shared libraries and all."""

_CLOCK = re.compile(r"\$?\d{1,2}\s*:\s*[0-5]\d\$?")
"""A ratio that may be a time of day."""

DIGITS = 50
"""Digits in which what is called equal has to agree."""

CPU_SECONDS = 60
"""For one pair, where its line names no limit (a third item, in seconds). Whoever asked looks more
closely and kills earlier; this ends a worker whose asker was killed or cannot look."""


def main() -> None:
    """Answer until standard input ends."""
    for what, size in (("AS", ADDRESSES), ("DATA", MEMORY), ("CORE", 0)):
        _limit(getattr(resource, f"RLIMIT_{what}"), size)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.set_int_max_str_digits(5000)
    import logging

    logging.disable()
    for line in sys.stdin:
        a, b, *limit = json.loads(line)
        most = sum(os.times()[:2]) + (limit[0] if limit else CPU_SECONDS)
        _limit(resource.RLIMIT_CPU, int(most) + 2)
        replies.write(json.dumps(_verdict(a, b)) + "\n")
        replies.flush()


def _limit(what: int, most: int) -> None:
    """Lower a limit, within the one that this process was started with."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _verdict(a: str, b: str) -> str:
    """Equal both ways, different both ways, or unknown."""
    if _CLOCK.fullmatch(a.strip()) or _CLOCK.fullmatch(b.strip()):
        return "unknown"  # to the library it is a quotient
    try:
        parsed_a, parsed_b = _parse(a), _parse(b)
        if not parsed_a or not parsed_b:
            return "unknown"
        both = {_verify(parsed_a, parsed_b), _verify(parsed_b, parsed_a)}
        if True in both and not _agree(parsed_a[0], parsed_b[0]):
            return "unknown"
    except (Exception, RecursionError, MemoryError):  # whatever a library raises, we do not know
        return "unknown"
    if both == {True}:
        return "equal"
    if isinstance(parsed_a[0], str) or isinstance(parsed_b[0], str):  # not read: cannot differ
        return "unknown"
    return "different" if both == {False} else "unknown"


@lru_cache(256)
def _parse(answer: str) -> list[Any]:
    from math_verify import parse

    parsed: list[Any] = parse(f"\\boxed{{{answer}}}", parsing_timeout=None, raise_on_error=True)
    return parsed


def _verify(gold: list[Any], answer: list[Any]) -> bool:
    from math_verify import verify

    return bool(
        verify(
            gold,
            answer,
            float_rounding=DIGITS,  # at its default of 6 all that is small is equal
            numeric_precision=2 * DIGITS,
            timeout_seconds=None,
            raise_on_error=True,
        )
    )


def _agree(a: Any, b: Any) -> bool:
    """Whether two formulas that a library calls equal are so in all their digits, at one point."""
    from sympy import Expr, N, Rational

    if not (isinstance(a, Expr) and isinstance(b, Expr)):
        return True
    letters = sorted(a.free_symbols | b.free_symbols, key=str)
    point = {letter: Rational(7 * at + 11, 13) for at, letter in enumerate(letters)}
    first, second = (N(side.subs(point), 2 * DIGITS) for side in (a, b))
    if first == second:
        return True
    return bool(abs(first - second) < abs(first) * Rational(1, 10**DIGITS))


if __name__ == "__main__":
    main()
