"""A store that is only read: its ranges, single values, and copies in other processes."""

from __future__ import annotations

import pickle

import pytest

from datascan.errors import DatasetError
from datascan.readers.keyvalue.batch import KeyRange
from datascan.readers.leveldb.store import Store
from tests.builders.leveldb import flip, merged, numbered, table_files, write_leveldb

SESSIONS = [numbered(range(0, 300, 2), 400), numbered(range(1, 300, 3), 400)]


@pytest.fixture
def store(tmp_path):
    write_leveldb(tmp_path / "store", *SESSIONS, in_tables=False)
    return Store.of(tmp_path / "store")


def test_ranges_cover_every_key_once(store):
    spans = store.key_ranges(10_000)
    assert len(spans) > 3
    assert spans[0].first is None
    assert spans[-1].stop is None
    assert [span.stop for span in spans[:-1]] == [span.first for span in spans[1:]]
    found = [
        batch.keys[row]
        for span in spans
        for batch in store.iter_entries(span, values=False)
        for row in range(len(batch))
    ]
    assert found == list(merged(SESSIONS))


def test_single_values(store):
    expected = merged(SESSIONS)
    assert store.get(b"00000002") == expected[b"00000002"]
    assert store.get(b"00000299") is expected.get(b"00000299")
    assert store.get(b"") is None


def test_a_pickled_copy_reads_the_same_and_holds_no_file(store):
    list(store.iter_entries(KeyRange(), values=True))
    copy = pickle.loads(pickle.dumps(store))
    assert copy.nbytes == store.nbytes > 80_000
    assert copy.get(b"00000002") == store.get(b"00000002")


def test_a_value_in_a_damaged_block_is_none(tmp_path):
    write_leveldb(tmp_path, numbered(range(100), 5000))
    (table,) = table_files(tmp_path)
    flip(table, table.read_bytes().index(b"00000050|") + 100, 64)
    store = Store.of(tmp_path)
    assert store.get(b"00000050") is None
    assert store.get(b"00000051") is not None


def test_a_folder_that_cannot_be_listed(tmp_path):
    with pytest.raises(DatasetError, match="cannot read"):
        Store.of(tmp_path / "absent")
