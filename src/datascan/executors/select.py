"""Choose an executor: this process, or worker processes if they pay for their start."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from datascan.config.options import RunOptions
from datascan.executors.base import Executor
from datascan.executors.process_pool.isolated_function import IsolatedFunction
from datascan.executors.process_pool.pool import ProcessPool
from datascan.executors.process_pool.worker import start_method
from datascan.executors.serial import SerialExecutor
from datascan.records.shard import Plan

A = TypeVar("A")
R = TypeVar("R")

MIN_POOL_BYTES = 64 << 20
"""A dataset smaller than this is read faster without starting workers."""


def default_executor(plan: Plan, options: RunOptions) -> Executor:
    """The executor for reading all of a dataset."""
    workers = choose_worker_count(plan, options)
    return ProcessPool(workers, options.timeout) if workers else SerialExecutor()


def sampling_executor(plan: Plan, options: RunOptions) -> Executor:
    """The executor for reading a few records that may be damaged.

    One worker isolates their crashes, unless starting it would take longer than reading them.
    """
    if options.workers is None and can_start_processes() and start_method() == "fork":
        return ProcessPool(1, options.timeout)
    return default_executor(plan, options)


def choose_worker_count(plan: Plan, options: RunOptions) -> int:
    """The largest number of worker processes to use; 0 means this process alone."""
    if not can_start_processes():
        return 0
    if options.workers is not None:
        return options.workers
    if (plan.work_bytes or plan.nbytes) < MIN_POOL_BYTES and not plan.needs_isolation:
        return 0
    return available_cpus()


@contextmanager
def isolate(
    function: Callable[[A], R], on_failure: Callable[[A, str], R], options: RunOptions
) -> Iterator[Callable[[A], R]]:
    """``function``, called in a process of its own that may crash or hang.

    A call that always crashes returns ``on_failure(argument, reason)`` instead. Without worker
    processes (``options.workers`` is 0, or none can be started), it is ``function`` itself.

    Raises:
        DatascanError: if the process cannot be started.
    """
    if options.workers == 0 or not can_start_processes():
        yield function
        return
    with IsolatedFunction(function, on_failure, timeout=options.timeout) as isolated:
        yield isolated


def can_start_processes() -> bool:
    """Whether this process may start others: daemonic processes, as in a ``Pool``, may not."""
    return not multiprocessing.current_process().daemon


def available_cpus() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
