from __future__ import annotations

import h5py
import numpy as np
import pytest

from tests.builders.caffe import data, inner, layer, net_findings, scan_prototxt, write_datums

RULE = "labels-not-binary"
LOSS = layer("loss", "SigmoidCrossEntropyLoss", "ip label", "loss")
IGNORE = layer(
    "loss", "SigmoidCrossEntropyLoss", "ip label", "loss", "loss_param { ignore_label: -1 }"
)


@pytest.mark.parametrize(
    ("labels", "loss", "raised"),
    [
        ([0, 1, 0, 1], LOSS, None),
        ([0, 1, 2, 3], LOSS, "0 to 3"),
        ([-1, 1, 1, -1], LOSS, "-1 to 1"),
        ([-1, 1, 0, -1], IGNORE, None),
    ],
)
def test_class_numbers_as_targets(tmp_path, labels, loss, raised):
    write_datums(tmp_path / "train_lmdb", labels * 20)
    net = data() + inner("ip", "data", 1) + loss
    report = scan_prototxt(tmp_path, net, data=True)
    found = net_findings(report, RULE)
    if raised is None:
        assert found == []
        return
    assert found == [
        (
            "loss",
            (
                f"reads class numbers ({raised} in train_lmdb) as targets: it needs 0 or 1 for "
                "each output"
            ),
        )
    ]
    assert not report.passed


def test_several_outputs_need_several_labels(tmp_path):
    report = scan_prototxt(tmp_path, data() + inner("ip", "data", 5) + LOSS)
    assert net_findings(report, RULE) == [
        (
            "loss",
            (
                "reads one label per record of train_lmdb, but layer ip has 5 outputs: it needs 0 "
                "or 1 for each of them"
            ),
        )
    ]


@pytest.mark.parametrize("width", [1, 4])
def test_vectors_are_what_it_needs(tmp_path, width):
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = random.normal(size=(30, 4)).astype("f4")
        file["label"] = random.integers(0, 2, (30, width)).astype("f4")
    (tmp_path / "train.txt").write_text("a.h5\n")
    param = "hdf5_data_param { source: 'train.txt' batch_size: 5 }"
    net = layer("data", "HDF5Data", "", "data label", param) + inner("ip", "data", width) + LOSS
    assert net_findings(scan_prototxt(tmp_path, net, data=True), RULE) == []


def test_behind_a_layer_of_a_fork_nothing_is_known(tmp_path):
    net = data() + inner("a", "data", 5) + layer("f", "Fork", "a", "ip") + LOSS
    assert net_findings(scan_prototxt(tmp_path, net), RULE) == []
