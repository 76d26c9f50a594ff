"""Worker processes that may hang, die or be killed, and nobody is the worse for it.

`ask` gives pairs of answers to `python -m omi2.answers.worker` over pipes. A worker that does not
answer in time is killed from here and replaced: no alarm signal, so this works in any thread, in a
notebook, from standard input. Idle workers stay warm for the next caller and end with this process.
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
from collections.abc import Sequence

from omi2.answers.policy import UNKNOWN, Verdict
from omi2.errors import Omi2Error

START_TIMEOUT = 60.0
"""Seconds for a worker to import its library, on a busy machine."""


class Worker:
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
    worker = Worker()
    if worker.ask(("1", "1"), START_TIMEOUT) is not Verdict.EQUAL:
        raise Omi2Error(
            "the answer worker does not start: `python -m omi2.answers.worker` should read pairs "
            "of answers as JSON lines; is math-verify installed and whole?"
        )
    return worker


def ask(pairs: Sequence[tuple[str, str]], workers: int, timeout: float) -> list[Verdict | None]:
    """Verdicts of the workers, in order; None where one died or took too long."""
    todo = list(enumerate(pairs))[::-1]
    results: list[Verdict | None] = [UNKNOWN] * len(todo)
    failures: list[BaseException] = []

    def work() -> None:
        worker: Worker | None = None
        try:
            while True:
                try:
                    at, pair = todo.pop()
                except IndexError:
                    break
                worker = worker or _hire()
                results[at] = worker.ask(pair, timeout)
                if results[at] is None:
                    worker = None
        except BaseException as error:
            failures.append(error)
        finally:
            if worker is not None:
                with _lock:
                    idle.append(worker)

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
    with _lock:
        while idle:
            idle.pop().stop()


os.register_at_fork(after_in_child=idle.clear)  # a forked child must not share a parent's pipes
