"""Height and width of the maps that a layer reads, as far as they can be known.

Source: Caffe, src/caffe/layers/conv_layer.cpp: compute_output_shape; pooling_layer.cpp: Reshape.
"""

from __future__ import annotations

from typing import Any

from datascan.caffe.net.graph import CHANNEL_PRESERVING, Layer, View
from datascan.caffe.net.sources import PARAMS, DataSource
from datascan.caffe.rules.base import NetContext

Size = tuple[int, int]

SINGLE = ("InnerProduct", "Reduction", "Flatten")
"""Layers whose output has one value for each channel and record."""

MAP_KEPT = (CHANNEL_PRESERVING | {"Concat", "Slice"}) - {"Crop", "Flatten", "Pooling", "Reshape"}
"""Layers whose output has the height and width of their first input."""


def map_size(view: View, layer: Layer, evidence: NetContext) -> Size | None:
    """Height and width of a layer's first bottom; None where they cannot be known."""
    between: list[Layer] = []
    size: Size | None = None
    for above in view.up(layer):
        if above.type in PARAMS:
            size = size_of_source(view, above, evidence)
        elif above.type in SINGLE or is_global(above):
            size = (1, 1)
        else:
            between.append(above)
            continue
        break
    for below in reversed(between):
        size = size_after(below, size) if size else None
    return size


def is_global(layer: Layer) -> bool:
    """Whether a layer pools whole maps."""
    return layer.type == "Pooling" and bool(layer.param("pooling_param").global_pooling)


def size_of_source(view: View, layer: Layer, evidence: NetContext) -> Size | None:
    """The size that all records of a data layer's source have when they reach the net."""
    sizes = {
        size
        for source in sources_of_layer(view, layer, evidence)
        if (report := evidence.reports.get(source))
        for kind in report.shapes
        for size in [size_of_record(source, kind.shape)]
    }
    return sizes.pop() if len(sizes) == 1 else None


def size_of_record(source: DataSource, shape: list[int]) -> Size | None:
    """Height and width of a record after resizing and cropping."""
    if source.crop_size:
        return source.crop_size, source.crop_size
    if source.size:
        return source.size
    if len(shape) == 3:
        return shape[1], shape[2]
    return (1, 1) if len(shape) < 2 else None


def size_after(layer: Layer, size: Size) -> Size | None:
    """The size of a layer's output; None where it cannot be known, or is none."""
    if layer.type in MAP_KEPT:
        return size
    if layer.type == "Convolution":
        param = layer.param("convolution_param")
        high, wide = (convolution_size(param, n, i) for i, n in enumerate(size))
    elif layer.type == "Pooling":
        param = layer.param("pooling_param")
        high, wide = (pooling_size(param, n, axis) for n, axis in zip(size, "hw", strict=True))
    else:
        return None
    return (high, wide) if high > 0 and wide > 0 else None


def convolution_size(param: Any, length: int, axis: int) -> int:
    """How long an axis (0: height, 1: width) is after a convolution; 0 without a kernel."""

    def along(name: str, default: int) -> int:
        own, several = f"{name}_{'hw'[axis]}", "kernel_size" if name == "kernel" else name
        if name != "dilation" and param.HasField(own):
            return int(getattr(param, own))
        given = getattr(param, several)
        return int(given[min(axis, len(given) - 1)]) if given else default

    kernel, stride = along("kernel", 0), along("stride", 1)
    reach = along("dilation", 1) * (kernel - 1) + 1
    if not kernel or not stride:
        return 0
    return (length + 2 * along("pad", 0) - reach) // stride + 1


def pooling_size(param: Any, length: int, axis: str) -> int:
    """How long an axis ("h" or "w") is after pooling, whose windows are rounded up."""

    def along(name: str, shared: str) -> int:
        own = f"{name}_{axis}"
        return int(getattr(param, own) if param.HasField(own) else getattr(param, shared))

    kernel = along("kernel", "kernel_size") or int(param.kernel)
    stride, pad = along("stride", "stride"), along("pad", "pad")
    if not kernel or not stride:
        return 0
    count = -(-(length + 2 * pad - kernel) // stride) + 1
    # The last window must begin inside of the input or its left padding.
    return count - 1 if pad and (count - 1) * stride >= length + pad else count


def sources_of_layer(view: View, layer: Layer, evidence: NetContext) -> list[DataSource]:
    """What a data layer reads."""
    return [
        source
        for source in evidence.training.sources
        if source.layer == layer.name and source.phase == view.phase
    ]
