"""A reader that plans and looks up keys in a worker process, with the limits of the options."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from msgspec import Struct, structs

from datascan.config.identity import DatasetIdentity
from datascan.decoders.base import Tracker
from datascan.executors.base import (
    Executor,
    OnDone,
    OnTick,
    WorkerSlot,
    ignore_done,
    ignore_tick,
)
from datascan.executors.process_pool.worker_group import WorkerGroup
from datascan.executors.select import (
    call_here,
    can_start_processes,
    choose_worker_count,
    limits_of,
)
from datascan.plugins import Plugin
from datascan.plugins.external import LEFT_OUT
from datascan.readers.base import Reader
from datascan.readers.dataset_files import FileStatus
from datascan.records.block import Block, Fault
from datascan.records.part import PartIdentity
from datascan.records.shard import Plan, Shard
from datascan.records.writer import Writer
from datascan.text import escape_surrogates

PLANNED_BYTES = 1 << 20
"""Bytes of a dataset for which planning may take a second more than a record may.

Planning reads an index, at most, so a slow disk is not mistaken for a reader that hangs.
"""

BLOCK_BYTES = 512
"""The unit of ``st_blocks``."""


class Request(Struct, frozen=True):
    """A call of a reader's method."""

    method: str
    arguments: tuple[Any, ...] = ()


class Job(Struct, frozen=True):
    """The span of a shard, and what to do with it: a task without its reader, which is there."""

    task: Any
    span: Any


class Answer(Struct, frozen=True):
    """What the method returned, and what it changed in its process.

    After ``plan``, that is the reader. ``warned``: its warnings; ``left_out``: plug-ins that cannot
    be used. ``failure`` says why there is no result instead: "killed by SIGSEGV".
    """

    result: Any = None
    reader: Reader | None = None
    warned: tuple[tuple[type[Warning], str], ...] = ()
    left_out: dict[Plugin, str] = {}
    failure: str = ""


