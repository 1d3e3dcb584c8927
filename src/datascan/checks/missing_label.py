"""A record without a label where others have one.

What it is
    Other records of the dataset have a label, and this one has none.

Why it breaks training
    Caffe takes a missing label as class 0, exits 0 and says nothing: class 0 is taught whatever
    these records show. Other loaders end the run.

How to find the cause
    Look at the keys: records of one source or one day point to annotations that were not merged;
    the last ones of a store to a list that was shorter than the data. In a folder with a sub-folder
    for each class these are images beside the sub-folders, or in a hidden one: a program left
    ``.ipynb_checkpoints`` or ``__MACOSX`` there, and torchvision's ImageFolder makes it a class,
    which renumbers all others.

How to fix it
    Add the labels, or drop the records listed by ``--bad-records``. Delete hidden folders.

Example
    ``missing-label: #12 00000012 no label; Caffe reads it as class 0``

Limits
    Where no record has a label, nothing is missing. A Datum written with label 0 by a library that
    leaves out zeros (proto3) looks like one without a label. In a list of regression targets a text
    that is no number counts as missing; among class labels it is a ``non-integer-label``.

Source
    protobuf, proto2: an absent optional field reads as its default; measured with Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.faults import faults_of
from datascan.metrics.labels import NON_INTEGER_LABEL, LabelTally, measure_labels, summarize_labels

ABSENT = "no label; Caffe reads it as class 0"


class MissingLabel(Check[LabelTally]):
    """A record without a label where others have one."""

    rule = "missing-label"
    severity = Severity.WARNING
    fix = "add the labels, or drop these records"
    measure = staticmethod(measure_labels)

    def evaluate(self, tally: LabelTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All readable records that lack a label, and those of whom a reader says so."""
        labels = dataset.derive(summarize_labels)
        lacking = labels.unlabeled
        details = np.full(len(lacking), ABSENT, object)
        # Text among targets is none; among classes it is a rule of its own.
        rules = (self.rule, NON_INTEGER_LABEL) if labels.kind == "regression" else (self.rule,)
        for told in filter(None, (faults_of(dataset, rule) for rule in rules)):
            lacking = np.concatenate([lacking, told.records.addresses.array])
            details = np.concatenate([details, told.records.facts.array])
        if len(lacking):
            # A record of both kinds counts once; what its reader says of it tells more.
            lacking, last = np.unique(lacking[::-1], return_index=True)
            details = details[::-1][last]
            verb = "has" if len(lacking) == 1 else "have"
            message = f"{len(lacking):,} of {dataset.records:,} records {verb} no label"
            yield self.record_issue(Flagged.of(lacking, details), message)
