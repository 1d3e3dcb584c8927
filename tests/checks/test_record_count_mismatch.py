from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.record_count_mismatch import RecordCountMismatch
from datascan.executors.base import ScanCancelled
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of, finding, findings

BLOCK = block_of(np.zeros((7, 2)))


@pytest.mark.parametrize(
    ("blocks", "number", "words"),
    [
        ([BLOCK], 5000, "num-samples says 5,000, but there are 7 records"),
        ([BLOCK, BLOCK], 7, "num-samples says 7, but there are 14 records"),
        ([block_of(np.zeros((1, 2)))], 0, "num-samples says 0, but there is 1 record"),
        ([], 3, "num-samples says 3, but there are 0 records"),
    ],
)
def test_another_number_than_stated(blocks, number, words):
    said = finding(RecordCountMismatch, *blocks, plan={"declared_count": ("num-samples", number)})
    assert said.severity == "error"
    assert said.message == words


def test_the_right_number_and_none_at_all():
    assert findings(RecordCountMismatch, BLOCK, plan={"declared_count": ("length", 7)}) == []
    assert findings(RecordCountMismatch, BLOCK) == []


def test_a_scan_of_some_records_cannot_tell():
    assert (
        findings(RecordCountMismatch, BLOCK, plan={"declared_count": ("length", 9)}, limit=7) == []
    )


@pytest.mark.parametrize(("limit", "total"), [(8, None), (8, 7), (99, 7)])
def test_a_limit_beyond_the_end_does_not_hide_it(limit, total):
    plan = {"declared_count": ("length", 9), "total_records": total}
    said = finding(RecordCountMismatch, BLOCK, plan=plan, limit=limit)
    assert said.message == "length says 9, but there are 7 records"


def test_a_limit_that_damage_left_no_records_for_still_limits():
    plan = {"declared_count": ("length", 20), "total_records": 20}
    assert findings(RecordCountMismatch, BLOCK, plan=plan, limit=9) == []


class StopsAtOnce:
    def start(self, plan):
        pass

    def update(self, records, nbytes):
        raise ScanCancelled


def test_a_scan_that_was_stopped_cannot_tell():
    reader = BlockReader([[BLOCK], [BLOCK]], {"declared_count": ("length", 14)})
    scanned = scan(reader, [RecordCountMismatch()], StopsAtOnce())
    assert not scanned.summary.is_complete
    assert scanned.issues == ()
