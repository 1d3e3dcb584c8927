"""A label's class is not in the expectations.

What it is
    The record's class label is not one of the classes in the ``--expect`` file: it has a different
    number or, if class folders give names, a different name.

Why it breaks training
    A class beyond the outputs of the net reads outside the array of probabilities: Caffe trains on
    unrelated memory or crashes without a message. A class within the outputs that was never trained
    counts as an error in every evaluation. A new class folder shifts the numbers of all classes
    after it in the alphabet.

How to find the cause
    The examples name the records and their labels. One new class with many records is a new folder
    or a new value in the label column. Many new classes with few records each are labels of another
    kind (identities instead of categories). If the labels of all records are off by one, one of the
    two datasets counts from 1.

How to fix it
    Correct the labels, or remove the records. If the class is intended, add it with its share to
    ``labels.shares`` in the expectations (shares are relative to their sum), and its number to
    ``labels.numbers`` if the classes there have names, or learn the expectations again.

Example
    datascan images val --expect train.expect.toml

    ERROR   unexpected-class  0.40% of records
      12 labels have an unexpected class: zebra

Limits
    If the classes of both datasets have names (class folders, or text labels in a list), names are
    compared, otherwise numbers. Names are case-sensitive. Whether a name still has the number that
    was learned is not checked. A missing class is reported by ``empty-class`` and ``label-shift``,
    and so is a dataset without class labels. Regression targets are not compared.

Source
    Expectations are learned by ``datascan learn`` and kept as TOML; docs/design.md says how they
    are compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.checks.class_shares import match_expected_names
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.labels import (
    LabelTally,
    describe_label,
    format_class,
    measure_labels,
    summarize_labels,
)
from datascan.metrics.traits import CLASSES, EXPECTATIONS

MAX_NAMED = 3
"""The message names at most this many classes."""


class UnexpectedClass(Check[LabelTally]):
    """A label's class is not in the expectations."""

    rule = "unexpected-class"
    title = "Class that was not expected"
    severity = Severity.ERROR
    needs = (EXPECTATIONS, CLASSES)
    fix = "correct these labels, or add the class to the expectations"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue with all records of unexpected classes."""
        expected = dataset.options.check.expect
        labels = dataset.derive(summarize_labels)
        if expected is None or expected.labels is None or labels.kind != "class":
            return
        if expected.labels.kind != "class":
            return
        names = match_expected_names(dataset, expected.labels)
        if names is None:
            return
        unexpected = [c for c in labels.classes.tolist() if int(c) not in names]
        if not unexpected:
            return
        chosen = np.isin(labels.numbers, unexpected)
        count = int(chosen.sum())
        named = ", ".join(format_class(dataset, int(c)) for c in unexpected[:MAX_NAMED])
        more = f" and {len(unexpected) - MAX_NAMED:,} more" if len(unexpected) > MAX_NAMED else ""
        subject = "label has" if count == 1 else "labels have"
        indices, values = labels.select(chosen)
        yield self.record_issue(
            Flagged.of(dataset.addresses(indices), values),
            f"{count:,} {subject} an unexpected class: {named}{more}",
            describe_label,
        )
