"""Sizes of maps, as Caffe computes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from datascan.caffe.net.graph import build_layers
from datascan.caffe.net.prototxt import parse
from datascan.caffe.net.sources import DataSource
from datascan.caffe.rules.blob_shapes import compute_output_size, compute_record_size
from tests.builders.caffe import layer


def size_after(kind: str, more: str, size=(20, 30)):
    net = parse(Path("net"), layer("x", kind, "a", "x", more), "NetParameter")
    (only,) = build_layers(net.message)
    return compute_output_size(only, size)


def convolved(param: str, size=(20, 30)):
    return size_after("Convolution", f"convolution_param {{ num_output: 1 {param} }}", size)


@pytest.mark.parametrize(
    ("param", "size"),
    [
        ("kernel_size: 1", (20, 30)),
        ("kernel_size: 3", (18, 28)),
        ("kernel_size: 3 pad: 1", (20, 30)),
        ("kernel_size: 3 pad: 2 stride: 2", (11, 16)),
        ("kernel_size: 3 dilation: 4", (12, 22)),
        ("kernel_size: [3, 5] pad: [0, 1] stride: [1, 2]", (18, 14)),
        ("kernel_h: 4 kernel_w: 6 pad_h: 1 pad_w: 2 stride_h: 3 stride_w: 4", (7, 8)),
        ("kernel_size: 20", (1, 11)),
        ("kernel_size: 21", None),
        ("", None),
        ("kernel_size: 3 stride: 0", None),
    ],
)
def test_convolutions(param, size):
    assert convolved(param) == size


def pooled(param: str, size=(20, 30)):
    return size_after("Pooling", f"pooling_param {{ {param} }}", size)


@pytest.mark.parametrize(
    ("param", "size"),
    [
        ("kernel_size: 2 stride: 2", (10, 15)),
        ("kernel_size: 3 stride: 2", (10, 15)),
        ("kernel_size: 3", (18, 28)),
        ("kernel_h: 4 kernel_w: 5 stride_h: 3 stride_w: 7", (7, 5)),
        ("kernel_size: 3 stride: 2 pad: 1", (11, 16)),
        ("kernel_size: 2 stride: 3 pad: 1", (7, 11)),
        ("kernel_size: 2 stride: 2 pad_h: 1 pad_w: 0", (11, 15)),
        ("stride: 2", None),
        ("kernel_size: 2 stride: 0", None),
        ("kernel_size: 40", None),
    ],
)
def test_poolings(param, size):
    assert pooled(param) == size


@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_the_last_window_begins_inside(kernel, stride, pad):
    """PoolingLayer::Reshape rounds up, and drops a window that begins in the padding."""
    for length in range(5, 14):
        count = -(-(length + 2 * pad - kernel) // stride) + 1
        if pad:
            while (count - 1) * stride >= length + pad:
                count -= 1
        param = f"kernel_size: {kernel} stride: {stride} pad: {pad}"
        assert pooled(param, (length, length)) == (count, count)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("ReLU", (20, 30)),
        ("Concat", (20, 30)),
        ("Slice", (20, 30)),
        ("Crop", None),
        ("Reshape", None),
        ("Flatten", None),
        ("Deconvolution", None),
    ],
)
def test_other_layers(kind, size):
    assert size_after(kind, "") == size


@pytest.mark.parametrize(
    ("shape", "crop", "resized", "size"),
    [
        ([3, 8, 9], 0, None, (8, 9)),
        ([3, 8, 9], 5, None, (5, 5)),
        ([3, 8, 9], 5, (6, 7), (5, 5)),
        ([3, 8, 9], 0, (6, 7), (6, 7)),
        ([7], 0, None, (1, 1)),
        ([], 0, None, (1, 1)),
        ([7, 8], 0, None, None),
        ([1, 2, 3, 4], 0, None, None),
    ],
)
def test_sizes_of_records(shape, crop, resized, size):
    source = DataSource(
        layer="data",
        type="Data",
        phase="TRAIN",
        backend="lmdb",
        given="x",
        path=None,
        tried=(),
        batch_size=1,
        crop_size=crop,
        size=resized,
    )
    assert compute_record_size(source, shape) == size
