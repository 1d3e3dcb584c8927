"""Pixels of 0 to 255 go into the net as they are, and the learning rate is too high for that.

What it is
    A source of uint8 values is read without ``scale``, ``mean_value`` or ``mean_file``, the filler
    of the first weighted layer is not scaled for such inputs, and at this base_lr the first steps
    are likely to diverge. It is raised where both of these hold, with the input's root mean square
    r = sqrt(mean^2 + std^2) and n inputs of every output of that layer:

    base_lr x lr_mult x n x r^2 > 2 x (1 + momentum), and s x sqrt(n) x r > 10, with s the root mean
    square of the filler's weights.

Why it breaks training
    The loss curves along a layer's weights like the mean square of its inputs, n x r^2, and
    gradient descent with momentum only converges while rate x curvature < 2 x (1 + momentum).
    3x32x32 pixels under a 5x5 kernel have n x r^2 = 75 x 130^2, about 1.3 million: at base_lr 0.01
    that is 12,700 where 3.8 is the limit. With weights of s = 0.01 the first outputs are around 11
    as well, with xavier around 130: the softmax is saturated at once, and the loss stands at
    87.3365 or is NaN within some iterations. Weights of s = 0.0001 keep everything behind the layer
    small, which is why Caffe's CIFAR-10 net has them.

How to find the cause
    Look at ``transform_param`` of the data layer: TRAIN has none. Where TEST has one, it was
    forgotten for TRAIN.

How to fix it
    ``transform_param { scale: 0.00390625 }`` (1/256), or ``mean_value``/``mean_file``, in TRAIN and
    TEST alike. Else divide base_lr by what the message gives, or use a gaussian filler of a small
    std.

Example
    ``layer data: uint8 values (root mean square 130) go into conv1 (xavier) without scale or mean:
    base_lr 0.01 x 75 inputs x 130^2 = 12,700, and above 3.8 the first steps diverge``

Limits
    A warning from a bound, not a proof. It only knows solvers SGD and Nesterov, and the fillers
    constant, uniform, gaussian, xavier and msra; a layer followed by BatchNorm is not judged, since
    its scale does not matter, nor one behind a layer that changes scale or size (Power, Scale, LRN,
    Pooling, ...). Weights that are loaded from a file are not seen. Needs the scan and the solver.

Source
    Quadratic bound for momentum: Polyak, "Some methods of speeding up the convergence of iteration
    methods" (1964); LeCun et al., "Efficient BackProp" (1998), sections 4.3 and 5.4; Caffe,
    include/caffe/filler.hpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod, sqrt

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.schema import ENUMS
from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import Solver
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.model import DatasetReport

LOUD = 10.0
"""First outputs of this size saturate what follows."""

PASSED = ("Split", "Reshape", "Flatten", "Dropout")
"""Layers that hand on all values as they are."""

WEIGHTED = {"Convolution": "convolution_param", "InnerProduct": "inner_product_param"}


class UnscaledInput(NetRule):
    """Values of 0 to 255 go into the net without scale or mean, at too high a rate."""

    rule = "unscaled-input"
    severity = Severity.WARNING
    fix = "give transform_param { scale: 0.00390625 } or a mean (in TEST too), or lower base_lr"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """Every TRAIN source whose first weighted layer is likely to diverge."""
        solver = evidence.training.solver
        if solver is None or solver.base_lr is None or solver.type not in ("SGD", "Nesterov"):
            return
        view = evidence.training.views[0]
        for source, report in evidence.reports.items():
            if source.phase != "TRAIN" or source.has_mean or source.scale != 1:
                continue
            if not report.shapes or report.shapes[0].dtype != "uint8" or report.values is None:
                continue
            for layer in view.layers:
                if layer.name == source.layer and source.tops:
                    for below in first_weighted(view, layer, source.tops[0]):
                        text = diverging(Entry.of(source, report, below), view, solver)
                        yield from [self.net_issue(source.layer, text)] if text else []


def first_weighted(view: View, layer: Layer, top: str) -> Iterator[Layer]:
    """The first layers with weights below a top, where nothing between them changes the scale."""
    below = (found for found, _ in view.through(layer, top, PASSED))
    return (found for found in below if found.type in WEIGHTED)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where values enter a weighted layer: ``fan_in`` of them make one output.

    ``rms`` is their root mean square, ``mean`` their mean; ``fan_out`` as Caffe's fillers count.
    """

    layer: Layer
    mean: float
    rms: float
    fan_in: int
    fan_out: int

    @classmethod
    def of(cls, source: DataSource, report: DatasetReport, layer: Layer) -> Entry:
        """The values of a source, as they enter ``layer``."""
        values, shape = report.values, list(report.shapes[0].shape)
        mean = (values.mean if values else None) or 0.0
        std = (values.std if values else None) or 0.0
        if source.channels and len(shape) == 3:
            shape[0] = source.channels
        if source.crop_size or source.size:
            shape[1:] = [source.crop_size] * 2 if source.crop_size else (source.size or ())
        param = layer.param(WEIGHTED[layer.type])
        if layer.type == "InnerProduct":
            fan_in, fan_out = prod(shape), int(param.num_output)
        else:
            area = kernel_area(layer)
            fan_in = (shape[0] if shape else 1) // max(1, param.group) * area
            fan_out = int(param.num_output) * area
        return cls(layer, mean, sqrt(mean**2 + std**2), fan_in, fan_out)

    def first_output(self) -> float | None:
        """About how large the first outputs are; None for fillers whose weights are not known."""
        filler = self.layer.param(WEIGHTED[self.layer.type]).weight_filler
        spread = sqrt(self.fan_in) * self.rms
        norm = ENUMS["VarianceNorm"].split()[filler.variance_norm]
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


def kernel_area(layer: Layer) -> int:
    """Height times width of a convolution's kernel."""
    param = layer.param("convolution_param")
    sizes = list(param.kernel_size)
    high = param.kernel_h or (sizes[0] if sizes else 1)
    wide = param.kernel_w or (sizes[-1] if sizes else 1)
    return int(high * wide)


def diverging(entry: Entry, view: View, solver: Solver) -> str | None:
    """What is wrong, in numbers, where the first steps are likely to diverge."""
    layer = entry.layer
    after = [below.type for top in layer.tops for below, _ in view.readers(layer, top)]
    if "BatchNorm" in after:
        return None
    step = (solver.base_lr or 0.0) * layer.first_rate * entry.fan_in * entry.rms**2
    limit = 2 * (1 + solver.momentum)
    output = entry.first_output()
    if output is not None and is_last(view, layer):
        output = max(output, step / 2)  # after one step, since nothing stands between it and loss
    if output is None or output <= LOUD or not step > limit:
        return None
    kind = layer.param(WEIGHTED[layer.type]).weight_filler.type
    rate = f"base_lr {solver.base_lr:g}"
    if layer.first_rate != 1:
        rate += f" x lr_mult {layer.first_rate:g}"
    product = f"{rate} x {entry.fan_in:,} inputs x {entry.rms:.0f}^2 = {figure(step)}"
    return (
        f"uint8 values (root mean square {entry.rms:.0f}) go into {layer.name} ({kind} filler) "
        f"without scale or mean: {product}, and above {limit:.2g} the first steps diverge"
    )


def figure(value: float) -> str:
    """A number in three digits or more: 3.75, 12,700."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def is_last(view: View, layer: Layer) -> bool:
    """Whether no further weighted layer depends on ``layer``."""
    others = (other for other in view.of_type(*WEIGHTED) if other is not layer)
    return not any(layer in set(view.ancestors(other)) for other in others)
