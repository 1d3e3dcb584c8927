"""A BatchNorm layer divides by a standard deviation that is, or may be, 0.

What it is
    BatchNorm subtracts the mean of a channel and divides by the square root of its variance plus
    eps, both computed over the batch and the map. Here the variance is certainly 0 (a single value:
    batch size 1 on a 1x1 map; or a source with a feature that never changes), or may be: eps is
    below 1e-6 and no longer protects against it, or the stored statistics are used before there are
    any. The last two are for your information only, unless the data has a feature without variance.

Why it breaks training
    The mean of a single value is that value, so the output is 0 for every input, and the layers
    after it cannot learn anything. The gradient is multiplied by 1/sqrt(variance + eps). With a
    variance of 0 that is 316 for eps 1e-5, 100,000 for eps 1e-10 and Inf for eps 0, and 0/0 is NaN
    in the first iteration. In float32, rounding can make the variance of large, nearly equal
    numbers 0 or negative. With ``use_global_stats: true`` and no weights to start from, mean and
    variance are 0: every such layer multiplies by 1/sqrt(eps), that is by 316 for eps 1e-5.

How to find the cause
    The message says which it is. For a constant feature, the report of the source
    names the feature and its value.

How to fix it
    Train with a larger batch (``iter_size`` does not help, because statistics are computed per
    batch), set ``batch_norm_param { eps: 1e-5 }`` (Caffe's default), and drop features that never
    change or scale the data by other means. When fine-tuning with batch size 1, use
    ``use_global_stats: true``, and start from weights (``caffe train -weights``).

Example
    ``layer bn1: normalises a single value: batch size 1 (layer data) on a 1x1 map``

Limits
    After InnerProduct, global pooling, Flatten and Reduction the map is known to be 1x1. After
    other layers its size is computed from the scanned shape of the records, along the first bottom
    of each layer. Constant features are reported only if the layer reads a source directly. Both
    need the scans.

Source
    Ioffe and Szegedy, "Batch Normalization" (2015); Caffe, src/caffe/layers/batch_norm_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.sources import PARAMS, DataSource
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.caffe.rules.blob_shapes import SIZE_PRESERVING, find_layer_sources, infer_map_size
from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.text import pluralize

MIN_EPS = np.float32(1e-6)


class BatchnormUnstable(NetRule):
    """BatchNorm that divides by a standard deviation that is 0, or may be."""

    rule = "batchnorm-unstable"
    title = "Normalisation that can fail"
    severity = Severity.WARNING
    fix = "use a larger batch, eps 1e-5, and drop features that never change"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every BatchNorm layer with one of these faults."""
        for view in context.training.views:
            yield from self._check_stored_statistics(view, context)
            for layer in view.of_type("BatchNorm"):
                param = layer.param("batch_norm_param")
                constant = list(find_constant_features(view, layer, context))
                if not np.float32(param.eps) >= MIN_EPS:
                    text = f"eps {param.eps:g} is below 1e-6"
                    severity = Severity.WARNING if constant else Severity.INFO
                    yield self.net_issue(layer.name, text, severity=severity)
                is_set = param.HasField("use_global_stats")
                if param.use_global_stats if is_set else view.phase == "TEST":
                    continue
                for text in (*find_single_value(view, layer, context), *constant):
                    yield self.net_issue(layer.name, text)

    def _check_stored_statistics(self, view: View, context: NetContext) -> Iterator[Issue]:
        """One issue for all layers that train with statistics that only weights can bring."""
        training = context.training
        trains = any(loss.phase == "TRAIN" and loss.weight for loss in training.losses)
        # A net for deployment or tests may have a loss as well.
        named = training.solver is not None or any(s.phase == "TRAIN" for s in training.sources)
        if view.phase != "TRAIN" or not trains or not named:
            return
        if training.solver is not None and training.solver.message.weights:
            return
        layers = [
            layer
            for layer in view.of_type("BatchNorm")
            if layer.param("batch_norm_param").use_global_stats
        ]
        if layers:
            more = len(layers) - 1
            others = f" (and {pluralize(more, 'more layer')})" if more else ""
            yield self.net_issue(
                layers[0].name,
                f"trains with stored statistics{others}, which are 0 without weights to start from",
                fix="start from weights (caffe train -weights), or drop use_global_stats",
                severity=Severity.INFO,
            )


def find_single_value(view: View, layer: Layer, context: NetContext) -> Iterator[str]:
    """The issue if statistics are computed over a single value."""
    single = [s for s in context.training.sources if s.batch_size == 1]
    if not single or infer_map_size(view, layer, context) != (1, 1):
        return
    above = [s for s in find_sources_above(view, layer, context) if s in single]
    if above:
        yield f"normalises a single value: batch size 1 (layer {above[0].layer}) on a 1x1 map"


def find_constant_features(view: View, layer: Layer, context: NetContext) -> Iterator[str]:
    """Sources with constant features that the layer reads directly."""
    for above in view.up(layer):
        if above.type in PARAMS:
            for source in find_layer_sources(view, above, context):
                for issue in context.issues.get(source, ()):
                    if issue.rule == "constant-feature":
                        yield f"normalises {source.given}, in which {issue.message}"
            return
        if above.type not in SIZE_PRESERVING:
            return


def find_sources_above(view: View, layer: Layer, context: NetContext) -> list[DataSource]:
    """The sources that a layer depends on."""
    data_layers = [above for above in view.ancestors(layer) if above.type in PARAMS]
    return [s for above in data_layers for s in find_layer_sources(view, above, context)]
