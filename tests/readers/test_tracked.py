"""What a reader raises costs the records that raise it, and no others."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from datascan.errors import DatasetError
from datascan.executors.base import ScanCancelled, WorkerSlot
from datascan.readers import tracked
from datascan.readers.tracked import failed_block, tracked_blocks
from tests.builders.plain import PlainReader

EXCEPTIONS = (KeyError(6), SystemError("tile"), RecursionError("deep"), ValueError(), OSError("x"))


class Slot:
    """Notes what it is given."""

    def __init__(self):
        self.calls = []

    def mark(self, *rows):
        self.calls.append(("mark", *rows))

    def advance(self, *amounts):
        self.calls.append(("advance", *amounts))


def test_the_rows_of_a_block_are_marked_until_the_next_one():
    reader = PlainReader(np.zeros((30, 2)), np.zeros(30), rows=20)
    shard = reader.plan().shards[1].slice(1, 10)
    slot = Slot()
    blocks = tracked_blocks(reader, shard, slot)
    block = next(blocks)
    assert slot.calls[-1] == ("mark", 1, 8)
    slot.calls.clear()
    (last,) = blocks
    assert slot.calls == [
        ("advance", 8, block.nbytes),
        ("mark", 9, 0),
        ("mark", 9, 1),
        ("mark", 9, 1),
        ("advance", 1, last.nbytes),
        ("mark", 10, 0),
    ]


class RaisingReader(PlainReader):
    """Raises an exception for some rows of the whole dataset."""

    def __init__(self, records=30, *, error=None, bad=(), **options):
        super().__init__(np.arange(2.0 * records).reshape(-1, 2), np.zeros(records), **options)
        self.error, self.bad = error or KeyError(6), bad
        self.is_countable = True
        self.touched = 0

    def touch(self, row, own, shard):
        self.touched += 1
        if row in self.bad:
            raise self.error

    def count_rows(self, shard, track):
        if not self.is_countable:
            raise self.error
        return super().count_rows(shard, track)


def read(reader, shard):
    """The faults by row, and the rows that were read, in order."""
    faults, rows = {}, []
    for block in tracked_blocks(reader, shard, WorkerSlot.private()):
        first = block.start - shard.base
        faults |= {first + (f.row or 0): f.detail for f in block.faults}
        rows += [first + row for row in range(block.records) if not block.unreadable[row]]
    return faults, rows


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("blockwise", [False, True])
@pytest.mark.parametrize("bad", [(0,), (19,), (3, 4, 12), (0, 1, 2, 3, 4, 5), tuple(range(20))])
def test_an_exception_costs_its_record(error, blockwise, bad):
    reader = RaisingReader(rows=20, error=error, bad=bad, blockwise=blockwise)
    faults, rows = read(reader, reader.plan().shards[0])
    assert sorted(faults) == list(bad)
    assert rows == [row for row in range(20) if row not in bad]
    for detail in faults.values():
        assert detail.startswith(type(error).__name__)
        assert "(readers/test_tracked.py, line " in detail


def test_a_slice_stays_a_slice():
    reader = RaisingReader(rows=20, bad=(3, 8, 15))
    faults, rows = read(reader, reader.plan().shards[0].slice(5, 12))
    assert (sorted(faults), rows) == ([8], [5, 6, 7, 9, 10, 11])


class UnmarkedReader(RaisingReader):
    """Marks nothing."""

    def read(self, shard, track, *, decode=True):
        yield from super().read(shard, lambda row, count: None, decode=decode)


@pytest.mark.parametrize("last", [None, 20])
def test_without_marks_the_rows_are_halved(last):
    reader = UnmarkedReader(rows=20, bad=(3, 12))
    shard = reader.plan().shards[0].slice(0, last)
    faults, rows = read(reader, shard)
    assert (sorted(faults), rows) == ([3, 12], [r for r in range(20) if r not in (3, 12)])


def test_rows_that_cannot_be_counted_are_one_fault():
    reader = UnmarkedReader(rows=20, bad=(12,))
    reader.is_countable = False
    shard = reader.plan().shards[1]
    assert read(reader, shard)[0] == {}
    faults, _ = read(reader, reader.plan().shards[0])
    ((row, detail),) = faults.items()
    assert row == 8  # the first row behind the last block
    assert "row 8 behind part 1 on can be counted, up to the next part" in detail


def test_many_failures_are_given_up_together(monkeypatch):
    monkeypatch.setattr(tracked, "MAX_FAILURES", 4)
    reader = RaisingReader(200, rows=200, bad=range(200), blockwise=True)
    faults, rows = read(reader, reader.plan().shards[0])
    assert (sorted(faults), rows) == (list(range(200)), [])
    assert reader.touched < 60


@pytest.mark.parametrize(
    "error", [DatasetError("gone"), MemoryError(), ScanCancelled(), OSError(errno.ENOMEM, "no")]
)
def test_other_errors_are_raised(error):
    reader = RaisingReader(rows=20, error=error, bad=(3,))
    with pytest.raises(type(error)):
        read(reader, reader.plan().shards[0])


def test_blocks_of_failures():
    reader = RaisingReader(rows=20)
    shard = reader.plan().shards[1].slice(3, 5)
    block = failed_block(reader, shard, "why")
    assert (block.start, block.records) == (shard.base + 3, 2)
    assert [(f.row, f.rule, f.detail) for f in block.faults] == [
        (0, "reader-crash", "why"),
        (1, "reader-crash", "why"),
    ]
