"""Worker slots are shared with the parent, without a file if processes are forked."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from functools import partial
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


def run(function, shards, *, fail=fail, timeout=60.0, on_done=ignore_done, count=1):
    with WorkerGroup(function, fail, count=count, limits=Limits(timeout)) as group:
        return list(group.map(shards, on_tick=ignore_tick, on_done=on_done))


def touch_file(home, shard, slot):
    (home / str(shard.index)).touch()
    return shard.index


def test_a_worker_begins_the_next_part_while_its_parent_is_busy(forked, tmp_path):
    """Otherwise, it would idle while results are added up."""

    def wait_for_next(index, _results):
        until = time.monotonic() + 30
        while index < 5 and not (tmp_path / str(index + 1)).exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    shards = [Shard(i, None) for i in range(10)]
    results = run(partial(touch_file, tmp_path), shards, on_done=wait_for_next)
    assert results == [[i] for i in range(10)]


def die_at(rows, shard, slot):
    for row in range(shard.first, 6 if shard.last is None else shard.last):
        slot.mark(row, 1)
        if (shard.index, row) in rows:
            os.kill(os.getpid(), signal.SIGKILL)
    return []


def blame(shard, reason):
    return [(shard.index, row) for row in range(shard.first, shard.last)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_crash_is_blamed_on_the_part_in_work(forked, count):
    """The part that was sent ahead is read by another worker."""
    deadly = {(0, 0), (0, 5), (1, 0), (4, 3), (19, 5)}
    function = partial(die_at, deadly)
    results = run(function, [Shard(i, None) for i in range(20)], fail=blame, count=count)
    found = [{at for part in parts for at in part} for parts in results]
    assert found == [{at for at in deadly if at[0] == i} for i in range(20)]


def exhaust_memory(shard, slot):
    for row in range(shard.first, 6 if shard.last is None else shard.last):
        slot.mark(row, 1)
        if (shard.index, row) == (2, 4):
            raise MemoryError
    return []


def test_a_lack_of_memory_is_blamed_on_the_part_in_work(forked):
    results = run(exhaust_memory, [Shard(i, None) for i in range(12)], fail=blame)
    found = [[at for part in parts for at in part] for parts in results]
    assert found == [[], [], [(2, 4)], *([[]] * 9)]


def take_time(shard, slot):
    for row in range(4):
        slot.mark(row, 1)
        time.sleep(0.3)


def test_the_clock_of_a_part_starts_when_it_is_in_work(forked):
    """It was sent while another one was read, which took longer than one record may take."""
    shards = [Shard(i, None) for i in range(4)]
    assert run(take_time, shards, timeout=1.0) == [[None]] * 4


def hang_at_last_row(shard, slot):
    for row in range(shard.first, 3 if shard.last is None else shard.last):
        slot.mark(row, 1)
        if (shard.index, row) == (0, 2):
            time.sleep(600)
    return []


def test_a_part_that_hangs_is_the_one_in_work(forked):
    shards = [Shard(i, None) for i in range(8)]
    results = run(hang_at_last_row, shards, fail=blame, timeout=0.5)
    found = [[at for part in parts for at in part] for parts in results]
    assert found == [[(0, 2)], *([[]] * 7)]


def length_of(shard, slot):
    return bytes(len(shard.span))


def test_large_orders_and_answers_do_not_block_each_other(forked):
    """An order ahead that does not fit in the pipe would wait for a worker that posts."""
    span = bytes(2 << 20)
    results = run(length_of, [Shard(i, span) for i in range(10)])
    assert results == [[span]] * 10


def test_a_group_that_is_left_serves_another_map(forked):
    """The orders that were sent ahead are not executed in it."""
    with WorkerGroup(double, fail, count=1, limits=Limits(60)) as group:
        results = group.map(
            [Shard(i, None) for i in range(50)], on_tick=ignore_tick, on_done=ignore_done
        )
        assert next(results) == [0]
        group.restart_busy()
        shards = [Shard(i, None) for i in range(100, 103)]
        found = list(group.map(shards, on_tick=ignore_tick, on_done=ignore_done))
    assert found == [[200], [202], [204]]
