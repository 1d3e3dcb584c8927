"""Runs of rows: planted ones are found exactly, random ones not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.report.patterns.rows import find_runs


@given(
    st.integers(2_000, 60_000),
    st.floats(0.0, 0.8),
    st.integers(10, 1_000),
    st.integers(0, 2**32 - 1),
)
def test_a_planted_run_is_found_exactly(records, place, length, seed):
    first = int(place * (records - length))
    inside = np.arange(first, first + length)
    strays = np.random.default_rng(seed).choice(records, length // 30, replace=False)
    far = strays[np.abs(strays - first - length / 2) > length + records / 8]
    runs = find_runs(np.union1d(inside, far), records)
    assert runs.bounds == ((first, first + length - 1),)
    assert runs.inside == length


def test_several_runs_are_found():
    parts = [np.arange(100, 300), np.arange(5_000, 5_200), np.arange(9_000, 9_250)]
    runs = find_runs(np.concatenate(parts), 10_000)
    assert runs.bounds == ((100, 299), (5_000, 5_199), (9_000, 9_249))


def test_a_run_may_have_healthy_records_among_the_bad():
    random = np.random.default_rng(3)
    inside = np.sort(random.choice(np.arange(20_000, 23_000), 900, replace=False))
    (bounds,) = find_runs(inside, 50_000).bounds
    assert bounds == (inside[0], inside[-1])


@pytest.mark.parametrize("records", [20, 60, 1_000, 50_000])
def test_random_records_are_no_run(records):
    random = np.random.default_rng(records)
    for _ in range(1_000):
        count = int(random.integers(5, max(6, min(records, 400))))
        positions = np.sort(random.choice(records, count, replace=False))
        assert find_runs(positions, records) is None


def test_all_records_are_no_run():
    assert find_runs(np.arange(100), 100) is None
    assert find_runs(np.arange(99), 100) is None
    assert find_runs(np.arange(4), 1_000) is None
