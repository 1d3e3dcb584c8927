"""What rules about faults have in common: records, places, and records that were not reached."""

from __future__ import annotations

from datascan.checks.base import MAX_LOCATIONS, Location
from datascan.checks.corrupt_image import CorruptImage
from datascan.checks.damaged_store import DamagedStore
from datascan.checks.fault_check import locate_faults, locate_unreachable
from datascan.checks.truncated_store import TruncatedStore
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding


def test_places_are_summarized_after_the_records():
    faults = [Fault(0, "corrupt-image", "x")]
    faults += [Fault(None, "corrupt-image", f"place {i}", lost=2) for i in range(3)]
    found = finding(CorruptImage, block_of(records=4, faults=faults))
    assert found.message == "1 of 4 records cannot be decoded in full; place 0 and 2 more places"
    assert found.records == 1 + 3 * 2
    assert found.details == ("place 0", "place 1", "place 2")


def test_equal_places_are_numbered():
    assert list(locate_faults([("page 5", 0), ("page 5", 0), ("page 6", 1)])) == [
        Location("page 5", "page 5", 0),
        Location("page 5 (number 2)", "page 5", 0),
        Location("page 6: 1 record lost", "page 6", 1),
    ]


def test_many_places_become_one_with_all_their_records():
    places = [(f"page {i}", 2) for i in range(MAX_LOCATIONS + 1)]
    (one,) = locate_faults(places)
    assert (one.detail, one.records) == ("", 2 * len(places))
    assert [one] != list(locate_faults(places[::-1]))
    assert len(list(locate_faults(places[:-1]))) == MAX_LOCATIONS


def test_unreachable_records_are_a_location():
    assert list(locate_unreachable(0)) == []
    assert list(locate_unreachable(3)) == [Location("3 records out of reach", "", 3)]


def test_unreachable_records_are_counted_by_the_first_store_rule():
    block = block_of(records=10)
    damaged = Fault(None, "damaged-store", "page 3")
    alone = {"faults": (damaged,), "store_count": 30}
    assert finding(DamagedStore, block, plan=alone).records == 20
    both = {"faults": (damaged, Fault(None, "truncated-store", "short")), "store_count": 30}
    assert finding(DamagedStore, block, plan=both).records == 0
    assert finding(TruncatedStore, block, plan=both).records == 20


def test_known_losses_are_not_counted_again_as_unreachable():
    plan = {"faults": (Fault(None, "damaged-store", "page 3", lost=4),), "store_count": 30}
    found = finding(DamagedStore, block_of(records=10), plan=plan)
    assert found.records == 4
    assert found.message == "page 3; 10 of 30 records could be reached"
