from __future__ import annotations

import numpy as np

from datascan.checks.truncated_store import TruncatedStore
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings

WHOLE = block_of(np.zeros((10, 2)))


def test_a_place_that_planning_found():
    plan = {"faults": (Fault(None, "truncated-store", "data.mdb is short"),), "store_count": 30}
    said = finding(TruncatedStore, WHOLE, plan=plan)
    assert said.severity == "error"
    assert said.message == "data.mdb is short; 10 of 30 records could be reached"
    assert said.records == 20
    assert said.named == {}
    assert said.details == ("data.mdb is short",)


def test_records_and_places_of_blocks():
    faults = [
        Fault(1, "truncated-store", "page 7"),
        Fault(2, "truncated-store", "page 8"),
        Fault(None, "truncated-store", "page 9", lost=4),
        Fault(None, "truncated-store", "page 11", lost=1),
    ]
    said = finding(TruncatedStore, WHOLE, block_of(records=4, faults=faults))
    assert said.message == "2 of 14 records are past the end of the file; page 9 and 1 more place"
    assert said.records == 7
    assert said.named == {11: "page 7", 12: "page 8"}
    assert said.details == ("page 9", "page 11")


def test_records_out_of_reach_are_counted_by_one_rule_only():
    faults = (Fault(None, "truncated-store", "short"), Fault(None, "damaged-store", "page 3"))
    said = finding(TruncatedStore, WHOLE, plan={"faults": faults, "store_count": 30})
    assert said.records == (20 if TruncatedStore.rule == "truncated-store" else 0)


def test_other_faults_and_healthy_stores():
    plan = {"faults": (Fault(None, "damaged-store", "page 3"),)}
    assert findings(TruncatedStore, WHOLE, plan=plan) == []
    assert findings(TruncatedStore, WHOLE, plan={"store_count": 10}) == []
