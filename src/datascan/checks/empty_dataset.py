"""The dataset has no records.

What it is
    The store or file can be opened, but it contains no records.

Why it breaks training
    A data layer on an empty store hangs, or ends with an error that does not mention it (``Check
    failed: cursor->valid()``). A training loop over an empty loader does nothing and reports a mean
    loss of 0/0, which is NaN.

How to find the cause
    The writer ended before its first commit, wrote to another folder or a named database, or its
    filter rejected everything. Many libraries create an empty LMDB when they open one that does not
    exist.

How to fix it
    Rebuild the dataset. Check the path and the number of records that the writer reports.

Example
    ``empty-dataset: the dataset holds 0 records``

Limits
    A folder without any image file is not recognised as a dataset in the first place.

Source
    0/0 is NaN: IEEE 754-2019, section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.checks.fault_check import REACH_RULES
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.faults import find_faults

REASONS = (*REACH_RULES, "never-written", "outside-reference")
"""The rules of faults that explain why there are no records."""


def is_explained(dataset: DatasetSummary) -> bool:
    """Whether another finding says why no record was read: one cause is one finding."""
    unread = any(
        part.what == "part" or (part.what == "field" and part.records)
        for part in dataset.plan.uninspected
    )
    return unread or any(find_faults(dataset, rule) is not None for rule in REASONS)


class EmptyDataset(Check[None]):
    """The dataset has no records."""

    rule = "empty-dataset"
    title = "Nothing in the dataset"
    severity = Severity.ERROR
    subject = "the whole dataset"
    fix = "rebuild the dataset; check the path, the database name and the writer's filter"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (nothing is measured)
        """One issue if a complete scan found no records, unless there is a known reason."""
        if is_explained(dataset):
            return
        is_written = dataset.writer is not None and dataset.writer.rules
        if not is_written and dataset.is_complete and dataset.records == 0:
            yield self.dataset_issue("the dataset holds 0 records")
