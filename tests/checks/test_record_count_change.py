"""Datasets with many more or fewer records than expected."""

from __future__ import annotations

import pytest

from datascan.checks.record_count_change import RecordCountChange
from datascan.config.expectations import Expectations, Records
from datascan.testing.blocks import block_of, finding, findings


def expectations(count, tolerance=0.1):
    return Expectations("datascan-expectations/1", records=Records(count, tolerance))


@pytest.mark.parametrize(
    ("records", "count", "message"),
    [
        (50, 100, "50 records, 100 expected (50.0% fewer; the tolerance is 10%)"),
        (2_500, 1_000, "2,500 records, 1,000 expected (150.0% more; the tolerance is 10%)"),
        (0, 10, "0 records, 10 expected (100.0% fewer; the tolerance is 10%)"),
        (3, 0, "3 records, 0 expected (more; the tolerance is 10%)"),
    ],
)
def test_more_and_fewer_records(records, count, message):
    found = finding(RecordCountChange, block_of(records=records), expect=expectations(count))
    assert (found.severity, found.message) == ("warning", message)
    assert (found.records, found.named) == (0, {})


def test_records_of_all_blocks_count():
    blocks = [block_of(records=40), block_of(records=50)]
    assert findings(RecordCountChange, *blocks, expect=expectations(100)) == []
    assert findings(RecordCountChange, *blocks[:1], expect=expectations(100)) != []


def test_the_tolerance_is_inclusive():
    block = block_of(records=75)
    assert findings(RecordCountChange, block, expect=expectations(100, 0.25)) == []
    found = finding(RecordCountChange, block, expect=expectations(100, 0.125))
    assert found.message.endswith("(25.0% fewer; the tolerance is 12.5%)")


def test_without_expectations_or_with_a_limit():
    block = block_of(records=50)
    assert findings(RecordCountChange, block) == []
    assert findings(RecordCountChange, block, expect=Expectations("datascan-expectations/1")) == []
    assert findings(RecordCountChange, block, expect=expectations(100), limit=50) == []
