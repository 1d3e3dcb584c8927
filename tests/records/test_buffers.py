"""Byte strings in one buffer, and values that are measured in place."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from datascan.native.fallback import FLOAT_TAG, TAGGED
from datascan.records.buffers import BufferView, BytesColumn, hash_bytes, hash_values
from datascan.records.statistics import compute_stats_at

STRINGS = [b"one", b"", b"three", b"two", b"si"]


def view_values(strings, offset, kind, shape):
    """The values ``offset`` bytes into each string; and whether all tags of a string are valid."""
    offsets = strings.offsets + offset
    stats, has_valid_tags = compute_stats_at(strings.buffer, offsets, kind, prod(shape))
    shape = (len(offsets), *shape)
    return BufferView(strings.buffer, offsets, kind, shape, stats), has_valid_tags


def contents(column: BytesColumn) -> list[bytes]:
    return [column[row] for row in range(len(column))]


def test_strings_are_concatenated():
    column = BytesColumn.of(STRINGS)
    assert contents(column) == STRINGS
    assert column.buffer.tobytes() == b"".join(STRINGS)
    assert bytes(column.view(2)) == b"three"
    assert len(BytesColumn.of([])) == 0


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        (np.array([4, 0]), [b"si", b"one"]),
        (np.array([True, False, False, True, False]), [b"one", b"two"]),
        (slice(1, 3), [b"", b"three"]),
    ],
)
def test_rows_are_taken_without_copying(rows, taken):
    column = BytesColumn.of(STRINGS)
    part = column.take(rows)
    assert contents(part) == taken
    assert part.buffer is column.buffer


def test_strings_of_one_length_are_gathered():
    column = BytesColumn.of(STRINGS)
    gathered = column.gather(np.array([3, 0]))
    assert gathered.tobytes() == b"twoone"
    assert gathered.shape == (2, 3)
    assert column.gather(np.array([], np.int64)).shape == (0, 0)
    assert column.gather(np.array([1, 1])).shape == (2, 0)


def test_values_are_viewed_from_an_offset():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    strings = BytesColumn.of([b"head" + row.tobytes() + b"!" for row in values])
    view, has_valid_tags = view_values(strings, 4, "f", (2, 2))
    assert has_valid_tags.all()
    assert (view.shape, view.dtype) == ((3, 2, 2), np.float32)
    assert view.take(np.array([2, 0])).tolist() == values[[2, 0]].tolist()
    assert view.compute_stats().low.tolist() == values.min(axis=1).tolist()
    part = view.select(np.array([False, True, True]))
    assert part.shape == (2, 2, 2)
    assert part.take(np.arange(2)).tolist() == values[1:].tolist()
    assert part.compute_stats().totals.tolist() == values[1:].sum(axis=1).tolist()


def test_tagged_floats():
    values = np.array([[1.5, -2], [0, 7]], np.float32)
    strings = [b"".join(b"%c" % FLOAT_TAG + x.tobytes() for x in row) for row in values]
    view, has_valid_tags = view_values(BytesColumn.of(strings), 0, TAGGED, (1, 2))
    assert has_valid_tags.tolist() == [True, True]
    assert view.dtype == np.float32
    assert view.take(np.arange(2)).tolist() == values.tolist()
    strings[1] = strings[1].replace(b"%c" % FLOAT_TAG, b"\x36", 1)
    _, has_valid_tags = view_values(BytesColumn.of(strings), 0, TAGGED, (2,))
    assert has_valid_tags.tolist() == [True, False]


def test_hashes_are_equal_for_equal_content_only():
    hashes = hash_values(BytesColumn.of([b"a", b"b", b"a", b"", b"ab"])).tolist()
    assert hashes[0] == hashes[2] == hash_bytes(b"a")
    assert len(set(hashes)) == 4
    assert 0 not in hashes


def test_no_hash_is_zero(monkeypatch):
    monkeypatch.setattr("xxhash.xxh3_64_intdigest", lambda content: 0)
    assert hash_bytes(b"unlucky") == 1
