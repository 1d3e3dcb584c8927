"""Which executor is chosen, from the plan and the options."""

from __future__ import annotations

import os

import pytest

from datascan.config.options import RunOptions
from datascan.executors import select
from datascan.executors.process_pool.isolated_function import IsolatedFunction
from datascan.executors.process_pool.pool import ProcessPool
from datascan.executors.select import (
    MIN_POOL_BYTES,
    available_cpus,
    can_start_processes,
    choose_worker_count,
    default_executor,
    isolate,
    sampling_executor,
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


def test_workers_must_pay_for_their_start(cpus):
    assert choose_worker_count(SMALL, RunOptions()) == 0
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
    assert isinstance(sampling_executor(LARGE, options), SerialExecutor)


def test_the_executor_has_the_workers_and_the_timeout_of_the_options():
    assert default_executor(SMALL, RunOptions(workers=3, timeout=7)) == ProcessPool(3, 7)
    assert isinstance(default_executor(LARGE, RunOptions(workers=0)), SerialExecutor)
    assert isinstance(default_executor(SMALL, RunOptions()), SerialExecutor)


def test_samples_are_read_in_a_worker_that_starts_fast(monkeypatch):
    monkeypatch.setattr(select, "start_method", lambda: "fork")
    for plan in (SMALL, LARGE):
        assert sampling_executor(plan, RunOptions(timeout=7)) == ProcessPool(1, 7)
        assert sampling_executor(plan, RunOptions(workers=3, timeout=7)) == ProcessPool(3, 7)
        assert isinstance(sampling_executor(plan, RunOptions(workers=0)), SerialExecutor)


def test_samples_of_a_small_dataset_do_not_wait_for_a_worker_that_starts_slowly(monkeypatch):
    monkeypatch.setattr(select, "start_method", lambda: "spawn")
    assert isinstance(sampling_executor(SMALL, RunOptions()), SerialExecutor)
    assert isinstance(sampling_executor(LARGE, RunOptions()), ProcessPool)


def find_process(_argument):
    return os.getpid()


def fail(_argument, _reason):
    raise AssertionError


def test_a_function_is_isolated_unless_workers_are_ruled_out():
    with isolate(find_process, fail, RunOptions()) as function:
        assert isinstance(function, IsolatedFunction)
        assert function(None) != os.getpid()
    with isolate(find_process, fail, RunOptions(workers=0)) as function:
        assert function is find_process


def test_a_function_is_not_isolated_in_a_process_that_may_not_start_others(daemon):
    with isolate(find_process, fail, RunOptions(workers=2)) as function:
        assert function is find_process


def test_this_process_may_start_others():
    assert can_start_processes()


def test_the_cores_that_this_process_may_use():
    assert 1 <= available_cpus() <= os.cpu_count()
