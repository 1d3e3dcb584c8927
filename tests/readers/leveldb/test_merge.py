"""Windows over tables and logs: every live entry once, in order, from the newest version."""

from __future__ import annotations

import random

import numpy as np
import pytest

from datascan.readers.keyvalue.batch import KeyRange
from datascan.readers.leveldb import merge
from datascan.readers.leveldb.store import Store
from tests.builders.leveldb import merged, numbered, open_leveldb, table_files, write_leveldb


def read(store, span=None, *, values=True):
    """All entries of a range, window by window."""
    windows = list(store.merger.windows(span or KeyRange(), values=values))
    assert not any(window.losses for window in windows)
    return [
        (window.batch.keys[row], window.batch.values[row])
        for window in windows
        for row in range(len(window.batch))
    ]


@pytest.fixture(params=[1, 10_000, 1 << 22])
def window_bytes(request, monkeypatch):
    monkeypatch.setattr(merge, "WINDOW_BYTES", request.param)
    return request.param


def test_tables_that_do_not_overlap_are_not_copied(tmp_path, window_bytes):
    sessions = [numbered(range(i, i + 100), 3000) for i in (0, 100, 200)]
    write_leveldb(tmp_path, *sessions)
    store = Store.of(tmp_path)
    assert read(store) == list(merged(sessions).items())
    for window in store.merger.windows(KeyRange(), values=True):
        if len(window.batch) > 1:
            ends = window.batch.values.offsets + window.batch.values.lengths
            # Values are where they were in the file, with the entries' headers between them.
            assert (window.batch.values.offsets[1:] > ends[:-1]).all()


def test_versions_of_a_key_in_two_blocks(tmp_path, window_bytes):
    # A session writes all versions into one table, so that they may end up in two blocks.
    with open_leveldb(tmp_path, create_if_missing=True) as db:
        for version in range(5):
            for i in range(200):
                db.put(b"%03d" % i, b"%d" % (1000 * version + i) * 150)
        for i in range(0, 200, 7):
            db.delete(b"%03d" % i)
    with open_leveldb(tmp_path):
        pass
    assert table_files(tmp_path)
    expected = [(b"%03d" % i, b"%d" % (4000 + i) * 150) for i in range(200) if i % 7]
    store = Store.of(tmp_path)
    assert read(store) == expected
    for first in (b"%03d" % i for i in range(0, 200, 11)):
        assert read(store, KeyRange(first, None)) == [one for one in expected if one[0] >= first]


def test_overlapping_tables_and_a_log(tmp_path, window_bytes):
    sessions = [
        numbered(range(0, 400, 2), 500),
        numbered(range(0, 400, 3), 300),
        dict.fromkeys(numbered(range(0, 400, 5))),
        numbered(range(0, 400, 7), 200),
    ]
    write_leveldb(tmp_path, *sessions, in_tables=False)
    store = Store.of(tmp_path)
    expected = list(merged(sessions).items())
    assert read(store) == expected
    assert read(store, values=False) == [(key, b"") for key, _ in expected]
    keys = [key for key, _ in expected]
    for low, high in ((0, 10), (17, 91), (100, 400)):
        span = KeyRange(keys[low], keys[min(high, len(keys) - 1)])
        inside = [(key, value) for key, value in expected if span.first <= key < span.stop]
        assert read(store, span) == inside


@pytest.mark.parametrize("compressible", [3, 50, 100])
def test_compressed_blocks_among_others(tmp_path, window_bytes, compressible):
    """A few fit behind the others; if there are more, all is copied."""
    chance = random.Random(1)
    expected = {
        b"%08d" % i: bytes(3000) if chance.randrange(100) < compressible else chance.randbytes(3000)
        for i in range(400)
    }
    write_leveldb(tmp_path, expected, compression="snappy")
    assert read(Store.of(tmp_path)) == list(expected.items())


def test_windows_are_about_as_large_as_they_should_be(tmp_path, monkeypatch):
    monkeypatch.setattr(merge, "WINDOW_BYTES", 100_000)
    write_leveldb(tmp_path, numbered(range(0, 2000, 2), 1000), numbered(range(1, 2000, 2), 1000))
    sizes = [
        int(window.batch.values.lengths.sum())
        for window in Store.of(tmp_path).merger.windows(KeyRange(), values=True)
    ]
    assert len(sizes) > 15
    assert max(sizes) < 130_000


def test_windows_of_small_entries_are_smaller(tmp_path, monkeypatch):
    """What is kept of an entry, besides its bytes, would take more memory than they do."""
    monkeypatch.setattr(merge, "WINDOW_ENTRIES", 300)
    write_leveldb(tmp_path, numbered(range(3000), 10))
    windows = Store.of(tmp_path).merger.windows(KeyRange(), values=True, at_first=5000)
    counts = [len(window.batch) for window in windows]
    assert sum(counts) == 3000
    assert max(counts) < 600


@pytest.mark.parametrize("key", [b"00000000", b"00000001", b"00000150", b"\xff"])
def test_the_last_entry_before_a_key(tmp_path, key):
    sessions = [numbered(range(0, 200, 2)), numbered(range(1, 200, 2))]
    write_leveldb(tmp_path, *sessions, in_tables=False)
    before = [k for k in merged(sessions) if k < key]
    found = Store.of(tmp_path).merger.last_before(key)
    assert found == (before[-1] if before else None, False)


def test_counting_keys_around_one():
    columns = merge.BytesColumn.of([b"a", b"c", b"e"])
    for key, before, up_to in ((b"a", 0, 1), (b"b", 1, 1), (b"e", 2, 3), (b"f", 3, 3)):
        assert merge.count_before(columns, key) == before
        assert merge.count_up_to(columns, key) == up_to


def test_a_store_without_entries_has_one_empty_window(tmp_path):
    write_leveldb(tmp_path)
    (window,) = Store.of(tmp_path).merger.windows(KeyRange(), values=True)
    assert len(window.batch) == 0
    assert isinstance(window.batch.values.lengths, np.ndarray)
