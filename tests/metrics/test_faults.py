"""Faults sorted by rule."""

from __future__ import annotations

from datascan.metrics.faults import measure_faults
from datascan.records.block import Fault
from datascan.testing.blocks import block_of


def test_faults_are_grouped_by_rule():
    faults = [
        Fault(3, "corrupt-image", "b"),
        Fault(None, "damaged-store", "page 1", lost=2),
        Fault(1, "corrupt-image", "a"),
        Fault(3, "corrupt-image", "c"),
        Fault(3, "corrupt-image", "b"),
        Fault(0, "damaged-store", "page 2"),
    ]
    found = measure_faults(block_of(records=5, faults=faults)).entries
    assert set(found) == {"corrupt-image", "damaged-store"}
    images = found["corrupt-image"]
    assert images.records.addresses.array.tolist() == [1, 3]
    assert images.records.facts.array.tolist() == ["a", "b; c"]
    assert images.locations == ()
    store = found["damaged-store"]
    assert store.records.addresses.array.tolist() == [0]
    assert store.locations == (("page 1", 2),)


def test_a_block_without_faults_has_no_tally():
    assert measure_faults(block_of(records=5)) is None
