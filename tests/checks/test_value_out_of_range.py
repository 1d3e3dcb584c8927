"""Values outside the expected range."""

from __future__ import annotations

import numpy as np

from datascan.checks.value_out_of_range import ValueOutOfRange
from datascan.config.expectations import Expectations, Values
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of, images_of, plain_issue

UNIT_RANGE = Values(0.0, 1.0)


def issues(*blocks, expected=UNIT_RANGE):
    """What the configured check says of blocks, each a shard of its own."""
    expect = expected and Expectations("datascan-expectations/1", values=expected)
    reader = BlockReader([[block] for block in blocks], expect=expect)
    scanned = scan(reader, [ValueOutOfRange().configure(reader.options.check)])
    return [plain_issue(issue, scanned.summary) for issue in scanned.issues]


def test_records_outside_the_range():
    first, second = np.full((3, 2), 0.5), np.full((2, 2), 0.5)
    first[1, 0], second[0, 1] = -0.25, 1.5
    (found,) = issues(block_of(first), block_of(second))
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == "2 of 5 records hold values beyond the expected 0..1"
    assert found.named == {
        1: "values from -0.25 to 0.5, expected 0..1",
        3: "values from 0.5 to 1.5, expected 0..1",
    }


def test_the_margin():
    expected = Values(0.0, 1.0, margin=0.5)
    assert issues(block_of(np.array([[-0.5, 1.5]])), expected=expected) == []
    (found,) = issues(block_of(np.array([[0.0, 1.75]])), expected=expected)
    assert found.message == (
        "1 of 1 records holds values beyond the expected 0..1 (by more than 0.5)"
    )


def test_images():
    column = images_of((3, 4, 4), (1, 4, 4), low=3, high=200)
    expected = Values(0.0, 100.0)
    (found,) = issues(block_of(records=2, images=column), expected=expected)
    assert found.named == dict.fromkeys((0, 1), "values from 3 to 200, expected 0..100")
    assert issues(block_of(records=2, images=column), expected=Values(0.0, 255.0)) == []


def test_records_with_nan_or_inf_are_left_to_their_own_rules():
    assert issues(block_of(np.array([[np.nan, 9.0], [np.inf, 9.0]]))) == []


def test_other_columns_are_not_compared():
    block = block_of(np.zeros((2, 2)), extras={"depth": np.full(2, 9.0)})
    assert issues(block) == []


def test_without_expectations_and_without_records():
    block = block_of(np.full((2, 2), 9.0))
    assert issues(block, expected=None) == []
    assert issues(block_of(records=0)) == []
