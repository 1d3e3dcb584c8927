"""Worker slots are shared with the parent, without a file if processes are forked."""

from __future__ import annotations

import errno
import multiprocessing
import os
from multiprocessing.heap import Arena

import pytest

from datascan.errors import DatascanError
from datascan.executors.base import NO_ROW, Limits, WorkerSlot, ignore_done, ignore_tick
from datascan.executors.process_pool import worker_group
from datascan.executors.process_pool.worker_group import WorkerGroup, create_shared_slots
from datascan.records.shard import Shard


@pytest.fixture
def no_shared_files(monkeypatch):
    """No directory can hold shared memory."""

    def refuse(*_arguments, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Arena, "__init__", refuse)
    # Otherwise, memory left over from an earlier test is used.
    monkeypatch.setattr("multiprocessing.heap.BufferWrapper._heap", multiprocessing.heap.Heap())


def work(slots):
    slot = WorkerSlot(slots, 4)
    slot.mark(7, 3)
    slot.advance(2, 50)
    slot.advance(1, 5)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_a_worker_writes_its_parent_reads(method):
    context = multiprocessing.get_context(method)
    slots = create_shared_slots(context, 2)
    for offset in (0, 4):
        WorkerSlot(slots, offset).reset()
    process = context.Process(target=work, args=(slots,))
    process.start()
    process.join()
    assert WorkerSlot(slots, 0).state == (NO_ROW, 0, 0, 0)
    assert WorkerSlot(slots, 4).state == (7, 3, 3, 55)


def test_slots_for_forked_workers_need_no_directory(no_shared_files):
    slots = create_shared_slots(multiprocessing.get_context("fork"), 2)
    WorkerSlot(slots, 4).mark(1 << 40, 2)
    assert WorkerSlot(slots, 4).state == (1 << 40, 2, 0, 0)


def test_slots_for_spawned_workers_need_one(no_shared_files):
    with pytest.raises(DatascanError, match=r"^cannot share memory .*Read-only.*--workers 0$"):
        create_shared_slots(multiprocessing.get_context("spawn"), 2)


def double(shard, slot):
    return shard.index * 2


def exit_at_once(*_arguments):
    os._exit(3)


def fail(_shard, reason):
    raise AssertionError(reason)


def test_a_group_serves_several_maps_with_the_same_workers(forked):
    with WorkerGroup(double, fail, count=1, limits=Limits(60)) as group:
        (process,) = (worker.process.pid for worker in group.workers)
        for _ in range(2):
            shards = [Shard(i, None) for i in range(3)]
            results = group.map(shards, on_tick=ignore_tick, on_done=ignore_done)
            assert list(results) == [[0], [2], [4]]
        assert [worker.process.pid for worker in group.workers] == [process]
    assert multiprocessing.active_children() == []


def test_workers_that_never_get_ready_are_an_error(forked, monkeypatch):
    monkeypatch.setattr(worker_group, "worker_loop", exit_at_once)
    group = WorkerGroup(double, fail, count=1, limits=Limits(60))
    message = r"^worker processes cannot start \(ended with status 3\); try --workers 0$"
    with group, pytest.raises(DatascanError, match=message):
        list(group.map([Shard(0, None)], on_tick=ignore_tick, on_done=ignore_done))
    assert multiprocessing.active_children() == []


def test_a_process_that_cannot_be_started_is_an_error(monkeypatch):
    group = WorkerGroup(double, fail, count=1, limits=Limits(60))

    def refuse(*_arguments, **_options):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(group.context, "Process", refuse, raising=False)
    with pytest.raises(DatascanError, match=r"^cannot start a worker process .*--workers 0$"):
        group.__enter__()
