"""Logs: which entries they hold, and where their values are."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.coding import CodingError
from datascan.readers.leveldb.log import Record
from datascan.readers.leveldb.replay import MAX_GAP_BYTES, first_of_runs, replay, writes_of
from tests.builders.leveldb import log_file, open_leveldb
from tests.builders.leveldb_coding import frame_records, varint


def batch(sequence, *writes, count=None):
    """A batch of writes: pairs of key and value, None to delete."""
    body = b""
    for key, value in writes:
        body += bytes([value is not None]) + bytes(varint(len(key))) + key
        if value is not None:
            body += bytes(varint(len(value))) + value
    return struct.pack("<QI", sequence, len(writes) if count is None else count) + body


def replayed(path, *records):
    path.write_bytes(frame_records(records))
    return replay([path])


def live(entries):
    """Keys and values of what was not deleted."""
    rows = np.flatnonzero(entries.marks & np.uint64(1)).astype(np.int64)
    return dict(zip([entries.keys[row] for row in rows], entries.values(rows), strict=True))


@given(
    st.lists(
        st.lists(
            st.tuples(st.binary(max_size=2), st.none() | st.binary(max_size=50_000)), max_size=4
        ),
        max_size=6,
    )
)
def test_the_newest_version_of_every_key(tmp_path_factory, batches):
    sequence, records, expected = 1, [], {}
    for writes in batches:
        records.append(batch(sequence, *writes))
        sequence += len(writes)
        expected |= dict(writes)
    entries, flaws = replayed(tmp_path_factory.mktemp("log") / "000003.log", *records)
    assert flaws == []
    assert entries.keys == sorted(expected)
    assert live(entries) == {key: value for key, value in expected.items() if value is not None}


def test_what_leveldb_wrote(tmp_path):
    values = {b"%03d" % i: b"%d" % i * (i * 60) for i in range(200)}
    with open_leveldb(tmp_path, create_if_missing=True) as db:
        with db.write_batch() as one:
            for key, value in values.items():
                one.put(key, value)
        db.delete(b"007")
    entries, flaws = replay([log_file(tmp_path)])
    assert flaws == []
    assert live(entries) == {key: value for key, value in values.items() if key != b"007"}


def test_several_logs_by_sequence_number(tmp_path):
    first, second = tmp_path / "000003.log", tmp_path / "000005.log"
    first.write_bytes(frame_records([batch(9, (b"a", b"new"), (b"b", b"1"))]))
    second.write_bytes(frame_records([batch(5, (b"a", b"old"), (b"c", b"2"))]))
    for paths in ([first, second], [second, first]):
        entries, _ = replay(paths)
        assert live(entries) == {b"a": b"new", b"b": b"1", b"c": b"2"}


@pytest.mark.parametrize(
    ("record", "kept", "why"),
    [
        (b"short", 0, "too short"),
        (batch(1, (b"a", b"1"), count=2), 1, "announces 2 writes and has 1"),
        (batch(1, (b"a", b"1")) + b"\x07", 1, "unknown kind 7"),
        (batch(1, (b"a", b"1")) + b"\x01\x05ab", 1, "string without an end"),
        (batch(1, (b"a", b"1")) + b"\x01\x01b\x7f", 1, "value without an end"),
        (batch(1 << 56, (b"a", b"1")), 0, "sequence number"),
    ],
)
def test_a_record_that_is_not_a_batch(tmp_path, record, kept, why):
    entries, flaws = replayed(tmp_path / "000003.log", record, batch(50, (b"z", b"26")))
    assert len(entries.keys) == kept + 1
    ((_, flaw),) = flaws
    assert flaw.rule == "damaged-store"
    assert why in flaw.words


def test_writes_before_the_damage_are_sound():
    record = Record(batch(1, (b"a", b"1"), (b"b", None)) + b"\xff", ((7, 20),))
    writes = writes_of(record)
    assert [next(writes)[0], next(writes)[0]] == [b"a", b"b"]
    with pytest.raises(CodingError):
        next(writes)


def test_values_are_read_in_runs():
    near, far = MAX_GAP_BYTES, 3 * MAX_GAP_BYTES
    places = np.array([(0, 0, 10), (0, near, 10), (0, far, 5), (1, far, 5)], np.int64)
    assert first_of_runs(places).tolist() == [0, 2, 3]
    assert first_of_runs(places[:0]).tolist() == []


def test_values_without_bytes_at_the_end_of_a_log(tmp_path):
    entries, _ = replayed(tmp_path / "000003.log", batch(1, (b"a", b"1"), (b"b", b""), (b"c", b"")))
    assert entries.values(np.array([2, 0, 1])) == [b"", b"1", b""]
    assert entries.values(np.array([1])) == [b""]


def test_a_log_that_is_cut_after_it_was_replayed(tmp_path):
    path = tmp_path / "000003.log"
    entries, _ = replayed(path, batch(1, (b"a", bytes(100_000))))
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(OSError, match="shorter than it was"):
        entries.values(np.array([0]))
