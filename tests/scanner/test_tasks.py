"""The tasks of a scan: what they measure, what a crash leaves, and how progress is counted."""

from __future__ import annotations

import errno
from dataclasses import replace

import numpy as np
import pytest

from datascan.executors.base import NullProgress, ScanCancelled, WorkerSlot
from datascan.executors.serial import SerialExecutor
from datascan.metrics.faults import measure_faults
from datascan.metrics.values import measure_values
from datascan.records.block import Fault
from datascan.scanner.tasks import (
    DigestTask,
    MeasureTask,
    NullCheckpoint,
    ProgressCounter,
    measure_shards,
)
from tests.builders.plain import PlainReader

METRICS = {"values": measure_values, "faults": measure_faults}


def reader(count=25, rows=10) -> PlainReader:
    values = np.arange(2 * count, dtype=np.float32).reshape(-1, 2)
    return PlainReader(values, np.zeros(count), rows=rows)


def task(**options) -> MeasureTask:
    return MeasureTask(reader(**options), METRICS)


def shards(of: MeasureTask | DigestTask):
    return of.reader.plan().shards


class Steps(NullProgress):
    """Notes all progress; cancels at ``most`` records."""

    def __init__(self, most=1 << 62):
        self.seen, self.most, self.plans = [], most, []

    def start(self, plan):
        self.plans.append(plan)

    def update(self, records, nbytes):
        self.seen.append((records, nbytes))
        if records >= self.most:
            raise ScanCancelled


def test_a_shard_is_one_result():
    measuring = task()
    found = measuring(shards(measuring)[1], WorkerSlot.private())
    assert (found.shards.array.tolist(), found.records.array.tolist()) == ([1, 1], [8, 2])
    assert set(found.tallies.entries) == {"values"}
    assert (found.tallies.entries["values"].low.value, found.nbytes) == (20, 80)


def test_a_part_without_records_is_a_result_too():
    measuring = task()
    found = measuring(shards(measuring)[2].slice(3, 3), WorkerSlot.private())
    assert (found.shards.array.tolist(), found.records.array.tolist()) == ([2], [0])
    assert (found.tallies.entries, found.nbytes) == ({}, 0)


def test_rows_are_counted_whole():
    measuring = task()
    assert measuring.count_rows(shards(measuring)[1].slice(2, 4), WorkerSlot.private()) == 10


def faults_of(result):
    (entry,) = result.tallies.entries["faults"].entries.items()
    return entry


def test_rows_that_crash_are_faults():
    measuring = task()
    found = measuring.on_failure(shards(measuring)[1].slice(4, 6), "killed by SIGSEGV")
    assert (found.shards.array.tolist(), found.records.array.tolist()) == ([1], [2])
    rule, faults = faults_of(found)
    assert rule == "reader-crash"
    assert faults.records.addresses.array.tolist() == [1 << 32 | 4, 1 << 32 | 5]
    assert set(faults.records.facts.array.tolist()) == {"killed by SIGSEGV"}


@pytest.mark.parametrize(
    ("first", "where"),
    [(0, "part 2"), (1, "row 1 behind part 2"), (2000, "row 2,000 behind part 2")],
)
def test_rows_that_cannot_be_counted(first, where):
    measuring = task()
    found = measuring.on_failure(shards(measuring)[1].slice(first, None), "killed by SIGSEGV")
    assert found.records.array.tolist() == [0]
    _, faults = faults_of(found)
    text = f"killed by SIGSEGV: no record from {where} on can be counted, up to the next part"
    assert text in repr(faults)


class Cut(PlainReader):
    """Row 7 of a shard cannot be read a second time."""

    def block(self, start, at, end):
        block = super().block(start, at, end)

        def compare(rows):
            if self.rows + 7 in (rows + at).tolist():
                raise OSError("the file ends before this row")
            return block.digests(rows)

        return replace(block, digests=compare)


def measure_cut(block):
    """Fail if the block has the values of row 7 of shard 1."""
    if block.arrays and 0 <= (1 << 32 | 7) - block.start < block.records:
        raise OSError("the file ends before this row")


def test_a_block_that_cannot_be_read_again_is_measured_without_what_is_missing():
    """As far as the reader can tell: this one cannot, so all rows of the block are named."""
    measuring = MeasureTask(reader(), {**METRICS, "cut": measure_cut})
    found = measuring(shards(measuring)[1], WorkerSlot.private())
    assert found.records.array.sum() == 10
    rule, faults = faults_of(found)
    assert rule == "reader-crash"
    assert faults.records.addresses.array.tolist() == [1 << 32 | row for row in range(8)]
    assert set(faults.records.facts.array.tolist()) == {
        "read once, but not again: the file ends before this row"
    }


