from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from datascan.caffe.net.graph import View, build_layers
from datascan.caffe.net.prototxt import parse
from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import build_solver
from datascan.caffe.rules.unscaled_input import (
    LayerInput,
    compute_kernel_area,
    describe_divergence,
    format_figure,
)
from datascan.report.figures import ShapeFigures, ValueFigures
from datascan.testing.reports import report
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


def weighted(text: str):
    net = parse(Path("net"), text, "NetParameter")
    return build_layers(net.message)[0]


SOURCE = {
    "layer": "data",
    "type": "Data",
    "phase": "TRAIN",
    "backend": "lmdb",
    "given": "x",
    "path": None,
    "tried": (),
    "batch_size": 1,
}


def entering(text: str, shape=(3, 8, 9), mean=3.0, std=4.0, **source) -> LayerInput:
    values = ValueFigures(0, 255, mean, std, 0, 0)
    seen = report(values=values, shapes=[ShapeFigures(list(shape), "uint8", 5)])
    return LayerInput.of(DataSource(**SOURCE, **source), seen, weighted(text))


@pytest.mark.parametrize(
    ("shape", "source", "fan_in"),
    [
        ((3, 8, 9), {}, 216),
        ((3, 8, 9), {"crop_size": 5}, 75),
        ((3, 8, 9), {"size": (6, 7)}, 126),
        ((3, 8, 9), {"size": (6, 7), "crop_size": 2}, 12),
        ((3, 8, 9), {"channels": 1}, 72),
        ((7,), {"channels": 3}, 7),
        ((), {}, 1),
    ],
)
def test_inputs_of_an_inner_product(shape, source, fan_in):
    entry = entering(inner("ip", "data", 4), shape, **source)
    assert (entry.fan_in, entry.fan_out) == (fan_in, 4)
    assert (entry.mean, entry.rms) == (3, 5)


@pytest.mark.parametrize(
    ("more", "area", "fan_in", "fan_out"),
    [
        ("", 25, 75, 200),
        ("group: 3", 25, 25, 200),
        ("kernel_h: 2 kernel_w: 7", 14, 42, 112),
    ],
)
def test_inputs_of_a_convolution(more, area, fan_in, fan_out):
    text = conv("c", "data", 8, 5, more)
    assert compute_kernel_area(weighted(text)) == area
    entry = entering(text)
    assert (entry.fan_in, entry.fan_out) == (fan_in, fan_out)


def test_kernels_of_two_lengths():
    text = layer("c", "Convolution", "", "", "convolution_param { kernel_size: 2 kernel_size: 5 }")
    assert compute_kernel_area(weighted(text)) == 10
    assert compute_kernel_area(weighted(layer("c", "Convolution"))) == 1


def test_values_without_moments():
    entry = entering(inner("ip", "data", 4), mean=None, std=None)
    assert (entry.mean, entry.rms) == (0, 0)


@pytest.mark.parametrize(
    ("filler", "expected"),
    [
        ('type: "constant" value: -2', 2 * 216 * 3),
        ('type: "gaussian" mean: 3 std: 4', 5 * sqrt(216) * 5),
        ('type: "uniform" min: -1 max: 1', sqrt(1 / 3) * sqrt(216) * 5),
        ('type: "uniform" min: 1 max: 2', sqrt(7 / 3) * sqrt(216) * 5),
        ('type: "xavier"', 5.0),
        ('type: "xavier" variance_norm: FAN_OUT', sqrt(216) * 5 / sqrt(4)),
        ('type: "xavier" variance_norm: AVERAGE', sqrt(216) * 5 / sqrt(110)),
        ('type: "msra"', 5 * sqrt(2)),
        ('type: "bilinear"', None),
    ],
)
def test_first_outputs(filler, expected):
    found = entering(inner("ip", "data", 4, filler)).estimate_output()
    assert found == (None if expected is None else pytest.approx(expected))


def test_figures():
    assert [format_figure(x) for x in (3.7512, 99.96, 100, 12_700.4)] == [
        "3.75",
        "100",
        "100",
        "12,700",
    ]


def diverges(text: str, base_lr: float, momentum=0.0, mean=3.0, std=4.0, after=""):
    """What is said of a net of one layer, which 216 values enter, and a solver."""
    file = parse(Path("net"), text + after, "NetParameter")
    layers = build_layers(file.message)
    seen = report(
        values=ValueFigures(0, 255, mean, std, 0, 0), shapes=[ShapeFigures([3, 8, 9], "uint8", 5)]
    )
    settings = f"base_lr: {base_lr} momentum: {momentum}"
    solver = build_solver(parse(Path("s"), settings, "SolverParameter"))
    entry = LayerInput.of(DataSource(**SOURCE), seen, layers[0])
    return describe_divergence(entry, View("TRAIN", layers), solver)


GAUSSIAN = 'type: "gaussian" std: 1'


@pytest.mark.parametrize(
    ("rate", "momentum", "limit"),
    [(2.01, 0.0, "2"), (1.99, 0.0, None), (3.81, 0.9, "3.8"), (3.79, 0.9, None)],
)
def test_the_largest_stable_step(rate, momentum, limit):
    """Above 2 (1 + momentum), gradient descent on a quadratic loss diverges."""
    said = diverges(inner("ip", "data", 4, GAUSSIAN), rate / (216 * 25), momentum)
    assert said is None if limit is None else f"above {limit} the first steps" in said


@pytest.mark.parametrize(("step", "expected"), [(20.1, True), (19.9, False)])
def test_a_layer_of_zeros_that_feeds_the_loss(step, expected):
    """Its first outputs are 0, and after one step about half of the step."""
    said = diverges(inner("ip", "data", 4, 'type: "constant"'), step / (216 * 25))
    assert (said is not None) == expected


def test_a_layer_of_zeros_before_another():
    hidden = inner("ip", "data", 4, 'type: "constant"')
    assert diverges(hidden, 1.0, after=inner("second", "ip", 4)) is None


def test_small_outputs_do_not_saturate():
    weak, strong = (inner("ip", "data", 4, f'type: "gaussian" std: {std}') for std in (0.13, 0.14))
    further = inner("second", "ip", 4)
    assert diverges(weak, 1.0, after=further) is None
    assert diverges(strong, 1.0, after=further) is not None


def test_the_rate_of_a_layer():
    text = inner("ip", "data", 4, GAUSSIAN)
    said = diverges(text.replace("inner", "param { lr_mult: 2 } inner", 1), 1.0)
    assert "base_lr 1 x lr_mult 2 x 216 inputs x 5^2 = 10,800, but above 2" in said
