"""A map over worker processes that outlives them.

``Workers.map`` has the shape of the built-in ``map``. A worker notes on a shared board which rows
it is about to touch; when it dies or stands still, the shard is tried once more, and where it dies
again at the same rows it is cut around them until a single record is left to blame (splitting.py).
"""

from __future__ import annotations

import mmap
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from datascan.errors import DatascanError
from datascan.executors.base import BYTES, NO_ROW, RECORDS, SLOT_FIELDS, WorkerSlot
from datascan.executors.process_pool.framing import PARTIAL, MessageReader
from datascan.executors.process_pool.isolation import OnFailure, ShardPart, ShardTask, WorkerCrash
from datascan.executors.process_pool.worker import (
    READY,
    describe_exit,
    hidden_main_module,
    start_method,
    worker_loop,
)
from datascan.records.shard import Shard

R = TypeVar("R")

TICK_SECONDS = 0.1
START_SECONDS = 60.0
MAX_FAILED_STARTS = 3
"""So many workers may die in a row before they have begun; then none can be had."""

Task = Callable[[Shard, WorkerSlot], R]
CountRows = Callable[[Shard, WorkerSlot], int]
Keep = Callable[[int, list[R]], None]
Queue = deque[tuple[ShardTask[R], ShardPart[R]]]


@dataclass(eq=False)
class Worker(Generic[R]):
    """A process, this end of its pipe, what came through it, its desk, and what it is reading."""

    process: Any
    pipe: Connection
    inbox: MessageReader
    slot: WorkerSlot
    ready: bool = False
    assignment: tuple[ShardTask[R], ShardPart[R]] | None = None
    state: tuple[int, int, int, int] = (NO_ROW, 0, 0, 0)
    moved: float = field(default_factory=time.monotonic)


