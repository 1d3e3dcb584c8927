"""A pooling layer steps over pixels: its stride is larger than its kernel.

What it is
    The windows of a pooling layer are ``kernel`` wide and lie ``stride`` apart. Where the stride is
    the larger of the two, in height or in width, the pixels between two windows are never read.

Why it breaks training
    What is skipped cannot be learnt from: stride 5 over kernel 3 looks at 9 of 25 pixels. And since
    Caffe rounds the number of windows up, the last window may lie outside of the input: it is
    empty, and the average over it is 0/0. Builds of Caffe differ: some clip such a window away and
    train on without a NaN, others hand one on, and the loss is NaN from the first iteration.

How to find the cause
    Mostly the two numbers are swapped, or one axis was forgotten (``kernel_h`` with ``stride``).
    Look for a field that Caffe does not have, too: ``kernel`` is written ``kernel_size``.

How to fix it
    Make the stride at most as large as the kernel: stride = kernel for windows side by side,
    stride = kernel - 1 for windows that overlap.

Example
    ``layer pool5: stride 5 is larger than kernel 3 (AVE pooling)``

Limits
    Global pooling has no kernel and is left alone, and so is a layer that gives no kernel at all.
    A kernel of 1 with stride 2, a way to take every other pixel, is reported: if it is meant,
    ignore the rule.

Source
    Caffe, src/caffe/layers/pooling_layer.cpp: Reshape rounds up, Forward_cpu divides by the size of
    the clipped window. Measured with Caffe 1.0: stride 3 over kernel 2 trains on without NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datascan.caffe.net.schema import ENUMS
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity


class PoolingStrideExceedsKernel(NetRule):
    """The stride of a pooling layer is larger than its kernel, so pixels are skipped."""

    rule = "pooling-stride-exceeds-kernel"
    severity = Severity.ERROR
    fix = "make the stride at most as large as the kernel (kernel_size)"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """Every pooling layer whose stride is larger than its kernel in some axis."""
        for view in evidence.training.views:
            for layer in view.of_type("Pooling"):
                param = layer.param("pooling_param")
                (kernel_h, stride_h), (kernel_w, stride_w) = (axis(param, x) for x in "hw")
                if param.global_pooling or not (0 < kernel_h < stride_h or 0 < kernel_w < stride_w):
                    continue
                text = (
                    f"stride {size(stride_h, stride_w)} is larger than kernel "
                    f"{size(kernel_h, kernel_w)} "
                    f"({ENUMS['PoolMethod'].split()[param.pool]} pooling)"
                )
                if param.HasField("kernel"):
                    text += "; Caffe would refuse the field kernel: it is kernel_size"
                yield self.net_issue(layer.name, text)


def axis(param: Any, which: str) -> tuple[int, int]:
    """Kernel and stride along "h" or "w"; kernel 0 where there is none."""
    own_kernel, own_stride = f"kernel_{which}", f"stride_{which}"
    kernel = getattr(param, own_kernel) if param.HasField(own_kernel) else param.kernel_size
    stride = getattr(param, own_stride) if param.HasField(own_stride) else param.stride
    return int(kernel or param.kernel), int(stride)


def size(height: int, width: int) -> str:
    """One number, or two that differ: "3", "3x5"."""
    return str(height) if height == width else f"{height}x{width}"
