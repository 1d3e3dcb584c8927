"""A class label that is not a whole number.

What it is
    The labels are classes, and nearly all of them are whole numbers, but this one has a fraction,
    or is text in a list of images, such as ``1O`` with a letter O.

Why it breaks training
    The loss casts the label to an integer: 1.5 silently becomes class 1, and -0.5 becomes class 0.
    A regression target among class labels is trained on as a class. From text, Caffe reads the
    leading digits and says nothing: ``1O`` is class 1, ``cat`` is class 0.

How to find the cause
    Check the records: the mean of two annotators, a probability, a value in another unit, or two
    swapped columns. Text comes from manual entry, from a name in place of its number, and from
    cells such as ``n/a``.

How to fix it
    Correct the labels. If they are really regression targets, pass ``--label-type regression``.

Example
    ``non-integer-label: #5 train.h5:data[5] label 1.5``

Limits
    With ``--label-type auto``, labels are classes if they are integers, or floats of which at least
    99% are whole numbers with at most 100,000 distinct values. The labels of a list are numbers if
    at least half of them are; otherwise all of them, even ``7``, are treated as class names.

Source
    C++ standard, conversion of floating-point values to integers: the fraction is cut off. Caffe,
    src/caffe/layers/image_data_layer.cpp: the labels of a list are read with ``atoi``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.faults import find_faults
from datascan.metrics.labels import (
    NON_INTEGER_LABEL,
    LabelTally,
    describe_label,
    is_whole,
    measure_labels,
    summarize_labels,
)
from datascan.metrics.traits import CLASSES


class NonIntegerLabel(Check[LabelTally]):
    """A class label that is not a whole number."""

    rule = "non-integer-label"
    title = "Class is not a whole number"
    severity = Severity.ERROR
    needs = (CLASSES,)
    fix = "correct these labels, or pass --label-type regression if they are regression targets"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue with all finite class labels that have a fraction or are text."""
        labels = dataset.derive(summarize_labels)
        if labels.kind != "class":
            return
        bad = np.isfinite(labels.numbers) & ~is_whole(labels.numbers)
        indices, values = labels.select(bad)
        addresses = dataset.addresses(indices)
        details = np.array([describe_label(label) for label in values], object)
        total = len(bad)
        if (text := find_faults(dataset, NON_INTEGER_LABEL)) is not None:
            total += len(text.records.addresses.array)
            addresses = np.concatenate([addresses, text.records.addresses.array])
            details = np.concatenate([details, text.records.facts.array])
        count = len(addresses)
        if count:
            predicate = "is not a whole number" if count == 1 else "are not whole numbers"
            order = np.argsort(addresses)
            yield self.record_issue(
                Flagged.of(addresses[order], details[order]),
                f"{count:,} of {total:,} class labels {predicate}",
            )
