from __future__ import annotations

import numpy as np

from datascan.checks.batch_label_gap import BatchLabelGap
from datascan.testing.blocks import block_of, finding, findings


def labelled(labels):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels))


def test_the_example_checked_by_hand():
    blocks = labelled([0] * 5), labelled([0] + [1] * 6)
    said = finding(BatchLabelGap, *blocks, batch_sizes=(4,))
    assert said.severity == "warning"
    assert said.records == 0
    assert said.message.startswith(
        "batch size 4: 2 of 3 batches in store order lack a class (class 0 is missing from 1; "
    )
    assert "7" in said.message
    # 1 - (1 - 15/495)**2
    assert "6.0% of shuffled batches lack a class (most often class 0; " in said.message


def test_one_finding_for_each_batch_size_with_gaps():
    block = labelled([0, 1] * 200 + [0] * 60)
    said = findings(BatchLabelGap, block, batch_sizes=(2, 10, 30, 61))
    assert [one.message.split(":")[0] for one in said] == [
        "batch size 2",
        "batch size 10",
        "batch size 30",
    ]
    assert "in store order" in said[2].message
    assert "shuffled" not in said[2].message
    assert said[2].message.startswith("batch size 30: 1 of 15 batches in store order lacks a class")


def test_a_rare_class_in_every_batch_in_order_but_not_shuffled():
    labels = ([1] + [0] * 9) * 10
    (said,) = findings(BatchLabelGap, labelled(labels), batch_sizes=(10,))
    assert "in store order lack" not in said.message
    assert "of shuffled batches lack a class (most often class 1; " in said.message


def test_classes_are_named():
    plan = {"class_names": ("cat", "dog")}
    said = finding(BatchLabelGap, labelled([0, 0, 0, 1]), plan=plan, batch_sizes=(2,))
    assert "class 1 (dog)" in said.message


def test_one_class_large_batches_and_targets_have_no_gap():
    assert findings(BatchLabelGap, labelled([3] * 50)) == []
    assert findings(BatchLabelGap, labelled([0, 1] * 500), batch_sizes=(32,)) == []
    assert findings(BatchLabelGap, labelled([0] * 40 + [1]), label_type="regression") == []
    assert findings(BatchLabelGap, block_of(np.zeros((40, 1)))) == []