def test_a_lack_of_memory_is_no_fault_of_the_file():
    def fail(block):
        raise OSError(errno.ENOMEM, "no memory")

    measuring = MeasureTask(reader(), {"fail": fail})
    with pytest.raises(OSError, match="no memory"):
        measuring(shards(measuring)[1], WorkerSlot.private())


def test_rows_that_cannot_be_read_for_a_comparison_are_lost():
    cut = Cut(reader().values, np.zeros(25))
    digesting = DigestTask(cut, {1: np.array([2, 7, 9])})
    found = digesting(shards(digesting)[1], WorkerSlot.private())
    why = (
        "read once, but not again: the file ends before this row when it was to be compared with "
        "records that may be the same"
    )
    assert list(found.found) == [1 << 32 | 9]
    assert found.lost == tuple(Fault(1 << 32 | row, "reader-crash", why) for row in (2, 7))


def digests(rows) -> DigestTask:
    return DigestTask(reader(), {1: np.array(rows)})


def test_digests_of_chosen_rows():
    digesting = digests([0, 7, 8])
    base = 1 << 32
    found = digesting(shards(digesting)[1], WorkerSlot.private()).found
    assert list(found) == [base, base | 7, base | 8]
    assert len(set(found.values())) == 3
    part = digesting(shards(digesting)[1].slice(7, 8), WorkerSlot.private()).found
    assert part == {base | 7: found[base | 7]}
    assert digesting.count_rows(shards(digesting)[1].slice(2, 3), WorkerSlot.private()) == 10


@pytest.mark.parametrize(
    ("part", "rows"),
    [((0, None), [2, 3, 9]), ((3, None), [3, 9]), ((0, 9), [2, 3]), ((3, 4), [3]), ((4, 9), [])],
)
def test_chosen_rows_that_crash_are_lost(part, rows):
    digesting = digests([2, 3, 9])
    found = digesting.on_failure(shards(digesting)[1].slice(*part), "killed by SIGSEGV")
    why = "killed by SIGSEGV when it was to be compared with records that may be the same"
    assert found.found == {}
    assert found.lost == tuple(Fault(1 << 32 | row, "reader-crash", why) for row in rows)


def measured(measuring, progress, kept=None):
    plan = measuring.reader.plan()
    return measure_shards(measuring, plan, SerialExecutor(), progress, kept or NullCheckpoint())


def test_all_shards_are_added_up():
    progress = Steps()
    found, complete = measured(task(), progress)
    assert complete
    assert found.shards.array.tolist() == [0, 0, 1, 1, 2]
    assert found.records.array.tolist() == [8, 2, 8, 2, 5]
    assert found.nbytes == 25 * 8
    assert len(progress.plans) == 1
    assert progress.seen[-1] == (25, 200)
    assert progress.seen == sorted(progress.seen)


def test_a_cancelled_scan_keeps_what_is_finished():
    found, complete = measured(task(), Steps(most=15))
    assert not complete
    assert found.shards.array.tolist() == [0, 0]
    nothing, complete = measured(task(), Steps(most=0))
    assert not complete
    assert (len(nothing.shards.array), nothing.nbytes, nothing.tallies.entries) == (0, 0, {})


def test_finished_shards_are_not_read_again():
    class Kept(NullCheckpoint):
        def keep(self, shard, pieces):
            self.finished[shard] = list(pieces)

    kept = Kept()
    whole, _ = measured(task(), Steps(), kept)
    assert sorted(kept.finished) == [0, 1, 2]
    del kept.finished[1]
    reading = task()
    asked = []
    read = reading.reader.read
    reading.reader.read = lambda shard, *rest, **more: (
        asked.append(shard.index) or read(shard, *rest, **more)
    )
    again, complete = measured(reading, Steps(), kept)
    assert complete
    assert asked == [1]
    assert again.records.array.tolist() == whole.records.array.tolist()
    assert again.tallies.entries["values"] == whole.tallies.entries["values"]


def test_progress_of_finished_and_unfinished_shards():
    progress = Steps()
    counter = ProgressCounter(progress)
    counter.add(3, 40)
    counter.add(4, 50)
    counter.update(1, 7)
    assert progress.seen == [(8, 97)]
