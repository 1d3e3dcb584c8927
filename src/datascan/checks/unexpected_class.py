"""A label is of a class that the expectations do not know.

What it is
    The record's class label is none of the classes in the expectations given by --expect: another
    number, or, where class folders give names, another name.

Why it breaks training
    A class beyond the outputs of the net reads outside of the array of probabilities: Caffe
    trains on with whatever lies there, or dies without a message. A class within them that was
    never trained is counted as an error by every evaluation. A new class folder shifts the
    numbers of all that come behind it in the alphabet.

How to find the cause
    The examples name the records and their labels. One new class with many records is a new
    folder or a new value in the label column; many new classes with few records each are labels
    of another kind (identities instead of categories). All records, by labels that differ by one:
    one of the two datasets counts from 1.

How to fix it
    Correct the labels, or take the records out. If the class is meant, add it with its share to
    labels.shares in the file of expectations (shares are taken relative to their sum), and its
    number to labels.numbers if the classes there have names, or learn them again.

Example
    datascan images val --expect train.expect.toml

    ERROR   unexpected-class  0.40% of records
      12 labels are of a class that is not expected: zebra

Limits
    Where the classes of both datasets have names (class folders, or words in a list), names are
    compared, else numbers; names of other case are other names. That a name has the number that
    was learned is not checked. A class that is missing altogether is told by empty-class and
    label-shift, and so is a dataset without class labels. Regression targets are not compared.

Source
    Expectations are learned by datascan learn and kept as TOML; docs/design.md says how they are
    compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.checks.class_shares import expected_names
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.labels import (
    LabelTally,
    class_name,
    label_text,
    measure_labels,
    summarize_labels,
)

SHOWN = 3


class UnexpectedClass(Check[LabelTally]):
    """A label is of a class that the expectations do not know."""

    rule = "unexpected-class"
    severity = Severity.ERROR
    fix = "correct these labels, or add the class to the expectations"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All records of other classes."""
        expected = dataset.options.check.expect
        labels = dataset.derive(summarize_labels)
        if expected is None or expected.labels is None or labels.kind != "class":
            return
        if expected.labels.kind != "class":
            return
        names = expected_names(dataset, expected.labels)
        if names is None:
            return
        odd = [c for c in labels.classes.tolist() if int(c) not in names]
        if not odd:
            return
        chosen = np.isin(labels.values, odd)
        count = int(chosen.sum())
        told = ", ".join(class_name(dataset, int(c)) for c in odd[:SHOWN])
        more = f" and {len(odd) - SHOWN:,} more" if len(odd) > SHOWN else ""
        what = "label is of a class that is" if count == 1 else "labels are of a class that is"
        yield self.record_issue(
            Flagged.of(dataset.addresses(labels.indices[chosen]), labels.values[chosen]),
            f"{count:,} {what} not expected: {told}{more}",
            label_text,
        )
