"""Chosen records are read again, and no more than must be."""

import numpy as np
import pytest

from datascan.records.shard import Shard
from datascan.scanner.reread import blocks_with_rows, rows_by_shard, slices_with_rows
from datascan.testing.reader_laws import untracked
from tests.builders.plain import PlainReader

CHOSEN = np.array([3, 4, 20])


@pytest.mark.parametrize(
    ("part", "single", "together"),
    [
        ((0, None), [(3, 4), (4, 5), (20, 21)], [(3, 21)]),
        ((4, None), [(4, 5), (20, 21)], [(4, 21)]),
        ((0, 20), [(3, 4), (4, 5)], [(3, 5)]),
        ((5, 20), [], []),
    ],
)
def test_only_slices_that_hold_chosen_rows_are_read(part, single, together):
    shard = Shard(2, None).slice(*part)
    for one_by_one, expected in ((True, single), (False, together)):
        found = list(slices_with_rows(shard, CHOSEN, one_by_one=one_by_one))
        assert [(one.first, one.last) for one in found] == expected
        assert all(one.index == 2 for one in found)


def test_chosen_rows_are_counted_within_their_block():
    reader = PlainReader(np.arange(60).reshape(-1, 1), np.zeros(60), rows=30)
    shard = reader.plan().shards[1]
    found = list(blocks_with_rows(reader.read(shard, untracked), shard, CHOSEN))
    assert [(block.start - shard.base, rows.tolist()) for block, rows in found] == [
        (0, [3, 4]),
        (16, [4]),
    ]
    values = [block.arrays[0].values[rows, 0].tolist() for block, rows in found]
    assert values == [[33, 34], [50]]


def test_rows_by_shard():
    found = rows_by_shard(np.array([2 << 32 | 9, 5, 2 << 32 | 1, 3], np.int64))
    assert {shard: rows.tolist() for shard, rows in found.items()} == {0: [3, 5], 2: [1, 9]}
