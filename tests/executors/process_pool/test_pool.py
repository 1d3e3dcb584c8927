"""Workers that crash or hang cost the record that they are reading, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

import datascan
from datascan.checks.duplicate_record import DuplicateRecord
from datascan.checks.nan_value import NanValue
from datascan.checks.reader_crash import ReaderCrash
from datascan.executors.base import ignore_done, ignore_tick
from datascan.executors.process_pool import worker_group
from datascan.executors.process_pool.pool import ProcessPool
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan
from datascan.testing.executor_laws import ExecutorLaws, IsolationLaws, TouchTask, make_shards
from tests.builders.plain import PlainReader


@pytest.mark.usefixtures("forked")
class TestProcessPool(ExecutorLaws, IsolationLaws):
    def make_executor(self, workers):
        return ProcessPool(workers, timeout=60)


def test_spawned_workers_run_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_group, "start_method", lambda: "spawn")
    results = ProcessPool(2, timeout=60).map(
        TouchTask(tmp_path), make_shards(3), on_tick=ignore_tick, on_done=ignore_done
    )
    assert list(results) == [["result 2"], ["result 1"], ["result 0"]]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [0, -1])
def test_a_pool_needs_a_worker(workers):
    with pytest.raises(ValueError, match=f"at least 1 worker, not {workers}"):
        ProcessPool(workers, timeout=60)


def dataset(count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    values = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    values[[row for row in (3, 27, 44) if row < count], 1] = np.nan
    return values, np.arange(count) % 3


def named(result: ScanResult, rule: str) -> dict[int, str]:
    return {
        int(index): judged.describe(fact)
        for judged in result.issues
        if judged.rule == rule
        for index, fact in zip(
            result.summary.indices(judged.flagged.addresses.array),
            judged.flagged.facts.array,
            strict=True,
        )
    }


CHECKS = [NanValue(), ReaderCrash()]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("blockwise", [False, True])
@pytest.mark.parametrize("deadly", [(0,), (12,), (19,), (20, 21), (5, 6, 33, 49)])
def test_a_crash_costs_its_record(workers, blockwise, deadly):
    reader = PlainReader(*dataset(), deadly=deadly, blockwise=blockwise, workers=workers)
    result = scan(reader, CHECKS)
    assert result.summary.records == 50
    assert named(result, "reader-crash") == dict.fromkeys(deadly, "killed by SIGSEGV")
    assert sorted(named(result, "nan-value")) == [3, 27, 44]
    assert multiprocessing.active_children() == []


def test_a_hang_costs_its_record():
    reader = PlainReader(*dataset(), endless=(14,), workers=2, timeout=0.3)
    result = scan(reader, CHECKS)
    assert result.summary.records == 50
    assert named(result, "reader-crash") == {14: "took longer than 0.3 seconds (--timeout)"}
    assert sorted(named(result, "nan-value")) == [3, 27, 44]


def test_a_worker_that_is_killed_costs_nothing(tmp_path):
    reader = PlainReader(*dataset(), workers=2)
    reader.kill_once = tmp_path
    result = scan(reader, CHECKS)
    assert len(list(tmp_path.iterdir())) == 5
    assert result.summary.records == 50
    assert named(result, "reader-crash") == {}
    assert sorted(named(result, "nan-value")) == [3, 27, 44]


class Mortal(PlainReader):
    """Dies at ``place`` ("begin", "block" or "count") of the shards in ``mortal``.

    It dies ``times`` per shard (None: always), and counts by files in ``home``.
    """

    def __init__(self, *args, home, place, times, mortal=range(5), **options):
        super().__init__(*args, **options)
        self.home, self.place, self.times, self.mortal = home, place, times, mortal

    def die_at(self, place: str, shard: int) -> None:
        before = len(list(self.home.glob(f"{shard}-*")))
        if place in self.place and shard in self.mortal and before != self.times:
            (self.home / f"{shard}-{before}").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def read(self, shard, track, *, decode=True):
        self.die_at("begin", shard.index)
        yield from super().read(shard, track, decode=decode)

    def touch(self, row, own, shard):
        self.die_at("block", shard)

    def count_rows(self, shard, track):
        self.die_at("count", shard.index)
        return super().count_rows(shard, track)


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("place", ["begin", "block"])
def test_workers_that_are_killed_more_than_once_cost_nothing(tmp_path, place, times):
    options = {"home": tmp_path, "place": place, "times": times, "blockwise": True, "workers": 2}
    result = scan(Mortal(*dataset(), **options), CHECKS)
    assert len(list(tmp_path.iterdir())) == 5 * times
    assert result.summary.records == 50
    assert named(result, "reader-crash") == {}
    assert sorted(named(result, "nan-value")) == [3, 27, 44]


def test_records_of_a_shard_that_cannot_be_begun_are_all_named(tmp_path):
    options = {"home": tmp_path, "place": "begin", "times": None, "mortal": [1], "rows": 3}
    result = scan(Mortal(*dataset(11), **options, workers=2), CHECKS)
    assert result.summary.records == 11
    assert named(result, "reader-crash") == dict.fromkeys([3, 4, 5], "killed by SIGKILL")


def test_a_shard_that_cannot_be_counted_is_reported_with_its_place(tmp_path):
    places = "begin or count"
    reader = Mortal(*dataset(), home=tmp_path, place=places, times=None, mortal=[1], workers=2)
    result = scan(reader, CHECKS)
    assert result.summary.records == 40
    (crash,) = (judged for judged in result.issues if judged.rule == "reader-crash")
    assert crash.details == (
        "killed by SIGKILL: no record from part 2 on can be counted, up to the next part",
    )
    assert sorted(named(result, "nan-value")) == [3, 17, 34]


class Forgetful(PlainReader):
    """Copies of row 0 in every shard; digests of row 31 kill, and others ``times`` a shard."""

    def __init__(self, *, home, times):
        values = np.arange(200, dtype=np.float32).reshape(50, 4)
        values[[11, 31, 41]] = values[0]
        super().__init__(values, np.arange(50) % 3, workers=2)
        self.home, self.times = home, times

    def block(self, start, at, end):
        block = super().block(start, at, end)

        def digests(rows):
            before = len(list(self.home.glob(f"{at}-*")))
            if 31 in rows + at or before < self.times:
                (self.home / f"{at}-{before}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return block.digests(rows)

        return replace(block, digests=digests)


@pytest.mark.parametrize("times", [0, 1, 2, 4])
def test_copies_are_found_though_workers_die_while_comparing(tmp_path, times):
    checks = [*CHECKS, DuplicateRecord()]
    result = scan(Forgetful(home=tmp_path, times=times), checks)
    why = "killed by SIGKILL when it was to be compared with records that may be the same"
    assert result.summary.records == 50
    assert named(result, "reader-crash") == {31: why}
    assert named(result, "duplicate-record") == dict.fromkeys([11, 41], "same content as")


class Stopping(PlainReader):
    """The first worker to answer stops itself in the middle of writing ``part`` of its message."""

    def __init__(self, *args, home, part, **options):
        super().__init__(*args, **options)
        self.flag, self.part = home / "stopped", part

    def read(self, shard, track, *, decode=True):
        yield from super().read(shard, track, decode=decode)
        if not self.flag.exists():
            os.write = partial(half, os.write, [self.part], self.flag)


def half(write, left, flag, descriptor, octets):
    """Write; of the last one of ``left`` calls only a half, and then stop the process."""
    left[0] -= 1
    if left[0]:
        return write(descriptor, octets)
    done = write(descriptor, octets[: len(octets) // 2])
    flag.touch()
    os.kill(os.getpid(), signal.SIGSTOP)
    return done


@pytest.mark.parametrize("part", [1, 2])
def test_a_worker_that_hangs_while_it_answers_costs_nothing(tmp_path, part):
    reader = Stopping(*dataset(), home=tmp_path, part=part, workers=1, timeout=0.3)
    result = scan(reader, CHECKS)
    assert reader.flag.exists()
    assert result.summary.records == 50
    assert named(result, "reader-crash") == {}
    assert sorted(named(result, "nan-value")) == [3, 27, 44]
    assert multiprocessing.active_children() == []


class Paused(PlainReader):
    """Each record takes a little while."""

    def touch(self, row, own, shard):
        time.sleep(0.05)


def test_time_in_which_the_scan_itself_is_stopped_does_not_count():
    """As after Ctrl-Z: the workers are stopped too, here by a signal each."""
    reader = Paused(*dataset(20), workers=1, timeout=1.3, rows=20)
    stopper = multiprocessing.get_context("fork").Process(
        target=stop_and_continue, args=(os.getpid(), 2.5)
    )
    stopper.start()
    result = scan(reader, CHECKS)
    stopper.join()
    assert stopper.exitcode == 0
    assert result.summary.records == 20
    assert named(result, "reader-crash") == {}


def stop_and_continue(process, seconds):
    """Stop a process and its newest child, and let them continue after so many seconds."""
    children = Path(f"/proc/{process}/task/{process}/children")
    until = time.monotonic() + 30
    while len(pids := [int(pid) for pid in children.read_text().split()]) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.3)
    stopped = [process, *(pid for pid in pids if pid != os.getpid())]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)


class Broken(PlainReader):
    def read(self, shard, track, *, decode=True):
        raise ValueError("not a fault of the dataset")


def test_an_error_of_a_reader_costs_its_records():
    reader = Broken(*dataset(), workers=2)
    crashed = named(scan(reader, CHECKS), "reader-crash")
    assert len(crashed) == len(dataset()[0])
    assert all(why.startswith("ValueError: not a fault of the dataset") for why in crashed.values())
    assert multiprocessing.active_children() == []


class BrokenCheck(NanValue):
    @staticmethod
    def measure(block):
        raise ValueError("not a fault of the dataset")


def test_an_error_of_the_program_is_raised():
    with pytest.raises(ValueError, match="not a fault of the dataset"):
        scan(PlainReader(*dataset(), workers=2), [BrokenCheck()])
    assert multiprocessing.active_children() == []


class Unborn(PlainReader):
    def __reduce__(self):
        return (explode, ())


def explode():
    raise ValueError("no worker can begin like this")


def scanned_in_a_pool(path):
    report = datascan.scan(path, workers=2)
    return report.dataset.records, report.complete, len(multiprocessing.active_children())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_of_a_pool_scans_without_workers_of_its_own(tmp_path, method):
    path = tmp_path / "chunked.h5"
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(0).normal(size=(40, 5))
        file.create_dataset("data", data=values, chunks=(8, 5), compression="gzip")
        file["label"] = np.arange(40) % 3
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(scanned_in_a_pool, (path,)) == (40, True, 0)
