"""A class label that is not a whole number.

What it is
    The labels are classes, nearly all of them whole numbers, and this one is not.

Why it breaks training
    The loss casts the label to an integer: 1.5 becomes class 1 without a word, and -0.5 becomes
    class 0. A regression target that slipped in among classes is trained on as a class.

How to find the cause
    Look at the records: a mean of two annotators, a probability, a value in another unit, or two
    columns exchanged.

How to fix it
    Correct the labels. If they are targets of a regression after all, pass ``--label-type
    regression``.

Example
    ``non-integer-label: #5 train.h5:data[5] label 1.5``

Limits
    With ``--label-type auto`` labels are classes if they are integers, or floats of which at least
    99% are whole numbers of at most 100,000 distinct values.

Source
    C++ standard, conversion of floating-point values to integers: the fraction is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.measures.labels import LabelTally, is_whole, label_text, measure_labels, summarise
from datascan.model import Check, Dataset, Judgement, Severity
from datascan.tally import Flagged


class NonIntegerLabel(Check[LabelTally]):
    """A class label that is not a whole number."""

    rule = "non-integer-label"
    severity = Severity.ERROR
    fix = "correct these labels, or pass --label-type regression if they are targets"
    measure = staticmethod(measure_labels)

    def judge(self, tally: LabelTally, dataset: Dataset) -> Iterator[Judgement]:  # noqa: ARG002
        """All finite class labels with a fraction."""
        labels = dataset.derive(summarise)
        if labels.kind != "class" or labels.values.dtype.kind != "f":
            return
        odd = np.isfinite(labels.values) & ~is_whole(labels.values)
        count = int(np.count_nonzero(odd))
        if count:
            flagged = Flagged.of(dataset.addresses(labels.indices[odd]), labels.values[odd])
            what = "is no whole number" if count == 1 else "are no whole numbers"
            yield self.flag(flagged, f"{count:,} of {len(odd):,} class labels {what}", label_text)
