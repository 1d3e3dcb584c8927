from __future__ import annotations

import numpy as np

from datascan.checks.class_imbalance import ClassImbalance
from datascan.testing.blocks import block_of, finding, findings


def labelled(*counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    return block_of(np.zeros((len(labels), 1)), labels)


def test_more_than_a_hundred_times():
    said = finding(ClassImbalance, labelled(2, 0, 834, 50))
    assert said.severity == "warning"
    assert said.records == 0
    assert said.message == "class 2 has 834 records, class 0 has 2: 417 times as many"


def test_a_hundred_times_is_not_over_a_hundred_times():
    assert findings(ClassImbalance, labelled(100, 1)) == []
    assert len(findings(ClassImbalance, labelled(101, 1))) == 1


def test_labels_out_of_range_do_not_count_as_classes():
    assert findings(ClassImbalance, labelled(500, 400, 1), num_classes=2) == []


def test_names_and_one_class_and_targets():
    said = finding(ClassImbalance, labelled(1, 200), plan={"class_names": ("cat", "dog")})
    assert said.message.startswith("class 1 (dog) has 200 records, class 0 (cat) has 1: ")
    assert findings(ClassImbalance, labelled(500)) == []
    assert findings(ClassImbalance, labelled(1, 500), label_type="regression") == []
