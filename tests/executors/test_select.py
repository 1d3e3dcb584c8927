"""Which executor is chosen, from the plan and the options."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from datascan.config.options import RunOptions
from datascan.executors import select
from datascan.executors.process_pool.pool import ProcessPool
from datascan.executors.select import (
    MIN_POOL_BYTES,
    available_cpus,
    can_start_processes,
    choose_worker_count,
    default_executor,
    isolate,
)
from datascan.executors.serial import SerialExecutor
from datascan.records.shard import Plan, Shard


def make_plan(nbytes=0, **facts):
    return Plan(shards=(Shard(0, None),), layout="plain", nbytes=nbytes, **facts)


SMALL, LARGE = make_plan(MIN_POOL_BYTES - 1), make_plan(MIN_POOL_BYTES)


@pytest.fixture
def cpus(monkeypatch):
    monkeypatch.setattr(select, "available_cpus", lambda: 6)
    return 6


@pytest.fixture
def daemon(monkeypatch):
    monkeypatch.setattr(select, "can_start_processes", lambda: False)


def test_a_small_dataset_has_one_worker(cpus):
    assert choose_worker_count(SMALL, RunOptions()) == 1
    assert choose_worker_count(LARGE, RunOptions()) == cpus
    assert choose_worker_count(make_plan(1, work_bytes=MIN_POOL_BYTES), RunOptions()) == cpus
    assert choose_worker_count(make_plan(1, needs_isolation=True), RunOptions()) == cpus


@pytest.mark.parametrize("plan", [SMALL, LARGE, make_plan(1, needs_isolation=True)])
@pytest.mark.parametrize("workers", [0, 1, 40])
def test_the_number_of_workers_can_be_requested(plan, workers):
    assert choose_worker_count(plan, RunOptions(workers=workers)) == workers


@pytest.mark.parametrize("workers", [None, 3])
def test_a_process_that_may_not_start_others_has_no_workers(daemon, workers):
    options = RunOptions(workers=workers)
    assert choose_worker_count(LARGE, options) == 0
    assert isinstance(default_executor(LARGE, options), SerialExecutor)


def test_the_executor_has_the_workers_and_the_limits_of_the_options():
    limited = RunOptions(timeout=7, max_memory=10**8)
    assert default_executor(SMALL, replace(limited, workers=3)) == ProcessPool(3, 7, 10**8)
    assert default_executor(SMALL, limited) == ProcessPool(1, 7, 10**8)
    assert default_executor(SMALL, RunOptions()) == ProcessPool(1, 30, 4 * 10**9)
    assert isinstance(default_executor(LARGE, RunOptions(workers=0)), SerialExecutor)


def find_process(argument):
    if argument == "too much":
        raise MemoryError
    return os.getpid()


def describe(argument, reason):
    return argument, reason


def test_a_function_is_isolated_unless_workers_are_ruled_out():
    with isolate(find_process, describe, RunOptions()) as function:
        assert function(None) != os.getpid()
    with isolate(find_process, describe, RunOptions(workers=0)) as function:
        assert function(None) == os.getpid()


def test_a_function_is_not_isolated_in_a_process_that_may_not_start_others(daemon):
    with isolate(find_process, describe, RunOptions(workers=2)) as function:
        assert function(None) == os.getpid()


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        (0, "needed more memory than there is"),
        (1, "needed more than 4 GB of memory (--max-memory)"),
    ],
)
def test_a_lack_of_memory_is_a_failure_with_and_without_workers(workers, why):
    with isolate(find_process, describe, RunOptions(workers=workers)) as function:
        assert function("too much") == ("too much", why)
        assert function(None)


def test_this_process_may_start_others():
    assert can_start_processes()


def test_the_cores_that_this_process_may_use():
    assert 1 <= available_cpus() <= os.cpu_count()
