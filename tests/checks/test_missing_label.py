from __future__ import annotations

import numpy as np

from datascan.checks.missing_label import MissingLabel
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, block_of_columns, column_of, finding, findings

ABSENT = "no label; Caffe reads it as class 0"


def labelled(present, **more):
    return block_of(np.zeros((len(present), 2)), np.ones(len(present)), present=present, **more)


def test_records_without_a_label_in_a_labelled_dataset():
    blocks = [labelled([True, False, True]), labelled([True, True]), block_of(np.zeros((1, 2)))]
    said = finding(MissingLabel, *blocks)
    assert said.severity == "warning"
    assert said.message == "2 of 6 records have no label"
    assert said.named == {1: ABSENT, 5: ABSENT}


def test_faults_of_readers_are_reported_even_if_labels_are_text():
    fault = Fault(1, "missing-label", "label-000000002 is missing")
    said = finding(MissingLabel, block_of(np.zeros((3, 2)), faults=[fault]))
    assert said.message == "1 of 3 records has no label"
    assert said.named == {1: "label-000000002 is missing"}


def test_a_record_counts_once():
    fault = Fault(1, "missing-label", "the line has no label")
    said = finding(MissingLabel, labelled([False, False, True], faults=[fault]))
    assert said.records == 2
    assert said.named == {0: ABSENT, 1: "the line has no label"}


def test_unreadable_records_are_not_reported():
    block = block_of_columns([column_of(np.zeros((1, 2)), [0])], 2, [1, 1], present=[True, False])
    assert findings(MissingLabel, block) == []


def test_without_any_label_nothing_is_missing():
    assert findings(MissingLabel, block_of(np.zeros((3, 2)))) == []
    assert findings(MissingLabel, labelled([False, False])) == []
    assert findings(MissingLabel, labelled([True, True])) == []
    assert findings(MissingLabel, labelled([True, False]), label_type="none") == []


def test_text_is_a_missing_target_but_not_a_missing_class_label():
    fault = Fault(1, "non-integer-label", "label 'n/a' is not a number; Caffe reads it as 0")
    block = labelled([True, False], faults=[fault])
    assert finding(MissingLabel, block, label_type="regression").named == {1: fault.detail}
    assert findings(MissingLabel, block, label_type="class") == []
    assert findings(MissingLabel, block, label_type="none") == []
