"""Range and moments, against NumPy and exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.metrics.values import measure_values
from datascan.records.statistics import compute_stats
from datascan.testing.blocks import block_of, block_of_columns, column_of, cut, images_of

DTYPES = [np.dtype(code) for code in ("u1", "i1", "u2", "i4", "i8", "f2", "f4", "f8", "?")]


def random_values(random, count, size, dtype):
    if dtype.kind == "f":
        return (random.normal(3, 2, (count, size)) * 10).astype(dtype)
    if dtype == np.bool_:
        return random.random((count, size)) < 0.3
    info = np.iinfo(dtype)
    low, high = max(int(info.min), -(10**6)), min(int(info.max), 10**6)
    return random.integers(low, high, (count, size), dtype, endpoint=True)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 9),
    st.sampled_from([1, 2, 255, 256, 257, 1000, 3072, 8192, 8200, 20000]),
    st.sampled_from(DTYPES),
    st.data(),
)
def test_any_cut_gives_the_same_bits_and_numpy_the_same_figures(seed, count, size, dtype, data):
    values = random_values(np.random.default_rng(seed), count, size, dtype)
    block = block_of(values)
    whole = measure_values(block)
    at = data.draw(st.integers(0, count))
    parts = [measure_values(piece) for piece in cut(block, at) if piece.records]
    assert whole == (parts[0] if len(parts) == 1 else parts[0] + parts[1])
    wide = values.astype(np.float64)
    assert (whole.low.value, whole.high.value) == (wide.min(), wide.max())
    assert whole.count == values.size
    assert whole.mean == pytest.approx(wide.mean(), rel=1e-12, abs=1e-12)
    assert whole.std == pytest.approx(wide.std(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("value", [0, 1, 255])
@pytest.mark.parametrize("size", [255, 256, 257, 150_528])
def test_bytes_are_summed_exactly(value, size):
    values = np.full((3, size), value, np.uint8)
    values[1] = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    tally = measure_values(block_of(values))
    exact = [int(v) for v in values.ravel()]
    total, squares = sum(exact), sum(v * v for v in exact)
    assert tally.total.fraction == total
    assert tally.squares.fraction == squares
    mean = Fraction(total, len(exact))
    assert tally.mean == float(mean)
    assert tally.std == sqrt(float(Fraction(squares, len(exact)) - mean * mean))


def test_sums_of_a_record_do_not_depend_on_its_neighbours():
    values = np.random.default_rng(0).normal(size=(40, 9001)).astype(np.float32)
    together = compute_stats(values)
    for row in range(0, 40, 7):
        alone = compute_stats(values[row : row + 1].copy())
        assert alone.totals[0] == together.totals[row]
        assert alone.squares[0] == together.squares[row]
        assert alone.sample_hash.tolist() == together.sample_hash[row : row + 1].tolist()


def test_a_record_larger_than_the_scratch():
    values = np.random.default_rng(0).integers(0, 256, (2, 1_000_003), np.uint8)
    seen = compute_stats(values)
    assert seen.totals.tolist() == values.sum(axis=1, dtype=np.int64).tolist()
    assert seen.squares.tolist() == (values.astype(np.int64) ** 2).sum(axis=1).tolist()


def test_values_that_are_not_finite_are_counted_and_left_out():
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    values[1, 1], values[2] = np.nan, [np.inf, -np.inf, np.nan]
    tally = measure_values(block_of(values))
    left = values[np.isfinite(values)].astype(np.float64)
    assert (tally.nan, tally.inf, tally.count) == (2, 2, 8)
    assert (tally.low.value, tally.high.value) == (0, 11)
    assert tally.mean == pytest.approx(left.mean(), rel=1e-14)
    assert tally.std == pytest.approx(left.std(), rel=1e-14)


def test_nothing_but_nan():
    tally = measure_values(block_of(np.full((2, 3), np.nan)))
    assert (tally.count, tally.nan) == (0, 6)
    assert tally.mean is None
    assert tally.std is None
    more = tally + measure_values(block_of(np.array([[1.0, 3.0]])))
    assert (more.low.value, more.high.value, more.mean) == (1, 3, 2)


def test_sums_that_overflow_have_no_mean():
    tally = measure_values(block_of(np.full((2, 4), 1.7e308)))
    assert tally.high.value == 1.7e308
    assert tally.mean is None
    assert tally.std is None


def test_zero_has_no_sign():
    for first, second in ((0.0, -0.0), (-0.0, 0.0)):
        one, other = (measure_values(block_of(np.array([[v]]))) for v in (first, second))
        assert str((one + other).low.value) == str((one + other).high.value) == "0.0"


def test_only_the_records_own_values_count():
    block = block_of(np.ones((2, 2)), extras={"side": np.full((2, 5), 9)})
    assert measure_values(block).high.value == 1


def test_without_values_there_is_no_tally():
    assert measure_values(block_of(records=3)) is None
    assert measure_values(block_of(np.zeros((3, 0)))) is None


def test_arrays_and_pictures_add():
    block = block_of_columns(
        [column_of(np.array([[4.0, 6.0]]), [1])], 2, images=images_of((1, 2, 2), rows=[0])
    )
    tally = measure_values(block)
    assert tally.count == 6
    assert (tally.low.value, tally.high.value) == (0, 255)


@pytest.mark.parametrize(("dtype", "is_known"), [(np.uint8, True), (np.float32, False)])
def test_a_small_deviation_of_bytes_is_exact(dtype, is_known):
    """The sums of bytes have no rounding errors that could hide it; those of floats do."""
    values = np.full((1, 40_000_000), 255, dtype)
    values[0, 7] = 254
    tally = measure_values(block_of(values))
    exact = sqrt(1 / values.size * (1 - 1 / values.size))
    assert tally.std == (pytest.approx(exact, rel=1e-6) if is_known else None)
