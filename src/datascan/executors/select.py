"""Running a task on shards: in this process, or in workers where they pay."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence

from datascan.config.options import Options
from datascan.executors.base import Desk, R, Work
from datascan.executors.process_pool.pool import Keep, Workers
from datascan.executors.serial import Ticking
from datascan.records.shard import Plan, Shard

WORTH_A_WORKER = 64 << 20
"""Below so many bytes a worker process does not pay for its start."""


def run(
    task: Work[R],
    plan: Plan,
    shards: Sequence[Shard],
    tick: Callable[[int, int], None] = lambda *_: None,
    keep: Keep[R] = lambda *_: None,
) -> Iterator[list[R]]:
    """The results of ``task`` for each of ``shards``, in order, in this process or in workers.

    ``tick`` hears of records and bytes read of unfinished shards; it may raise :class:`Stop`.
    ``keep`` is given every finished shard at once.
    """
    options = task.options
    count = worker_count(plan, options, len(shards))
    if count == 0:
        desk = Desk(Ticking(tick), 0)
        for shard in shards:
            desk.clear()
            result = task(shard, desk)
            keep(shard.index, [result])
            yield [result]
        return
    with Workers(
        task, task.blame, task.count_rows, count=count, timeout=options.timeout
    ) as workers:
        yield from workers.map(shards, lambda: tick(*workers.under_way), keep)


def worker_count(plan: Plan, options: Options, shards: int) -> int:
    """How many workers to start; 0 where none was asked for, none would pay, or none may be."""
    if not may_have_children():
        return 0
    if options.workers is not None:
        return min(options.workers, shards)
    if (plan.cost or plan.nbytes) < WORTH_A_WORKER and not plan.damaged:
        return 0
    return min(cores(), shards)


def may_have_children() -> bool:
    """Whether this process may start others: a worker of somebody's ``Pool`` may not."""
    return not multiprocessing.current_process().daemon


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
