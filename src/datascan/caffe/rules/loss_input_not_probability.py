"""A loss takes the logarithm of something that is not a probability.

What it is
    MultinomialLogisticLoss computes -log(p) of its first input. Here no Softmax or Sigmoid comes
    before the loss, so its input is raw scores of any sign and size.

Why it breaks training
    The logarithm of a negative number is NaN, and that of 0 is infinite. Caffe clamps everything
    below 1e-20 to 1e-20: the loss of such a record is stuck at 46.05, its gradient is divided by
    1e-20, and the weights are NaN after a step or two. Scores above 1 give a negative loss that
    falls without end.

How to find the cause
    The message names the layer that feeds the loss. Usually it is an InnerProduct or Convolution
    whose Softmax was removed, or the loss was a SoftmaxWithLoss before its type was changed.

How to fix it
    Put a Softmax layer between the scores and the loss, or use SoftmaxWithLoss, which does both at
    once and is numerically safer.

Example
    ``layer loss: MultinomialLogisticLoss takes the logarithm of ip2 (InnerProduct), which does not
    give probabilities: there is no Softmax or Sigmoid before the loss``

Limits
    Inputs that come straight from a data layer, or from a layer type that Caffe does not have, are
    assumed to be probabilities; only the first input of an Eltwise is followed. InfogainLoss is
    not checked: in Caffe 1.0 it applies a Softmax of its own, so that it reads scores, while the
    versions before it (up to rc5) take the logarithm of their input and need a Softmax layer. A net
    does not say which version it is for. If the loss of an old version sticks at 46.05, put a
    Softmax before it.

Source
    Caffe, src/caffe/layers/multinomial_logistic_loss_layer.cpp, infogain_loss_layer.cpp
    (softmax_layer_ since 1.0); kLOG_THRESHOLD in include/caffe/layers/loss_layer.hpp.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity

LOGARITHMIC_LOSSES = ("MultinomialLogisticLoss",)
RANGE_PRESERVING = (
    "AbsVal",
    "BNLL",
    "Clip",
    "Concat",
    "Crop",
    "Dropout",
    "Eltwise",
    "Flatten",
    "Pooling",
    "Power",
    "ReLU",
    "Reshape",
    "Slice",
    "Split",
    "Tile",
)
"""Layers whose output is not probabilities unless their input is."""

SCORE_LAYERS = (
    "BatchNorm",
    "Bias",
    "Convolution",
    "Deconvolution",
    "ELU",
    "Embed",
    "InnerProduct",
    "LRN",
    "LSTM",
    "Log",
    "MVN",
    "PReLU",
    "RNN",
    "Scale",
    "Swish",
    "TanH",
)
"""Layers whose output can be any number."""


class LossInputNotProbability(NetRule):
    """The input of a loss that takes logarithms of probabilities is not probabilities."""

    rule = "loss-input-not-probability"
    title = "Loss is not given probabilities"
    severity = Severity.ERROR
    fix = "put a Softmax before the loss, or use SoftmaxWithLoss"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every such loss that reads scores."""
        for view in context.training.views:
            for layer in view.of_type(*LOGARITHMIC_LOSSES):
                above = find_producer(view, layer)
                if above is not None and above.type in SCORE_LAYERS:
                    yield self.net_issue(
                        layer.name,
                        f"{layer.type} takes the logarithm of {above.name} ({above.type}), which "
                        "does not give probabilities: there is no Softmax or Sigmoid before the "
                        "loss",
                    )


def find_producer(view: View, layer: Layer) -> Layer | None:
    """The layer that determines the range of the loss's input; layers that keep it are skipped."""
    return next((above for above in view.up(layer) if above.type not in RANGE_PRESERVING), None)
