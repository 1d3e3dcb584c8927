from __future__ import annotations

import numpy as np

from datascan.checks.non_integer_label import NonIntegerLabel
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings


def labelled(labels):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels))


def test_a_fraction_among_whole_numbers():
    labels = np.arange(200, dtype=np.float32) % 5
    labels[17] = 1.5
    said = finding(NonIntegerLabel, labelled(labels))
    assert said.severity == "error"
    assert said.message == "1 of 200 class labels is not a whole number"
    assert said.named == {17: "label 1.5"}


def test_several_where_classes_are_asked_for():
    said = finding(NonIntegerLabel, labelled([0.1, 1, -2.5, np.nan, np.inf]), label_type="class")
    assert said.message == "2 of 5 class labels are not whole numbers"
    assert said.named == {0: "label 0.1", 2: "label -2.5"}


def test_targets_and_whole_numbers_are_right():
    assert findings(NonIntegerLabel, labelled([0.1, 0.2])) == []
    assert findings(NonIntegerLabel, labelled([0.0, 3.0])) == []
    assert findings(NonIntegerLabel, labelled([0, 3])) == []


def test_text_among_numbers_reported_by_a_reader():
    fault = Fault(1, "non-integer-label", "label '1O' is not a number; Caffe reads it as 1")
    labels, present = np.array([3.0, 0, 0.5]), [True, False, True]
    block = block_of(np.zeros((3, 1)), labels, present=present, faults=[fault])
    said = finding(NonIntegerLabel, block, label_type="class")
    assert said.message == "2 of 3 class labels are not whole numbers"
    assert said.named == {1: fault.detail, 2: "label 0.5"}
    assert findings(NonIntegerLabel, block, label_type="regression") == []
    assert findings(NonIntegerLabel, block, label_type="none") == []
