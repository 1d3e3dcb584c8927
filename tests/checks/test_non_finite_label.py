from __future__ import annotations

import numpy as np

from datascan.checks.non_finite_label import NonFiniteLabel
from datascan.testing.blocks import block_of, finding, findings


def labelled(labels, **more):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels), **more)


def test_nan_and_infinity_among_targets():
    said = finding(NonFiniteLabel, labelled([0.5, np.nan]), labelled([np.inf, 0.1, -np.inf]))
    assert said.severity == "error"
    assert said.message == "3 of 5 labels are NaN or infinite"
    assert said.named == {1: "label nan", 2: "label inf", 4: "label -inf"}


def test_among_classes():
    labels = np.zeros(300, np.float32)
    labels[299] = np.nan
    said = finding(NonFiniteLabel, labelled(labels))
    assert said.message == "1 of 300 labels is NaN or infinite"


def test_in_targets_of_several_values():
    labels = np.full((5, 3), 1e308)
    labels[1, 2], labels[4, 0] = np.nan, -np.inf
    said = finding(NonFiniteLabel, labelled(labels))
    assert said.named == {1: "label nan", 4: "label inf"}


def test_labels_of_shape_n_1_1_1():
    labels = np.array([1, np.nan, 2]).reshape(3, 1, 1, 1)
    assert list(finding(NonFiniteLabel, labelled(labels)).named) == [1]


def test_finite_integer_absent_and_unwanted_labels():
    nan = np.array([0.5, np.nan])
    assert findings(NonFiniteLabel, labelled([1.0, 2.5])) == []
    assert findings(NonFiniteLabel, labelled([1, 2])) == []
    assert findings(NonFiniteLabel, labelled(nan, present=[True, False])) == []
    assert findings(NonFiniteLabel, labelled(nan), label_type="none") == []
