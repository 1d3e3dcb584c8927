"""The largest class has over 100 times the records of the smallest.

What it is
    Among the classes that occur, the most frequent one has more than 100 times as many records as
    the rarest.

Why it breaks training
    The network can be right in most cases without ever naming the rare class, and it does. Most
    batches lack that class altogether, so a loss that divides by class counts is NaN in them
    (``batch-label-gap``), and weights by inverse frequency let single records jerk the gradient.

How to find the cause
    Compare with the world: some classes are rare. Otherwise look for a filter that dropped a class,
    a label used as default, or sources of very different sizes.

How to fix it
    Draw the rare classes more often, weight the loss by effective numbers of records, or merge
    classes. Judge the network by the mean of the classes' accuracies.

Example
    ``class-imbalance: class 0 has 40,000 records, class 9 has 12: 3,333 times as many``

Limits
    Classes without any record are ``empty-class``.

Source
    Cui et al. (2019), Class-Balanced Loss Based on Effective Number of Samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import LabelTally, class_name, measure_labels, summarize_labels

MAX_RATIO = 100


class ClassImbalance(Check[LabelTally]):
    """The largest class has over 100 times the records of the smallest one that has any."""

    rule = "class-imbalance"
    severity = Severity.WARNING
    fix = "draw rare classes more often or weight the loss; judge by the mean over classes"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """The largest and the smallest class in range."""
        labels = dataset.derive(summarize_labels)
        if labels.kind != "class":
            return
        inside = (labels.classes >= 0) & (labels.classes <= labels.num_classes - 1)
        classes, counts = labels.classes[inside], labels.counts[inside]
        if not len(counts) or counts.max() <= MAX_RATIO * counts.min():
            return
        large, small = int(np.argmax(counts)), int(np.argmin(counts))
        yield self.dataset_issue(
            f"class {class_name(dataset, int(classes[large]))} has {counts[large]:,} records, "
            f"class {class_name(dataset, int(classes[small]))} has {counts[small]:,}: "
            f"{counts[large] / counts[small]:,.0f} times as many"
        )
