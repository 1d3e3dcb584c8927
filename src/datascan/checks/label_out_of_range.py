"""A class label below 0, or at or above the number of classes.

What it is
    Class labels count from 0 to the number of classes minus 1, and this label is none of them.

Why it breaks training
    The loss uses the label as an index. Caffe, in a release build, reads outside of its array: with
    label 10, -1 or 255 of 10 classes it exits 0 with a finite loss and trains on; with label
    1,000,000 it ends in a segmentation fault without a message. PyTorch on a GPU fails with a
    "device-side assert" that names no record, often some operations later.

How to find the cause
    Labels 1 to N instead of 0 to N-1 show as one label too many, N; 255 and -1 are usual marks for
    "ignore"; very large ones are identifiers or bytes read in the wrong order.

How to fix it
    Subtract 1 where counting began at 1, map labels to 0..N-1, or tell the loss which label to
    ignore (``ignore_label`` in Caffe, ``ignore_index`` in PyTorch) and ignore this rule. Pass the
    true number of classes by ``--num-classes``.

Example
    ``label-out-of-range: #17 00000017 label 10``

Limits
    Without ``--num-classes`` the number of classes is 1 + the largest label, so only negative
    labels are out of range. In the scan of a net, ``label-beyond-outputs`` stands in its place.

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
    is_whole,
    label_text,
    measure_labels,
    summarize_labels,
)


class LabelOutOfRange(Check[LabelTally]):
    """A class label below 0, or at or above the number of classes."""

    rule = "label-out-of-range"
    severity = Severity.ERROR
    fix = "correct these labels, or pass the true --num-classes; labels count from 0"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All whole labels outside 0..num_classes-1."""
        labels = dataset.derive(summarize_labels)
        targets = dataset.options.check.targets
        # Where a net says how many outputs there are, label-beyond-outputs says the same better.
        if labels.kind != "class" or (targets and targets.outputs):
            return
        outside = (labels.values < 0) | (labels.values > labels.num_classes - 1)
        outside &= is_whole(labels.values)
        count = int(np.count_nonzero(outside))
        if count:
            flagged = Flagged.of(dataset.addresses(labels.indices[outside]), labels.values[outside])
            what = "label lies" if count == 1 else "labels lie"
            span = f"0..{labels.num_classes - 1}" if labels.num_classes else "any range"
            yield self.record_issue(flagged, f"{count:,} {what} outside {span}", label_text)
