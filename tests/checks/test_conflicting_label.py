from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.conflicting_label import ConflictingLabel
from datascan.testing.blocks import block_of, finding, findings


def twins(*groups):
    """Records of equal content where the numbers in ``groups`` are equal."""
    return np.random.default_rng(0).normal(size=(10, 8))[list(groups)]


def test_all_records_of_a_conflict_are_named():
    values = twins(0, 1, 2, 1, 3, 0, 1)
    labels = [4, 3, 2, 5, 2, 4, 3]
    said = finding(
        ConflictingLabel, block_of(values[:4], labels[:4]), block_of(values[4:], labels[4:])
    )
    assert said.severity == "error"
    assert said.message == "3 of 7 records have the same content as a record with another label"
    assert said.named == {
        1: "label 3; same content as #3",
        3: "label 5; same content as #1",
        6: "label 3; same content as #3",
    }


def test_regression_targets_conflict_as_well():
    block = block_of(twins(0, 0, 1), np.array([0.1, 0.2, 0.3], np.float32))
    said = finding(ConflictingLabel, block, label_type="regression")
    assert said.named == {
        0: "label 0.1; same content as #1",
        1: "label 0.2; same content as #0",
    }


def test_copies_under_one_label_do_not_conflict():
    assert findings(ConflictingLabel, block_of(twins(0, 1, 0, 1), [1, 2, 1, 2])) == []


def test_labels_that_are_nan_or_absent_do_not_conflict():
    values = twins(0, 0, 1, 1)
    nan = block_of(values, np.array([1, np.nan, np.nan, np.nan]))
    assert findings(ConflictingLabel, nan, label_type="class") == []
    absent = block_of(values, [1, 2, 3, 4], present=[True, False, True, False])
    assert findings(ConflictingLabel, absent) == []


@pytest.mark.parametrize("labels", [None, [0, 1]])
def test_without_labels_there_is_no_conflict(labels):
    label_type = "none" if labels else "auto"
    assert findings(ConflictingLabel, block_of(twins(0, 0), labels), label_type=label_type) == []


def test_large_labels_are_distinguished():
    block = block_of(twins(0, 0), np.array([2**60, 2**60 + 1]))
    said = finding(ConflictingLabel, block, label_type="regression")
    assert said.named[0] == f"label {2**60}; same content as #1"


def test_rows_of_a_coarse_table_may_be_of_several_classes():
    random = np.random.default_rng(0)
    values = random.integers(0, 3, (120, 4)).astype(np.float32)
    said = finding(ConflictingLabel, block_of(values, random.integers(0, 2, 120)))
    assert said.severity == "info"
    assert said.message.endswith("; this may be chance, as their values are few and coarse")
    assert said.fix == "keep them: these features do not tell the classes apart everywhere"
