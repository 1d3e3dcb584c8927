"""A BatchNorm layer divides by a standard deviation that is, or may be, 0.

What it is
    BatchNorm subtracts the mean of a channel and divides by the root of its variance plus eps, both
    taken over the batch and the map. Here the variance is 0 for certain (one value: batch size 1 on
    a 1x1 map; or a source in which a feature never changes), or eps is below 1e-6 and no longer
    guards against it.

Why it breaks training
    The mean of one value is that value, so the output is 0 whatever the input: nothing can be
    learnt behind it. The gradient is multiplied by 1/sqrt(variance + eps): 316 for a variance of 0
    and eps 1e-5, 100,000 for eps 1e-10, Inf for eps 0, and 0/0 is NaN in the first iteration.
    Rounding in float32 makes the variance of large, nearly equal numbers come out as 0 or below.

How to find the cause
    The message says which of the three it is. For a constant feature, the report of the source
    names the feature and its value.

How to fix it
    Train with a larger batch (``iter_size`` does not help: statistics are taken per batch), set
    ``batch_norm_param { eps: 1e-5 }`` (Caffe's default), and drop features that never change or
    scale the data by other means. When fine-tuning with batch 1, ``use_global_stats: true``.

Example
    ``layer bn1: normalises a single value: batch size 1 (layer data) on a 1x1 map``

Limits
    A map is known to be 1x1 behind InnerProduct, global pooling, Flatten and Reduction. Behind
    other layers it is computed from the scanned shape of the records, along first bottoms. Constant
    features are judged where the layer reads a source directly. Both need the scans.

Source
    Ioffe and Szegedy, "Batch Normalization" (2015); Caffe, src/caffe/layers/batch_norm_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.sources import PARAMS, DataSource
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.caffe.rules.blob_shapes import MAP_KEPT, map_size, sources_of_layer
from datascan.checks.base import Issue
from datascan.config.options import Severity

MIN_EPS = np.float32(1e-6)


class BatchnormUnstable(NetRule):
    """BatchNorm over a single value or a constant feature, or with an eps below 1e-6."""

    rule = "batchnorm-unstable"
    severity = Severity.WARNING
    fix = "use a larger batch, eps 1e-5, and drop features that never change"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """All three faults of every BatchNorm layer."""
        for view in evidence.training.views:
            for layer in view.of_type("BatchNorm"):
                param = layer.param("batch_norm_param")
                if not np.float32(param.eps) >= MIN_EPS:
                    yield self.net_issue(layer.name, f"eps {param.eps:g} is below 1e-6")
                own = param.HasField("use_global_stats")
                if param.use_global_stats if own else view.phase == "TEST":
                    continue
                for text in (*single(view, layer, evidence), *constant(view, layer, evidence)):
                    yield self.net_issue(layer.name, text)


def single(view: View, layer: Layer, evidence: NetContext) -> Iterator[str]:
    """Whether statistics are taken over one value."""
    one = [s for s in evidence.training.sources if s.batch_size == 1]
    if not one or map_size(view, layer, evidence) != (1, 1):
        return
    one = [s for s in sources_above(view, layer, evidence) if s in one]
    if one:
        yield f"normalises a single value: batch size 1 (layer {one[0].layer}) on a 1x1 map"


def constant(view: View, layer: Layer, evidence: NetContext) -> Iterator[str]:
    """Sources with features that never change, which the layer reads directly."""
    for above in view.up(layer):
        if above.type in PARAMS:
            for source in sources_of_layer(view, above, evidence):
                for judgement in evidence.found.get(source, ()):
                    if judgement.rule == "constant-feature":
                        yield f"normalises {source.given}, in which {judgement.message}"
            return
        if above.type not in MAP_KEPT:
            return


def sources_above(view: View, layer: Layer, evidence: NetContext) -> list[DataSource]:
    """The sources that a layer depends on."""
    above = [found for found in view.ancestors(layer) if found.type in PARAMS]
    return [s for found in above for s in sources_of_layer(view, found, evidence)]
