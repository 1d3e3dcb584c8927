"""Bad values: which records have them, how many, and the position of the first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.metrics.value_hits import ValueHits, measure_value_hits
from datascan.testing.blocks import block_of, block_of_columns, column_of, cut


def nan_spots(block):
    return measure_value_hits(block, lambda part: np.isnan(part.ranges[0]), np.isnan)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.data())
def test_against_a_loop_over_records(seed, count, data):
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, 2, 3)).astype(np.float32)
    values[random.random(values.shape) < 0.1] = np.nan
    block = block_of(values)
    left, right = (nan_spots(piece) for piece in cut(block, data.draw(st.integers(0, count))))
    total = left + right if left and right else left or right
    wanted = {}
    for row in range(count):
        bad = np.argwhere(np.isnan(values[row])).tolist()
        if bad:
            wanted[row] = f"{len(bad)} of 6 values, first nan at {bad[0]}"
    assert (total is None) == (not wanted)
    if total is not None:
        spots = ValueHits.of(total)
        addresses, facts = spots.flagged.addresses.array, spots.flagged.facts.array
        assert dict(zip(addresses.tolist(), map(spots.describe, facts), strict=True)) == wanted


def test_own_values_come_first_whatever_failed_first():
    values, side = np.zeros((2, 1)), np.zeros((2, 1))
    side[0], side[1], values[1] = np.nan, np.nan, np.nan
    block = block_of(values, extras={"a": side})
    whole = ValueHits.of(nan_spots(block))
    left, right = cut(block, 1)
    halves = ValueHits.of(nan_spots(left) + nan_spots(right))
    for spots in (whole, halves):
        assert spots.describe(spots.flagged.facts.array[1]) == (
            "1 of 1 values, first nan at [0]; a: 1 of 1 values, first nan at [0]"
        )


def test_integers_and_records_without_values_are_skipped():
    def never(part):
        raise AssertionError

    block = block_of_columns(
        [column_of(np.zeros((2, 3), np.int64)), column_of(np.zeros((1, 0)), [2])], 3
    )
    assert measure_value_hits(block, never, np.isnan) is None
