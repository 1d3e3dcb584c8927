"""A record without a label in a labelled dataset.

What it is
    Other records of the dataset have a label, but this one does not.

Why it breaks training
    Caffe reads a missing label as class 0, exits 0 and says nothing, so the network learns these
    records as class 0. Other loaders end the run.

How to find the cause
    Check the keys. Records of one source or one day point to annotations that were not merged; the
    last records of a store point to a list that was shorter than the data. In a folder with one
    subfolder per class, these are images outside the subfolders or in a hidden one: if a program
    left ``.ipynb_checkpoints`` or ``__MACOSX`` there, torchvision's ImageFolder makes it a class
    and renumbers all others.

How to fix it
    Add the labels, or drop the records listed by ``--bad-records``. Delete hidden folders.

Example
    ``missing-label: #12 00000012 no label; Caffe reads it as class 0``

Limits
    If no record has a label, nothing is reported. A Datum with label 0 written by a library that
    omits zeros (proto3) looks like one without a label. In a list of regression targets, text that
    is not a number counts as a missing label; among class labels it is a ``non-integer-label``.

Source
    protobuf, proto2: an absent optional field reads as its default; measured with Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.faults import find_faults
from datascan.metrics.labels import NON_INTEGER_LABEL, LabelTally, measure_labels, summarize_labels
from datascan.metrics.traits import LABELS

NO_LABEL = "no label; Caffe reads it as class 0"


class MissingLabel(Check[LabelTally]):
    """A record without a label in a labelled dataset."""

    rule = "missing-label"
    title = "Record without a label"
    image_title = "Picture without a label"
    severity = Severity.WARNING
    needs = (LABELS,)
    fix = "add the labels, or drop these records"
    fix_many = "add the labels; look for a failed join or an incomplete list"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (labels are summarised once for all rules)
        """One issue with all readable records without a label, and those a reader reports."""
        labels = dataset.derive(summarize_labels)
        unlabeled = labels.unlabeled
        details = np.full(len(unlabeled), NO_LABEL, object)
        # Text among regression targets is a missing label; among classes it has its own rule.
        rules = (self.rule, NON_INTEGER_LABEL) if labels.kind == "regression" else (self.rule,)
        for faults in filter(None, (find_faults(dataset, rule) for rule in rules)):
            unlabeled = np.concatenate([unlabeled, faults.records.addresses.array])
            details = np.concatenate([details, faults.records.facts.array])
        if len(unlabeled):
            # A record found both ways counts once, with the reader's detail, which says more.
            unlabeled, last = np.unique(unlabeled[::-1], return_index=True)
            details = details[::-1][last]
            verb = "has" if len(unlabeled) == 1 else "have"
            message = f"{len(unlabeled):,} of {dataset.records:,} records {verb} no label"
            yield self.record_issue(Flagged.of(unlabeled, details), message)
