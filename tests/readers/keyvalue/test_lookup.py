"""Only the part of a store that can hold a key is searched."""

from __future__ import annotations

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.lookup import find_neighbours, find_rows
from datascan.records.buffers import BytesColumn
from datascan.records.shard import Shard

PARTS = {
    KeyRange(None, b"c"): [b"a", b"b"],
    KeyRange(b"c", b"m"): [b"c", b"e", b"g"],
    KeyRange(b"m", None): [b"m", b"z"],
}
SHARDS = [Shard(i, span) for i, span in enumerate(PARTS)]


class Store:
    def __init__(self):
        self.read = []

    def __call__(self, span):
        self.read.append(span)
        for key in PARTS[span]:
            yield KeyValueBatch(BytesColumn.of([key]), BytesColumn.of([b""]), has_values=False)


def test_only_one_part_is_read():
    store = Store()
    assert [*find_rows(SHARDS, [b"g"], store, ordered=True)] == [(1, 2)]
    assert store.read == [KeyRange(b"c", b"m")]


def test_without_order_all_parts_are_read():
    store = Store()
    assert [*find_rows(SHARDS, [b"g", b"a"], store, ordered=False)] == [(0, 0), (1, 2)]
    assert len(store.read) == 3


def test_the_keys_around_one_that_does_not_exist():
    assert find_neighbours(SHARDS, b"f", Store()) == ["e", "g"]
    assert find_neighbours(SHARDS, b"zz", Store()) == ["z"]
    assert find_neighbours(SHARDS, b"A", Store()) == ["a"]
    assert find_neighbours([], b"A", Store()) == []
