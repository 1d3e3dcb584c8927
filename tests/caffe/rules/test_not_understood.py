from __future__ import annotations

import pytest

from tests.builders.caffe import (
    FIXED,
    data,
    inner,
    layer,
    net_findings,
    rules,
    scan_prototxt,
    small_net,
    softmax_loss,
    write_datums,
)

RULE = "not-understood"
SSD = (
    layer("n", "Normalize", "data", "n", "norm_param { across_spatial: false }")
    + layer("p", "Permute", "n", "p", "permute_param { order: 0 order: 2 }")
    + layer("q", "Permute", "n", "q", "permute_param { order: 0 order: 2 }")
    + layer("b", "PriorBox", "p data", "b", "prior_box_param { min_size: 30.0 }")
)


def test_one_line_for_a_fork(tmp_path):
    report = scan_prototxt(tmp_path, small_net() + SSD)
    assert net_findings(report, RULE) == [
        (
            "net",
            (
                "made for a fork of Caffe: layer types Normalize, Permute and PriorBox, and fields "
                "norm_param, permute_param and prior_box_param are not understood and were not "
                "checked"
            ),
        )
    ]
    assert len(report.findings) == 1
    assert report.findings[0].severity == "info"
    assert report.findings[0].message.startswith("net: made for a fork")
    assert report.passed


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (
            layer("a", "ReLU6", "data", "a"),
            "made for a fork of Caffe: layer type ReLU6 is not understood and was not checked",
        ),
        (
            layer("a", "ReLU", "data", "a", "num_output: 3"),
            (
                "not of Caffe 1.0: field num_output (train_val.prototxt:4) is not understood "
                "and was not checked"
            ),
        ),
        (
            layer("a", "Pooling", "data", "a", "pooling_param { pool: LSE }"),
            "made for a fork of Caffe: value pool: LSE is not understood and was not checked",
        ),
        (
            layer("a", "ReLU", "data", "a", "relu_param { engine: MKL2017 }"),
            "made for a fork of Caffe: value engine: MKL2017 is not understood and was not checked",
        ),
        (
            layer("a", "LRN", "data", "a", "lrn_param { norm_region: SAME_MAP }"),
            (
                "made for a fork of Caffe: value norm_region: SAME_MAP is not understood "
                "and was not checked"
            ),
        ),
        (
            "".join(layer(f"f{i}", f"Fork{i}", "data", f"f{i}") for i in range(9)),
            (
                "made for a fork of Caffe: layer types Fork0, Fork1, Fork2, Fork3, Fork4, Fork5 "
                "and 3 more are not understood and were not checked"
            ),
        ),
        (
            'layers { name: "r" type: ROI_POOL bottom: "data" }',
            "made for a fork of Caffe: layer type ROI_POOL is not understood and was not checked",
        ),
    ],
)
def test_parts_that_caffe_does_not_have(tmp_path, part, text):
    net = part if part.startswith("layers") else small_net() + part
    assert net_findings(scan_prototxt(tmp_path, net), RULE) == [("net", text)]


def test_types_of_solvers_of_a_fork(tmp_path):
    report = scan_prototxt(tmp_path, small_net(), solver=f"{FIXED} type: 'LARS'")
    ((key, text),) = net_findings(report, RULE)
    assert key == "solver"
    assert "solver type LARS" in text


def test_nothing_is_promised_of_a_net_that_was_not_understood(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    net = data(source="train_lmdb") + inner("ip", "data", 4) + softmax_loss()
    report = scan_prototxt(tmp_path, net, data=True)
    assert report.not_checked is None
    report = scan_prototxt(tmp_path, net + SSD, data=True, ignore=[RULE])
    assert RULE not in rules(report)
    assert report.not_checked[:2] == ["layer type Normalize", "layer type Permute"]
    python = layer("loader", "Python", "", "x", "python_param { module: 'a' layer: 'B' }")
    report = scan_prototxt(tmp_path, net + python, data=True)
    assert report.findings == []
    assert report.not_checked == ["Python layer loader"]
