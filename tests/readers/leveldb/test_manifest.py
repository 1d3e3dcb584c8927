"""Manifests, as LevelDB wrote them and as nobody should have."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.coding import CodingError
from datascan.readers.leveldb.manifest import State, Table, state_of
from tests.builders.leveldb import numbered, state, table_files, write_leveldb
from tests.builders.leveldb_coding import edit_of, varint


def table(number, first, last, level=0, size=1000):
    return Table(level, number, size, first + b"\1" + bytes(7), last + b"\1" + bytes(7))


STATE = State(
    log=300, next_file=70_000, last_sequence=1 << 40, tables=(table(5, b"a", b"m\xff\0"),)
)


def test_what_leveldb_wrote(tmp_path):
    write_leveldb(tmp_path, numbered(range(100)), numbered(range(100, 200)))
    found = state(tmp_path)
    assert [(t.first, t.last) for t in sorted(found.tables, key=lambda t: t.first)] == [
        (b"00000000", b"00000099"),
        (b"00000100", b"00000199"),
    ]
    assert [t.size for t in sorted(found.tables, key=lambda t: t.first)] == [
        path.stat().st_size for path in table_files(tmp_path)
    ]
    assert found.comparator == b"leveldb.BytewiseComparator"
    assert found.last_sequence == 200
    assert Path(tmp_path / f"{found.log:06}.log").is_file()


def test_written_and_read_again():
    assert state_of([edit_of(STATE)]) == STATE


@given(number=st.integers(0, (1 << 63) - 1))
def test_numbers(number):
    assert state_of([edit_of(State(last_sequence=number))]).last_sequence == number


def test_tables_come_and_go():
    move = bytes([6, 0, 5, 7, 2, 5]) + varint(1000) + b"\x09a\1" + bytes(7) + b"\x09z\1" + bytes(7)
    assert state_of([edit_of(STATE), move]).tables == (table(5, b"a", b"z", level=2),)
    assert state_of([edit_of(STATE), bytes([6, 0, 5])]).tables == ()
    assert state_of([edit_of(STATE), bytes([5, 1, 2]) + b"ab"]) == STATE


def test_an_edit_adds_after_it_deletes():
    new = bytes([7, 0, 5]) + varint(1000) + b"\x09a\1" + bytes(7) + b"\x09z\1" + bytes(7)
    gone = bytes([6, 0, 5])
    again = (table(5, b"a", b"z"),)
    for edit in (new + gone, gone + new):
        assert state_of([edit_of(STATE), edit]).tables == again
    assert state_of([edit_of(STATE), new, gone]).tables == ()


def test_a_file_at_two_levels_is_one_table_until_both_are_deleted():
    lower = bytes([7, 2, 5]) + varint(1000) + b"\x09a\1" + bytes(7) + b"\x09z\1" + bytes(7)
    assert state_of([edit_of(STATE), lower]).tables == (table(5, b"a", b"z", level=2),)
    assert state_of([edit_of(STATE), lower, bytes([6, 2, 5])]).tables == STATE.tables
    assert state_of([edit_of(STATE), lower, bytes([6, 2, 5, 6, 0, 5])]).tables == ()


@pytest.mark.parametrize(
    "field",
    [
        bytes([5]) + varint(7) + b"\x09a\1" + bytes(7),
        bytes([6]) + varint(7) + b"\5",
        bytes([7]) + varint(7) + b"\5\1\x09a\1" + bytes(7) + b"\x09z\1" + bytes(7),
    ],
)
def test_levels_that_leveldb_does_not_have(field):
    for level in (7, 200, 1 << 40):
        edit = field[:1] + varint(level) + field[2:]
        with pytest.raises(CodingError, match=f"names level {level}, but LevelDB has 7 levels"):
            state_of([edit_of(STATE), edit])
    state_of([edit_of(STATE), field[:1] + b"\6" + field[2:]])


@pytest.mark.parametrize("size", range(1, len(edit_of(STATE))))
def test_no_part_of_an_edit_is_taken_for_a_whole_one(size):
    try:
        found = state_of([edit_of(STATE)[:size]])
    except CodingError:
        return
    assert found.tables == ()


@pytest.mark.parametrize(
    "edit", [b"", b"\x08", b"\x67\x01", b"\x02", b"\xff" * 12, b"\x07\1\1\1\1a"]
)
def test_damaged_edits(edit):
    with pytest.raises(CodingError):
        state_of([edit])


@given(number=st.integers(1 << 63, (1 << 70) - 1))
def test_numbers_that_no_store_has(number):
    with pytest.raises(CodingError):
        state_of([edit_of(State(last_sequence=number))])
