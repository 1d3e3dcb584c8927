from __future__ import annotations

import numpy as np

from datascan.checks.empty_class import EmptyClass
from datascan.testing.blocks import block_of, finding, findings


def labelled(labels):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels))


def test_a_class_without_record():
    said = finding(EmptyClass, labelled([0, 1]), labelled([3, 3, 1]))
    assert said.severity == "warning"
    assert said.records == 0
    assert said.message == "1 of 4 classes has no record: class 2"
    assert said.details == ("class 2 has no record",)


def test_classes_have_names():
    plan = {"class_names": ("cat", "dog", "frog", "newt", "toad")}
    said = finding(EmptyClass, labelled([1]), plan=plan)
    assert said.message == (
        "4 of 5 classes have no record: class 0 (cat), class 2 (frog), class 3 (newt) and 1 more"
    )
    assert said.details[0] == "class 0 (cat) has no record"


def test_more_classes_than_memory_could_hold():
    said = finding(EmptyClass, labelled([0, 2, 10**12 - 1, -5]), num_classes=10**12)
    assert said.message.startswith("999,999,999,997 of 1,000,000,000,000 classes have no record: ")
    assert len(said.details) == 20
    assert said.details[:2] == ("class 1 has no record", "class 3 has no record")


def test_one_very_large_label():
    said = finding(EmptyClass, labelled(np.array([0, 2**63 - 1])))
    assert len(said.details) == 20


def test_healthy_classes_and_labels_that_are_not_classes():
    assert findings(EmptyClass, labelled([0, 1, 2, 2])) == []
    assert findings(EmptyClass, labelled([0, 1, -7, 5]), num_classes=2) == []
    assert findings(EmptyClass, labelled([0, 5]), label_type="regression") == []
    assert findings(EmptyClass, labelled([0, 5]), label_type="none") == []
    assert findings(EmptyClass, block_of(np.zeros((2, 1))), num_classes=5) == []


def test_whole_numbers_that_may_be_targets_are_an_info():
    targets = np.arange(0.0, 400, 3)
    block = block_of(np.zeros((len(targets), 1)), targets)
    assert finding(EmptyClass, block).severity == "info"
    assert finding(EmptyClass, block, num_classes=500).severity == "warning"
    integers = block_of(np.zeros((len(targets), 1)), targets.astype(int))
    assert finding(EmptyClass, integers).severity == "warning"
