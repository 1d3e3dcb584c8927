"""What all key-value stores have in common, with a store in memory."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.reader import SAMPLE_SIZE, KeyValueReader
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn
from datascan.records.part import PartIdentity
from tests.builders.lmdb import numbered, random_datums

PER_BATCH = 4


class MemoryReader(KeyValueReader):
    """A store that gives four entries at a time; ``faults_at`` are those of single keys."""

    name = "memory"

    def __init__(self, entries, ranges=(), faults_at=(), kept=None, **options):
        super().__init__((Path("memory"),), Options().replace(**options))
        self.entries, self.faults_at, self.kept = entries, faults_at, kept
        self.ranges = ranges or [KeyRange()]

    @classmethod
    def accepts(cls, path):
        return False

    def key_ranges(self):
        return self.ranges

    def iter_entries(self, span, *, values=True):
        keys = sorted(
            key
            for key in self.entries
            if (span.first is None or key >= span.first) and (span.stop is None or key < span.stop)
        )
        for start in range(0, len(keys), PER_BATCH):
            some = keys[start : start + PER_BATCH]
            contents = [self.entries[key] if values else b"" for key in some]
            faults = [
                Fault(row, "damaged-store", "lost")
                for row, key in enumerate(some)
                if key in self.faults_at
            ]
            yield KeyValueBatch(BytesColumn.of(some), BytesColumn.of(contents), tuple(faults))

    def get(self, key):
        return self.entries.get(key)

    def nbytes(self):
        return sum(map(len, self.entries.values()))

    def store_count(self):
        return self.kept

    def identify_range(self, span):
        return PartIdentity.of((span, sorted(self.entries.items())), ())


def store(count=10, extra=None, **options):
    return MemoryReader(numbered(random_datums(count)) | (extra or {}), **options)


def read(reader, shard, **options):
    """The blocks of a shard, and the rows that were announced before each was read."""
    announced = []
    blocks = list(reader.read(shard, lambda row, count: announced.append((row, count)), **options))
    return blocks, announced


TEN = range(11)


@pytest.mark.parametrize("first", TEN)
@pytest.mark.parametrize("last", [*TEN, None])
def test_any_piece_of_a_shard(first, last):
    reader = store(extra={b"length": b"10"})
    (shard,) = reader.plan().shards
    blocks, announced = read(reader, shard.slice(first, last))
    rows = [block.start + row for block in blocks for row in range(block.records)]
    assert rows == list(range(first, 10 if last is None else last))
    numbers = [number for block in blocks for number in block.key_numbers.values.tolist()]
    assert numbers == rows
    assert all(block.records for block in blocks)
    starts = [(block.start, block.records) for block in blocks]
    assert set(starts) <= set(announced)


def test_reading_ends_with_the_last_row(monkeypatch):
    reader = store(100)
    (shard,) = reader.plan().shards
    given = []
    iterate = reader.iter_entries

    def counted(span, *, values=True):
        for batch in iterate(span, values=values):
            given.append(len(batch))
            yield batch

    monkeypatch.setattr(reader, "iter_entries", counted)
    read(reader, shard.slice(0, 8))
    assert given == [4, 4]
    given.clear()
    assert reader.keys(shard, [0, 1, 3]) == ["00000000", "00000001", "00000003"]
    assert given == [4]


def test_keys_of_rows_beyond_the_end_are_unknown():
    reader = store(6)
    (shard,) = reader.plan().shards
    assert reader.keys(shard, [1, 4, 5, 6, 9]) == ["00000001", "00000004", "00000005", "?", "?"]
    assert reader.keys(shard, []) == []


def test_records_are_counted_without_metadata():
    reader = store(10, extra={b"__len__": b"10"})
    (shard,) = reader.plan().shards
    progress = []
    assert reader.count_rows(shard, lambda row, count: progress.append((row, count))) == 10
    assert progress == [(4, 0), (8, 0), (10, 0)]


def test_empty_values_are_faults_unless_the_store_has_lost_them():
    entries = numbered(random_datums(4)) | {b"00000001": b"", b"00000002": b""}
    reader = MemoryReader(entries, faults_at=(b"00000002",))
    (shard,) = reader.plan().shards
    (block,), _ = read(reader, shard)
    assert [(fault.row, fault.rule, fault.detail) for fault in block.faults] == [
        (2, "damaged-store", "lost"),
        (1, "empty-record", "the value has 0 bytes"),
    ]
    assert block.records == 4
    assert block.unreadable.tolist() == [False, True, True, False]
    assert block.labels.present.tolist() == [True, False, False, True]


@pytest.mark.parametrize("limit", range(1, 14))
def test_the_limit_counts_over_all_shards(limit):
    cuts = [None, b"00000003", b"00000007", None]
    ranges = [KeyRange(first, stop) for first, stop in pairwise(cuts)]
    reader = store(12, ranges=ranges, limit=limit, extra={b"length": b"12"}, kept=13)
    plan = reader.plan()
    sizes = [sum(block.records for block in read(reader, shard)[0]) for shard in plan.shards]
    assert sum(sizes) == min(limit, 12)
    assert all(sizes)
    assert len(sizes) == 1 + (limit > 3) + (limit > 7)
    assert (plan.declared_count, plan.store_count) == (None, None)


@pytest.mark.parametrize(
    ("extra", "declared"),
    [
        ({}, None),
        ({b"num-samples": b"11"}, ("num-samples", 11)),
        ({b"num_samples": b" 12\n"}, ("num_samples", 12)),
        ({b"length": b"many", b"__len__": b"13"}, ("__len__", 13)),
        ({b"length": b"9" * 18}, ("length", int("9" * 18))),
        ({b"length": b"9" * 19}, None),
        ({b"__keys__": b"14"}, None),
    ],
)
def test_a_declared_count_is_the_first_that_is_a_number(extra, declared):
    plan = store(10, extra=extra, kept=10 + len(extra)).plan()
    assert plan.declared_count == declared
    assert plan.store_count == 10


def test_a_store_that_keeps_no_count():
    assert store(10).plan().store_count is None


def test_the_decoder_that_most_of_the_first_values_have():
    raw = {b"%08d" % i: b"\xff%d" % i for i in range(SAMPLE_SIZE)}
    assert MemoryReader(raw).plan().layout == "raw"
    datums = numbered(random_datums(SAMPLE_SIZE))
    few_raw = datums | {b"%08d" % i: b"\xff%d" % i for i in range(0, SAMPLE_SIZE, 3)}
    assert MemoryReader(few_raw).plan().layout == "caffe-datum"
    # Values without bytes do not vote, and neither do those after the sample.
    empty = {b"%08d" % i: b"" for i in range(SAMPLE_SIZE)}
    assert MemoryReader(empty | {b"9": random_datums(1)[0]}).plan().layout == "caffe-datum"
    late = raw | {b"1%07d" % i: value for i, value in enumerate(random_datums(3 * SAMPLE_SIZE))}
    assert MemoryReader(late).plan().layout == "raw"
    assert MemoryReader({}).plan().layout == "raw"


def test_lines_of_text_are_recognised_by_their_count_of_samples():
    lines = {b"image-%09d" % i: b"\x89PNG\r\n\x1a\n" for i in range(1, 4)}
    lines |= {b"label-%09d" % i: b"word" for i in range(1, 4)}
    assert MemoryReader(lines).plan().layout != "ocr"
    reader = MemoryReader(lines | {b"num-samples": b"3"}, kept=7)
    plan = reader.plan()
    assert plan.layout == "ocr"
    assert plan.store_count is None
    assert plan.declared_count == ("num-samples", 3)
    assert reader.describe_start(plan.shards[0]) == "key image-000000001"


def test_a_shard_is_described_by_its_first_key():
    reader = store(4, ranges=[KeyRange(None, b"00000002"), KeyRange(b"00000002", None)])
    shards = reader.plan().shards
    assert [reader.describe_start(shard) for shard in shards] == ["the first key", "key 00000002"]


def test_faults_of_the_store_need_isolation():
    reader = store(4)
    assert not reader.plan().needs_isolation
    reader.faults = lambda: (Fault(None, "damaged-store", "a page"),)
    plan = reader.plan()
    assert plan.needs_isolation
    assert plan.faults == (Fault(None, "damaged-store", "a page"),)


def test_a_plan_is_measured_in_bytes_of_values():
    reader = store(4)
    assert reader.plan().nbytes == sum(len(value) for value in reader.entries.values())


def test_images_may_be_left_encoded():
    reader = MemoryReader({b"%d" % i: b"\xff\xd8\xff" + bytes(i) for i in range(1, 4)})
    plan = reader.plan()
    assert plan.layout == "image"
    (block,), _ = read(reader, plan.shards[0], decode=False)
    assert {row: bytes(image) for row, image in block.encoded.items()} == {
        row: b"\xff\xd8\xff" + bytes(row + 1) for row in range(3)
    }
    assert np.flatnonzero(block.unreadable).tolist() == [0, 1, 2]
