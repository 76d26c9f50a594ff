"""The ledgers of a run's parts, opened when they are wanted and few at a time, and what is known to
have no answer (see `failed`).

Two threads use them: the one that pulls jobs looks up, the one that runs the fleet adds. A lock
keeps each step whole; a sync, which takes long, is kept apart so that it stops neither. A part that
is being asked about is held open; of the others the OPEN last used stay. A part that is whole is
sealed (see `ledger`), outside the lock: nobody asks about it any more.
"""

import functools
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from omi2.teachers import failed
from omi2.teachers.ledger import Ledger
from omi2.teachers.protocol import Completion

OPEN = 8


class Shelf:
    """Ledgers by part; `path` names the file of one."""

    def __init__(self, path: Callable[[int], Path]) -> None:
        self.path = functools.cache(path)  # a Path costs as much to make as a line to write
        self._open: OrderedDict[int, Ledger] = OrderedDict()
        self._held: Counter[int] = Counter()
        self._without: dict[int, dict[str, Completion]] = {}
        """What has no answer, of every part that was opened and is not sealed."""
        self._lock = threading.RLock()
        self._syncing = threading.Lock()

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def look(self, part: int, key: str) -> Completion | None:
        """What is recorded under this key, or why it has no answer."""
        with self._lock:
            return self._ledger(part).get(key) or self._without[part].get(key)

    def add(self, part: int, key: str, said: Completion) -> None:
        """Record something."""
        with self._lock:
            self._ledger(part).add(key, said)

    def give_up(self, part: int, key: str, handle: Any, said: Completion) -> None:
        """Record that something has no answer: it was refused, or failed."""
        with self._lock:
            failed.add(self.path(part), key, handle, said)
            self._ledger(part)
            self._without[part][key] = said

    def seal(self, part: int, order: Iterable[str] = ()) -> None:
        """Put a part that is whole into its sealed form, its keys in this order."""
        with self._syncing, self._lock:
            book = self._open.pop(part, None)
            self._without.pop(part, None)
        if book is not None or self.path(part).exists():
            with book if book is not None else Ledger(self.path(part)) as whole:
                whole.seal(order)

    def hold(self, part: int) -> None:
        """Keep a part open: something is being asked for it."""
        self._held[part] += 1

    def release(self, part: int) -> None:
        """One thing less is being asked for it."""
        self._held[part] -= 1
        if not self._held[part]:
            del self._held[part]

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        with self._syncing:
            with self._lock:
                dirty = [ledger for ledger in self._open.values() if ledger.dirty]
            for ledger in dirty:
                ledger.sync()

    def _ledger(self, part: int) -> Ledger:
        found = self._open.get(part)
        if found is not None:
            self._open.move_to_end(part)
            return found
        self._open[part] = Ledger(self.path(part))
        if part not in self._without:
            self._without[part] = failed.begin(self.path(part))
        if len(self._open) > OPEN and self._syncing.acquire(blocking=False):
            # else a sync is at work, and waits for our lock: the next to be opened sees to it
            try:
                for spare in [p for p in self._open if p not in self._held and p != part]:
                    if len(self._open) > OPEN:
                        self._open.pop(spare).close()
            finally:
                self._syncing.release()
        return self._open[part]
