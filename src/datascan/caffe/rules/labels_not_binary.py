"""A SigmoidCrossEntropyLoss reads class numbers instead of 0 and 1.

What it is
    SigmoidCrossEntropyLoss takes a target between 0 and 1 for every output, so that a record may
    belong to several classes. Here its source gives one number per record: the number of a class.

Why it breaks training
    With several outputs, Caffe ends at once ("must have the same count"). With one output, the loss
    of a label t is log(1 + e^x) - t x: for t above 1 it falls without bound as x grows, and for t
    below 0 as x shrinks. The gradient never reaches 0, the loss becomes ever more negative, and the
    weights grow until they are NaN.

How to find the cause
    The message gives the range of the labels, or the number of outputs. LMDB and LevelDB stores
    and lists of images hold a single number per record.

How to fix it
    For one class per record use SoftmaxWithLoss with one output per class. For several, write
    vectors of 0 and 1, one number per output, to HDF5 files, or to a second store.

Example
    ``layer loss: reads class numbers (0 to 9 in train_lmdb) as targets: it needs 0 or 1 for each
    output``

Limits
    Only labels that reach the loss from a source directly, or through Split, Reshape and Flatten,
    are known. The range needs the scan. Labels equal to ``ignore_label`` are not counted; those of
    vectors are not checked.

Source
    Caffe, src/caffe/layers/sigmoid_cross_entropy_loss_layer.cpp: Reshape, Forward_cpu.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.graph import Layer, View
from datascan.caffe.net.sources import DataSource, find_readers, read_ignore_label
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.figures import LabelFigures

LOSS = "SigmoidCrossEntropyLoss"
SINGLE_LABELS = ("Data", "ImageData")
"""Types of layers whose label is a single number per record."""


class LabelsNotBinary(NetRule):
    """A SigmoidCrossEntropyLoss reads class numbers instead of 0 and 1."""

    rule = "labels-not-binary"
    title = "Loss needs labels of 0 and 1"
    severity = Severity.ERROR
    fix = "use SoftmaxWithLoss for class numbers, or give vectors of 0 and 1 as labels"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every such loss, once for each source that it reads."""
        views = {view.phase: view for view in reversed(context.training.views)}
        for source in context.training.sources:
            view = views.get(source.phase)
            report = context.reports.get(source)
            labels = report.labels if report else None
            for layer in find_losses_of(view, source) if view else ():
                if text := describe_labels(source, view, layer, labels):
                    yield self.net_issue(layer.name, text)


def find_losses_of(view: View, source: DataSource) -> Iterator[Layer]:
    """The losses of this type that read the labels of a source as targets."""
    if source.label_top is None:
        return
    for layer in view.layers:
        if layer.name == source.layer:
            for below, bottom in find_readers(view, layer, source.label_top):
                if below.type == LOSS and bottom == 1:
                    yield below


def describe_labels(
    source: DataSource, view: View | None, layer: Layer, labels: LabelFigures | None
) -> str | None:
    """Why the labels of a source do not suit a loss; None if nothing shows that."""
    outputs = view.outputs(layer) if view else None
    if source.type in SINGLE_LABELS and outputs is not None and outputs[0] > 1:
        return (
            f"reads one label per record of {source.given}, but layer {outputs[1].name} has "
            f"{outputs[0]:,} outputs: it needs 0 or 1 for each of them"
        )
    if labels is None or labels.size:
        return None
    ignored = read_ignore_label(layer)
    numbers = [n for n in (labels.min, labels.max, *map(int, labels.counts)) if n is not None]
    numbers = [number for number in numbers if number != ignored]
    if not numbers or (min(numbers) >= 0 and max(numbers) <= 1):
        return None
    return (
        f"reads class numbers ({min(numbers):g} to {max(numbers):g} in {source.given}) as targets: "
        "it needs 0 or 1 for each output"
    )
