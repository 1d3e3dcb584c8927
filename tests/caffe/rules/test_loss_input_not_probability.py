from __future__ import annotations

import pytest

from tests.builders.caffe import conv, data, inner, layer, net_findings, scan_prototxt

RULE = "loss-input-not-probability"
MLL = "MultinomialLogisticLoss"


def test_scores(tmp_path):
    net = data() + inner("ip", "data", 4) + layer("loss", MLL, "ip label", "loss")
    ((key, detail),) = net_findings(scan_prototxt(tmp_path, net), RULE)
    assert key == "loss"
    assert detail.startswith(
        f"{MLL} takes the logarithm of ip (InnerProduct), which does not give probabilities"
    )


def test_infogain_loss_of_caffe_1_has_its_own_softmax(tmp_path):
    scores = data() + inner("ip", "data", 4)
    loss = layer("loss", "InfogainLoss", "ip label H", "loss")
    assert scan_prototxt(tmp_path, scores + loss).findings == []
    soft = scores + layer("p", "Softmax", "ip", "p")
    loss = layer("loss", "InfogainLoss", "p label H", "loss")
    assert scan_prototxt(tmp_path, soft + loss).findings == []


@pytest.mark.parametrize("between", ["Power", "AbsVal", "BNLL", "Dropout"])
def test_scores_through_what_makes_no_probabilities(tmp_path, between):
    net = data() + inner("ip", "data", 4) + layer("p", between, "ip", "p")
    assert net_findings(scan_prototxt(tmp_path, net + layer("loss", MLL, "p label", "loss")), RULE)
    soft = data() + inner("ip", "data", 4) + layer("s", "Softmax", "ip", "s")
    soft += layer("p", between, "s", "p") + layer("loss", MLL, "p label", "loss")
    assert scan_prototxt(tmp_path, soft).findings == []


def test_scores_through_relu_and_v1(tmp_path):
    net = data() + conv("c", "data", 4) + layer("r", "ReLU", "c", "c")
    net += layer("f", "Flatten", "c", "f") + layer("loss", MLL, "f label", "loss")
    assert [key for key, _ in net_findings(scan_prototxt(tmp_path, net), RULE)] == ["loss"]
    old = (
        'layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" }\n'
        'layers { name: "l" type: MULTINOMIAL_LOGISTIC_LOSS bottom: "ip" bottom: "label" }'
    )
    assert [key for key, _ in net_findings(scan_prototxt(tmp_path, old), RULE)] == ["l"]


@pytest.mark.parametrize(
    "between",
    [
        layer("p", "Softmax", "ip", "p"),
        layer("p", "Sigmoid", "ip", "p"),
        layer("s", "Softmax", "ip", "s") + layer("p", "Flatten", "s", "p"),
        layer("s", "Softmax", "ip", "s") + layer("p", "Eltwise", "s s", "p"),
        layer("p", "Python", "ip", "p"),
    ],
)
def test_probabilities_and_what_may_be_such(tmp_path, between):
    net = data() + inner("ip", "data", 4) + between + layer("loss", MLL, "p label", "loss")
    assert scan_prototxt(tmp_path, net).findings == []


def test_other_losses_take_scores(tmp_path):
    net = data() + inner("ip", "data", 4)
    for kind in ("SoftmaxWithLoss", "HingeLoss", "EuclideanLoss"):
        assert scan_prototxt(tmp_path, net + layer("loss", kind, "ip label", "loss")).findings == []


def test_probabilities_from_the_data(tmp_path):
    assert scan_prototxt(tmp_path, data() + layer("l", MLL, "data label", "l")).findings == []
