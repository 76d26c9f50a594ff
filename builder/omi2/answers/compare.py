"""Are two answers equal, different, or is that not known?

`compare` answers for one pair, `compare_many` for many. What `normalise.key` can settle costs
microseconds. The rest goes to worker processes (`omi2.answers.worker`) that run the Math-Verify
library both ways round: equal both ways is EQUAL, different both ways DIFFERENT, anything else
UNKNOWN. A worker has a limit on memory, and one that does not answer in time is killed from here
and replaced: no alarm signal, so this works in any thread, in a notebook, from standard input.

Not covered: answers that are equal only by convention (units present or not, percent against
fraction, the order of a list); the library's reading of them is taken.
"""

import atexit
import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from enum import Enum

from omi2.answers.extract import extract
from omi2.answers.normalise import key, rational
from omi2.errors import Omi2Error

GRADER = "math-verify"


class Verdict(Enum):
    """EQUAL, DIFFERENT, or UNKNOWN, which no caller may take for either."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def grader() -> str:
    """The comparison's name and version, as rows carry it."""
    from importlib.metadata import version

    return f"omi2-key+{GRADER}@{version('math-verify')}"


def compare(a: str, b: str, timeout: float = 2.0) -> Verdict:
    """Compare two answers. Symmetric. `timeout` is in seconds."""
    return compare_many([(a, b)], timeout=timeout)[0]


def grade(text: str, gold: str, mode: str = "strict", timeout: float = 2.0) -> Verdict:
    """Compare the final answer of a running text with the gold answer; none is UNKNOWN."""
    answer = extract(text, mode)
    return Verdict.UNKNOWN if answer is None else compare(answer, gold, timeout)


def compare_many(
    pairs: Sequence[tuple[str, str]], workers: int = 1, timeout: float = 2.0
) -> list[Verdict]:
    """Compare pairs of answers, each at most `timeout` seconds; equal pairs are compared once."""
    verdicts: dict[tuple[str, str], Verdict] = {}
    hard: list[tuple[str, str]] = []
    for a, b in pairs:
        pair = (a, b) if a <= b else (b, a)
        if pair in verdicts:
            continue
        verdicts[pair] = quick(*pair)
        if verdicts[pair] is Verdict.UNKNOWN:
            hard.append(pair)
    verdicts.update(zip(hard, _ask(hard, workers, timeout), strict=True))
    return [verdicts[(a, b) if a <= b else (b, a)] for a, b in pairs]


def quick(a: str, b: str) -> Verdict:
    """What can be said without mathematics: equal keys, or two different plain numbers."""
    if key(a) == key(b):
        return Verdict.EQUAL
    if rational(a) is not None and rational(b) is not None:
        return Verdict.DIFFERENT
    return Verdict.UNKNOWN


class _Worker:
    """One worker process and its pipe."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "omi2.answers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        self.buffer = b""

    def ask(self, pair: tuple[str, str], timeout: float) -> Verdict | None:
        """The worker's verdict, or None if it died or took too long (it is dead then)."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None  # noqa: S101 (both are pipes)
        assert stdout is not None  # noqa: S101
        try:
            stdin.write(json.dumps(pair).encode() + b"\n")
            stdin.flush()
        except OSError:
            self.stop()
            return None
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self.buffer:
                left = deadline - time.monotonic()
                piece = os.read(stdout.fileno(), 65536) if selector.select(max(left, 0)) else b""
                if not piece:
                    self.stop()
                    return None
                self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        return Verdict(json.loads(line))

    def stop(self) -> None:
        """Kill the process and wait for its end."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


START_TIMEOUT = 60.0
"""Seconds for a worker to import its library, on a busy machine."""
_idle: list[_Worker] = []
_idle_lock = threading.Lock()


def _hire() -> _Worker:
    """A warm worker that no other thread uses."""
    with _idle_lock:
        if _idle:
            return _idle.pop()
    worker = _Worker()
    if worker.ask(("1", "1"), START_TIMEOUT) is not Verdict.EQUAL:
        raise Omi2Error(
            "the answer worker does not start: `python -m omi2.answers.worker` should read pairs "
            "of answers as JSON lines; is math-verify installed and whole?"
        )
    return worker


def _ask(pairs: Iterable[tuple[str, str]], workers: int, timeout: float) -> list[Verdict]:
    """Verdicts of the workers, in order."""
    todo = list(enumerate(pairs))
    results = [Verdict.UNKNOWN] * len(todo)
    failures: list[BaseException] = []
    todo.reverse()

    def work() -> None:
        worker: _Worker | None = None
        try:
            while True:
                try:
                    at, pair = todo.pop()
                except IndexError:
                    break
                worker = worker or _hire()
                verdict = worker.ask(pair, timeout)
                if verdict is None:
                    worker = None
                else:
                    results[at] = verdict
        except BaseException as error:
            failures.append(error)
        finally:
            if worker is not None:
                with _idle_lock:
                    _idle.append(worker)

    threads = [threading.Thread(target=work) for _ in range(min(workers, len(todo)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


@atexit.register
def close() -> None:
    """End the idle workers (they also end by themselves when this process does)."""
    with _idle_lock:
        while _idle:
            _idle.pop().stop()
