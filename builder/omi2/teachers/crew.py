"""A fleet on a thread of its own, so that endpoints stay busy while the caller writes a part.

The caller's thread puts items in and takes answers out; the fleet's thread records each answer, and
hands answers over in batches of a few milliseconds, since waking the other thread costs more than
an answer. Beside that it syncs the ledgers, tells the numbers and follows the endpoints file. What
goes wrong in here (no endpoint left, a full disk, a fault of ours) is raised by `take`.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from omi2.errors import UsageError
from omi2.recipe import Teacher
from omi2.teachers import endpoints as roster
from omi2.teachers import numbers
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.fleet import Fleet
from omi2.teachers.member import Item
from omi2.teachers.protocol import Completion, Request
from omi2.teachers.shelf import Shelf
from omi2.teachers.wire import Wire

FLUSH_SECONDS, SYNC_SECONDS = 0.003, 1.0
NUMBERS_EVERY, WATCH_EVERY = 5, 2
"""Syncs between two tellings of the numbers, and two looks at the endpoints file."""

log = logging.getLogger("omi2.teachers")

Settled = list[tuple[Item, Completion]]


class Crew:
    """The fleet, its thread, and the ways in and out. Use it as a context."""

    def __init__(
        self,
        endpoints: list[Endpoint],
        teacher: Teacher,
        models: tuple[str, ...],
        shelf: Shelf,
        book: numbers.Book,
        witness: Request | None = None,
    ) -> None:
        self.fleet = Fleet(endpoints, teacher, models, self._hand, self._stop, Wire)
        self.fleet.roll.witness = witness
        self.teacher = teacher
        self.shelf = shelf
        self.book = book
        self.seen = ""
        self.refused: list[Endpoint] = []
        self._out: SimpleQueue[Settled | BaseException] = SimpleQueue()
        self._batch: Settled = []
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="omi2-teachers", daemon=True)

    def __enter__(self) -> "Crew":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._end is not None:
            self._call(self._end.set)
        self._thread.join()

    def put(self, item: Item) -> None:
        """Give the fleet something to do."""
        self.fleet.todo.append(item)
        if self.fleet.starved:
            self.fleet.starved = False
            self._call(self.fleet.pump)

    def take(self, seconds: float = 0.0) -> Settled:
        """The answers that are there, or else come within so many seconds. Raises what stopped the
        fleet."""
        try:
            found = self._out.get(seconds > 0, seconds or None)
        except Empty:
            return []
        if isinstance(found, BaseException):
            raise found
        return found

    def _call(self, function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: `take` says why
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function)

    # On the fleet's own thread

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            self._out.put(error)
        finally:
            self._ready.set()

    async def _live(self) -> None:
        """Begin, and do the housekeeping until the end."""
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._ready.set()
        turn = 0
        try:
            self.fleet.start()
            while not self._end.is_set():
                try:
                    await asyncio.wait_for(self._end.wait(), SYNC_SECONDS)
                except TimeoutError:
                    turn += 1
                    await asyncio.to_thread(self.shelf.sync)
                    if turn % NUMBERS_EVERY == 0:
                        await asyncio.to_thread(self.book.write, self.fleet.numbers())
                    if turn % WATCH_EVERY == 0:
                        self._watch()
        finally:
            await self.fleet.roll.close()
            self._flush()
            self.book.write(self.fleet.numbers())

    def _watch(self) -> None:
        """Follow the endpoints file, if there is one, once it has stood still for a moment.

        A file that is wrong changes nothing: `roster.read` says so and gives what it held before.
        """
        path = roster.file_of(self.teacher)
        if path is None:
            return
        before, self.seen = self.seen, roster.stamp(path)
        if self.seen != before:
            return  # perhaps half an edit
        wanted = roster.read(self.teacher)
        have = [m.endpoint for m in self.fleet.roll.members]
        for endpoint in wanted:
            if endpoint not in have and endpoint not in self.refused:
                try:
                    self.fleet.roll.join(endpoint)
                except UsageError as error:  # its key cannot be sent
                    self.refused.append(endpoint)
                    log.warning("%s is not used: %s", endpoint, error)
        for endpoint in have:
            if endpoint not in wanted:
                self.fleet.roll.drain(endpoint)

    def _hand(self, item: Item, said: Completion) -> None:
        """Record an answer, and hand it over with those of the same moment."""
        if said.refused:
            self.shelf.give_up(item.job.part, item.key, item.job.handle, said)
        else:
            self.shelf.add(item.job.part, item.key, said)
        if not self._batch:
            self.fleet.loop.call_later(FLUSH_SECONDS, self._flush)
        self._batch.append((item, said))

    def _flush(self) -> None:
        if self._batch:
            self._out.put(self._batch)
            self._batch = []

    def _stop(self, error: BaseException) -> None:
        self._flush()
        self._out.put(error)
        if self._end is not None:
            self._end.set()
