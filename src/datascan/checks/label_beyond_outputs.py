"""A label has no output of its own in the layer that the loss reads.

What it is
    The net's loss reads a layer of so many outputs, one for each class, and this label is below 0,
    or at or above their number, and is not the loss's ``ignore_label``. Raised by ``datascan net``.

Why it breaks training
    Caffe takes the label as an index into the outputs of its record. In a release build it reads
    outside the array there, without an error: with label 10, -1 or 255 of 10 classes it exits 0
    with a finite loss, and trains on whatever lies beside; with label 1,000,000 it ends in a
    segmentation fault without a message. Only a debug build says ``Check failed: label_value <``.

How to find the cause
    Labels 1 to N with N outputs: counting began at 1. 255 or -1: a mark for "ignore" that the loss
    does not know. Many different ones: the net was made for another dataset; compare the
    ``num_output`` of the layer that the message names with the number of classes.

How to fix it
    Set ``num_output`` of that layer to the number of classes, or subtract 1 where counting began at
    1, or give the loss ``loss_param { ignore_label: 255 }``.

Example
    ``label-beyond-outputs: 1 label lies outside 0..9: layer ip2, which loss reads, has 10 outputs``

Limits
    Only labels that go from a data layer to the loss directly are judged: not those that pass
    through a Slice, nor label images. Whole labels only; others are ``non-integer-label``. Where an
    Accuracy alone takes the labels (a TEST net without loss), its outputs count.

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
    is_whole,
    label_text,
    measure_labels,
    summarize_labels,
)


class LabelBeyondOutputs(Check[LabelTally]):
    """A label at or above the number of outputs that the loss reads, or below 0."""

    rule = "label-beyond-outputs"
    severity = Severity.ERROR
    fix = "set num_output to the number of classes, correct these labels, or give an ignore_label"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All whole labels outside the outputs; nothing where no net is known."""
        targets, labels = dataset.options.check.targets, dataset.derive(summarize_labels)
        if targets is None or not targets.outputs or labels.kind != "class":
            return
        outside = (labels.values < 0) | (labels.values > targets.outputs - 1)
        outside &= is_whole(labels.values)
        count = int(np.count_nonzero(outside))
        if count:
            flagged = Flagged.of(dataset.addresses(labels.indices[outside]), labels.values[outside])
            what = "label lies" if count == 1 else "labels lie"
            outputs = "1 output" if targets.outputs == 1 else f"{targets.outputs:,} outputs"
            message = (
                f"{count:,} {what} outside 0..{targets.outputs - 1}: layer {targets.layer}, "
                f"which {targets.loss} reads, has {outputs}"
            )
            yield self.record_issue(flagged, message, label_text)
