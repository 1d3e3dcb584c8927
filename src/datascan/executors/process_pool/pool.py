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
from datascan.executors.base import BYTES, NOWHERE, PLACES, RECORDS, Desk
from datascan.executors.process_pool.framing import PARTIAL, Inbox
from datascan.executors.process_pool.isolation import Blame, Death, Job, Piece
from datascan.executors.process_pool.worker import (
    READY,
    cause_of_death,
    main_module_hidden,
    serve,
    start_method,
)
from datascan.records.shard import Shard

R = TypeVar("R")

TICK_SECONDS = 0.1
START_SECONDS = 60.0
MOST_FALSE_STARTS = 3
"""So many workers may die in a row before they have begun; then none can be had."""

Task = Callable[[Shard, Desk], R]
Extent = Callable[[Shard, Desk], int]
Keep = Callable[[int, list[R]], None]
Queue = deque[tuple[Job[R], Piece[R]]]


@dataclass(eq=False)
class Worker(Generic[R]):
    """A process, this end of its pipe, what came through it, its desk, and what it is reading."""

    process: Any
    pipe: Connection
    inbox: Inbox
    desk: Desk
    ready: bool = False
    work: tuple[Job[R], Piece[R]] | None = None
    state: tuple[int, int, int, int] = (NOWHERE, 0, 0, 0)
    moved: float = field(default_factory=time.monotonic)