class ReaderWorker:
    """A process that has a reader, calls its methods, and runs tasks over its shards.

    It starts with the first call and lives until it is closed, so that a small dataset needs one
    process for all that is done with it.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._group: WorkerGroup[Any] | None = None
        self._task: Any = None

    def call(self, request: Request, timeout: float, on_tick: OnTick) -> Answer:
        """The answer to a request, which may take ``timeout`` seconds.

        ``on_tick`` is called about ten times a second, and may end the call by an exception.
        """
        ((answer,),) = self._run([Shard(0, request)], None, timeout, on_tick, ignore_done)
        return cast("Answer", answer)

    def map(
        self,
        task: Any,
        shards: Sequence[Shard],
        *,
        on_tick: OnTick,
        on_done: OnDone[Any],
    ) -> Iterator[list[Any]]:
        """Yield the results of ``task`` for each shard; see :meth:`Executor.map`.

        The task is a dataclass with the field ``reader``.
        """
        job = replace(task, reader=None)
        shards = [Shard(s.index, Job(job, s.span), s.first, s.last) for s in shards]
        timeout = self.reader.options.run.timeout
        yield from self._run(shards, task, timeout, on_tick, on_done)

    def close(self) -> None:
        """End the process; safe to call twice."""
        if self._group is not None:
            self._group.__exit__()
        self._group = None

    def _run(
        self,
        shards: Sequence[Shard],
        task: Any,
        timeout: float,
        on_tick: OnTick,
        on_done: OnDone[Any],
    ) -> Iterator[list[Any]]:
        group = self._group = self._group or self._start()
        self._task, group.can_count = task, task is not None
        group.limits = structs.replace(group.limits, timeout=timeout)
        try:
            yield from group.map(shards, on_tick=on_tick, on_done=on_done)
        finally:
            group.restart_busy()

    def _start(self) -> WorkerGroup[Any]:
        self.reader.preload()
        group = WorkerGroup[Any](
            partial(serve, self.reader),
            self._fail,
            partial(count, self.reader),
            count=1,
            limits=limits_of(self.reader.options.run),
        )
        return group.__enter__()

    def _fail(self, shard: Shard, reason: str) -> Any:
        if isinstance(shard.span, Job):
            return self._task.on_failure(original(shard), reason)
        return Answer(failure=reason)


class IsolatedReader(Reader):
    """A reader whose ``plan``, ``keys`` and ``find_missing`` run in a worker process.

    The same process reads the dataset if it is small. ``read`` and ``count_rows`` are called by
    executors, in their workers. ``on_tick`` is called about ten times a second while ``plan`` runs,
    and may end it by an exception. It is given the number of files found so far, which is 0 unless
    the reader lists files.
    """

    def __init__(self, reader: Reader, on_tick: Callable[[int], None]) -> None:
        super().__init__(reader.paths, reader.options)
        self.reader = reader
        # Class variables of other readers, but this one has those of what it isolates.
        vars(self).update(
            name=reader.name, accepts_many=reader.accepts_many, is_seekable=reader.is_seekable
        )
        self._on_tick = on_tick
        self._worker = ReaderWorker(reader)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_on_tick": None, "_worker": None}

    @property
    def identity(self) -> DatasetIdentity:
        """The dataset as a baseline knows it."""
        return self.reader.identity

    @classmethod
    def accepts(cls, path: Path) -> bool:  # noqa: ARG003  (it is chosen by name)
        """Always False: the reader that it isolates has been chosen already."""
        return False

    def executor(self, plan: Plan) -> Executor:
        """The worker of this reader for a small dataset; as for any reader otherwise."""
        is_small = choose_worker_count(plan, self.options.run) == 1
        return self._worker if is_small else super().executor(plan)

    def plan(self) -> Plan:
        """The plan of the reader; without shards, and with the reason as a fault, if it fails."""
        if not self.reader.needs_worker:
            self.reader.on_found = self._on_tick
        try:
            answer = self._ask(Request("plan"), lambda *_: self._on_tick(0))
        finally:
            self.reader.on_found = None
        if answer.failure:
            why = f"{self.path} could not be planned: {answer.failure}"
            fault = Fault(None, "reader-crash", escape_surrogates(why))
            return Plan(shards=(), layout="unknown", nbytes=0, faults=(fault,))
        plan: Plan = answer.result
        return plan

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The blocks of the reader, in this process."""
        return self.reader.read(shard, track, decode=decode)

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of the reader; "?" if they cannot be looked up."""
        answer = self._ask(Request("keys", (shard, rows)))
        return ["?"] * len(rows) if answer.failure else list(answer.result)

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """The count of the reader, in this process."""
        return self.reader.count_rows(shard, track)

    def describe_start(self, shard: Shard) -> str:
        """The words of the reader."""
        return self.reader.describe_start(shard)

    def find_missing(self, records: int) -> Iterator[Fault]:
        """The faults of the reader."""
        answer = self._ask(Request("find_missing", (records,)))
        if answer.failure:
            why = f"whether all of the {records:,} records were found is unknown: {answer.failure}"
            yield Fault(None, "reader-crash", why)
        else:
            yield from answer.result

    def observe(self) -> Any:
        """What the reader observes, in this process: states of files."""
        return self.reader.observe()

    def find_writer(self, before: Any) -> Writer | None:
        """The writer that the reader finds, in this process."""
        return self.reader.find_writer(before)

    def were_changed(self, shard: Shard, rows: Sequence[int], before: Any) -> list[bool]:
        """The answer of the reader, in this process."""
        return self.reader.were_changed(shard, rows, before)

    def identify_part(self, shard: Shard) -> PartIdentity | None:
        """The identity that the reader states, in this process."""
        return self.reader.identify_part(shard)

    def list_files(self) -> Iterator[FileStatus]:
        """The files of the reader, in this process."""
        return self.reader.list_files()

    def versions(self) -> dict[str, str]:
        """The versions that the reader states, in this process."""
        return self.reader.versions()

    def end_worker(self) -> None:
        """End the worker; the reader stays open."""
        self._worker.close()

    def close(self) -> None:
        """End the worker, and close the reader."""
        self.end_worker()
        self.reader.close()

    def _ask(self, request: Request, on_tick: OnTick = ignore_tick) -> Answer:
        run = self.options.run
        if not self.reader.needs_worker or run.workers == 0 or not can_start_processes():
            return call_here(
                partial(call_method, self.reader),
                lambda _, reason: Answer(failure=reason),
                request,
            )
        limit = run.timeout + stored_bytes(self.path) // PLANNED_BYTES
        answer = self._worker.call(request, limit, on_tick)
        LEFT_OUT.update(answer.left_out)
        for category, text in answer.warned:
            warnings.warn(text, category, stacklevel=2)
        if answer.reader is not None:
            # The same object: later workers start from it.
            vars(self.reader).update(vars(answer.reader))
        return answer


def call_method(reader: Reader, request: Request) -> Answer:
    """Call a method of the reader."""
    result = getattr(reader, request.method)(*request.arguments)
    return Answer(result if isinstance(result, Plan) else list(result))


def serve(reader: Reader, shard: Shard, slot: WorkerSlot) -> Any:
    """Run a task over a shard, or call a method of the reader, in the worker."""
    if isinstance(shard.span, Job):
        return replace(shard.span.task, reader=reader)(original(shard), slot)
    known, request = dict(LEFT_OUT), shard.span
    with warnings.catch_warnings(record=True) as warned:
        answer = call_method(reader, request)
    return structs.replace(
        answer,
        reader=reader if request.method == "plan" else None,
        warned=tuple((warning.category, str(warning.message)) for warning in warned),
        left_out={plugin: why for plugin, why in LEFT_OUT.items() if plugin not in known},
    )


def count(reader: Reader, shard: Shard, slot: WorkerSlot) -> int:
    """The number of rows of a shard, in the worker."""
    rows: int = replace(shard.span.task, reader=reader).count_rows(original(shard), slot)
    return rows


def original(shard: Shard) -> Shard:
    """The shard of the dataset in which a job is done."""
    return Shard(shard.index, shard.span.span, shard.first, shard.last)


def stored_bytes(path: Path) -> int:
    """About how many bytes a file, or the files of a folder, take on disk; holes do not count."""
    try:
        if not path.is_dir():
            return allocated_bytes(path.stat())
        with os.scandir(path) as entries:
            return sum(allocated_bytes(entry.stat()) for entry in entries)
    except OSError:
        return 0


def allocated_bytes(status: os.stat_result) -> int:
    """The bytes that a file takes on disk, if the system counts them; otherwise, its size."""
    return getattr(status, "st_blocks", status.st_size // BLOCK_BYTES) * BLOCK_BYTES
