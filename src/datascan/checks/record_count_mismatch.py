"""The store states another number of records than it holds.

What it is
    A bookkeeping key (``num-samples``, ``length``) says how many records there are, and another
    number was found.

Why it breaks training
    Loaders of such stores take the number at its word: if it is too small, the rest is never seen;
    if it is too large, an index is drawn that has no record, and the run ends with a KeyError in
    the middle of an epoch, or a loader that retries at random hides the loss.

How to find the cause
    Writers count before they write: records that were filtered out are still counted. A store that
    was appended to keeps its old number. A copy that was cut lost records (see ``truncated-store``
    and ``key-gap``).

How to fix it
    Write the true number under the key, or restore the missing records.

Example
    ``record-count-mismatch: num-samples says 5,000, but there are 4,980 records``

Limits
    Numbers in plain decimal digits are understood; what is pickled stays unread.

Source
    The convention of text recognition sets (CRNN, deep-text-recognition-benchmark): key
    num-samples.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary


class RecordCountMismatch(Check[None]):
    """The store states a number of records other than it holds."""

    rule = "record-count-mismatch"
    severity = Severity.ERROR
    fix = "write the true number under this key, or restore the missing records"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """Both numbers, where they differ."""
        stated = dataset.plan.declared_count
        if stated is None or not dataset.is_complete or dataset.options.read.limit is not None:
            return
        name, number = stated
        if number != dataset.records:
            verb = "is" if dataset.records == 1 else "are"
            noun = "record" if dataset.records == 1 else "records"
            yield self.dataset_issue(
                f"{name} says {number:,}, but there {verb} {dataset.records:,} {noun}"
            )
