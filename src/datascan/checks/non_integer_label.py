"""A class label that is not a whole number.

What it is
    The labels are classes, nearly all of them whole numbers, and this one is not: it has a
    fraction, or it stands in a list of images and is text, as ``1O`` with a letter O.

Why it breaks training
    The loss casts the label to an integer: 1.5 becomes class 1 without a word, and -0.5 becomes
    class 0. A regression target that slipped in among classes is trained on as a class. Of text
    Caffe reads the digits in front: ``1O`` is class 1, ``cat`` class 0, and it says nothing.

How to find the cause
    Look at the records: a mean of two annotators, a probability, a value in another unit, or two
    columns exchanged. Text comes from typing by hand, from a name where others have its number,
    and from cells such as ``n/a``.

How to fix it
    Correct the labels. If they are targets of a regression after all, pass ``--label-type
    regression``.

Example
    ``non-integer-label: #5 train.h5:data[5] label 1.5``

Limits
    With ``--label-type auto`` labels are classes if they are integers, or floats of which at least
    99% are whole numbers of at most 100,000 distinct values. The labels of a list are numbers if at
    least half of them are; otherwise all are taken as names of classes, ``7`` too.

Source
    C++ standard, conversion of floating-point values to integers: the fraction is cut off. Caffe,
    src/caffe/layers/image_data_layer.cpp: a list's labels are read with ``atoi``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.faults import faults_of
from datascan.metrics.labels import (
    NON_INTEGER_LABEL,
    LabelTally,
    is_whole,
    label_text,
    measure_labels,
    summarize_labels,
)


class NonIntegerLabel(Check[LabelTally]):
    """A class label that is not a whole number."""

    rule = "non-integer-label"
    severity = Severity.ERROR
    fix = "correct these labels, or pass --label-type regression if they are targets"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All finite class labels with a fraction, and those that are text."""
        labels = dataset.derive(summarize_labels)
        if labels.kind != "class":
            return
        odd = np.isfinite(labels.values) & ~is_whole(labels.values)
        addresses = dataset.addresses(labels.indices[odd])
        details = np.array([label_text(label) for label in labels.values[odd]], object)
        total = len(odd)
        if (text := faults_of(dataset, NON_INTEGER_LABEL)) is not None:
            total += len(text.records.addresses.array)
            addresses = np.concatenate([addresses, text.records.addresses.array])
            details = np.concatenate([details, text.records.facts.array])
        count = len(addresses)
        if count:
            what = "is no whole number" if count == 1 else "are no whole numbers"
            order = np.argsort(addresses)
            yield self.record_issue(
                Flagged.of(addresses[order], details[order]),
                f"{count:,} of {total:,} class labels {what}",
            )
