"""Cutting a store's keys into ranges."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.manifest import Table
from datascan.readers.leveldb.partition import MIN_BYTES, split_keys

KEYS = [b"%08d_x" % i for i in range(1000)]
ENTRY = 1000


def size_among(keys):
    def size(first, last):
        return ENTRY * sum(first <= key < last for key in keys)

    return size


def table(keys):
    return Table(6, 1, ENTRY * len(keys), keys[0] + bytes(8), keys[-1] + bytes(8))


def sizes(edges, keys):
    bounds = [b"", *edges, b"\xff" * 20]
    return [sum(a <= key < b for key in keys) * ENTRY for a, b in itertools.pairwise(bounds)]


def test_nothing_to_cut():
    assert split_keys([], 1000, size_among([])) == []
    assert split_keys([table(KEYS[:5])], 100_000, size_among(KEYS)) == []


@pytest.mark.parametrize("target", [10_000, 100_000, 300_000])
def test_a_large_table_is_cut_inside(target):
    edges = split_keys([table(KEYS)], target, size_among(KEYS))
    assert all(target // 2 < size < target * 2 for size in sizes(edges, KEYS))


def test_small_tables_are_cut_where_they_begin():
    tables = [table(KEYS[i : i + 10]) for i in range(0, 1000, 10)]

    def never(first, last):
        raise AssertionError

    edges = split_keys(tables, 100_000, never)
    assert len(edges) == 9
    assert set(edges) <= set(KEYS)
    assert set(sizes(edges, KEYS)) == {100_000}


@given(
    keys=st.lists(st.binary(max_size=4), min_size=1, max_size=60, unique=True).map(sorted),
    parts=st.integers(1, 5),
    target=st.sampled_from([1, 2 * ENTRY, MIN_BYTES, 20 * ENTRY]),
)
def test_edges_ascend(keys, parts, target):
    runs = [keys[i::parts] for i in range(parts) if keys[i::parts]]
    edges = split_keys([table(run) for run in runs], target, size_among(keys))
    assert edges == sorted(set(edges))
    assert b"" not in edges