class Workers(Generic[R]):
    """``count`` processes that run ``task`` on shards; use as a context manager.

    ``blame(shard, reason)`` gives the result for a shard, cut to the rows that killed their
    worker. ``extent`` counts a shard's rows, in a worker too, where nobody knows how many it has.
    ``timeout`` is in seconds without any sign of progress.
    """

    def __init__(
        self,
        task: Task[R],
        blame: Blame[R],
        extent: Extent | None = None,
        *,
        count: int,
        timeout: float,
    ) -> None:
        self.call = partial(answer, task, extent)
        self.blame = blame
        self.can_count = extent is not None
        self.timeout = timeout
        self.context = multiprocessing.get_context(start_method())
        self.board = shared_board(self.context, count)
        self.crew: list[Worker[R]] = []
        self.count = count
        self.false_starts = 0
        self.queue: Queue[R] = deque()
        self.keep: Keep[R] = lambda *_: None

    def __enter__(self) -> Workers[R]:
        try:
            for slot in range(self.count):
                self.crew.append(self._hire(slot))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.crew:
            worker.process.kill()
        for worker in self.crew:
            worker.process.join()
            worker.pipe.close()
        self.crew = []

    @property
    def under_way(self) -> tuple[int, int]:
        """Records and bytes read of the shards that are not finished yet."""
        states = [worker.state for worker in self.crew if worker.work is not None]
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
        waiting = [Job[R].of(shard) for shard in shards]
        self.queue = deque((job, job.pieces[0]) for job in waiting)
        for job in waiting:
            while not job.is_done:
                self._assign()
                self._wait()
                tick()
            yield job.results
            job.pieces.clear()

    def _assign(self) -> None:
        for worker in self.crew:
            if worker.work is None and self.queue:
                worker.work = _, piece = self.queue.popleft()
                worker.state, worker.moved = (NOWHERE, 0, 0, 0), time.monotonic()
                worker.desk.clear()
                try:
                    worker.pipe.send((piece.shard, piece.is_counted))
                except OSError:
                    self._bury(worker)

    def _wait(self) -> None:
        ready = wait([w.pipe for w in self.crew if w.work is not None], TICK_SECONDS)
        # Whoever is buried is replaced: the new one has nothing to say yet.
        for worker in [worker for worker in self.crew if worker.work is not None]:
            if worker.pipe in ready:
                self._receive(worker)
            elif (state := worker.desk.state) != worker.state:
                worker.state, worker.moved = state, time.monotonic()
            elif time.monotonic() - worker.moved > self._patience(worker):
                self._bury(worker, f"no progress for {self.timeout:g} seconds")

    def _patience(self, worker: Worker[R]) -> float:
        """Seconds without progress that a worker may take; more until it has begun."""
        return self.timeout if worker.ready else max(self.timeout, START_SECONDS)

    def _receive(self, worker: Worker[R]) -> None:
        try:
            answer = worker.inbox.fetch()
        except (EOFError, OSError):
            self._bury(worker)
            return
        worker.moved = time.monotonic()
        if answer is PARTIAL:
            return
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, str) and answer == READY:
            worker.ready, self.false_starts = True, 0
            return
        assert worker.work is not None  # noqa: S101  (only busy workers are waited for)
        job, piece = worker.work
        worker.work = None
        if piece.is_counted:
            self._go_on(job, piece, [piece.of_extent(answer)])
        else:
            piece.result, piece.done = answer, True
            self._go_on(job, piece, [piece])

    def _bury(self, worker: Worker[R], reason: str | None = None) -> None:
        """Replace a worker that died, or stands still for a reason, and see to its piece."""
        row, count, _, _ = worker.desk.state
        assert worker.work is not None  # noqa: S101
        job, piece = worker.work
        stood_still = reason is not None
        if stood_still:
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        reason = reason or cause_of_death(worker.process.exitcode)
        slot = self.crew.index(worker)
        if not worker.ready:
            self.false_starts += 1
            if self.false_starts > MOST_FALSE_STARTS:
                raise DatascanError(f"worker processes cannot start ({reason}); try --workers 0")
        self.crew[slot] = self._hire(slot)
        if not worker.ready:
            # Whatever it died of, it was not the piece.
            self._go_on(job, piece, [piece])
            return
        death = Death(row, count, reason, stood_still=stood_still)
        self._go_on(job, piece, job.after(piece, death, self.blame, can_count=self.can_count))

    def _go_on(self, job: Job[R], piece: Piece[R], follow: list[Piece[R]]) -> None:
        """Put ``follow`` in the place of ``piece``, and do at once what is to be done of it."""
        at = job.pieces.index(piece)
        job.pieces[at : at + 1] = follow
        self.queue.extendleft((job, p) for p in reversed(follow) if not p.done)
        if job.is_done:
            self.keep(job.shard.index, job.results)

    def _hire(self, slot: int) -> Worker[R]:
        desk = Desk(self.board, PLACES * slot)
        desk.clear()
        try:
            ours, theirs = self.context.Pipe()
            foreign = [ours, *(worker.pipe for worker in self.crew)]
            inherited = foreign if self.context.get_start_method() == "fork" else []
            process = self.context.Process(  # type: ignore[attr-defined]  # absent from the stub of contexts
                target=serve, args=(self.call, desk, theirs, inherited), daemon=True
            )
            with main_module_hidden():
                process.start()
        except OSError as error:
            why = error.strerror or error
            raise DatascanError(
                f"cannot start a worker process ({why}); try --workers 0"
            ) from error
        theirs.close()
        return Worker(process, ours, Inbox(ours.fileno()), desk)


def answer(task: Task[R], extent: Extent | None, order: tuple[Shard, bool], desk: Desk) -> R | int:
    """What a worker does: its task on a shard, or count the shard's rows."""
    shard, is_counted = order
    if is_counted and extent is not None:
        return extent(shard, desk)
    return task(shard, desk)


def shared_board(context: BaseContext, workers: int) -> Any:
    """A board for so many workers that processes of ``context`` can write on.

    Raises:
        DatascanError: where there is no memory to share.
    """
    places = PLACES * workers
    try:
        if context.get_start_method() == "fork":
            # Memory without a file: there may be no folder that one could be written to.
            return memoryview(mmap.mmap(-1, 8 * places)).cast("q")
        return context.RawArray("q", places)
    except OSError as error:
        raise DatascanError(
            f"cannot share memory with workers ({error.strerror or error}); try --workers 0"
        ) from error
