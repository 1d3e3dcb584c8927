"""The largest class has over 100 times the records of the smallest.

What it is
    Of the classes that occur, the most frequent one has more than 100 times as many records as the
    rarest.

Why it breaks training
    The network can be right most of the time without ever predicting the rare class, so it never
    does. Most batches lack that class altogether, which makes a loss that divides by class counts
    NaN (``batch-label-gap``). If the loss is weighted by inverse frequency instead, single records
    produce huge gradients.

How to find the cause
    Some classes really are rare. Otherwise look for a filter that dropped a class, a label used as
    a default, or sources of very different sizes.

How to fix it
    Draw the rare classes more often, weight the loss by the effective number of records, or merge
    classes. Evaluate the network by its mean accuracy over classes.

Example
    ``class-imbalance: class 0 has 40,000 records, class 9 has 12: 3,333 times as many``

Limits
    Classes without any record are reported as ``empty-class``. 46 of 2,832
    healthy tables and series (``docs/healthy.md``) get a warning, each for a class of few records.

Source
    Cui et al. (2019), Class-Balanced Loss Based on Effective Number of Samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelTally, format_class, measure_labels, summarize_labels
from datascan.metrics.traits import CLASSES, WHOLE

MAX_RATIO = 100


class ClassImbalance(Check[LabelTally]):
    """The largest class has over 100 times the records of the smallest non-empty class."""

    rule = "class-imbalance"
    title = "Some classes are far rarer than others"
    severity = Severity.WARNING
    subject = "the sizes of classes"
    needs = (CLASSES, WHOLE)
    fix = "draw rare classes more often or weight the loss; evaluate by mean accuracy over classes"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue, with the largest and the smallest class in range."""
        labels = dataset.derive(summarize_labels)
        if labels.kind != "class":
            return
        inside = (labels.classes >= 0) & (labels.classes <= labels.num_classes - 1)
        classes, counts = labels.classes[inside], labels.counts[inside]
        if not len(counts) or counts.max() <= MAX_RATIO * counts.min():
            return
        large, small = int(np.argmax(counts)), int(np.argmin(counts))
        yield self.dataset_issue(
            f"class {format_class(dataset, int(classes[large]))} has {counts[large]:,} records, "
            f"class {format_class(dataset, int(classes[small]))} has {counts[small]:,}: "
            f"{counts[large] / counts[small]:,.0f} times as many"
        )
