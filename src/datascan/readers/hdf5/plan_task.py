"""Planning of all files of a dataset in worker processes, since HDF5 may crash on damaged ones."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from itertools import chain

from msgspec import Struct

from datascan.config.options import Options, ReadOptions
from datascan.executors.base import Executor, WorkerSlot, ignore_done
from datascan.executors.machine import available_cpus
from datascan.executors.process_pool.pool import ProcessPool
from datascan.executors.select import can_start_processes, limits_of
from datascan.executors.serial import SerialExecutor
from datascan.readers.hdf5.files import Source
from datascan.readers.hdf5.planning import FilePlan, FileQuery, plan_after_crash, plan_file
from datascan.readers.hdf5.selection import Selection
from datascan.records.shard import Shard

FILES_PER_SHARD = 64
"""How many files a worker plans before it sends the plans."""


class PlanTask(Struct, frozen=True):
    """Plans the sources of a shard; each is a row.

    ``like``: the selection made in the first file; if None, that of the shard's first file with
    one. ``plan_one``: plans a file, in the worker.
    """

    options: ReadOptions
    like: Selection | None
    plan_one: Callable[[FileQuery], FilePlan]

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:  # noqa: ARG002  (nothing is read)
        """The number of sources."""
        return len(shard.span)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> list[FilePlan]:
        """The plans of the sources.

        Raises:
            DatasetError: if the datasets of the first file cannot be selected.
        """
        plans: list[FilePlan] = []
        like = self.like
        last = len(shard.span) if shard.last is None else shard.last
        for row in range(shard.first, last):
            slot.mark(row, 1)
            plan = self.plan_one(FileQuery(shard.span[row], self.options, like))
            like = like or plan.selection
            plans.append(plan)
            slot.advance(1, 0)
        return plans

    def on_failure(self, shard: Shard, reason: str) -> list[FilePlan]:
        """The plans of files that crash the worker."""
        return [plan_after_crash(source, reason) for source in shard.span[shard.first : shard.last]]


def plan_sources(
    sources: Sequence[Source], options: Options, on_tick: Callable[[], None]
) -> list[FilePlan]:
    """The plans of the sources in order; with a limit, of the first ones that have enough rows.

    A source that occurs several times is planned once. ``on_tick`` is called several times a
    second, and may end the planning by an exception.

    Raises:
        DatasetError: if the datasets of the first file cannot be selected.
    """
    known: dict[Source, FilePlan] = {}
    found: list[FilePlan] = []
    rows, limit = 0, options.read.limit
    with closing(plan_distinct(list(dict.fromkeys(sources)), options, on_tick)) as plans:
        for source in sources:
            if limit is not None and rows >= limit:
                break
            if source not in known:
                known[source] = next(plans)
            plan = known[source]
            found.append(plan)
            if plan.unlike is None:
                rows += sum(table.data.rows for table in plan.tables)
    return found


def plan_distinct(
    sources: Sequence[Source], options: Options, on_tick: Callable[[], None]
) -> Generator[FilePlan, None, None]:
    """The plans of the sources in order, as soon as they are known; see :func:`plan_sources`."""
    rest = list(sources)
    like: Selection | None = None
    while rest and like is None:
        # All other files should have the tables of the first one that has any.
        with closing(run_task(None, rest[:FILES_PER_SHARD], options, on_tick)) as results:
            parts = next(results)
        plans = list(chain.from_iterable(parts))
        first = next((i for i, plan in enumerate(plans) if plan.selection), None)
        if first is not None:
            like = plans[first].selection
            if len(parts) > 1:  # after a crash, a worker does not know what was selected before
                plans = plans[: first + 1]
        yield from plans
        rest = rest[len(plans) :]
    with closing(run_task(like, rest, options, on_tick)) as results:
        for parts in results:
            yield from chain.from_iterable(parts)


def run_task(
    like: Selection | None,
    sources: Sequence[Source],
    options: Options,
    on_tick: Callable[[], None],
) -> Generator[list[list[FilePlan]], None, None]:
    """The plans of the sources, in parts of shards."""
    run = options.run
    spans = [sources[i : i + FILES_PER_SHARD] for i in range(0, len(sources), FILES_PER_SHARD)]
    shards = [Shard(i, span) for i, span in enumerate(spans)]
    executor: Executor = SerialExecutor()
    if run.workers != 0 and can_start_processes():
        limits = limits_of(run)
        workers = run.workers or available_cpus()
        executor = ProcessPool(workers, limits.timeout, limits.max_memory)
    results = executor.map(
        PlanTask(options.read, like, plan_file),
        shards,
        on_tick=lambda *_: on_tick(),
        on_done=ignore_done,
    )
    yield from results
