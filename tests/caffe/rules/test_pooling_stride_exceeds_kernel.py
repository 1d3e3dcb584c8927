from __future__ import annotations

import pytest

from tests.builders.caffe import layer, net_findings, scan_prototxt, small_net

RULE = "pooling-stride-exceeds-kernel"


def pooling(param: str) -> str:
    return layer("pool5", "Pooling", "data", "pool5", f"pooling_param {{ {param} }}")


@pytest.mark.parametrize(
    ("param", "text"),
    [
        ("pool: AVE kernel_size: 3 stride: 5", "stride 5 is larger than kernel 3 (AVE pooling)"),
        ("kernel_size: 2 stride: 3", "stride 3 is larger than kernel 2 (MAX pooling)"),
        ("kernel_h: 3 kernel_w: 2 stride: 3", "stride 3 is larger than kernel 3x2 (MAX pooling)"),
        (
            "kernel_size: 3 stride_h: 2 stride_w: 4",
            "stride 2x4 is larger than kernel 3 (MAX pooling)",
        ),
        ("kernel_h: 1 kernel_w: 5 stride_h: 2 stride_w: 2", "stride 2 is larger than kernel 1x5"),
    ],
)
def test_a_stride_above_the_kernel(tmp_path, param, text):
    report = scan_prototxt(tmp_path, small_net(), pooling(param))
    ((key, detail),) = net_findings(report, RULE)
    assert key == "pool5"
    assert detail.startswith(text)
    assert report.findings[0].message == f"layer pool5: {detail}"
    averages = "AVE" in param
    assert report.findings[0].severity == ("error" if averages else "warning")
    assert report.passed is not averages


@pytest.mark.parametrize(
    "param",
    [
        "pool: AVE kernel_size: 3 stride: 3",
        "pool: MAX kernel_size: 3 stride: 2",
        "kernel_size: 2",
        "kernel_h: 1 kernel_w: 4 stride_h: 1 stride_w: 4",
        "pool: AVE global_pooling: true stride: 5",
        "pool: AVE global_pooling: true",
    ],
)
def test_healthy_neighbours(tmp_path, param):
    report = scan_prototxt(tmp_path, small_net(), pooling(param))
    assert report.findings == []
    assert report.passed


@pytest.mark.parametrize("rounding", ["ceil_mode: false", "round_mode: FLOOR"])
def test_without_empty_windows_an_average_is_a_warning(tmp_path, rounding):
    net = pooling(f"pool: AVE kernel_size: 1 stride: 2 {rounding}")
    report = scan_prototxt(tmp_path, small_net(), net, select=[RULE])
    assert [finding.severity for finding in report.findings] == ["warning"]


def test_a_method_of_a_fork_is_not_judged(tmp_path):
    net = pooling("pool: LSE kernel_size: 1 stride: 2")
    report = scan_prototxt(tmp_path, small_net(), net)
    assert [finding.rule for finding in report.findings] == ["not-understood"]


def test_the_example_of_the_web_is_understood(tmp_path):
    report = scan_prototxt(tmp_path, small_net(), pooling("pool: AVE stride: 5 kernel: 3"))
    ((key, detail),) = net_findings(report, RULE)
    assert key == "pool5"
    assert "stride 5 is larger than kernel 3" in detail
    assert "Caffe would reject the field kernel: it is kernel_size" in detail
    ((key, detail),) = net_findings(report, "unknown-field")
    assert key == "pool5"
    assert "no field kernel" in detail
    assert "kernel_size" in detail


def test_v1_layers_are_judged_and_phases_counted_once(tmp_path):
    old = (
        'layers { name: "p" type: POOLING bottom: "data" top: "p" '
        "pooling_param { kernel_size: 2 stride: 3 } }"
    )
    report = scan_prototxt(tmp_path, old)
    assert [key for key, _ in net_findings(report, RULE)] == ["p"]
