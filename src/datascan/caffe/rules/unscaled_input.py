"""Pixels of 0 to 255 enter the net unscaled, and the learning rate is too high for that.

What it is
    A source of uint8 values is read without ``scale``, ``mean_value`` or ``mean_file``, the filler
    of the first layer with weights does not account for such inputs, and at this base_lr the first
    steps are likely to diverge. It is reported if both of these hold, where r = sqrt(mean^2 +
    std^2) is the root mean square of the input, n the number of inputs per output of that layer,
    and s the root mean square of the filler's weights:

    base_lr x lr_mult x n x r^2 > 2 x (1 + momentum), and s x sqrt(n) x r > 10.

Why it breaks training
    The curvature of the loss along a layer's weights is about the mean square of its inputs, n x
    r^2, and gradient descent with momentum converges only while rate x curvature < 2 x (1 +
    momentum). 3x32x32 pixels with a 5x5 kernel have n x r^2 = 75 x 130^2, about 1.3 million: at
    base_lr 0.01 that is 12,700, and the limit is 3.8. With weights of s = 0.01 the first outputs
    are around 11, and with xavier around 130: the softmax is saturated at once, and the loss is
    stuck at 87.3365 or becomes NaN within some iterations. Weights of s = 0.0001 keep everything
    after the layer small, which is why Caffe's CIFAR-10 net uses them.

How to find the cause
    Check ``transform_param`` of the data layer: TRAIN has none. If TEST has one, it was forgotten
    for TRAIN.

How to fix it
    Use ``transform_param { scale: 0.00390625 }`` (1/256), or ``mean_value``/``mean_file``, in TRAIN
    and TEST alike. Otherwise lower base_lr until the product in the message is below the limit, or
    use a gaussian filler with a small std.

Example
    ``layer data: uint8 values (root mean square 130) enter conv1 (xavier filler) without scale or
    mean: base_lr 0.01 x 75 inputs x 130^2 = 12,700, but above 3.8 the first steps diverge``

Limits
    The warning comes from a bound, not a proof. Only the solvers SGD and Nesterov and the fillers
    constant, uniform, gaussian, xavier and msra are covered. A layer followed by BatchNorm is not
    checked, since its scale does not matter, nor is one after a layer that changes scale or size
    (Power, Scale, LRN, Pooling, ...). Weights loaded from a file are not considered. The rule needs
    the scan and the solver.

Source
    Quadratic bound for momentum: Polyak, "Some methods of speeding up the convergence of iteration
    methods" (1964); LeCun et al., "Efficient BackProp" (1998), sections 4.3 and 5.4; Caffe,
    include/caffe/filler.hpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod, sqrt

from msgspec import Struct

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.layer_types import is_known
from datascan.caffe.net.schema import enum_word
from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import Solver
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.model import DatasetReport

MAX_FIRST_OUTPUT = 10.0
"""Larger first outputs saturate the layers after them."""

PASS_THROUGH = ("Split", "Reshape", "Flatten", "Dropout")
"""Layers that do not change the values."""

WEIGHTED_LAYERS = {"Convolution": "convolution_param", "InnerProduct": "inner_product_param"}
"""Layers with weights, and the names of their parameters."""


class UnscaledInput(NetRule):
    """Values of 0 to 255 enter the net without scale or mean, at too high a learning rate."""

    rule = "unscaled-input"
    title = "Input values are too large"
    severity = Severity.WARNING
    fix = "set transform_param { scale: 0.00390625 } or a mean (in TEST too), or lower base_lr"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every TRAIN source whose first weighted layer is likely to diverge."""
        solver = context.training.solver
        if not context.training.views:
            return
        if solver is None or solver.base_lr is None or solver.type not in ("SGD", "Nesterov"):
            return
        view = context.training.views[0]
        for source, report in context.reports.items():
            if source.phase != "TRAIN" or source.has_mean or source.scale != 1:
                continue
            if not report.shapes or report.shapes[0].dtype != "uint8" or report.values is None:
                continue
            for layer in view.layers:
                if layer.name == source.layer and source.tops:
                    for below in find_first_weighted(view, layer, source.tops[0]):
                        entry = LayerInput.of(source, report, below)
                        if text := describe_divergence(entry, view, solver):
                            yield self.net_issue(source.layer, text)


def find_first_weighted(view: View, layer: Layer, top: str) -> Iterator[Layer]:
    """The first layers with weights after a top, unless a layer between them changes the scale."""
    below = (reader for reader, _ in view.through(layer, top, PASS_THROUGH))
    return (reader for reader in below if reader.type in WEIGHTED_LAYERS)


