"""Columns, blocks that are expanded, fingerprints and digests."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.records.block import (
    CHUNK_BYTES,
    ArrayColumn,
    Block,
    Fault,
    Labels,
    compute_digests,
    compute_fingerprints,
    scatter,
)
from datascan.records.buffers import BytesColumn
from datascan.testing.blocks import block_of, column_of, images_of
from tests.records.test_buffers import view_values

VALUES = np.arange(12, dtype=np.float32).reshape(3, 2, 2)


def lazy_column() -> ArrayColumn:
    """``VALUES`` in a buffer."""
    strings = BytesColumn.of([row.tobytes() for row in VALUES])
    return ArrayColumn("data", np.arange(3), view_values(strings, 0, "f", (2, 2))[0])


@pytest.fixture(params=["array", "lazy"])
def column(request):
    return column_of(VALUES) if request.param == "array" else lazy_column()


def test_a_column_in_memory_or_in_a_buffer(column):
    assert (column.shape, column.dtype, column.size) == ((2, 2), np.float32, 4)
    assert column.is_float
    assert column.take(np.array([2, 0])).tolist() == VALUES.reshape(3, 4)[[2, 0]].tolist()
    assert column.flat.tolist() == VALUES.reshape(3, 4).tolist()
    assert column.take(np.array([1])).tolist() == [[4, 5, 6, 7]]
    low, high = column.ranges
    assert (low.tolist(), high.tolist()) == ([0, 4, 8], [3, 7, 11])
    assert column.finite.tolist() == [True, True, True]


def test_values_that_are_not_contiguous():
    column = column_of(np.asfortranarray(VALUES))
    assert column.flat.tolist() == VALUES.reshape(3, 4).tolist()
    assert column.stats.totals.tolist() == VALUES.sum(axis=(1, 2)).tolist()


def test_booleans_are_measured_as_numbers():
    column = column_of(np.array([[True, False], [True, True]]))
    assert column.flat.dtype == np.uint8
    assert column.stats.totals.tolist() == [1, 2]
    assert not column.is_float


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_records_that_are_not_finite(bad):
    values = VALUES.copy()
    values[1, 1, 0] = bad
    assert column_of(values).finite.tolist() == [True, False, True]
    assert column_of(np.arange(2)).finite.tolist() == [True, True]


def test_a_column_without_records():
    column = column_of(np.empty((0, 5)))
    assert column.size == 0
    assert list(column.chunks()) == []


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((5, CHUNK_BYTES // 2), [2, 2, 1]),
        ((2, CHUNK_BYTES + 1), [1, 1]),
        ((3, 10), [3]),
        ((3, 0), [3]),
    ],
)
def test_chunks_of_a_column(shape, sizes):
    column = column_of(np.zeros(shape, np.uint8))
    assert [len(column.rows[chunk]) for chunk in column.chunks()] == sizes


def test_chunks_count_bytes():
    column = column_of(np.zeros((4, CHUNK_BYTES // 16)))
    assert [len(column.rows[chunk]) for chunk in column.chunks()] == [2, 2]


def test_unreadable_records_have_no_main_values():
    main = column_of(VALUES[:2], [0, 3])
    extra = column_of(VALUES[:1], [1], "extra", primary=False)
    block = Block(0, 5, 0, arrays=(main, extra), images=None)
    assert block.unreadable.tolist() == [False, True, True, False, True]
    assert not Block(0, 2, 0, is_opaque=True).unreadable.any()
    assert block_of(images=images_of((3, 2, 2), (3, 2, 2)), records=2).unreadable.sum() == 0


def test_a_block_is_expanded():
    faults = (Fault(1, "a", "b"), Fault(None, "c", "d"))
    labels = Labels(np.array([7, 8], np.int32), np.array([True, False]))
    part = column_of(VALUES[:1], [1])
    whole = scatter(
        Block(
            5,
            2,
            99,
            arrays=(part,),
            images=images_of((3, 2, 2)),
            labels=labels,
            faults=faults,
            fingerprints=np.array([3, 4], np.uint64),
            digests=lambda rows: [b"%d" % row for row in rows],
            encoded={1: b"image"},
        ),
        np.array([1, 3]),
        4,
    )
    assert (whole.start, whole.records, whole.nbytes) == (5, 4, 99)
    assert whole.arrays[0].rows.tolist() == [3]
    assert whole.images.rows.tolist() == [1]
    assert whole.labels.values.tolist() == [0, 7, 0, 8]
    assert whole.labels.present.tolist() == [False, True, False, False]
    assert [fault.row for fault in whole.faults] == [3, None]
    assert whole.fingerprints.tolist() == [0, 3, 0, 4]
    assert whole.digests(np.array([3, 1])) == [b"1", b"0"]
    assert whole.encoded == {3: b"image"}


def test_a_block_without_columns_is_expanded():
    bare = scatter(Block(0, 1, 1), np.array([1]), 3)
    assert (bare.records, bare.arrays, bare.images, bare.labels) == (3, (), None, None)
    assert bare.fingerprints is None
    assert bare.digests is None
    vectors = Labels(np.array([[1.5, 2.5]]), np.array([True]))
    expanded = scatter(Block(0, 1, 1, labels=vectors), np.array([1]), 2)
    assert expanded.labels.values.tolist() == [[0, 0], [1.5, 2.5]]


def test_a_complete_block_stays_as_it_is():
    block = Block(0, 2, 0)
    assert scatter(block, np.arange(2), 2) is block


def test_fingerprints_know_shape_and_dtype():
    arrays = [VALUES, VALUES.reshape(3, 4), VALUES.astype(np.float64), VALUES.astype(np.uint8)]
    prints = {tuple(compute_fingerprints(column_of(array)).tolist()) for array in arrays}
    assert len(prints) == 4


def test_booleans_are_compared_as_bytes():
    flags = np.array([[True, False, True]])
    columns = column_of(flags), column_of(flags.astype(np.uint8))
    assert compute_fingerprints(columns[0]).tolist() == compute_fingerprints(columns[1]).tolist()
    digests = [compute_digests((column,), {}, np.arange(1)) for column in columns]
    assert digests[0] == digests[1]


def test_the_bits_of_nan_do_not_matter_for_the_range():
    quiet, other = np.uint32(0x7FC00000), np.uint32(0xFFC00001)
    values = np.ones((2, 4000), np.float32)
    values.view(np.uint32)[0, 1777], values.view(np.uint32)[1, 1777] = quiet, other
    first, second = compute_fingerprints(column_of(values)).tolist()
    assert first == second


def test_digests_of_requested_rows_only():
    column = column_of(VALUES, [0, 2, 5])
    digests = compute_digests((column,), {1: b"x", 3: memoryview(b"x")}, np.array([5, 1, 2, 3, 4]))
    assert digests[1] == digests[3]
    assert len(set(digests)) == 4
    assert digests[4] == b"row 4"
    assert digests[:1] == compute_digests((column,), {}, np.array([5]))
