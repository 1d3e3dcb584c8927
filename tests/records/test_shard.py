"""Addresses of records, and their grouping by shard."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datascan.records.shard import Shard, group_by_shard, join_addresses, split_addresses

PLACES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, (1 << 32) - 1)), max_size=40)


def addresses_of(places):
    return np.array([Shard(shard, None).base + row for shard, row in places], np.int64)


@given(PLACES)
def test_an_address_is_a_shard_and_a_row(places):
    addresses = addresses_of(places)
    shards, rows = split_addresses(addresses)
    assert list(zip(shards.tolist(), rows.tolist(), strict=True)) == places
    assert join_addresses(shards, rows).tolist() == addresses.tolist()


@given(PLACES)
def test_addresses_ascend_in_store_order(places):
    assert np.argsort(addresses_of(sorted(places)), kind="stable").tolist() == [*range(len(places))]


@given(PLACES)
def test_groups_hold_every_address_once(places):
    groups = list(group_by_shard(addresses_of(places)))
    assert [group.shard for group in groups] == sorted({shard for shard, _ in places})
    for group in groups:
        assert group.rows.tolist() == sorted(row for shard, row in places if shard == group.shard)
        named = [places[position] for position in group.positions]
        assert named == [(group.shard, row) for row in group.rows]
    positions = [position for group in groups for position in group.positions.tolist()]
    assert sorted(positions) == list(range(len(places)))


def test_equal_addresses_keep_their_order():
    (group,) = group_by_shard(addresses_of([(2, 7), (2, 1), (2, 7)]))
    assert group.positions.tolist() == [1, 0, 2]


def test_no_addresses_no_groups():
    assert list(group_by_shard(np.empty(0, np.int64))) == []


def test_a_slice_is_the_same_shard():
    part = Shard(3, "span").slice(2, 9)
    assert (part.index, part.span, part.first, part.last) == (3, "span", 2, 9)
    assert part.base == Shard(3, None).base
