"""The worker program: reads pairs of answers as JSON lines, writes a verdict for each.

    $ echo '["\\\\frac{1}{2}", "0.5"]' | python -m omi2.answers.worker
    "equal"

It runs Math-Verify, whose parser and sympy can take for ever or eat all memory on hostile text, so
it limits its own memory and leaves time to whoever started it: that process kills it. Standard
output belongs to the protocol; what libraries print goes nowhere.
"""

import json
import os
import resource
import sys
from functools import lru_cache
from typing import Any

MEMORY = 512 << 20
"""Bytes of data of its own."""

ADDRESSES = 2 << 30
"""Bytes of address space, shared libraries and all."""

CPU_SECONDS = 60
"""For one pair. Whoever asked kills much earlier; this ends a worker whose asker was killed."""


def main() -> None:
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.set_int_max_str_digits(5000)
    import logging

    logging.disable()
    for line in sys.stdin:
        a, b = json.loads(line)
        spent = sum(os.times()[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + CPU_SECONDS, resource.RLIM_INFINITY))
        replies.write(json.dumps(_verdict(a, b)) + "\n")
        replies.flush()


def _verdict(a: str, b: str) -> str:
    """Equal both ways, different both ways, or unknown."""
    try:
        parsed_a, parsed_b = _parse(a), _parse(b)
        if not parsed_a or not parsed_b:
            return "unknown"
        both = {_verify(parsed_a, parsed_b), _verify(parsed_b, parsed_a)}
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

    return bool(verify(gold, answer, timeout_seconds=None, raise_on_error=True))


if __name__ == "__main__":
    main()