class LayerInput(Struct, frozen=True):
    """The values that enter a layer with weights; ``fan_in`` of them make one output.

    ``rms`` is their root mean square, ``mean`` their mean. ``fan_out`` is computed as in Caffe's
    fillers.
    """

    layer: Layer
    mean: float
    rms: float
    fan_in: int
    fan_out: int

    @classmethod
    def of(cls, source: DataSource, report: DatasetReport, layer: Layer) -> LayerInput:
        """The values of a source as they enter ``layer``."""
        values, shape = report.values, list(report.shapes[0].shape)
        mean = (values.mean if values else None) or 0.0
        std = (values.std if values else None) or 0.0
        if source.channels and len(shape) == 3:
            shape[0] = source.channels
        if source.crop_size or source.size:
            shape[1:] = [source.crop_size] * 2 if source.crop_size else (source.size or ())
        param = layer.param(WEIGHTED_LAYERS[layer.type])
        if layer.type == "InnerProduct":
            fan_in, fan_out = prod(shape), int(param.num_output)
        else:
            area = compute_kernel_area(layer)
            fan_in = (shape[0] if shape else 1) // max(1, param.group) * area
            fan_out = int(param.num_output) * area
        return cls(layer, mean, sqrt(mean**2 + std**2), fan_in, fan_out)

    def estimate_output(self) -> float | None:
        """Estimate the size of the first outputs; None for fillers whose weights are unknown."""
        filler = self.layer.param(WEIGHTED_LAYERS[self.layer.type]).weight_filler
        spread = sqrt(self.fan_in) * self.rms
        norm = enum_word("VarianceNorm", filler.variance_norm)
        both = (self.fan_in + self.fan_out) / 2
        count = max(1.0, {"FAN_IN": self.fan_in, "FAN_OUT": self.fan_out}.get(norm, both))
        match filler.type:
            case "constant":
                return float(abs(filler.value) * self.fan_in * abs(self.mean))
            case "gaussian":
                return float(sqrt(filler.mean**2 + filler.std**2) * spread)
            case "uniform":
                low, high = filler.min, filler.max
                return float(sqrt(max(0.0, low**2 + low * high + high**2) / 3) * spread)
            case "xavier":
                return float(spread / sqrt(count))
            case "msra":
                return float(spread * sqrt(2 / count))
        return None


def compute_kernel_area(layer: Layer) -> int:
    """Height times width of a convolution's kernel."""
    param = layer.param("convolution_param")
    sizes = list(param.kernel_size)
    height = param.kernel_h or (sizes[0] if sizes else 1)
    width = param.kernel_w or (sizes[-1] if sizes else 1)
    return int(height * width)


def describe_divergence(entry: LayerInput, view: View, solver: Solver) -> str | None:
    """Describe in numbers why the first steps are likely to diverge; None if they are not."""
    layer = entry.layer
    after = [below.type for top in layer.tops for below, _ in view.readers(layer, top)]
    if "BatchNorm" in after or not all(is_known(kind) for kind in after):
        return None
    step = (solver.base_lr or 0.0) * layer.first_rate * entry.fan_in * entry.rms**2
    limit = 2 * (1 + solver.momentum)
    output = entry.estimate_output()
    if output is not None and is_last_weighted(view, layer):
        output = max(output, step / 2)  # after one step: the layer feeds the loss directly
    if output is None or output <= MAX_FIRST_OUTPUT or not step > limit:
        return None
    filler = layer.param(WEIGHTED_LAYERS[layer.type]).weight_filler.type
    rate = f"base_lr {solver.base_lr:g}"
    if layer.first_rate != 1:
        rate += f" x lr_mult {layer.first_rate:g}"
    product = f"{rate} x {entry.fan_in:,} inputs x {entry.rms:.0f}^2 = {format_figure(step)}"
    return (
        f"uint8 values (root mean square {entry.rms:.0f}) enter {layer.name} ({filler} filler) "
        f"without scale or mean: {product}, but above {limit:.2g} the first steps diverge"
    )


def format_figure(value: float) -> str:
    """Format a number with at least three digits: 3.75, 12,700."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def is_last_weighted(view: View, layer: Layer) -> bool:
    """Whether no other layer with weights depends on ``layer``."""
    others = (other for other in view.of_type(*WEIGHTED_LAYERS) if other is not layer)
    return not any(layer in set(view.ancestors(other)) for other in others)
