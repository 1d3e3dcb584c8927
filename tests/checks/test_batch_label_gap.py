from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.batch_label_gap import BatchLabelGap
from datascan.config.options import NetTargets
from datascan.testing.blocks import block_of, finding, findings

IN_A_FOLDER = {"is_read_in_order": False}


def labelled(labels):
    return block_of(np.zeros((len(labels), 1)), np.asarray(labels))


def shuffled(classes, records):
    return labelled(np.random.default_rng(0).permutation(np.arange(records) % classes))


def test_the_example_checked_by_hand():
    blocks = labelled([0] * 5), labelled([0] + [1] * 6)
    said = finding(BatchLabelGap, *blocks, batch_sizes=(4,))
    assert said.severity == "warning"
    assert said.records == 0
    assert said.message.startswith(
        "batch size 4: 2 of 3 batches in store order lack a class (class 0 is missing from 1)"
    )
    # 1 - (1 - 15/495)**2
    assert "6.0% of shuffled batches lack a class (most often class 0" in said.message


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
    assert "needs a batch size of 33 or more" in said[2].message


def test_a_rare_class_in_every_batch_in_order_but_not_shuffled():
    labels = ([1] + [0] * 9) * 10
    (said,) = findings(BatchLabelGap, labelled(labels), batch_sizes=(10,))
    assert "in store order lack" not in said.message
    assert "of shuffled batches lack a class (most often class 1)" in said.message


def test_classes_are_named():
    plan = {"class_names": ("cat", "dog")}
    said = finding(BatchLabelGap, labelled([0, 0, 0, 1]), plan=plan, batch_sizes=(2,))
    assert "class 1 (dog)" in said.message


def test_one_class_large_batches_and_targets_have_no_gap():
    assert findings(BatchLabelGap, labelled([3] * 50)) == []
    assert findings(BatchLabelGap, labelled([0, 1] * 500), batch_sizes=(32,)) == []
    assert findings(BatchLabelGap, labelled([0] * 40 + [1]), label_type="regression") == []
    assert findings(BatchLabelGap, block_of(np.zeros((40, 1)))) == []


def test_sizes_above_the_number_of_records_are_left_out():
    block = labelled([0] * 6 + [1] * 6)
    assert findings(BatchLabelGap, block, batch_sizes=(13, 100)) == []
    assert len(findings(BatchLabelGap, block, batch_sizes=(4, 13, 100))) == 1


def test_common_sizes_of_a_shuffled_store_are_for_information():
    said = findings(BatchLabelGap, shuffled(100, 6000))
    assert [one.severity for one in said] == ["info"] * 4


def test_a_batch_size_that_was_asked_for_is_a_warning():
    said = finding(BatchLabelGap, shuffled(100, 6000), batch_sizes=(32,))
    assert said.severity == "warning"


def test_a_sorted_store_is_a_warning_at_common_sizes():
    block = labelled(np.repeat(np.arange(2), 500))
    said = findings(BatchLabelGap, block)
    assert [one.severity for one in said] == ["warning"] * 4
    assert said[0].fix == "shuffle the store: at this batch size that is enough"


def test_half_of_the_batches_make_a_store_sorted():
    # Of four batches of 32, two and then only one lack class 1.
    half = labelled([0, 1] * 32 + [0] * 64)
    assert "2 of 4 batches" in findings(BatchLabelGap, half)[0].message
    assert findings(BatchLabelGap, half)[0].severity == "warning"
    less = labelled([0, 1] * 48 + [0] * 32)
    assert "1 of 4 batches" in findings(BatchLabelGap, less)[0].message
    assert findings(BatchLabelGap, less)[0].severity == "info"


def test_the_order_of_class_folders_does_not_matter():
    labels = np.repeat(np.arange(2), 500)
    assert findings(BatchLabelGap, labelled(labels), plan=IN_A_FOLDER) == []
    said = findings(BatchLabelGap, labelled(np.repeat(np.arange(100), 60)), plan=IN_A_FOLDER)
    assert [one.severity for one in said] == ["info"] * 4
    assert not any("store" in one.message + one.fix for one in said)


@pytest.mark.parametrize("counted_by", ["loss layer", None])
def test_a_net_has_gaps_only_if_its_loss_divides_by_label_counts(counted_by):
    targets = NetTargets(outputs=100, counted_by=counted_by)
    said = findings(BatchLabelGap, shuffled(100, 6000), batch_sizes=(32,), targets=targets)
    assert [one.severity for one in said] == (["warning"] if counted_by else [])
    assert all("loss layer in this net normalises" in one.message for one in said)


def test_advice_that_cannot_be_followed_is_not_given():
    said = finding(BatchLabelGap, shuffled(500, 1000), batch_sizes=(32,))
    assert "needs a batch size" not in said.message
    assert "batches of" not in said.fix
    assert said.fix.endswith(
        "draw batches by class, or use a loss that does not divide by label counts"
    )
    possible = finding(BatchLabelGap, shuffled(4, 6000), batch_sizes=(8,))
    assert possible.fix == "use batches of 21 or more, or draw batches by class"
