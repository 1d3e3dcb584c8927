"""A label has no output of its own in the layer that the loss reads.

What it is
    The loss of the net reads a layer with one output per class. This label is negative, or at or
    above the number of outputs, and is not the loss's ``ignore_label``. Reported by ``datascan
    net``.

Why it breaks training
    Caffe uses the label as an index into the outputs of its record. A release build then reads
    outside the array without an error: with label 10, -1 or 255 of 10 classes it exits 0 with a
    finite loss and trains on unrelated memory; with label 1,000,000 it ends in a segmentation fault
    without a message. Only a debug build says ``Check failed: label_value <``.

How to find the cause
    Labels 1 to N with N outputs: counting started at 1. 255 or -1: an "ignore" marker that the loss
    does not know. Many different values: the net was made for another dataset; compare the
    ``num_output`` of the layer in the message with the number of classes.

How to fix it
    Set ``num_output`` of that layer to the number of classes, subtract 1 if counting started at 1,
    or give the loss ``loss_param { ignore_label: 255 }``.

Example
    ``label-beyond-outputs: 1 label is outside 0..9: layer ip2, which loss reads, has 10 outputs``

Limits
    Only labels that go directly from a data layer to the loss are checked, not labels that pass
    through a Slice, nor label images. Labels with a fraction are reported as ``non-integer-label``.
    If only an Accuracy layer reads the labels (a TEST net without a loss), its outputs count.

Source
    Caffe, src/caffe/layers/softmax_loss_layer.cpp; measured with Caffe 1.0 on 50,000 records.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.labels import (
    LabelTally,
    describe_label,
    is_whole,
    measure_labels,
    summarize_labels,
)
from datascan.metrics.traits import CLASSES, NET


class LabelBeyondOutputs(Check[LabelTally]):
    """A label below 0, or at or above the number of outputs that the loss reads."""

    rule = "label-beyond-outputs"
    title = "Class that the net does not have"
    severity = Severity.ERROR
    needs = (NET, CLASSES)
    fix = "set num_output to the number of classes, correct these labels, or set an ignore_label"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue with all whole labels that do not have an output, if the net is known."""
        targets, labels = dataset.options.check.targets, dataset.derive(summarize_labels)
        if targets is None or not targets.outputs or labels.kind != "class":
            return
        outside = (labels.numbers < 0) | (labels.numbers > targets.outputs - 1)
        outside &= is_whole(labels.numbers)
        count = int(np.count_nonzero(outside))
        if count:
            indices, values = labels.select(outside)
            flagged = Flagged.of(dataset.addresses(indices), values)
            subject = "label is" if count == 1 else "labels are"
            outputs = "1 output" if targets.outputs == 1 else f"{targets.outputs:,} outputs"
            message = (
                f"{count:,} {subject} outside 0..{targets.outputs - 1}: layer {targets.layer}, "
                f"which {targets.loss} reads, has {outputs}"
            )
            yield self.record_issue(flagged, message, describe_label)
