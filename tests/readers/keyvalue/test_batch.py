"""Parts of batches, with the faults that concern them."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.readers.keyvalue.batch import KeyValueBatch, clip_to_range
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn

KEYS = [b"b", b"d", b"f"]


def batch(faults=()):
    return KeyValueBatch(BytesColumn.of(KEYS), BytesColumn.of([b"1", b"22", b""]), faults)


def keys_of(part):
    return [part.keys[row] for row in range(len(part))]


def test_rows_are_taken_with_their_faults_and_those_of_no_row():
    faults = tuple(Fault(row, "damaged-store", str(row)) for row in (0, None, 2, 1))
    part = batch(faults).take(np.array([0, 2]))
    assert keys_of(part) == [b"b", b"f"]
    assert [part.values[row] for row in range(2)] == [b"1", b""]
    assert [(fault.row, fault.detail) for fault in part.faults] == [
        (0, "0"),
        (None, "None"),
        (1, "2"),
    ]


@pytest.mark.parametrize(
    ("first", "stop", "kept"),
    [
        (None, None, "bdf"),
        (b"a", b"g", "bdf"),
        (b"b", b"f", "bd"),
        (b"c", b"e", "d"),
        (b"d", None, "df"),
        (None, b"d", "b"),
        (None, b"b", ""),
        (b"g", None, ""),
        (b"g", b"h", ""),
        (b"c", b"d", ""),
    ],
)
def test_only_keys_in_the_range_are_kept(first, stop, kept):
    assert b"".join(keys_of(clip_to_range(batch(), first, stop))).decode() == kept


def test_a_batch_inside_of_the_range_is_not_copied():
    whole = batch()
    assert clip_to_range(whole, b"b", b"g") is whole
    assert clip_to_range(whole, None, None) is whole


def test_a_batch_without_entries():
    empty = KeyValueBatch(BytesColumn.of([]), BytesColumn.of([]), (Fault(None, "a", "b"),))
    assert clip_to_range(empty, b"a", b"b") is empty
