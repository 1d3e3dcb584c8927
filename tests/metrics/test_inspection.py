"""Counts of what was not inspected add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datascan.metrics.inspection import ContentKind, UninspectedTally, measure_uninspected
from datascan.records.block import Uninspected
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
