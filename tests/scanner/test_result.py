"""Keys of records are looked up late, once a shard, for addresses in any order."""

import numpy as np

from tests.builders.judged import address, scanned_of


def addresses(*places):
    return np.array([address(*place) for place in places], np.int64)


def test_keys_come_in_the_order_of_the_addresses():
    scanned = scanned_of()
    assert scanned.lookup_keys(addresses((2, 1), (0, 0), (2, 0), (0, 0))) == ["e", "a", "d", "a"]


def test_each_shard_is_asked_once_for_each_row():
    scanned = scanned_of()
    scanned.lookup_keys(addresses((2, 1), (0, 2), (2, 0), (0, 0), (0, 2)))
    assert scanned.reader.asked == [(0, [0, 2]), (2, [0, 1])]


def test_no_addresses_ask_nothing():
    scanned = scanned_of()
    assert scanned.lookup_keys(addresses()) == []
    assert scanned.reader.asked == []


def test_keys_of_one_shard_at_a_time():
    scanned = scanned_of()
    keys = scanned.iter_keys(addresses((2, 1), (0, 0)))
    positions, found = next(keys)
    assert (positions.tolist(), found) == ([1], ["a"])
    assert scanned.reader.asked == [(0, [0])]
    positions, found = next(keys)
    assert (positions.tolist(), found) == ([0], ["e"])
