"""A label that is NaN or Inf.

What it is
    The label of the record is NaN or infinite.

Why it breaks training
    As a regression target it makes the loss NaN directly, and all weights after one step. As a
    class label it is cast to an integer first: an HDF5 label that is NaN ends Caffe in a
    segmentation fault without a message.

How to find the cause
    Missing table cells are read as NaN, a join without a match leaves NaN, and a division by zero
    or log(0) in the computation of the target gives NaN or Inf.

How to fix it
    Find the correct labels, or drop the records listed by ``--bad-records``. Do not fill in 0: it
    is a class, and as a regression target it is a value like any other.

Example
    ``non-finite-label: #640 train.h5:data[640] label nan``

Limits
    For targets with several values, the detail does not say which of them is not finite.

Source
    IEEE 754-2019; measured with Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.labels import LabelTally, describe_label, measure_labels, summarize_labels
from datascan.metrics.traits import LABELS


class NonFiniteLabel(Check[LabelTally]):
    """A label that is NaN or Inf."""

    rule = "non-finite-label"
    title = "Label is not a number (NaN, Inf)"
    severity = Severity.ERROR
    needs = (LABELS,)
    fix = "correct these labels or drop the records; look for missing cells and failed joins"
    fix_many = "correct these labels; look for missing cells and failed joins"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue with all labels that are not finite."""
        labels = dataset.derive(summarize_labels)
        if labels.kind == "none" or labels.numbers.dtype.kind != "f":
            return
        bad = ~np.isfinite(labels.numbers)
        count = int(np.count_nonzero(bad))
        if count:
            indices, values = labels.select(bad)
            flagged = Flagged.of(dataset.addresses(indices), values)
            verb = "is" if count == 1 else "are"
            message = f"{count:,} of {len(bad):,} labels {verb} NaN or infinite"
            yield self.record_issue(flagged, message, describe_label)
