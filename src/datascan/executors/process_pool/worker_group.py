"""Worker processes that share a queue of shards, and are replaced when they crash or hang.

Workers note in shared memory which rows they are about to touch. When one crashes, its shard is
tried again; if it crashes again at the same rows, the shard is split around them until a single
record is left (isolation.py).

The time limit counts seconds, not signs of life: only a row beyond all rows before it starts the
clock anew. So it holds for each record whose row is marked alone, and for rows that are marked
together until they are split.

A worker has its next order before it has finished the one in work, and need not wait while this
process adds up. Its clock starts, and it can be blamed for a crash, only once it is in work.
"""

from __future__ import annotations

import mmap
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic

from datascan.errors import DatascanError
from datascan.executors.base import (
    BYTES,
    NO_ROW,
    RECORDS,
    ROW,
    SLOT_FIELDS,
    Limits,
    OnDone,
    OnTick,
    R,
    WorkerSlot,
    ignore_done,
)
from datascan.executors.isolation import (
    OnFailure,
    ShardPart,
    ShardTask,
    WorkerCrash,
    out_of_memory,
    too_slow,
)
from datascan.executors.process_pool.framing import (
    PARTIAL,
    ConnectionReader,
    MessageReader,
    reader_of,
)
from datascan.executors.process_pool.worker import (
    READY,
    OutOfMemory,
    describe_exit,
    hidden_main_module,
    is_stopped,
    start_method,
    worker_loop,
)
from datascan.records.shard import Shard

TICK_SECONDS = 0.1
MAX_TICK_SECONDS = 1.0
"""If this process reads the slots later than that, the rest is not counted as the workers' time.

This process may have been stopped meanwhile, together with its workers.
"""

SLOTS = 2
"""Every worker has one for the order in work, and one for the order after that."""

START_SECONDS = 60.0
MAX_FAILED_STARTS = 3
"""If more workers than this end in a row before they are ready, none can be started."""

MAX_AHEAD_BYTES = 4096
"""Larger orders are not sent ahead: the pipe may be unable to hold them until they are read."""

MIN_QUEUED = 2
"""Orders are sent ahead while at least this many parts per worker are queued. The last parts go to
the first workers that are free."""

Function = Callable[[Shard, WorkerSlot], R]
CountRows = Callable[[Shard, WorkerSlot], int]


@dataclass(eq=False)
class Assignment(Generic[R]):
    """A part of a shard that a worker is reading, or will read next, and how far it is."""

    task: ShardTask[R]
    part: ShardPart[R]
    slot: WorkerSlot
    state: tuple[int, int, int, int] = (NO_ROW, 0, 0, 0)
    furthest: int = NO_ROW
    seconds: float = 0.0
    """Time spent since ``furthest``, the highest row yet, was marked."""

    def look(self, elapsed: float) -> float:
        """Read the slot, ``elapsed`` seconds after the last time; how long its row has taken."""
        self.state = self.slot.state
        self.seconds += elapsed
        if self.state[ROW] > self.furthest:
            self.furthest, self.seconds = self.state[ROW], 0.0
        return self.seconds


@dataclass(eq=False)
class Worker(Generic[R]):
    """A process, the parent's end of its pipe, and the parts of shards that it was sent.

    The first of ``assignments`` is in work; a second one waits in the pipe. Orders use the two
    ``slots`` in turn, so that what one of them says is always about its own order.
    """

    process: Any
    pipe: Connection
    messages: MessageReader | ConnectionReader
    slots: tuple[WorkerSlot, ...]
    ready: bool = False
    assignments: deque[Assignment[R]] = field(default_factory=deque)
    sent: int = 0

    def assign(self, task: ShardTask[R], part: ShardPart[R], order: memoryview) -> None:
        """Send the order to read a part. If the worker is dead, the closed pipe will say so."""
        slot = self.slots[self.sent % len(self.slots)]
        slot.reset()
        self.sent += 1
        self.assignments.append(Assignment(task, part, slot))
        with suppress(OSError):
            self.pipe.send_bytes(order)


