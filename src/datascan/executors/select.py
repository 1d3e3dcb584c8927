"""Running a task on shards: in this process, or in workers where they pay."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence

from datascan.config.options import Options
from datascan.executors.base import R, Task, WorkerSlot
from datascan.executors.process_pool.pool import Keep, ProcessPool
from datascan.executors.serial import LocalSlots
from datascan.records.shard import Plan, Shard

MIN_POOL_BYTES = 64 << 20
"""Below so many bytes a worker process does not pay for its start."""


def run_task(
    task: Task[R],
    plan: Plan,
    shards: Sequence[Shard],
    tick: Callable[[int, int], None] = lambda *_: None,
    keep: Keep[R] = lambda *_: None,
) -> Iterator[list[R]]:
    """The results of ``task`` for each of ``shards``, in order, in this process or in workers.

    ``tick`` receives the records and bytes read of unfinished shards, and may raise
    :class:`ScanCancelled`. ``keep`` is given every finished shard at once.
    """
    options = task.options
    count = choose_worker_count(plan, options, len(shards))
    if count == 0:
        desk = WorkerSlot(LocalSlots(tick), 0)
        for shard in shards:
            desk.reset()
            result = task(shard, desk)
            keep(shard.index, [result])
            yield [result]
        return
    with ProcessPool(
        task, task.on_failure, task.count_rows, count=count, timeout=options.run.timeout
    ) as workers:
        yield from workers.map(shards, lambda: tick(*workers.in_progress), keep)


def choose_worker_count(plan: Plan, options: Options, shards: int) -> int:
    """How many workers to start; 0 where none was asked for, none would pay, or none may be."""
    if not can_start_processes():
        return 0
    if options.run.workers is not None:
        return min(options.run.workers, shards)
    if (plan.work_bytes or plan.nbytes) < MIN_POOL_BYTES and not plan.needs_isolation:
        return 0
    return min(available_cpus(), shards)


def can_start_processes() -> bool:
    """Whether this process may start others: a worker of somebody's ``Pool`` may not."""
    return not multiprocessing.current_process().daemon


def available_cpus() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
