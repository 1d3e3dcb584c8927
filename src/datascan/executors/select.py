"""Choose an executor: worker processes, or this process if it may start none."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from datascan.config.options import RunOptions
from datascan.executors.base import Executor, Limits
from datascan.executors.isolation import out_of_memory
from datascan.executors.machine import Cpus, available_cpus, find_cpus, usable_memory
from datascan.records.shard import Plan

A = TypeVar("A")
R = TypeVar("R")

MIN_POOL_BYTES = 64 << 20
"""A dataset smaller than this is read by one worker: starting more would take longer."""


def default_executor(plan: Plan, options: RunOptions) -> Executor:
    """The executor for reading a dataset, or some of its records again."""
    workers = choose_worker_count(plan, options)
    if not workers:
        from datascan.executors.serial import SerialExecutor  # noqa: PLC0415  (seldom needed)

        return SerialExecutor()
    from datascan.executors.process_pool.pool import ProcessPool  # noqa: PLC0415  (not for small data)

    limits = limits_of(options)
    return ProcessPool(workers, limits.timeout, limits.max_memory)


def choose_worker_count(plan: Plan, options: RunOptions) -> int:
    """The largest number of worker processes to use; 0 means this process alone."""
    if not can_start_processes():
        return 0
    if options.workers is not None:
        return options.workers
    return 1 if is_small(plan) else available_cpus()


def explain_worker_count(plan: Plan, options: RunOptions) -> Cpus:
    """How many worker processes there are at a time, and what decides that, in words."""
    count = choose_worker_count(plan, options)
    if not plan.shards:
        return Cpus(0, "there is nothing to read")
    if not can_start_processes():
        return Cpus(0, "this process may not start others")
    if options.workers is not None:
        found = Cpus(count, "set by --workers")
    elif count == 1 and is_small(plan):
        found = Cpus(count, "the dataset is small")
    else:
        found = find_cpus()
    if 0 < len(plan.shards) < found.count:
        return Cpus(len(plan.shards), "one for each part")
    return found


def is_small(plan: Plan) -> bool:
    """Whether starting more than one worker would take longer than the scan."""
    return (plan.work_bytes or plan.nbytes) < MIN_POOL_BYTES and not plan.needs_isolation


@contextmanager
def isolate(
    function: Callable[[A], R],
    on_failure: Callable[[A, str], R],
    options: RunOptions,
) -> Iterator[Callable[[A], R]]:
    """``function``, called in a process of its own with the limits of the options.

    A call that always crashes or exceeds a limit returns ``on_failure(argument, reason)`` instead.
    Without worker processes (``options.workers`` is 0, or none can be started), the function is
    called in this process, and only a lack of memory is a failure.

    Raises:
        DatascanError: if the process cannot be started.
    """
    if options.workers == 0 or not can_start_processes():
        yield partial(call_here, function, on_failure)
        return
    from datascan.executors.process_pool.isolated_function import (  # noqa: PLC0415  (seldom needed)
        IsolatedFunction,
    )

    with IsolatedFunction(function, on_failure, limits=limits_of(options)) as isolated:
        yield isolated


def limits_of(options: RunOptions) -> Limits:
    """What a worker may take: what the options say, but never more memory than there is for it."""
    return Limits(options.timeout, usable_memory(options.max_memory))


def call_here(function: Callable[[A], R], on_failure: Callable[[A, str], R], argument: A) -> R:
    """The function's result, or that of ``on_failure`` if there is not enough memory."""
    try:
        return function(argument)
    except MemoryError:
        return on_failure(argument, out_of_memory(None))


def can_start_processes() -> bool:
    """Whether this process may start others: daemonic processes, as in a ``Pool``, may not."""
    return not multiprocessing.current_process().daemon