class WorkerGroup(Generic[R]):
    """``count`` processes that call ``function`` on shards; use as a context manager.

    ``on_failure(shard, reason)`` gives the result for rows that crash workers.
    ``count_rows(shard, slot)`` counts the rows of a shard of unknown length, in a worker too;
    None if shards cannot be split.
    """

    def __init__(
        self,
        function: Function[R],
        on_failure: OnFailure[R],
        count_rows: CountRows | None = None,
        *,
        count: int,
        limits: Limits,
    ) -> None:
        self.call = partial(run_order, function, count_rows)
        self.on_failure = on_failure
        self.can_count = count_rows is not None
        self.limits = limits
        self.looked = time.monotonic()
        self.context = multiprocessing.get_context(start_method())
        self.slots = create_shared_slots(self.context, SLOTS * count)
        self.workers: list[Worker[R]] = []
        self.count = count
        self.failed_starts = 0
        self.queue: deque[tuple[ShardTask[R], ShardPart[R]]] = deque()
        self.on_done: OnDone[R] = ignore_done

    def __enter__(self) -> WorkerGroup[R]:
        try:
            for number in range(self.count):
                self.workers.append(self._spawn(number))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()
        self.workers = []

    def restart_busy(self) -> None:
        """Replace the workers that are still at work on a map that was left."""
        self.queue.clear()
        for number, worker in enumerate(self.workers):
            if worker.assignments:
                worker.process.kill()
                worker.process.join()
                worker.pipe.close()
                self.workers[number] = self._spawn(number)

    @property
    def in_progress(self) -> tuple[int, int]:
        """Records and bytes read so far of the parts that workers are reading."""
        states = [worker.assignments[0].state for worker in self.workers if worker.assignments]
        return sum(s[RECORDS] for s in states), sum(s[BYTES] for s in states)

    def map(
        self, shards: Iterable[Shard], *, on_tick: OnTick, on_done: OnDone[R]
    ) -> Iterator[list[R]]:
        """Yield for each shard, in order, the results of its parts (one, if no worker crashed).

        ``on_tick`` is called about ten times a second and after every part; ``on_done`` as soon
        as a shard is finished, in any order.
        """
        self.on_done, self.looked = on_done, time.monotonic()
        tasks = [ShardTask[R].of(shard) for shard in shards]
        self.queue = deque((task, task.parts[0]) for task in tasks)
        for task in tasks:
            while not task.is_done:
                self._assign()
                self._wait()
                on_tick(*self.in_progress)
            yield task.results
            task.parts.clear()

    def _assign(self) -> None:
        for worker in self.workers:
            if not worker.assignments and self.queue:
                task, part = self.queue.popleft()
                worker.assign(task, part, order_for(part))
        for worker in self.workers:
            if len(self.queue) < MIN_QUEUED * len(self.workers):
                return
            if worker.ready and len(worker.assignments) == 1:
                task, part = self.queue[0]
                order = order_for(part)
                if len(order) > MAX_AHEAD_BYTES:
                    return
                self.queue.popleft()
                worker.assign(task, part, order)

    def _wait(self) -> None:
        pipes = wait([w.pipe for w in self.workers if w.assignments], TICK_SECONDS)
        now = time.monotonic()
        elapsed, self.looked = min(now - self.looked, MAX_TICK_SECONDS), now
        # A copy: workers replaced meanwhile have nothing to say yet.
        for worker in [worker for worker in self.workers if worker.assignments]:
            if worker.pipe in pipes:
                self._receive(worker)
            elif worker.assignments[0].look(elapsed) > self._time_limit(worker):
                self._expire(worker)

    def _time_limit(self, worker: Worker[R]) -> float:
        """Seconds that a worker may take for one record; more until it is ready."""
        return self.limits.timeout if worker.ready else max(self.limits.timeout, START_SECONDS)

    def _expire(self, worker: Worker[R]) -> None:
        """Replace a worker that has taken too long."""
        stopped = is_stopped(worker.process.pid)
        worker.process.kill()
        if stopped:
            self._replace(worker, "stopped by a signal")
        else:
            self._replace(worker, too_slow(self.limits.timeout), is_hung=True)

    def _receive(self, worker: Worker[R]) -> None:
        try:
            answer = worker.messages.poll()
        except (EOFError, OSError):
            self._replace(worker)
            return
        worker.assignments[0].seconds = 0.0
        if answer is PARTIAL:
            return
        if isinstance(answer, str) and answer == READY:
            worker.ready, self.failed_starts = True, 0
            return
        if isinstance(answer, OutOfMemory):
            # What is left of its heap is in pieces: the next part gets a new one.
            worker.process.kill()
            self._replace(worker, out_of_memory(self.limits.max_memory))
            return
        assignment = worker.assignments.popleft()
        task, part = assignment.task, assignment.part
        if isinstance(answer, BaseException):
            raise answer
        if part.is_counted:
            self._continue_with(task, part, [part.with_row_count(answer)])
        else:
            part.result, part.done = answer, True
            self._continue_with(task, part, [part])

    def _replace(
        self, worker: Worker[R], reason: str | None = None, *, is_hung: bool = False
    ) -> None:
        """Replace a worker that ended by itself, or was killed for ``reason``."""
        assignment = worker.assignments.popleft()
        task, part = assignment.task, assignment.part
        row, count, _, _ = assignment.slot.state
        worker.process.join()
        worker.pipe.close()
        reason = reason or describe_exit(worker.process.exitcode)
        number = self.workers.index(worker)
        if not worker.ready:
            self.failed_starts += 1
            if self.failed_starts > MAX_FAILED_STARTS:
                raise DatascanError(f"worker processes cannot start ({reason}); try --workers 0")
        self.workers[number] = self._spawn(number)
        # What it was sent ahead was not begun.
        self.queue.extendleft((ahead.task, ahead.part) for ahead in reversed(worker.assignments))
        if not worker.ready:
            # It ended before it received the part.
            self._continue_with(task, part, [part])
            return
        crash = WorkerCrash(row, count, reason, is_hung=is_hung)
        parts = task.next_parts(part, crash, self.on_failure, can_count=self.can_count)
        self._continue_with(task, part, parts)

    def _continue_with(
        self, task: ShardTask[R], part: ShardPart[R], following: list[ShardPart[R]]
    ) -> None:
        """Replace ``part`` by ``following``, and queue what is unfinished of it first."""
        at = task.parts.index(part)
        task.parts[at : at + 1] = following
        self.queue.extendleft((task, p) for p in reversed(following) if not p.done)
        if task.is_done:
            self.on_done(task.shard.index, task.results)

    def _spawn(self, number: int) -> Worker[R]:
        first = SLOTS * number
        slots = tuple(WorkerSlot(self.slots, SLOT_FIELDS * (first + i)) for i in range(SLOTS))
        try:
            ours, theirs = self.context.Pipe()
            foreign = [ours, *(worker.pipe for worker in self.workers)]
            inherited = foreign if self.context.get_start_method() == "fork" else []
            process = self.context.Process(  # type: ignore[attr-defined]  # absent from the stub of contexts
                target=worker_loop,
                args=(self.call, slots, theirs, inherited, self.limits.max_memory),
                daemon=True,
            )
            with hidden_main_module():
                process.start()
        except OSError as error:
            reason = error.strerror or error
            raise DatascanError(
                f"cannot start a worker process ({reason}); try --workers 0"
            ) from error
        theirs.close()
        return Worker(process, ours, reader_of(ours), slots)


def run_order(
    function: Function[R],
    count_rows: CountRows | None,
    order: tuple[Shard, bool],
    slot: WorkerSlot,
) -> R | int:
    """Execute an order in a worker: call the function on a shard, or count the shard's rows."""
    shard, is_counted = order
    if is_counted and count_rows is not None:
        return count_rows(shard, slot)
    return function(shard, slot)


def order_for(part: ShardPart[Any]) -> memoryview:
    """The pickled order to read a part."""
    return ForkingPickler.dumps((part.shard, part.is_counted))


def create_shared_slots(context: BaseContext, count: int) -> Any:
    """``count`` slots for processes of ``context``, int64 (4 * count,), in shared memory.

    Raises:
        DatascanError: if memory cannot be shared.
    """
    numbers = SLOT_FIELDS * count
    try:
        if context.get_start_method() == "fork":
            # Anonymous memory needs no file: there may be no writable directory.
            return memoryview(mmap.mmap(-1, 8 * numbers)).cast("q")
        return context.RawArray("q", numbers)
    except OSError as error:
        raise DatascanError(
            f"cannot share memory with workers ({error.strerror or error}); try --workers 0"
        ) from error
