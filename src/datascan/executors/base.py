"""The executor interface: an engine that runs a task over the shards of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from datascan.errors import OutputError
    from datascan.records.shard import Plan, Shard

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

OnTick = Callable[[int, int], None]
"""Called with the records and the bytes read so far of unfinished shards."""

OnDone = Callable[[int, list[R]], None]
"""Called with the index of a finished shard and its results."""

ROW, COUNT, RECORDS, BYTES = range(4)
SLOT_FIELDS = 4
NO_ROW = -1


class Limits(Struct, frozen=True):
    """What a worker may take: seconds for a record, and bytes of memory (None: any)."""

    timeout: float
    max_memory: int | None = None


class SharedSlots(Protocol):
    """The slots of all workers: four int64 per worker, in memory shared with the parent."""

    def __getitem__(self, index: int) -> int: ...
    def __setitem__(self, index: int, value: int) -> None: ...


class WorkerSlot(Struct, frozen=True):
    """How far one worker is in its shard: written by the worker, read by its parent.

    If the worker crashes, its slot says at which rows. The four numbers at ``offset`` are the
    row and the row count of the last ``mark``, and the records and bytes finished so far.
    """

    slots: SharedSlots
    offset: int

    @classmethod
    def private(cls) -> WorkerSlot:
        """A slot that no other process reads, for engines that cannot share memory."""
        return cls([NO_ROW, 0, 0, 0], 0)

    def mark(self, row: int, count: int) -> None:
        """Note that native code is about to touch ``count`` rows of the shard from ``row`` on.

        A count of 0 means that reading continues at ``row``, up to an unknown row.
        """
        self.slots[self.offset + COUNT] = count
        self.slots[self.offset + ROW] = row

    def advance(self, records: int, nbytes: int) -> None:
        """Note that ``records`` and ``nbytes`` more of the shard are finished."""
        self.slots[self.offset + RECORDS] += records
        self.slots[self.offset + BYTES] += nbytes

    def reset(self) -> None:
        """Clear the slot for the next shard."""
        self.slots[self.offset + ROW] = NO_ROW
        self.slots[self.offset + COUNT] = self.slots[self.offset + RECORDS] = self.slots[
            self.offset + BYTES
        ] = 0

    @property
    def state(self) -> tuple[int, int, int, int]:
        """The current row, row count, records and bytes."""
        row, count, records, nbytes = (self.slots[self.offset + i] for i in range(SLOT_FIELDS))
        return row, count, records, nbytes


class Task(Protocol[R_co]):
    """What is done with each shard. Tasks and results must pickle to run in other processes."""

    def __call__(self, shard: Shard, slot: WorkerSlot, /) -> R_co:
        """The result for the rows ``shard.first`` <= row < ``shard.last``.

        ``slot`` receives progress, and the rows to suspect if the worker crashes.
        """

    def count_rows(self, shard: Shard, slot: WorkerSlot, /) -> int:
        """The number of rows in the whole shard.

        Called in a worker, and only if reading the shard crashed workers before any row was
        marked: a shard can be split only if its length is known.
        """

    def on_failure(self, shard: Shard, reason: str, /) -> R_co:
        """The result for rows that crash workers or make them hang.

        Called in the parent process. ``shard`` is cut to the rows at fault, usually one;
        ``shard.last`` is None if the rows could not even be counted. ``reason`` says how the
        worker ended: "killed by SIGSEGV", "took longer than 30 seconds (--timeout)".
        """


class Executor(Protocol):
    """An engine that runs a task over shards: in this process, in workers, or elsewhere.

    An executor holds settings only. Its workers live as long as the iterator returned by
    ``map``, so an executor can be used many times and has nothing to close.
    ``datascan.executors.serial`` is the simplest one.
    """

    def map(
        self,
        task: Task[R],
        shards: Sequence[Shard],
        *,
        on_tick: OnTick,
        on_done: OnDone[R],
    ) -> Iterator[list[R]]:
        """Yield the results of ``task`` for each of ``shards``, in the order of ``shards``.

        A shard has one result, or several if crashes forced the executor to split it: those of
        its parts, in the order of their rows. Every row is covered exactly once.

        Callbacks: both are called by the code that advances the iterator, in its thread.
        ``on_done(shard.index, results)`` is called once per shard, as soon as the shard is
        finished, in any order of shards, and before its results are yielded.
        ``on_tick(records, nbytes)`` is called several times a second, or whenever a shard
        advances. An engine that cannot see into running shards passes zeros.

        Cancellation: an exception raised by a callback ends the map and is passed on. No further
        shard is started, and unfinished ones are dropped.

        Errors: an exception raised by ``task`` ends the map and is passed on in the same way.

        Crashes: an engine whose workers may crash or hang retries the shard, splits it around
        the suspected rows (``task.count_rows`` helps), and takes the result for rows that crash
        again from ``task.on_failure``. An engine that cannot isolate crashes calls neither.

        Closing: when the iterator is exhausted, has raised or is discarded, no worker is left.
        """


def ignore_tick(records: int, nbytes: int) -> None:
    """An ``on_tick`` that does nothing."""


def ignore_done(index: int, results: object) -> None:
    """An ``on_done`` that does nothing."""


class ScanCancelled(Exception):  # noqa: N818  (not an error: the records read so far are reported)
    """Raised by ``Progress.update`` to end the scan early.

    Attributes:
        signal: the number of the signal that is the reason, 0 if it is not known.
    """

    def __init__(self, signal: int = 0) -> None:
        super().__init__(signal)
        self.signal = signal


class Progress(Protocol):
    """Shows how far a scan is. ``update`` may raise :class:`ScanCancelled`.

    If it also has a method ``found``, that is given the number of records with errors so far.
    """

    def start(self, plan: Plan) -> None:
        """The scan of ``plan`` begins."""

    def update(self, records: int, nbytes: int) -> None:
        """``records`` and ``nbytes`` have been read in all.

        Before ``start``, while the scan is planned, ``records`` is the number of files found.
        """

    def notify(self, text: str) -> None:
        """Show one line that the user should see at once."""

    def fail_output(self, error: OutputError) -> None:
        """An output of the scan cannot be written any more. Raise the error, or keep it."""


class NullProgress:
    """Shows nothing."""

    def start(self, plan: Plan) -> None:
        """Show nothing."""

    def update(self, records: int, nbytes: int) -> None:
        """Show nothing."""

    def notify(self, text: str) -> None:
        """Show nothing."""

    def fail_output(self, error: OutputError) -> None:
        """Raise the error."""
        raise error
