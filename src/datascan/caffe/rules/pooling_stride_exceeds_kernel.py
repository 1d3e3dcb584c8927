"""A pooling layer skips pixels: its stride is larger than its kernel.

What it is
    The windows of a pooling layer are ``kernel`` pixels wide and start ``stride`` pixels apart. If
    the stride is larger, in height or in width, the pixels between two windows are never read.

Why it breaks training
    The net cannot learn from pixels that are skipped: with stride 5 and kernel 3 it reads 9 of 25.
    For MAX pooling, that is all: it is often meant, to subsample a map, and a warning. For AVE
    pooling it is an error: since Caffe rounds the number of windows up, the last window may be
    outside the input; it is empty, and the average over it is 0/0. Builds of Caffe differ: some
    clip such a window and train without a NaN, others pass the NaN on, and the loss is NaN from the
    first iteration.

How to find the cause
    Usually the two numbers are swapped, or one axis was forgotten (``kernel_h`` with ``stride``).
    Also check for a field that Caffe does not have: ``kernel`` should be ``kernel_size``.

How to fix it
    Make the stride at most as large as the kernel: stride = kernel for adjacent windows, stride =
    kernel - 1 for windows that overlap.

Example
    ``layer pool5: stride 5 is larger than kernel 3 (AVE pooling)``

Limits
    Global pooling has no kernel and is not checked, nor is a layer without any kernel. A kernel of
    1 with stride 2, which takes every other pixel, is reported: if that is intended, ignore the
    rule. Layers with a pooling method of a fork are not checked, and with ``round_mode: FLOOR`` or
    ``ceil_mode: false`` no window is empty, so that AVE pooling gives a warning, too.

Source
    Caffe, src/caffe/layers/pooling_layer.cpp: Reshape rounds up, Forward_cpu divides by the size of
    the clipped window. Measured with Caffe 1.0: stride 3 with kernel 2 trains without NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datascan.caffe.net.schema import OTHER, enum_word
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity

ROUND_UP = 0
"""The value of ``round_mode`` that gives empty windows: CEIL, the default."""


class PoolingStrideExceedsKernel(NetRule):
    """The stride of a pooling layer is larger than its kernel, so it skips pixels."""

    rule = "pooling-stride-exceeds-kernel"
    title = "Layer that skips parts of the picture"
    severity = Severity.ERROR
    fix = "make the stride at most as large as the kernel (kernel_size)"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every pooling layer whose stride is larger than its kernel on some axis."""
        for view in context.training.views:
            for layer in view.of_type("Pooling"):
                param = layer.param("pooling_param")
                method = enum_word("PoolMethod", param.pool)
                (kernel_h, stride_h), (kernel_w, stride_w) = (read_axis(param, x) for x in "hw")
                if param.global_pooling or method == OTHER:
                    continue
                if not (0 < kernel_h < stride_h or 0 < kernel_w < stride_w):
                    continue
                text = (
                    f"stride {format_size(stride_h, stride_w)} is larger than kernel "
                    f"{format_size(kernel_h, kernel_w)} "
                    f"({method} pooling)"
                )
                if param.HasField("kernel"):
                    text += "; Caffe would reject the field kernel: it is kernel_size"
                severity = Severity.ERROR if divides_by_zero(param, method) else Severity.WARNING
                yield self.net_issue(layer.name, text, severity=severity)


def divides_by_zero(param: Any, method: str) -> bool:
    """Whether the average over an empty window may be computed."""
    rounds_up = param.round_mode == ROUND_UP and param.ceil_mode
    return method == "AVE" and bool(rounds_up)


def read_axis(param: Any, axis: str) -> tuple[int, int]:
    """Kernel and stride along "h" or "w"; the kernel is 0 if it is not set."""
    own_kernel, own_stride = f"kernel_{axis}", f"stride_{axis}"
    kernel = getattr(param, own_kernel) if param.HasField(own_kernel) else param.kernel_size
    stride = getattr(param, own_stride) if param.HasField(own_stride) else param.stride
    return int(kernel or param.kernel), int(stride)


def format_size(height: int, width: int) -> str:
    """Format a size as one number, or two if they differ: "3", "3x5"."""
    return str(height) if height == width else f"{height}x{width}"
