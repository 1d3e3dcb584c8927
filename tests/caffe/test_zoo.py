"""Nets with the features of the Caffe zoo raise no false alarm."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datascan.caffe.net.training import read_training
from tests.builders.caffe import all_findings, scan_prototxt, write_datums, write_net
from tests.builders.zoo import ZOO

CLASSES = {"lenet": 10, "cifar_quick": 10, "siamese": None, "fcn": 21, "regression": 1}


@pytest.mark.parametrize("name", ZOO)
def test_net_and_solver_are_clean(tmp_path, name):
    net, solver = ZOO[name]
    report = scan_prototxt(tmp_path, net, solver=solver)
    assert report.findings == []
    assert report.passed


@pytest.mark.parametrize("name", ZOO)
def test_a_net_without_its_solver_is_clean(tmp_path, name):
    assert scan_prototxt(tmp_path, ZOO[name][0]).findings == []


@pytest.mark.parametrize("name", ZOO)
def test_sources_losses_and_classes(tmp_path, name):
    training = read_training(write_net(tmp_path, ZOO[name][0]))
    assert training.unknown == ()
    train = [source for source in training.sources if source.phase == "TRAIN"]
    losses = [loss for loss in training.losses if loss.phase == "TRAIN"]
    assert train[0].batch_size in (1, 4, 8, 10)
    expected = CLASSES.get(name, 1000)
    assert {loss.outputs for loss in losses} <= {expected, 2}
    if name in ("fcn", "siamese", "regression"):
        assert [source.num_classes for source in train] == [None] * len(train)
    else:
        assert [source.num_classes for source in training.sources] == [expected] * 2
        assert [source.phase for source in training.sources] == ["TRAIN", "TEST"]
        types = [source.label_type for source in training.sources]
        # SqueezeNet's TEST net has no loss, and Accuracy alone takes the labels.
        assert types == ["class", "auto" if name == "squeezenet" else "class"]


def test_the_three_losses_of_googlenet(tmp_path):
    training = read_training(write_net(tmp_path, ZOO["googlenet"][0]))
    losses = [loss for loss in training.losses if loss.phase == "TRAIN"]
    assert [(loss.layer, loss.weight) for loss in losses] == [
        ("loss1/loss", pytest.approx(0.3)),
        ("loss2/loss", pytest.approx(0.3)),
        ("loss3/loss3", 1.0),
    ]
    assert losses[0].tops == ("loss1/loss1",)
    assert losses[2].fed_by == "loss3/classifier"


def test_fcn_ignores_a_label_and_takes_label_images(tmp_path):
    training = read_training(write_net(tmp_path, ZOO["fcn"][0]))
    assert [source.label_type for source in training.sources] == ["none", "none"]
    assert training.losses[0].ignore_label == 255


@pytest.mark.parametrize("name", ["alexnet", "lenet", "cifar_quick", "vgg16_v1", "resnet"])
def test_healthy_stores_are_clean(tmp_path, name):
    side = 28 if name in ("lenet", "cifar_quick") else 232
    outputs = CLASSES.get(name, 1000)
    for source, seed in (("train_lmdb", 1), ("test_lmdb", 2)):
        labels = np.arange(24) % outputs
        write_datums(tmp_path / source, labels, shape=(3, side, side), seed=seed)
    net, solver = ZOO[name]
    report = scan_prototxt(tmp_path, net, solver=solver, data=True)
    assert len(report.sources) == 2
    rare = {"empty-class", "batch-label-gap"}
    assert {finding.rule for finding in all_findings(report)} <= rare


def test_regression_targets_are_no_classes(tmp_path):
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = random.normal(size=(30, 4)).astype("f4")
        file["label"] = random.normal(size=(30, 1)).astype("f4")
        file["freq"] = random.random((30, 1)).astype("f4")
    (tmp_path / "train.txt").write_text("a.h5\n")
    report = scan_prototxt(tmp_path, ZOO["regression"][0], data=True)
    assert all_findings(report) == []
    (source,) = report.sources
    assert source.labels.kind == "regression"
    assert source.dataset.records == 30
