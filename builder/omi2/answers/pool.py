"""Worker processes that may hang, die or be killed, and nobody is the worse for it.

`ask` gives pairs of answers to `python -m omi2.answers.worker` over pipes. Idle workers stay warm
for the next caller and end with this process. No alarm signal is used, so this works in any thread,
in a notebook, from standard input.

The limit on a pair is CPU time of its worker, watched from here (`/proc`; where there is none, the
worker's own RLIMIT_CPU, in whole seconds, does it alone). So a loaded machine is slower and changes
no verdict. A worker that is stopped, starved or killed by others says nothing about its pair: the
pair goes to a fresh one.

Not covered: a pair that takes almost exactly the limit may come out either way.
"""

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from omi2.answers.policy import UNKNOWN, Verdict
from omi2.errors import Omi2Error

START_SECONDS = 20.0
"""CPU seconds for a worker to import its library."""
PATIENCE = 30
"""Times the CPU limit that a worker may take by the clock, before it counts as stalled."""
LEAST_PATIENCE = 60.0
"""Seconds by the clock that a worker has in any case."""
TRIES = 3
"""Workers that may be lost over one pair."""
_STEP = 0.01
"""Seconds between two looks at a worker, at least: what the system's CPU times are counted in."""


COMMAND = (sys.executable, "-m", "omi2.answers.worker")
_REPLIES = {json.dumps(verdict.value).encode(): verdict for verdict in Verdict}
_REPLY = 100
"""Bytes of a worker's answer, at most."""


class Lost(Exception):
    """A worker was killed by others, or stalled: nothing is known about its pair."""


class Worker:
    """One worker process and its pipe."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 (a constant)
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                "PYTHONSAFEPATH": "1",  # what this process can import, and nothing beside it
            },
        )
        self.buffer = b""

    def ask(self, pair: tuple[str, str], limit: float) -> Verdict | None:
        """The worker's verdict; None if it took more than `limit` CPU seconds, or said what is no
        verdict (it is dead then).

        Raises Lost (it is dead then, too).
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None  # noqa: S101 (both are pipes)
        assert stdout is not None  # noqa: S101
        try:
            stdin.write(json.dumps([*pair, limit]).encode() + b"\n")
            stdin.flush()
        except OSError:
            self.stop()
            raise Lost from None
        began = cpu_seconds(self.process.pid)
        patience = time.monotonic() + max(PATIENCE * limit, LEAST_PATIENCE)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self.buffer and len(self.buffer) <= _REPLY:
                left = patience - time.monotonic()
                spent = None if began is None else cpu_seconds(self.process.pid)
                if began is not None and spent is not None:
                    left = min(left, limit - (spent - began))
                    if spent - began >= limit:
                        self.stop()
                        return None
                if left <= 0:
                    self.stop()
                    raise Lost
                if selector.select(max(left, _STEP)):  # one thread: no more CPU time than clock
                    piece = os.read(stdout.fileno(), 65536)
                    if not piece:
                        self._ended()
                        return None
                    self.buffer += piece
        line, _, more = self.buffer.partition(b"\n")
        self.buffer = b""
        verdict = _REPLIES.get(line)
        if verdict is None or more:  # more than one answer: the next would be for another pair
            self.stop()
            return None
        return verdict

    def _ended(self) -> None:
        """Return if the worker ended over its pair (out of time, or crashed); else raise Lost."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        if self.stop() in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP):
            raise Lost

    def stop(self) -> int:
        """Kill the process, wait for its end, and say how it ended."""
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return code


def cpu_seconds(pid: int) -> float | None:
    """CPU time of a process so far, in seconds; None where the system has no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def remember(pair: tuple[str, str], limit: float) -> None:
    """That a pair took more than this: it is not tried again within as little."""
    with _lock:
        _spent.pop(pair, None)
        _spent[pair] = limit
        if len(_spent) > _REMEMBERED:
            _spent.pop(next(iter(_spent)))


def forget() -> None:
    """Try again what took too long."""
    with _lock:
        _spent.clear()


_spent: dict[tuple[str, str], float] = {}
_REMEMBERED = 10_000
idle: list[Worker] = []
_lock = threading.Lock()


def _hire() -> Worker:
    """A warm worker that no other thread uses."""
    with _lock:
        while idle:
            worker = idle.pop()
            if worker.process.poll() is None:
                return worker
            worker.stop()
    for _ in range(TRIES):
        worker = Worker()
        with contextlib.suppress(Lost):
            if worker.ask(("1", "1"), START_SECONDS) is Verdict.EQUAL:
                return worker
            worker.stop()
    raise Omi2Error(
        "the answer worker does not start: `python -m omi2.answers.worker` should read pairs "
        "of answers as JSON lines; is math-verify installed and whole?"
    )


def ask(pairs: Sequence[tuple[str, str]], workers: int, timeout: float) -> list[Verdict | None]:
    """Verdicts of the workers, in order; None where one took more than `timeout` CPU seconds.

    Raises Omi2Error if workers are lost over and over, which says nothing about the answers.
    """
    results: list[Verdict | None] = [UNKNOWN] * len(pairs)
    todo = []
    for at, pair in reversed(list(enumerate(pairs))):
        if _spent.get(pair, 0.0) >= timeout:
            results[at] = None
        else:
            todo.append((at, pair))
    failures: list[BaseException] = []

    def work() -> None:
        worker: Worker | None = None
        try:
            while not failures:
                try:
                    at, pair = todo.pop()
                except IndexError:
                    break
                for tried in range(TRIES):
                    worker = worker or _hire()
                    try:
                        results[at] = worker.ask(pair, timeout)
                        if results[at] is None:
                            remember(pair, timeout)
                    except Lost:
                        worker = None
                        if tried + 1 == TRIES:
                            raise _lost(pair) from None
                        continue
                    worker = worker if results[at] is not None else None
                    break
        except BaseException as error:
            failures.append(error)
        finally:
            if worker is not None:
                with _lock:
                    idle.append(worker)

    threads = [threading.Thread(target=work) for _ in range(min(workers, len(todo)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:  # Ctrl-C: the threads finish their pair and begin no other
        failures.append(error)
        raise
    if failures:
        raise failures[0]
    return results


def _lost(pair: tuple[str, str]) -> Omi2Error:
    return Omi2Error(
        f"{TRIES} answer workers in a row were killed from outside, or got no CPU time, while they "
        f"compared {pair[0][:80]!r} with {pair[1][:80]!r}: is the machine out of memory or "
        "suspended? Run the same command again when it is not"
    )


@atexit.register
def close() -> None:
    """End the idle workers (they also end by themselves when this process does)."""
    with _lock:
        while idle:
            idle.pop().stop()


def _forked() -> None:
    """A forked child must not share its parent's pipes, nor wait for a lock of its threads."""
    global _lock
    _lock = threading.Lock()
    idle.clear()


os.register_at_fork(after_in_child=_forked)
