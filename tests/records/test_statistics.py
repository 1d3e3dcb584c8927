"""Statistics of records of every dtype."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from datascan.records.statistics import (
    CHUNK_VALUES,
    RecordStats,
    compute_stats,
    compute_stats_at,
    compute_stats_into,
    in_float64,
    is_measured_directly,
    row_chunks,
)

DTYPES = ["u1", "i1", "f4", "f8", "i2", "u2", "i4", "u8", "f2", ">f4"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 7, 1000])
def test_ranges_and_sums(dtype, width):
    values = np.random.default_rng(0).integers(0, 100, (70, width)).astype(dtype)
    stats = compute_stats(values)
    wide = values.astype(np.float64)
    assert stats.low.tolist() == wide.min(axis=1).tolist()
    assert stats.high.tolist() == wide.max(axis=1).tolist()
    assert stats.totals.tolist() == wide.sum(axis=1).tolist()
    assert stats.squares.tolist() == (wide * wide).sum(axis=1).tolist()
    assert stats.low.dtype == values.dtype
    assert len(set(stats.sample_hash.tolist())) > min(30, 2 * width)
    part = stats.take(np.array([3, 1]))
    for name in RecordStats.__slots__:
        assert getattr(part, name).tolist() == getattr(stats, name)[[3, 1]].tolist()


def test_types_that_need_no_conversion():
    direct = [dtype for dtype in DTYPES if is_measured_directly(np.dtype(dtype))]
    assert direct == ["u1", "i1", "f4", "f8"]


def test_rows_outside_of_the_buffer_are_refused():
    source = np.zeros(16, np.uint8)
    compute_stats_at(source, np.array([0, 12]), "f", 1)
    for offset in (13, -1):
        with pytest.raises(ValueError, match="outside"):
            compute_stats_at(source, np.array([offset]), "f", 1)


def test_statistics_are_written_in_place():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    stats = RecordStats.empty(4, np.float32)
    stats.low[:] = stats.high[:] = stats.totals[:] = -1
    compute_stats_into(stats, slice(1, 3), values.view(np.uint8).ravel(), np.array([0, 12]), 3)
    assert stats.low.tolist() == [-1, 0, 3, -1]
    assert stats.high.tolist() == [-1, 2, 5, -1]
    assert stats.totals.tolist() == [-1, 3, 12, -1]
    assert stats.squares[1:3].tolist() == [5, 50]
    assert stats.sample_hash[1:3].tolist() == compute_stats(values).sample_hash.tolist()


@pytest.mark.parametrize(
    ("count", "width", "sizes"),
    [
        (5, CHUNK_VALUES // 2, [2, 2, 1]),
        (4, CHUNK_VALUES // 2, [2, 2]),
        (3, CHUNK_VALUES * 5, [1, 1, 1]),
        (3, CHUNK_VALUES, [1, 1, 1]),
        (1000, 1, [1000]),
        (0, 1, []),
    ],
)
def test_chunks_of_rows(count, width, sizes):
    chunks = list(row_chunks(count, width))
    assert [len(range(count)[chunk]) for chunk in chunks] == sizes
    assert [row for chunk in chunks for row in range(count)[chunk]] == list(range(count))


def test_signalling_nans_are_widened_in_silence():
    signalling = np.array([0x7F800001], np.uint32).view(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(in_float64(signalling)).all()
