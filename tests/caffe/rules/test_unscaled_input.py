from __future__ import annotations

import numpy as np
import pytest

from tests.builders.caffe import (
    FIXED,
    conv,
    data,
    inner,
    layer,
    net_findings,
    scan_prototxt,
    softmax_loss,
    write_datums,
)

RULE = "unscaled-input"


def found(tmp_path, first, solver=FIXED, *, more="", settings="", kind=np.uint8):
    write_datums(tmp_path / "train_lmdb", kind=kind)
    net = data(more, settings=settings) + first + inner("ip", "top", 4) + softmax_loss()
    return net_findings(scan_prototxt(tmp_path, net, solver=solver, data=True), RULE)


def first(filler: str) -> str:
    return conv("conv1", "data", 8, 5, f"weight_filler {{ {filler} }}").replace(
        'top: "conv1"', 'top: "top"'
    )


XAVIER = first('type: "xavier"')


def test_the_numbers_are_given(tmp_path):
    ((key, detail),) = found(tmp_path, XAVIER)
    assert key == "data"
    # Uniform values of 0 to 255 have the root mean square sqrt(255 * 511 / 6) = 147.4.
    assert detail.startswith("uint8 values (root mean square 14")
    assert "enter conv1 (xavier filler) without scale or mean" in detail
    assert "base_lr 0.01 x 75 inputs x 14" in detail
    product = float(detail.split(" = ")[1].split(", but")[0].replace(",", ""))
    assert product == pytest.approx(0.01 * 75 * 255 * 511 / 6, rel=0.02)
    assert detail.endswith("but above 2 the first steps diverge")


@pytest.mark.parametrize(
    "filler",
    ['type: "xavier"', 'type: "msra"', 'type: "gaussian" std: 0.01', 'type: "uniform"'],
)
def test_fillers_that_are_not_scaled(tmp_path, filler):
    assert len(found(tmp_path, first(filler))) == 1


@pytest.mark.parametrize(
    ("net", "solver", "more", "settings", "kind"),
    [
        (XAVIER, FIXED, "transform_param { scale: 0.00390625 }", "", np.uint8),
        (XAVIER, FIXED, "transform_param { mean_value: 104 mean_value: 117 }", "", np.uint8),
        (XAVIER, FIXED, 'transform_param { mean_file: "mean.binaryproto" }', "", np.uint8),
        (XAVIER, FIXED, "", "scale: 0.00390625", np.uint8),
        (XAVIER, FIXED, "", "", np.float32),
        (first('type: "gaussian" std: 0.0001'), FIXED, "", "", np.uint8),
        (XAVIER, FIXED.replace("0.01", "0.0000001"), "", "", np.uint8),
        (XAVIER, FIXED + 'type: "Adam"', "", "", np.uint8),
        (
            XAVIER.replace('"top"', '"x"') + layer("bn", "BatchNorm", "x", "top"),
            FIXED,
            "",
            "",
            np.uint8,
        ),
        (
            layer("s", "Power", "data", "s", "power_param { scale: 0.0039 }")
            + XAVIER.replace('bottom: "data"', 'bottom: "s"'),
            FIXED,
            "",
            "",
            np.uint8,
        ),
    ],
)
def test_healthy_neighbours(tmp_path, net, solver, more, settings, kind):
    assert found(tmp_path, net, solver, more=more, settings=settings, kind=kind) == []


def test_a_frozen_layer_cannot_diverge(tmp_path):
    frozen = XAVIER.replace('name: "conv1"', 'name: "conv1" param { lr_mult: 0 }')
    assert found(tmp_path, frozen) == []


def test_one_layer_of_zeros(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    net = data() + inner("ip", "data", 4, 'type: "constant"') + softmax_loss()
    ((key, detail),) = net_findings(scan_prototxt(tmp_path, net, solver=FIXED, data=True), RULE)
    assert key == "data"
    assert "x 192 inputs x" in detail


def test_without_solver_or_data_nothing_is_said(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    net = data() + inner("ip", "data", 4) + softmax_loss()
    assert net_findings(scan_prototxt(tmp_path, net, data=True), RULE) == []
    assert net_findings(scan_prototxt(tmp_path, net, solver=FIXED), RULE) == []
