from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.label_out_of_range import LabelOutOfRange
from datascan.testing.blocks import block_of, finding, findings


def labelled(labels, **more):
    return block_of(np.arange(len(labels) * 2).reshape(-1, 2), np.asarray(labels), **more)


def test_labels_beyond_the_declared_classes():
    said = finding(LabelOutOfRange, labelled([0, 10, 9]), labelled([-1, 1_000_000]), num_classes=10)
    assert said.severity == "error"
    assert said.message == "3 labels are outside 0..9"
    assert said.named == {1: "label 10", 3: "label -1", 4: "label 1000000"}


def test_one_float_label():
    labels = np.array([0.0, 1.0, 4_000_000.0], np.float32)
    said = finding(LabelOutOfRange, labelled(labels), num_classes=2)
    assert said.message == "1 label is outside 0..1"
    assert said.named == {2: "label 4000000"}


def test_negative_labels_need_no_declaration():
    said = finding(LabelOutOfRange, labelled([0, -1, 2]))
    assert said.message == "1 label is outside 0..2"


def test_nothing_but_negative_labels():
    assert finding(LabelOutOfRange, labelled([-3])).message == "1 label is outside any range"


@pytest.mark.parametrize("large", [2**62, 2**63 - 1, 2**64 - 1])
def test_labels_that_no_number_of_classes_reaches(large):
    said = finding(LabelOutOfRange, labelled(np.array([0, large], np.uint64)))
    assert list(said.named) == [1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_float_labels(dtype):
    said = finding(LabelOutOfRange, labelled(np.array([0, 1e38], dtype)), label_type="class")
    assert said.named == {1: "label 1e+38"}


def test_labels_in_range_fractions_nan_and_absent_labels_are_left_alone():
    block = labelled(np.array([0, 1, 1.5, np.nan, 7]), present=[True] * 4 + [False])
    assert findings(LabelOutOfRange, block, num_classes=2, label_type="class") == []
    assert findings(LabelOutOfRange, labelled(range(10)), num_classes=10) == []


def test_regression_targets_and_ignored_labels_have_no_range():
    block = labelled([-1, 50])
    assert findings(LabelOutOfRange, block, num_classes=2, label_type="regression") == []
    assert findings(LabelOutOfRange, block, num_classes=2, label_type="none") == []