class ProcessPool(Generic[R]):
    """``count`` processes that run ``task`` on shards; use as a context manager.

    ``blame(shard, reason)`` gives the result for a shard, cut to the rows that killed their
    worker. ``extent`` counts a shard's rows, in a worker too, where nobody knows how many it has.
    ``timeout`` is in seconds without any sign of progress.
    """

    def __init__(
        self,
        task: Task[R],
        blame: OnFailure[R],
        extent: CountRows | None = None,
        *,
        count: int,
        timeout: float,
    ) -> None:
        self.call = partial(run_order, task, extent)
        self.on_failure = blame
        self.can_count = extent is not None
        self.timeout = timeout
        self.context = multiprocessing.get_context(start_method())
        self.slots = create_shared_slots(self.context, count)
        self.workers: list[Worker[R]] = []
        self.count = count
        self.failed_starts = 0
        self.queue: Queue[R] = deque()
        self.keep: Keep[R] = lambda *_: None

    def __enter__(self) -> ProcessPool[R]:
        try:
            for slot in range(self.count):
                self.workers.append(self._spawn(slot))
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

    @property
    def in_progress(self) -> tuple[int, int]:
        """Records and bytes read of the shards that are not finished yet."""
        states = [worker.state for worker in self.workers if worker.assignment is not None]
        return sum(s[RECORDS] for s in states), sum(s[BYTES] for s in states)

    def map(
        self,
        shards: Iterable[Shard],
        tick: Callable[[], None] = lambda: None,
        keep: Keep[R] = lambda *_: None,
    ) -> Iterator[list[R]]:
        """For every shard, in order, the results of its pieces (one, if no worker died).

        ``tick`` is called about ten times a second, and after every piece; ``keep`` as soon as a
        shard is finished, in whatever order.
        """
        self.keep = keep
        waiting = [ShardTask[R].of(shard) for shard in shards]
        self.queue = deque((job, job.parts[0]) for job in waiting)
        for job in waiting:
            while not job.is_done:
                self._assign()
                self._wait()
                tick()
            yield job.results
            job.parts.clear()

    def _assign(self) -> None:
        for worker in self.workers:
            if worker.assignment is None and self.queue:
                worker.assignment = _, piece = self.queue.popleft()
                worker.state, worker.moved = (NO_ROW, 0, 0, 0), time.monotonic()
                worker.slot.reset()
                try:
                    worker.pipe.send((piece.shard, piece.is_counted))
                except OSError:
                    self._replace(worker)

    def _wait(self) -> None:
        ready = wait([w.pipe for w in self.workers if w.assignment is not None], TICK_SECONDS)
        # Whoever is buried is replaced: the new one has nothing to say yet.
        for worker in [worker for worker in self.workers if worker.assignment is not None]:
            if worker.pipe in ready:
                self._receive(worker)
            elif (state := worker.slot.state) != worker.state:
                worker.state, worker.moved = state, time.monotonic()
            elif time.monotonic() - worker.moved > self._stall_limit(worker):
                self._replace(worker, f"no progress for {self.timeout:g} seconds")

    def _stall_limit(self, worker: Worker[R]) -> float:
        """Seconds without progress that a worker may take; more until it has begun."""
        return self.timeout if worker.ready else max(self.timeout, START_SECONDS)

    def _receive(self, worker: Worker[R]) -> None:
        try:
            answer = worker.inbox.poll()
        except (EOFError, OSError):
            self._replace(worker)
            return
        worker.moved = time.monotonic()
        if answer is PARTIAL:
            return
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, str) and answer == READY:
            worker.ready, self.failed_starts = True, 0
            return
        assert worker.assignment is not None  # noqa: S101  (only busy workers are waited for)
        job, piece = worker.assignment
        worker.assignment = None
        if piece.is_counted:
            self._continue_with(job, piece, [piece.with_row_count(answer)])
        else:
            piece.result, piece.done = answer, True
            self._continue_with(job, piece, [piece])

    def _replace(self, worker: Worker[R], reason: str | None = None) -> None:
        """Replace a worker that died, or stands still for a reason, and see to its piece."""
        row, count, _, _ = worker.slot.state
        assert worker.assignment is not None  # noqa: S101
        job, piece = worker.assignment
        stood_still = reason is not None
        if stood_still:
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        reason = reason or describe_exit(worker.process.exitcode)
        slot = self.workers.index(worker)
        if not worker.ready:
            self.failed_starts += 1
            if self.failed_starts > MAX_FAILED_STARTS:
                raise DatascanError(f"worker processes cannot start ({reason}); try --workers 0")
        self.workers[slot] = self._spawn(slot)
        if not worker.ready:
            # Whatever it died of, it was not the piece.
            self._continue_with(job, piece, [piece])
            return
        death = WorkerCrash(row, count, reason, stood_still=stood_still)
        self._continue_with(
            job, piece, job.next_parts(piece, death, self.on_failure, can_count=self.can_count)
        )

    def _continue_with(
        self, job: ShardTask[R], piece: ShardPart[R], follow: list[ShardPart[R]]
    ) -> None:
        """Put ``follow`` in the place of ``piece``, and do at once what is to be done of it."""
        at = job.parts.index(piece)
        job.parts[at : at + 1] = follow
        self.queue.extendleft((job, p) for p in reversed(follow) if not p.done)
        if job.is_done:
            self.keep(job.shard.index, job.results)

    def _spawn(self, slot: int) -> Worker[R]:
        desk = WorkerSlot(self.slots, SLOT_FIELDS * slot)
        desk.reset()
        try:
            ours, theirs = self.context.Pipe()
            foreign = [ours, *(worker.pipe for worker in self.workers)]
            inherited = foreign if self.context.get_start_method() == "fork" else []
            process = self.context.Process(  # type: ignore[attr-defined]  # absent from the stub of contexts
                target=worker_loop, args=(self.call, desk, theirs, inherited), daemon=True
            )
            with hidden_main_module():
                process.start()
        except OSError as error:
            why = error.strerror or error
            raise DatascanError(
                f"cannot start a worker process ({why}); try --workers 0"
            ) from error
        theirs.close()
        return Worker(process, ours, MessageReader(ours.fileno()), desk)


def run_order(
    task: Task[R], extent: CountRows | None, order: tuple[Shard, bool], desk: WorkerSlot
) -> R | int:
    """What a worker does: its task on a shard, or count the shard's rows."""
    shard, is_counted = order
    if is_counted and extent is not None:
        return extent(shard, desk)
    return task(shard, desk)


def create_shared_slots(context: BaseContext, workers: int) -> Any:
    """A board for so many workers that processes of ``context`` can write on.

    Raises:
        DatascanError: where there is no memory to share.
    """
    places = SLOT_FIELDS * workers
    try:
        if context.get_start_method() == "fork":
            # Memory without a file: there may be no folder that one could be written to.
            return memoryview(mmap.mmap(-1, 8 * places)).cast("q")
        return context.RawArray("q", places)
    except OSError as error:
        raise DatascanError(
            f"cannot share memory with workers ({error.strerror or error}); try --workers 0"
        ) from error
