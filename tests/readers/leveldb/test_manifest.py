"""Manifests, read, written, and with their tables put at rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.levels import stable_levels
from datascan.readers.leveldb.manifest import (
    ManifestError,
    State,
    Table,
    apply_edits,
    make_edit,
    varint,
)
from tests.builders.leveldb import numbered, state, table_files, write_leveldb


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
    assert apply_edits([make_edit(STATE)]) == STATE


@given(number=st.integers(0, (1 << 64) - 1))
def test_numbers(number):
    assert apply_edits([make_edit(State(last_sequence=number))]).last_sequence == number


def test_tables_come_and_go():
    move = bytes([6, 0, 5, 7, 2, 5]) + varint(1000) + b"\x09a\1" + bytes(7) + b"\x09z\1" + bytes(7)
    assert apply_edits([make_edit(STATE), move]).tables == (table(5, b"a", b"z", level=2),)
    assert apply_edits([make_edit(STATE), bytes([6, 0, 5])]).tables == ()
    assert apply_edits([make_edit(STATE), bytes([5, 1, 2]) + b"ab"]) == STATE


@pytest.mark.parametrize("size", range(1, len(make_edit(STATE))))
def test_no_part_of_an_edit_is_taken_for_a_whole_one(size):
    try:
        found = apply_edits([make_edit(STATE)[:size]])
    except ManifestError:
        return
    assert found.tables == ()


@pytest.mark.parametrize(
    "edit", [b"", b"\x08", b"\x67\x01", b"\x02", b"\xff" * 12, b"\x07\1\1\1\1a"]
)
def test_damaged_edits(edit):
    with pytest.raises(ManifestError):
        apply_edits([edit])


class TestAtRest:
    def test_tables_side_by_side_sink_to_the_deepest_level(self):
        tables = [table(n, b"%03d" % n, b"%03d" % n) for n in range(1, 100)]
        assert {t.level for t in stable_levels(tables)} == {6}

    def test_newer_tables_stay_above_older_ones(self):
        tables = [table(n, b"a", b"z") for n in (3, 1, 2)]
        assert {t.number: t.level for t in stable_levels(tables)} == {1: 6, 2: 5, 3: 4}

    def test_no_level_is_above_the_first(self):
        tables = [table(n, b"a", b"z") for n in range(1, 12)]
        assert sorted(t.level for t in stable_levels(tables)) == [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]

    def test_of_two_that_touch_the_left_one_is_newer(self):
        tables = [table(1, b"a", b"m", level=3), table(2, b"m", b"z", level=3)]
        assert {t.number: t.level for t in stable_levels(tables)} == {1: 5, 2: 6}

    @given(
        spans=st.lists(
            st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(0, 6)), max_size=40
        )
    )
    def test_order_and_disjointness(self, spans):
        tables = well_formed(spans)
        found = {t.number: t for t in stable_levels(tables)}
        assert sorted(found) == sorted(t.number for t in tables)
        for one in tables:
            assert found[one.number].level >= one.level
            for other in tables:
                if one.number != other.number and meet(one, other):
                    check_pair(one, other, found)


def well_formed(spans):
    """Tables on random levels, of which those of a level, but for the first, share no keys."""
    tables = []
    for number, (first, width, level) in enumerate(spans, start=1):
        new = table(number, b"%02d" % first, b"%02d" % (first + width), level=level)
        if level == 0 or not any(t.level == level and meet(t, new) for t in tables):
            tables.append(new)
    return tables


def meet(one, other):
    return one.first <= other.last and other.first <= one.last


def check_pair(one, other, found):
    """Two tables that share keys: the newer one is above, or both are on level 0."""
    newer, older = (
        (one, other) if (one.level, -one.number) < (other.level, -other.number) else (other, one)
    )
    above, below = found[newer.number], found[older.number]
    assert above.level < below.level or above.level == below.level == 0
