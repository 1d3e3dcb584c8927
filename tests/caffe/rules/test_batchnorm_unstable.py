from __future__ import annotations

import numpy as np
import pytest

from tests.builders.caffe import (
    conv,
    data,
    inner,
    layer,
    net_findings,
    scan_prototxt,
    softmax_loss,
    write_datums,
)
from tests.builders.lmdb import datum, numbered, write_lmdb

RULE = "batchnorm-unstable"


def norm(bottom: str, more: str = "") -> str:
    return layer("bn", "BatchNorm", bottom, "bn", more)


GLOBAL = layer("gap", "Pooling", "c", "gap", "pooling_param { pool: AVE global_pooling: true }")


@pytest.mark.parametrize(
    "above",
    [
        inner("ip", "data", 4) + norm("ip"),
        inner("ip", "data", 4) + layer("r", "ReLU", "ip", "ip") + norm("ip"),
        conv("c", "data", 4) + GLOBAL + norm("gap"),
        conv("c", "data", 4) + GLOBAL + conv("d", "gap", 4, 1) + norm("d"),
        conv("c", "data", 4) + GLOBAL + conv("d", "gap", 4, 3, "pad: 1") + norm("d"),
    ],
)
def test_a_single_value(tmp_path, above):
    report = scan_prototxt(tmp_path, data(batch=1) + above)
    assert net_findings(report, RULE) == [
        ("bn", "normalises a single value: batch size 1 (layer data) on a 1x1 map")
    ]
    assert scan_prototxt(tmp_path, data(batch=2) + above).findings == []


@pytest.mark.parametrize(
    "above",
    [
        conv("c", "data", 4) + norm("c"),
        inner("ip", "data", 4) + norm("ip", "batch_norm_param { use_global_stats: true }"),
        conv("c", "data", 4) + GLOBAL + conv("d", "gap", 4, 3, "pad: 2") + norm("d"),
        inner("ip", "data", 4) + norm("ip", "include { phase: TEST }"),
    ],
)
def test_batch_1_on_a_map_or_with_stored_statistics(tmp_path, above):
    assert scan_prototxt(tmp_path, data(batch=1) + above).findings == []


@pytest.mark.parametrize(("eps", "raised"), [("1e-7", 1), ("0", 1), ("1e-6", 0), ("1e-5", 0)])
def test_eps(tmp_path, eps, raised):
    net = data() + conv("c", "data", 4) + norm("c", f"batch_norm_param {{ eps: {eps} }}")
    report = scan_prototxt(tmp_path, net)
    assert len(report.findings) == raised
    if raised:
        assert net_findings(report, RULE) == [("bn", f"eps {float(eps):g} is below 1e-6")]
        assert report.findings[0].severity == "info"


def test_a_source_with_a_constant_feature(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 3, 4, 4), np.uint8)
    images[:, 1] = 7
    values = [datum(image, i % 4) for i, image in enumerate(images)]
    write_lmdb(tmp_path / "train_lmdb", numbered(values))
    net = data(batch=40) + norm("data") + conv("c", "bn", 4) + softmax_loss("c")
    report = scan_prototxt(tmp_path, net, data=True)
    ((key, detail),) = net_findings(report, RULE)
    assert key == "bn"
    assert detail.startswith(
        "normalises train_lmdb, in which 1 of 3 channels has the same value in every record"
    )
    small = net.replace('top: "bn" ', 'top: "bn" batch_norm_param { eps: 1e-10 } ')
    report = scan_prototxt(tmp_path, small, data=True)
    assert {f.severity for f in report.findings if f.rule == RULE} == {"warning"}
    assert "eps 1e-10 is below 1e-6" in [text for _, text in net_findings(report, RULE)]
    alone = scan_prototxt(tmp_path, net, data=True, select=[RULE])
    assert [finding.rule for finding in alone.findings] == [RULE]
    assert all(source.findings == [] for source in alone.sources)
    behind = data(batch=40) + conv("c", "data", 4) + norm("c") + softmax_loss("c")
    assert net_findings(scan_prototxt(tmp_path, behind, data=True), RULE) == []


def test_records_of_single_pixels(tmp_path):
    write_datums(tmp_path / "train_lmdb", shape=(5, 1, 1))
    net = data(batch=1) + conv("c", "data", 4, 1) + norm("c") + softmax_loss("c")
    assert [key for key, _ in net_findings(scan_prototxt(tmp_path, net, data=True), RULE)] == ["bn"]


@pytest.mark.parametrize(
    ("above", "raised"),
    [
        (conv("c", "data", 4, 8), True),
        (conv("c", "data", 4, 7), False),
        (conv("c", "data", 4, 8, "pad: 1"), False),
        (conv("b", "data", 4, 3, "pad: 1 stride: 2") + conv("c", "b", 4, 4), True),
        (conv("b", "data", 4, 3, "dilation: 2") + conv("c", "b", 4, 4), True),
        (layer("c", "Pooling", "data", "c", "pooling_param { kernel_size: 8 }"), True),
        (layer("c", "Pooling", "data", "c", "pooling_param { kernel_size: 7 stride: 7 }"), False),
        (layer("c", "Deconvolution", "data", "c"), False),
    ],
)
def test_maps_that_shrink_to_single_pixels(tmp_path, above, raised):
    write_datums(tmp_path / "train_lmdb", shape=(3, 8, 8))
    net = data(batch=1) + above + norm("c") + softmax_loss("c")
    found = net_findings(scan_prototxt(tmp_path, net, data=True), RULE)
    assert [key for key, _ in found] == (["bn"] if raised else [])


STORED = "batch_norm_param { use_global_stats: true }"


def test_stored_statistics_without_weights(tmp_path):
    net = data() + conv("c", "data", 4) + norm("c", STORED)
    net += layer("bn2", "BatchNorm", "bn", "bn2", STORED) + inner("ip", "bn2", 4) + softmax_loss()
    report = scan_prototxt(tmp_path, net)
    assert net_findings(report, RULE) == [
        (
            "bn",
            (
                "trains with stored statistics (and 1 more layer), which are 0 without weights to "
                "start from"
            ),
        )
    ]
    assert report.findings[0].severity == "info"
    solver = 'base_lr: 0.1 lr_policy: "fixed" weights: "a.caffemodel"'
    assert scan_prototxt(tmp_path, net, solver=solver).findings == []


@pytest.mark.parametrize("loss", ["", softmax_loss(more="include { phase: TEST }")])
def test_stored_statistics_of_a_net_that_does_not_train(tmp_path, loss):
    net = data() + conv("c", "data", 4) + norm("c", STORED) + inner("ip", "bn", 4) + loss
    assert scan_prototxt(tmp_path, net).findings == []
