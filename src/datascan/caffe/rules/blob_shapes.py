"""Infers the height and width of the maps that a layer reads, as far as possible.

Source: Caffe, src/caffe/layers/conv_layer.cpp: compute_output_shape; pooling_layer.cpp: Reshape.
"""

from __future__ import annotations

from typing import Any

from datascan.caffe.net.graph import CHANNEL_PRESERVING, Layer, View
from datascan.caffe.net.sources import PARAMS, DataSource
from datascan.caffe.rules.base import NetContext

Size = tuple[int, int]

SINGLE_VALUE_LAYERS = ("InnerProduct", "Reduction", "Flatten")
"""Layers whose output has one value per channel and record."""

SIZE_PRESERVING = (CHANNEL_PRESERVING | {"Concat", "Slice"}) - {
    "Crop",
    "Flatten",
    "Pooling",
    "Reshape",
}
"""Layers whose output has the height and width of their first input."""


def infer_map_size(view: View, layer: Layer, context: NetContext) -> Size | None:
    """Infer the height and width of a layer's first bottom; None if they are unknown."""
    between: list[Layer] = []
    size: Size | None = None
    for above in view.up(layer):
        if above.type in PARAMS:
            size = infer_source_size(view, above, context)
        elif above.type in SINGLE_VALUE_LAYERS or is_global_pooling(above):
            size = (1, 1)
        else:
            between.append(above)
            continue
        break
    for below in reversed(between):
        size = compute_output_size(below, size) if size else None
    return size


def is_global_pooling(layer: Layer) -> bool:
    """Whether a layer pools whole maps."""
    return layer.type == "Pooling" and bool(layer.param("pooling_param").global_pooling)


def infer_source_size(view: View, layer: Layer, context: NetContext) -> Size | None:
    """The size of a data layer's records when they reach the net; None unless all are equal."""
    sizes = {
        size
        for source in find_layer_sources(view, layer, context)
        if (report := context.reports.get(source))
        for kind in report.shapes
        for size in [compute_record_size(source, kind.shape)]
    }
    return sizes.pop() if len(sizes) == 1 else None


def compute_record_size(source: DataSource, shape: list[int]) -> Size | None:
    """Height and width of a record after resizing and cropping."""
    if source.crop_size:
        return source.crop_size, source.crop_size
    if source.size:
        return source.size
    if len(shape) == 3:
        return shape[1], shape[2]
    return (1, 1) if len(shape) < 2 else None


def compute_output_size(layer: Layer, size: Size) -> Size | None:
    """The size of a layer's output; None if it is unknown or empty."""
    if layer.type in SIZE_PRESERVING:
        return size
    if layer.type == "Convolution":
        param = layer.param("convolution_param")
        height, width = (compute_convolution_size(param, n, i) for i, n in enumerate(size))
    elif layer.type == "Pooling":
        param = layer.param("pooling_param")
        height, width = (
            compute_pooling_size(param, n, axis) for n, axis in zip(size, "hw", strict=True)
        )
    else:
        return None
    return (height, width) if height > 0 and width > 0 else None


def compute_convolution_size(param: Any, length: int, axis: int) -> int:
    """The length of an axis (0: height, 1: width) after a convolution; 0 without a kernel."""

    def read_param(name: str, default: int) -> int:
        own, repeated = f"{name}_{'hw'[axis]}", "kernel_size" if name == "kernel" else name
        if name != "dilation" and param.HasField(own):
            return int(getattr(param, own))
        values = getattr(param, repeated)
        return int(values[min(axis, len(values) - 1)]) if values else default

    kernel, stride = read_param("kernel", 0), read_param("stride", 1)
    extent = read_param("dilation", 1) * (kernel - 1) + 1
    if not kernel or not stride:
        return 0
    return (length + 2 * read_param("pad", 0) - extent) // stride + 1


def compute_pooling_size(param: Any, length: int, axis: str) -> int:
    """The length of an axis ("h" or "w") after pooling; the number of windows is rounded up."""

    def read_param(name: str, shared: str) -> int:
        own = f"{name}_{axis}"
        return int(getattr(param, own) if param.HasField(own) else getattr(param, shared))

    kernel = read_param("kernel", "kernel_size") or int(param.kernel)
    stride, pad = read_param("stride", "stride"), read_param("pad", "pad")
    if not kernel or not stride:
        return 0
    count = -(-(length + 2 * pad - kernel) // stride) + 1
    # The last window must begin inside the input or its left padding.
    return count - 1 if pad and (count - 1) * stride >= length + pad else count


def find_layer_sources(view: View, layer: Layer, context: NetContext) -> list[DataSource]:
    """The sources that a data layer reads."""
    return [
        source
        for source in context.training.sources
        if source.layer == layer.name and source.phase == view.phase
    ]
