from __future__ import annotations

import numpy as np

from datascan.checks.label_beyond_outputs import LabelBeyondOutputs
from datascan.checks.label_out_of_range import LabelOutOfRange
from datascan.config.options import NetTargets
from datascan.testing.blocks import block_of, finding, findings


def labelled(labels):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels))


TEN = NetTargets(outputs=10, layer="ip2", loss="loss")


def test_labels_beyond_the_outputs():
    block = labelled([0, 9, 10, -1, 4_000_000, 5])
    said = finding(LabelBeyondOutputs, block, targets=TEN, num_classes=10)
    assert said.severity == "error"
    assert said.records == 3
    assert list(said.named.values()) == ["label 10", "label -1", "label 4000000"]
    assert said.message == "3 labels are outside 0..9: layer ip2, which loss reads, has 10 outputs"
    # The rule for datasets without a net stays silent meanwhile.
    assert findings(LabelOutOfRange, block, targets=TEN, num_classes=10) == []


def test_one_label_and_one_output():
    said = finding(LabelBeyondOutputs, labelled([0, 1]), targets=NetTargets(1, "ip", "l"))
    assert said.message == "1 label is outside 0..0: layer ip, which l reads, has 1 output"


def test_float_labels_count_if_they_are_whole():
    block = labelled(np.array([0.0, 10.0, np.nan, np.inf, 3.5]))
    said = finding(LabelBeyondOutputs, block, targets=TEN, label_type="class")
    assert said.records == 1


def test_the_ignored_label_is_left_alone():
    ignoring = NetTargets(outputs=10, layer="ip2", loss="loss", ignore_label=255)
    assert findings(LabelBeyondOutputs, labelled([0, 9, 255]), targets=ignoring) == []
    negative = NetTargets(outputs=10, layer="ip2", loss="loss", ignore_label=-1)
    said = finding(LabelBeyondOutputs, labelled([0, -1, 255]), targets=negative)
    assert list(said.named.values()) == ["label 255"]


def test_without_a_net_nothing_is_said():
    assert findings(LabelBeyondOutputs, labelled([0, 99])) == []
    assert findings(LabelBeyondOutputs, labelled([0, 99]), targets=NetTargets()) == []
    assert findings(LabelOutOfRange, labelled([0, -1]), targets=NetTargets()) != []
    assert findings(LabelBeyondOutputs, labelled([0, 99]), targets=TEN, label_type="none") == []
