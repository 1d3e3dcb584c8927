"""A class label below 0, or at or above the number of classes.

What it is
    Class labels run from 0 to the number of classes minus 1, and this label is outside that range.

Why it breaks training
    The loss uses the label as an index. A release build of Caffe reads outside the array: with
    label 10, -1 or 255 of 10 classes it exits 0 with a finite loss and continues training; with
    label 1,000,000 it ends in a segmentation fault without a message. PyTorch on a GPU fails with a
    "device-side assert" that does not name the record, often several operations later.

How to find the cause
    Labels 1 to N instead of 0 to N-1 show up as a single label that is too large, N. 255 and -1 are
    common "ignore" markers. Very large labels are identifiers, or bytes read in the wrong order.

How to fix it
    Subtract 1 if counting started at 1, or map the labels to 0..N-1. If the label marks records to
    skip, set it as the loss's ignore label (``ignore_label`` in Caffe, ``ignore_index`` in PyTorch)
    and ignore this rule. If your number of classes differs from the one assumed, pass
    ``--num-classes``.

Example
    ``label-out-of-range: #17 00000017 label 10``

Limits
    Without ``--num-classes`` the number of classes is 1 + the largest label, so only negative
    labels are out of range. When a net is scanned, ``label-beyond-outputs`` is reported instead.

Source
    Measured with Caffe 1.0 on 50,000 records, release build.
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
from datascan.metrics.traits import CLASSES


class LabelOutOfRange(Check[LabelTally]):
    """A class label below 0, or at or above the number of classes."""

    rule = "label-out-of-range"
    title = "Class that does not exist"
    severity = Severity.ERROR
    needs = (CLASSES,)
    fix = "correct these labels, or pass the right --num-classes; labels start at 0"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue with all whole labels outside 0..num_classes-1."""
        labels = dataset.derive(summarize_labels)
        targets = dataset.options.check.targets
        # If the net's outputs are known, label-beyond-outputs reports the same, with the layer.
        if labels.kind != "class" or (targets and targets.outputs):
            return
        outside = (labels.numbers < 0) | (labels.numbers > labels.num_classes - 1)
        outside &= is_whole(labels.numbers)
        count = int(np.count_nonzero(outside))
        if count:
            indices, values = labels.select(outside)
            flagged = Flagged.of(dataset.addresses(indices), values)
            subject = "label is" if count == 1 else "labels are"
            span = f"0..{labels.num_classes - 1}" if labels.num_classes else "any range"
            yield self.record_issue(flagged, f"{count:,} {subject} outside {span}", describe_label)
