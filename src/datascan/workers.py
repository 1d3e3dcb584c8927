"""A map over worker processes that outlives them.

``Workers.map`` has the shape of the built-in ``map``. A worker notes on a shared board which rows
it is about to touch; when it dies or stands still, the shard is tried once more, and where it dies
again at the same rows it is cut around them until a single record is left to blame.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from datascan.errors import DatascanError
from datascan.model import Shard

R = TypeVar("R")

TICK_SECONDS = 0.1
PR_SET_PDEATHSIG = 1
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 64 << 20
READY = "ready"
START_SECONDS = 60.0
MOST_FALSE_STARTS = 3
"""So many workers may die in a row before they have begun; then none can be had."""

MOST_DEATHS = 50
"""A shard that costs this many workers at ever new places is cut up all the same."""


class Board(Protocol):
    """Where a worker is: four int64 a worker, shared with the parent process."""

    def __getitem__(self, index: int) -> int: ...
    def __setitem__(self, index: int, value: int) -> None: ...


ROW, COUNT, RECORDS, BYTES = range(4)
NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Desk:
    """A worker's own four places on the board."""

    board: Board
    at: int

    def mark(self, row: int, count: int) -> None:
        """Say that native code is about to touch ``count`` rows from ``row`` on."""
        self.board[self.at + COUNT] = count
        self.board[self.at + ROW] = row

    def advance(self, records: int, nbytes: int) -> None:
        """Say that so much more of the shard is done."""
        self.board[self.at + RECORDS] += records
        self.board[self.at + BYTES] += nbytes

    def clear(self) -> None:
        """Begin a shard."""
        self.board[self.at + ROW] = NOWHERE
        self.board[self.at + COUNT] = self.board[self.at + RECORDS] = self.board[
            self.at + BYTES
        ] = 0

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Row, count, records and bytes as they stand now."""
        row, count, records, nbytes = (self.board[self.at + i] for i in range(4))
        return row, count, records, nbytes


Task = Callable[[Shard, Desk], R]
Blame = Callable[[Shard, str], R]
Keep = Callable[[int, list[R]], None]


@dataclass(eq=False)
class Piece(Generic[R]):
    """A part of a shard that is still to be read, or its result."""

    shard: Shard
    result: R | None = None
    done: bool = False
    deaths: int = 0
    suspect: tuple[int, int] | None = None


def results_of(pieces: Sequence[Piece[R]]) -> list[R]:
    """The results of finished pieces, in order."""
    return [piece.result for piece in pieces if piece.result is not None]


@dataclass(eq=False)
class Worker(Generic[R]):
    """A process, this end of its pipe, its desk, and what it is reading."""

    process: Any
    pipe: Connection
    desk: Desk
    ready: bool = False
    piece: Piece[R] | None = None
    state: tuple[int, int, int, int] = (NOWHERE, 0, 0, 0)
    moved: float = field(default_factory=time.monotonic)


class Workers(Generic[R]):
    """``count`` processes that run ``task`` on shards; use as a context manager.

    ``blame(shard, reason)`` gives the result for a shard, cut to the rows that killed their
    worker. ``timeout`` is in seconds without any sign of progress.
    """

    def __init__(self, task: Task[R], blame: Blame[R], *, count: int, timeout: float) -> None:
        self.task = task
        self.blame = blame
        self.timeout = timeout
        self.context = multiprocessing.get_context(start_method())
        self.board: Any = self.context.RawArray("q", 4 * count)
        self.crew: list[Worker[R]] = []
        self.count = count
        self.false_starts = 0
        self.keep: Keep[R] = lambda *_: None

    def __enter__(self) -> Workers[R]:
        for slot in range(self.count):
            self.crew.append(self._hire(slot))
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
        states = [worker.state for worker in self.crew if worker.piece is not None]
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
        waiting = [[Piece[R](shard)] for shard in shards]
        queue = deque((pieces, pieces[0]) for pieces in waiting)
        owner: dict[int, list[Piece[R]]] = {}
        for pieces in waiting:
            while not all(piece.done for piece in pieces):
                self._assign(queue, owner)
                self._wait(queue, owner)
                tick()
            yield results_of(pieces)
            pieces.clear()

    def _assign(self, queue: deque[tuple[list[Piece[R]], Piece[R]]], owner: dict[int, Any]) -> None:
        for worker in self.crew:
            if worker.piece is None and queue:
                pieces, piece = queue.popleft()
                worker.piece, worker.moved = piece, time.monotonic()
                worker.desk.clear()
                owner[id(piece)] = pieces
                try:
                    worker.pipe.send(piece.shard)
                except OSError:
                    self._bury(worker, "died", queue, owner)

    def _wait(self, queue: deque[Any], owner: dict[int, Any]) -> None:
        ready = wait([w.pipe for w in self.crew if w.piece is not None], TICK_SECONDS)
        for worker in self.crew:
            if worker.piece is None:
                continue
            if worker.pipe in ready:
                self._receive(worker, queue, owner)
            elif (state := worker.desk.state) != worker.state:
                worker.state, worker.moved = state, time.monotonic()
            elif time.monotonic() - worker.moved > self._patience(worker):
                reason = f"no progress for {self.timeout:g} seconds"
                self._bury(worker, reason, queue, owner)

    def _patience(self, worker: Worker[R]) -> float:
        """Seconds without progress that a worker may take; more until it has begun."""
        return self.timeout if worker.ready else max(self.timeout, START_SECONDS)

    def _receive(self, worker: Worker[R], queue: deque[Any], owner: dict[int, Any]) -> None:
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker, "died", queue, owner)
            return
        if isinstance(answer, BaseException):
            raise answer
        if answer == READY:
            worker.ready, worker.moved, self.false_starts = True, time.monotonic(), 0
            return
        piece = worker.piece
        assert piece is not None  # noqa: S101  (only busy workers are waited for)
        piece.result, piece.done = answer, True
        worker.piece, worker.state = None, (NOWHERE, 0, 0, 0)
        self._keep_if_finished(owner.pop(id(piece)))

    def _bury(
        self, worker: Worker[R], reason: str, queue: deque[Any], owner: dict[int, Any]
    ) -> None:
        """Replace a worker that died or stands still, and decide what becomes of its piece."""
        row, count, _, _ = worker.desk.state
        piece = worker.piece
        assert piece is not None  # noqa: S101
        slot = self.crew.index(worker)
        worker.process.kill() if reason != "died" else None
        worker.process.join()
        worker.pipe.close()
        if reason == "died":
            reason = cause_of_death(worker.process.exitcode)
        if not worker.ready:
            self.false_starts += 1
            if self.false_starts > MOST_FALSE_STARTS:
                raise DatascanError(f"worker processes cannot start ({reason}); try --workers 0")
        self.crew[slot] = self._hire(slot)
        pieces = owner.pop(id(piece))
        at = pieces.index(piece)
        pieces[at : at + 1] = follow = self._follow_up(piece, row, count, reason)
        queue.extendleft((pieces, p) for p in reversed(follow) if not p.done)
        self._keep_if_finished(pieces)

    def _keep_if_finished(self, pieces: list[Piece[R]]) -> None:
        if all(piece.done for piece in pieces):
            self.keep(pieces[0].shard.index, results_of(pieces))

    def _follow_up(self, piece: Piece[R], row: int, count: int, reason: str) -> list[Piece[R]]:
        suspect = (row, count)
        if piece.suspect != suspect and piece.deaths < MOST_DEATHS:
            return [Piece(piece.shard, suspect=suspect, deaths=piece.deaths + 1)]
        shard = piece.shard
        if row == NOWHERE and shard.last is None:
            return [Piece(shard, self.blame(shard, reason), done=True)]
        if row == NOWHERE:
            # It died before it touched a record: search all of them.
            row, count = shard.first, (shard.last or shard.first) - shard.first
        last = row + count if shard.last is None else min(row + count, shard.last)
        follow: list[Piece[R]] = []
        if row > shard.first:
            follow.append(Piece(shard.cut(shard.first, row)))
        if last - row <= 1:
            guilty = shard.cut(row, row + 1)
            follow.append(Piece(guilty, self.blame(guilty, reason), done=True))
        else:
            half = (row + last) // 2
            follow += [Piece(shard.cut(row, half)), Piece(shard.cut(half, last))]
        if shard.last is None or last < shard.last:
            follow.append(Piece(shard.cut(max(last, row + 1), shard.last)))
        return follow

    def _hire(self, slot: int) -> Worker[R]:
        ours, theirs = self.context.Pipe()
        desk = Desk(self.board, 4 * slot)
        desk.clear()
        foreign = [ours, *(worker.pipe for worker in self.crew)]
        inherited = foreign if self.context.get_start_method() == "fork" else []
        process = self.context.Process(  # type: ignore[attr-defined]  # absent from the stub of contexts
            target=serve, args=(self.task, desk, theirs, inherited), daemon=True
        )
        with main_module_hidden():
            process.start()
        theirs.close()
        return Worker(process, ours, desk)


def serve(task: Task[Any], desk: Desk, pipe: Connection, foreign: Sequence[Connection]) -> None:
    """Run ``task`` on every shard that comes through the pipe, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    keep_freed_memory()
    for connection in foreign:
        connection.close()
    pipe.send(READY)
    while True:
        try:
            shard = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = task(shard, desk)
        except BaseException as error:  # noqa: BLE001  (it is raised again in the parent)
            answer = error
        pipe.send(answer)


def die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed; elsewhere the closed pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed blocks for the next ones.

    Otherwise every block of some megabytes is fresh memory, which the kernel has to clear.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None and hasattr(libc, "mallopt"):
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)


def start_method() -> str:
    """``fork`` where it is quick and safe: on Linux, in a process with a single thread."""
    if sys.platform == "linux" and threading.active_count() == 1:
        tasks = Path("/proc/self/task")
        if tasks.is_dir() and len(list(tasks.iterdir())) == 1:
            return "fork"
    return "spawn"


@contextmanager
def main_module_hidden() -> Iterator[None]:
    """Keep a spawned worker from importing the caller's script, which may have no main guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def cause_of_death(exitcode: int | None) -> str:
    """Words for a process' exit code: "killed by SIGSEGV", "ended with status 3"."""
    if exitcode is not None and exitcode < 0:
        try:
            return f"killed by {signal.Signals(-exitcode).name}"
        except ValueError:
            return f"killed by signal {-exitcode}"
    return f"ended with status {exitcode}"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
