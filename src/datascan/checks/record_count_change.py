"""The dataset has many more or fewer records than expected.

What it is
    The number of records differs from ``count`` in the ``--expect`` file by more than the
    ``tolerance`` set there, a share of the number (0.1, a tenth, by default).

Why it breaks training
    Records that were lost between two exports take classes with them. Every schedule that counts
    iterations (stepsize, max_iter, warm-up) then means another number of epochs: with half the
    records there are twice as many epochs, and the rate falls too late.

How to find the cause
    Compare the numbers. A simple fraction is a shard, a split or a worker that was left out; a
    round number is a limit that someone set; twice as many records were appended instead of
    replaced (``duplicate-record``).

How to fix it
    Export the dataset again. If the number is intended, correct ``count`` or ``tolerance`` in the
    expectations, and adapt the schedule of the solver.

Example
    datascan lmdb train_lmdb --expect train.expect.toml

    WARNING record-count-change
      25,000 records, 50,000 expected (50.0% fewer; the tolerance is 10%)

Limits
    Nothing is compared with ``--limit`` or after an interrupted scan, and no number is learned if
    the scan reached its ``--limit``. A validation set is smaller than the training set that the
    expectations were learned from: remove the table ``records`` from its expectations.

Source
    Expectations are learned by ``datascan learn`` and kept as TOML; docs/design.md says how they
    are compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.traits import EXPECTATIONS, WHOLE, is_whole


class RecordCountChange(Check[None]):
    """The dataset has many more or fewer records than expected."""

    rule = "record-count-change"
    title = "Number of records differs from before"
    severity = Severity.WARNING
    subject = "the number of records"
    needs = (EXPECTATIONS, WHOLE)
    fix = "export the dataset again, or correct count and tolerance in the expectations"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (nothing is measured)
        """One issue, with both numbers."""
        expected = dataset.options.check.expect
        if expected is None or expected.records is None or not is_whole(dataset):
            return
        count, tolerance = expected.records.count, expected.records.tolerance
        change = dataset.records - count
        if abs(change) <= tolerance * count:
            return
        share = f"{abs(change) / count:.1%} " if count else ""
        word = "more" if change > 0 else "fewer"
        yield self.dataset_issue(
            f"{dataset.records:,} records, {count:,} expected "
            f"({share}{word}; the tolerance is {100 * tolerance:.4g}%)"
        )
