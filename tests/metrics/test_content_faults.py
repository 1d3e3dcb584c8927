"""A record with a content fault is not compared with others: one cause, one finding."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.conflicting_label import ConflictingLabel
from datascan.checks.duplicate_record import DuplicateRecord
from datascan.metrics.content_faults import CONTENT_FAULTS, find_content_faults
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, findings, images_of


@pytest.mark.parametrize("rule", sorted(CONTENT_FAULTS))
@pytest.mark.parametrize("check", [DuplicateRecord, ConflictingLabel])
def test_faulty_records_are_not_compared(rule, check):
    values = np.tile(np.arange(5.0), (4, 1))
    faults = tuple(Fault(row, rule, "broken") for row in range(4))
    assert findings(check, block_of(values, [0, 1, 0, 1], faults=faults)) == []
    assert len(findings(check, block_of(values, [0, 1, 0, 1]))) == 1


def test_intact_copies_of_a_faulty_record_are_still_compared():
    values = np.tile(np.arange(5.0), (4, 1))
    (found,) = findings(
        DuplicateRecord, block_of(values, faults=(Fault(0, "malformed-record", "broken"),))
    )
    assert found.named == {2: "same content as #1", 3: "same content as #1"}


def test_other_faults_do_not_matter():
    values = np.tile(np.arange(5.0), (2, 1))
    faults = (Fault(0, "trailing-bytes", "4 bytes"), Fault(None, "damaged-store", "a page"))
    assert len(findings(DuplicateRecord, block_of(values, faults=faults))) == 1


def test_constant_records_and_blank_images_are_content_faults():
    values = np.array([[1.0, 1], [1, 2], [np.nan, np.nan], [0, -0.0]])
    assert sorted(find_content_faults(block_of(values)).tolist()) == [0, 3]
    pictures = images_of((3, 4, 4), (3, 4, 4), low=[1, 2], high=[1, 3])
    assert find_content_faults(block_of(records=2, images=pictures)).tolist() == [0]
