"""The dataset has no records.

What it is
    The store or file could be opened, and there is nothing in it.

Why it breaks training
    A data layer over an empty store hangs, or ends with an error that does not speak of it (``Check
    failed: cursor->valid()``). A training loop over an empty loader does nothing, and reports a
    mean loss of 0/0, which is NaN.

How to find the cause
    The writer ended before its first commit, wrote into another folder or a named database, or its
    filter let nothing through. An LMDB that does not exist is created empty by many libraries when
    it is opened.

How to fix it
    Write the dataset again; look at the path and the number of records that the writer reports.

Example
    ``empty-dataset: the dataset holds 0 records``

Limits
    A folder without any image file is not taken for a dataset at all.

Source
    0/0 is NaN: IEEE 754-2019, section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary


class EmptyDataset(Check[None]):
    """The dataset has no records."""

    rule = "empty-dataset"
    severity = Severity.ERROR
    fix = "write the dataset again; look at the path, the database's name and the writer's filter"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """Whether a whole scan saw nothing."""
        if dataset.is_complete and dataset.records == 0:
            yield self.dataset_issue("the dataset holds 0 records")
