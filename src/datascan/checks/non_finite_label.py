"""A label that is NaN or Inf.

What it is
    The label of the record is NaN or infinite.

Why it breaks training
    As a target of a regression it makes the loss NaN directly, and all weights after one step. As a
    class it is cast to an integer first: NaN as an HDF5 label ends Caffe in a segmentation fault
    without a message.

How to find the cause
    Missing cells of a table become NaN when they are read; a join that found no partner leaves NaN;
    a division by zero or log(0) in the computation of the target gives NaN or Inf.

How to fix it
    Drop the records listed by ``--bad-records``, or find their labels. Do not fill in 0: that is a
    class, and a target like any other.

Example
    ``non-finite-label: #640 train.h5:data[640] label nan``

Limits
    Of targets of several values it is not said which one is not finite.

Source
    IEEE 754-2019; measured with Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.labels import LabelTally, label_text, measure_labels, summarize_labels


class NonFiniteLabel(Check[LabelTally]):
    """A label that is NaN or Inf."""

    rule = "non-finite-label"
    severity = Severity.ERROR
    fix = "find these labels or drop the records; look for missing cells and failed joins"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All labels that are not finite."""
        labels = dataset.derive(summarize_labels)
        if labels.kind == "none" or labels.values.dtype.kind != "f":
            return
        odd = ~np.isfinite(labels.values)
        count = int(np.count_nonzero(odd))
        if count:
            flagged = Flagged.of(dataset.addresses(labels.indices[odd]), labels.values[odd])
            verb = "is" if count == 1 else "are"
            message = f"{count:,} of {len(odd):,} labels {verb} NaN or infinite"
            yield self.record_issue(flagged, message, label_text)
