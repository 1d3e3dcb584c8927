"""Counts of what was not inspected add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datascan.metrics.inspection import ContentKind, UninspectedTally, measure_uninspected
from datascan.records.block import Fault, Uninspected
from datascan.testing.blocks import block_of


def parts_of(*parts):
    return replace(block_of(np.ones((9, 2))), uninspected=parts)


def test_kinds_are_added():
    pickles, names = Uninspected("value", "", "pickles", 2), Uninspected("field", "n", "strings", 9)
    left = measure_uninspected(parts_of(pickles, names, replace(pickles, records=3)))
    right = measure_uninspected(parts_of(names))
    assert (left + right).entries == {
        ContentKind("value", "", "pickles"): UninspectedTally(5),
        ContentKind("field", "n", "strings"): UninspectedTally(18),
    }


def test_nothing_to_count():
    assert measure_uninspected(block_of(np.ones((2, 2)))) is None
    opaque = replace(block_of(np.ones((0, 2))), arrays=(), is_opaque=True)
    assert measure_uninspected(opaque) is None


def test_values_with_a_fault_are_not_counted_again():
    opaque = replace(block_of(np.ones((3, 2))), arrays=(), is_opaque=True)
    empty = tuple(Fault(row, "empty-record", "the value has 0 bytes") for row in range(3))
    assert measure_uninspected(replace(opaque, faults=empty)) is None
    (tally,) = measure_uninspected(replace(opaque, faults=empty[:1])).entries.values()
    assert tally == UninspectedTally(2)
