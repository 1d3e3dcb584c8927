"""Splitting a store into ranges of keys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.manifest import Table
from datascan.readers.leveldb.partition import MIN_BYTES, split_keys
from datascan.readers.leveldb.replay import LoggedEntries

KEYS = [b"%08d_x" % i for i in range(1000)]
ENTRY = 1000


class FakeTable:
    """A table with a block of ``ENTRY`` bytes for every key."""

    def __init__(self, keys):
        self.keys = keys
        self.table = Table(6, 1, ENTRY * len(keys), keys[0] + bytes(8), keys[-1] + bytes(8))
        self.is_asked = False

    @property
    def index(self):
        self.is_asked = True
        return self

    @property
    def handles(self):
        return np.array([[0, ENTRY]] * len(self.keys))

    def begins(self):
        return self.keys


def logged(keys=(), size=ENTRY):
    places = np.array([(0, 0, size)] * len(keys), np.int64).reshape(-1, 3)
    return LoggedEntries((), list(keys), np.zeros(len(keys), np.uint64), places)


def sizes(edges, keys):
    bounds = [b"", *edges, b"\xff" * 20]
    return [sum(a <= key < b for key in keys) * ENTRY for a, b in itertools.pairwise(bounds)]


def test_nothing_to_split():
    assert split_keys([], logged(), 1000) == []
    assert split_keys([FakeTable(KEYS[:5])], logged(), 100_000) == []


@pytest.mark.parametrize("target", [10_000, 100_000, 300_000])
@pytest.mark.parametrize("in_logs", [True, False])
def test_a_large_table_or_log_is_split_inside(target, in_logs):
    tables, entries = ([], logged(KEYS)) if in_logs else ([FakeTable(KEYS)], logged())
    edges = split_keys(tables, entries, target)
    assert len(edges) >= 3 * 100_000 // target
    *found, last = sizes(edges, KEYS)
    assert all(target // 2 <= size < target * 2 for size in found)
    assert 0 < last < target * 2


def test_small_tables_are_split_where_they_begin():
    tables = [FakeTable(KEYS[i : i + 10]) for i in range(0, 1000, 10)]
    edges = split_keys(tables, logged(), 100_000)
    *found, last = sizes(edges, KEYS)
    assert all(50_000 <= size <= 105_000 for size in found)
    assert 0 < last <= 105_000
    assert set(edges) <= {table.keys[0] for table in tables}
    assert not any(table.is_asked for table in tables)


def test_a_table_that_is_added_shifts_the_ranges_next_to_it_only():
    tables = [FakeTable(KEYS[i : i + 10]) for i in range(0, 1000, 10)]
    before = split_keys(tables, logged(), 100_000)
    for added in range(1, 40):
        keys = [KEYS[10 * added] + b"%02d" % i for i in range(10)]
        after = split_keys([*tables, FakeTable(keys)], logged(), 100_000)
        assert len(set(before) ^ set(after)) <= 12
        assert before[-1] == after[-1]


@given(
    keys=st.lists(st.binary(max_size=4), min_size=1, max_size=60, unique=True).map(sorted),
    runs=st.integers(1, 5),
    target=st.sampled_from([1, 2 * ENTRY, MIN_BYTES, 20 * ENTRY]),
)
def test_edges_ascend(keys, runs, target):
    parts = [keys[i::runs] for i in range(runs) if keys[i::runs]]
    tables = [FakeTable(part) for part in parts[1:]]
    edges = split_keys(tables, logged(parts[0]), target)
    assert edges == sorted(set(edges))
    assert b"" not in edges
