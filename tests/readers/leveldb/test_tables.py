"""Tables read without LevelDB hold what LevelDB says that they hold."""

from __future__ import annotations

import struct
from contextlib import closing

import numpy as np
import plyvel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.config.options import Options
from datascan.readers.keyvalue.batch import KeyRange
from datascan.readers.leveldb.files import Folder
from datascan.readers.leveldb.iteration import walk
from datascan.readers.leveldb.log import masked_crc
from datascan.readers.leveldb.reader import LevelDbReader
from datascan.readers.leveldb.tables import DisjointTables, read_entries
from tests.builders.leveldb import flip, numbered, state, table_files, write_leveldb

pytest.importorskip("datascan.native.tables")

PACKED = b"the same again and again " * 60


def told(pairs_seen):
    """Keys and values of pairs, and where the faults stand."""
    return [
        (pairs.keys[row], pairs.values[row]) for pairs in pairs_seen for row in range(len(pairs))
    ]


def quick(path, span=None, *, values=True):
    """Entries that are read from the tables, and where LevelDB is to go on."""
    tables = DisjointTables.of(state(path).tables, paths(path))
    assert tables is not None
    found = []
    run = tables.iter_entries(span or KeyRange(), values=values)
    while True:
        try:
            found.append(next(run))
        except StopIteration as end:
            return told(found), end.value


def paths(path):
    return {number: path / name for number, name in Folder.of(path).tables.items()}


def by_library(path, span=None):
    with closing(LevelDbReader((path,), Options())) as reader:
        return told(walk(reader.store.db, span or KeyRange(), values=True))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_both_read_the_same(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("store") / "s"
    keys = st.binary(min_size=1, max_size=6)
    values = st.one_of(st.binary(max_size=40), st.sampled_from([PACKED, PACKED * 40, b"x" * 9000]))
    session = data.draw(st.dictionaries(keys, st.one_of(st.none(), values), max_size=30))
    more = data.draw(st.dictionaries(keys, values, max_size=10))
    write_leveldb(path, session | more, compression=data.draw(st.sampled_from([None, "snappy"])))
    span = KeyRange(*(data.draw(st.one_of(st.none(), keys)) for _ in range(2)))
    if span.first is not None and span.stop is not None and span.first > span.stop:
        span = KeyRange(span.stop, span.first)
    assert quick(path, span) == (by_library(path, span), None)


def test_the_newest_of_several_versions_in_one_table(tmp_path):
    # One session's log: all versions of a key go to one table.
    with plyvel.DB(str(tmp_path), create_if_missing=True) as db:
        for version in range(3):
            for i in range(200):
                db.put(b"%03d" % i, b"%d" % version)
        db.delete(b"007")
        db.delete(b"199")
    plyvel.DB(str(tmp_path)).close()
    found, on = quick(tmp_path)
    assert found == [(b"%03d" % i, b"2") for i in range(200) if i not in (7, 199)]
    assert on is None


def test_tables_that_overlap_are_left_to_the_library(tmp_path):
    write_leveldb(tmp_path, numbered(range(0, 50, 2)), numbered(range(1, 50, 2)))
    assert DisjointTables.of(state(tmp_path).tables, paths(tmp_path)) is None


def test_without_values(tmp_path):
    write_leveldb(tmp_path, numbered(range(50)))
    found, on = quick(tmp_path, values=False)
    assert found == [(key, b"") for key in numbered(range(50))]
    assert on is None


@pytest.fixture
def three_tables(tmp_path):
    sessions = [numbered(range(i, i + 100), 1000) for i in (0, 100, 200)]
    return write_leveldb(tmp_path / "s", *sessions)


@pytest.mark.parametrize("damage", [lambda p: flip(p, 5000, 1), lambda p: p.unlink()])
def test_in_front_of_damage_it_hands_over(three_tables, damage):
    damage(table_files(three_tables)[1])
    found, on = quick(three_tables, KeyRange(None, b"00000100"))
    # The table behind the range is damaged: LevelDB is to tell of it.
    assert [key for key, _ in found] == sorted(numbered(range(100)))
    assert on == b"00000099\0"
    assert quick(three_tables)[1] == b""  # all three are read at once
    assert quick(three_tables, KeyRange(b"00000200", None))[1] is None


@pytest.mark.parametrize("change", [lambda b: b + b"\0", lambda b: b[:-1], lambda b: b[1:]])
def test_a_table_of_another_size_is_left_to_the_library(three_tables, change):
    table = table_files(three_tables)[2]
    table.write_bytes(change(table.read_bytes()))
    assert quick(three_tables, KeyRange(b"00000200", None)) == ([], b"00000200")


def test_plain_on_request(three_tables, monkeypatch):
    octets = memoryview(table_files(three_tables)[0].read_bytes())
    assert read_entries(octets) is not None
    monkeypatch.setenv("DATASCAN_PLAIN", "1")
    assert read_entries(octets) is None


@pytest.fixture(scope="module")
def whole_table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table")
    values = numbered(range(300), 100) | {b"packed%d" % i: PACKED for i in range(20)}
    write_leveldb(path, values, compression="snappy")
    return table_files(path)[0].read_bytes()


@given(data=st.data())
def test_a_changed_table_is_refused(whole_table, data):
    at = data.draw(st.integers(0, len(whole_table) - 1))
    changed = bytearray(whole_table)
    changed[at] ^= data.draw(st.integers(1, 255))
    found = read_entries(memoryview(changed))
    # Bytes that nothing refers to (the footer's padding, the filter's block) may change.
    assert found is None or found == read_entries(memoryview(whole_table))


@given(st.binary(max_size=300), st.integers(0, 1))
def test_nonsense_with_a_right_checksum_does_no_harm(content, packing):
    """An index block, or a data block, of arbitrary bytes."""
    handle = bytes([0, *varint(len(content))])
    data = sealed(content, packing)
    index = sealed(entry(b"k" * 9, handle) + struct.pack("<II", 0, 1), 0)
    at = len(data)
    first = [*varint(at), *varint(len(index) - 5)]
    for table in (
        data + index + footer(first),
        data + footer(handle),
    ):
        entries = read_entries(memoryview(table))
        if entries is not None:
            keys, columns, unpacked = entries
            rows = np.frombuffer(columns, np.int64).reshape(-1, 4)
            assert (rows >= 0).all()
            assert (rows[:, 0] + rows[:, 1] <= len(keys)).all()
            assert (rows[:, 2] + rows[:, 3] <= len(table) + len(unpacked)).all()


def varint(number):
    octets = []
    while number >= 128:
        octets.append(number & 127 | 128)
        number >>= 7
    return [*octets, number]


def sealed(content, packing):
    framed = content + bytes([packing])
    return framed + struct.pack("<I", masked_crc(framed))


def entry(key, value):
    return bytes([0, len(key), len(value)]) + key + value


def footer(handle):
    handles = bytes([0, 0, *handle]).ljust(40, b"\0")
    return handles + struct.pack("<Q", 0xDB4775248B80FB57)
