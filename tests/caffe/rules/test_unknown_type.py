from __future__ import annotations

import pytest

from datascan.caffe.net.layer_types import LAYER_TYPES, find_meant_type
from tests.builders.caffe import FIXED, layer, net_findings, rules, scan_prototxt, small_net

RULE = "unknown-type"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("Convolutoin", "Convolution"),
        ("Convolution2", None),
        ("convolution", "Convolution"),
        ("CONVOLUTION", "Convolution"),
        ("INNER_PRODUCT", "InnerProduct"),
        ("Inner_Product", "InnerProduct"),
        ("Relu", "ReLU"),
        ("Poolling", "Pooling"),
        ("SoftmaxWithLos", "SoftmaxWithLoss"),
        ("Dropuot", "Dropout"),
        ("ReLU6", None),
        ("Flip", None),
        ("SELU", None),
        ("Permute", None),
        ("Normalize", None),
        ("Lstm", None),
        ("Pooling3D", None),
        ("SmoothL1Loss", None),
        ("SoftmaxWithLossOHEM", None),
        ("BN", None),
        ("MultiBoxLoss", None),
        ("DepthwiseConvolution", None),
        ("ImageSegData", None),
        ("", None),
        ("Q" * 5000, None),
    ],
)
def test_which_type_a_misspelt_one_means(wrong, meant):
    assert find_meant_type(wrong) == meant


def test_no_type_of_caffe_is_a_slip_of_another():
    assert [kind for kind in LAYER_TYPES if find_meant_type(kind)] == []


def test_misspelt_layers(tmp_path):
    net = small_net() + layer("c", "Convolutoin", "data", "c")
    report = scan_prototxt(tmp_path, net)
    assert net_findings(report, RULE) == [
        ("c", "type Convolutoin is unknown to Caffe; did you mean Convolution?")
    ]
    assert report.findings[0].severity == "error"
    assert not report.passed


def test_a_layer_without_a_type(tmp_path):
    report = scan_prototxt(tmp_path, small_net() + 'layer { name: "n" }')
    assert net_findings(report, RULE) == [("n", "has no type: Caffe would reject it")]


def test_a_misspelt_v1_type(tmp_path):
    report = scan_prototxt(tmp_path, 'layers { name: "c" type: CONVOLUTOIN bottom: "data" }')
    assert net_findings(report, RULE) == [
        ("c", "type CONVOLUTOIN is unknown to Caffe; did you mean CONVOLUTION?")
    ]


@pytest.mark.parametrize(("kind", "found"), [("adam", True), ("Nestrov", True), ("Adam", False)])
def test_types_of_solvers(tmp_path, kind, found):
    report = scan_prototxt(tmp_path, small_net(), solver=f"{FIXED} type: '{kind}'")
    assert (RULE in rules(report)) is found
