"""A loss takes the logarithm of something that is no probability.

What it is
    MultinomialLogisticLoss and InfogainLoss compute -log(p) of their first input. Here no Softmax
    or Sigmoid stands before it, so the input are plain scores, of any sign and size.

Why it breaks training
    The logarithm of a negative number is NaN and that of 0 is infinite. Caffe takes everything
    below 1e-20 as 1e-20 there: the loss of such a record stands still at 46.05, its gradient is
    divided by 1e-20, and the weights are NaN after a step or two. Scores above 1 give a negative
    loss, which falls without end.

How to find the cause
    The message names the layer that feeds the loss: mostly an InnerProduct or Convolution whose
    Softmax was removed, or a SoftmaxWithLoss that was changed to another type of loss.

How to fix it
    Put a Softmax layer between the scores and the loss, or use SoftmaxWithLoss, which does both at
    once and is numerically safer.

Example
    ``layer loss: MultinomialLogisticLoss takes logarithms of ip2 (InnerProduct), no probabilities``

Limits
    Inputs that come straight from a data layer, or from a layer of a type that Caffe does not have,
    are taken as probabilities; of an Eltwise only the first input is followed. InfogainLoss of
    Caffe 1.0 applies a Softmax of its own, earlier versions do not: if yours does, ignore the rule
    for it, and do not put a second one before.

Source
    Caffe, src/caffe/layers/multinomial_logistic_loss_layer.cpp, infogain_loss_layer.cpp;
    kLOG_THRESHOLD in include/caffe/layers/loss_layer.hpp.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity

LOGARITHMIC = ("MultinomialLogisticLoss", "InfogainLoss")
RANGE_KEPT = (
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
"""Layers that give nothing like probabilities unless they are given such."""

SCORES = (
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
"""Layers that give numbers of any size."""


class LossInputNotProbability(NetRule):
    """A loss that takes logarithms of probabilities is fed by a layer that gives none."""

    rule = "loss-input-not-probability"
    severity = Severity.ERROR
    fix = "put a Softmax before the loss, or use SoftmaxWithLoss"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """Every such loss that is fed by scores."""
        for view in evidence.training.views:
            for layer in view.of_type(*LOGARITHMIC):
                above = find_producer(view, layer)
                if above is not None and above.type in SCORES:
                    yield self.net_issue(
                        layer.name,
                        f"{layer.type} takes logarithms of {above.name} ({above.type}), "
                        "no probabilities: there is no Softmax or Sigmoid before it",
                    )


def find_producer(view: View, layer: Layer) -> Layer | None:
    """The layer that decides what numbers the loss sees, layers that only pass them on aside."""
    return next((above for above in view.up(layer) if above.type not in RANGE_KEPT), None)
