"""The store declares a different number of records than it holds.

What it is
    A metadata key (``num-samples``, ``length``) gives the number of records, but the store holds a
    different number.

Why it breaks training
    Loaders of such stores trust the number. If it is too small, the remaining records are never
    seen. If it is too large, an index without a record is drawn and the run ends with a KeyError in
    the middle of an epoch, or a loader that retries at random hides the loss.

How to find the cause
    Writers often count before they write, so records that were filtered out are still counted. A
    store that was appended to keeps its old number. A truncated copy has lost records (see
    ``truncated-store`` and ``key-gap``).

How to fix it
    Write the correct number under the key, or restore the missing records.

Example
    ``record-count-mismatch: num-samples says 5,000, but there are 4,980 records``

Limits
    Only numbers in plain decimal digits are understood; pickled numbers are not read.

Source
    The convention of text recognition sets (CRNN, deep-text-recognition-benchmark): key
    num-samples.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.traits import DECLARED_COUNT, WHOLE, is_whole


class RecordCountMismatch(Check[None]):
    """The store declares a different number of records than it holds."""

    rule = "record-count-mismatch"
    title = "Stated number of records is wrong"
    severity = Severity.ERROR
    subject = "the number of records"
    needs = (DECLARED_COUNT, WHOLE)
    fix = "write the correct number under this key, or restore the missing records"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (nothing is measured)
        """One issue with both numbers if they differ."""
        declared = dataset.plan.declared_count
        if declared is None or not is_whole(dataset):
            return
        name, number = declared
        if number != dataset.records:
            verb = "is" if dataset.records == 1 else "are"
            noun = "record" if dataset.records == 1 else "records"
            yield self.dataset_issue(
                f"{name} says {number:,}, but there {verb} {dataset.records:,} {noun}"
            )
