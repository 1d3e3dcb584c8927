"""Labels whose class is not in the expectations."""

from __future__ import annotations

import numpy as np

from datascan.checks.unexpected_class import UnexpectedClass
from datascan.config.expectations import Expectations, Labels
from datascan.testing.blocks import block_of, finding, findings


def labelled(*labels):
    return block_of(np.arange(len(labels) * 2.0).reshape(-1, 2), np.array(labels))


def expectations(*classes, numbers=None):
    labels = Labels(shares=dict.fromkeys(classes, 1 / len(classes)), numbers=numbers)
    return Expectations("datascan-expectations/1", labels=labels)


def test_labels_of_other_classes():
    expect = expectations("0", "1")
    found = finding(UnexpectedClass, labelled(0, 1, 7), labelled(1, 9, 7), expect=expect)
    assert (found.severity, found.records) == ("error", 3)
    assert found.message == "3 labels have an unexpected class: 7, 9"
    assert found.named == {2: "label 7", 4: "label 9", 5: "label 7"}


def test_one_label():
    found = finding(UnexpectedClass, labelled(0, -1), expect=expectations("0"))
    assert found.message == "1 label has an unexpected class: -1"


def test_at_most_three_classes_are_named():
    found = finding(UnexpectedClass, labelled(3, 4, 5, 6, 7), expect=expectations("0"))
    assert found.message == "5 labels have an unexpected class: 3, 4, 5 and 2 more"


def test_classes_are_compared_by_name():
    plan = {"class_names": ("ant", "cat", "dog")}
    expect = expectations("cat", "dog", numbers={"cat": 0, "dog": 1})
    found = finding(UnexpectedClass, labelled(0, 1, 2), plan=plan, expect=expect)
    assert found.message == "1 label has an unexpected class: 0 (ant)"
    assert found.named == {0: "label 0"}


def test_expected_classes_are_healthy():
    assert findings(UnexpectedClass, labelled(0, 1), expect=expectations("0", "1", "2")) == []


def test_what_cannot_be_compared():
    expect = expectations("cat", "dog")
    assert findings(UnexpectedClass, labelled(0, 1), expect=expect) == []
    targets = Expectations("datascan-expectations/1", labels=Labels(kind="regression"))
    assert findings(UnexpectedClass, labelled(0, 1), expect=targets) == []
    fractions = labelled(0.5, 1.5)
    assert findings(UnexpectedClass, fractions, expect=expectations("0")) == []
    assert findings(UnexpectedClass, labelled(0, 1)) == []
    assert findings(UnexpectedClass, block_of(records=0), expect=expectations("0")) == []
