"""The dataset has many more or fewer records than expected.

What it is
    The number of records differs from count in the expectations given by --expect by more than
    the share tolerance that stands there (0.1, a tenth, unless changed).

Why it breaks training
    Records that got lost between two exports take classes with them, and every schedule that
    counts in iterations (stepsize, max_iter, warm-up) then means another number of epochs: half
    the records are twice the epochs, and the rate falls too late.

How to find the cause
    Compare the numbers: a round fraction is a shard, a split or a worker that was left out; a
    round number is a limit that somebody set; twice as many are records that were appended
    instead of replaced (duplicate-record).

How to fix it
    Make the export again. If the number is meant, correct count or tolerance in the file of
    expectations, and the schedule of the solver with it.

Example
    datascan lmdb train_lmdb --expect train.expect.toml

    WARNING record-count-change
      25,000 records, 50,000 expected (50.0% fewer; 0.1 times the number is tolerated)

Limits
    Nothing is compared with --limit, or where a scan was stopped early; nor is a number learned
    under a --limit that the dataset reaches. A validation set is
    smaller than the training set that was learned from: leave the table records out of its
    expectations.

Source
    Expectations are learned by datascan learn and kept as TOML; docs/design.md says how they are
    compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary


class RecordCountChange(Check[None]):
    """The dataset has many more or fewer records than expected."""

    rule = "record-count-change"
    severity = Severity.WARNING
    fix = "make the export again, or correct count and tolerance in the expectations"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """One judgement, with both numbers."""
        expected = dataset.options.check.expect
        whole = dataset.is_complete and dataset.options.read.limit is None
        if expected is None or expected.records is None or not whole:
            return
        count, tolerance = expected.records.count, expected.records.tolerance
        change = dataset.records - count
        if abs(change) <= tolerance * count:
            return
        share = f"{abs(change) / count:.1%} " if count else ""
        word = "more" if change > 0 else "fewer"
        yield self.dataset_issue(
            f"{dataset.records:,} records, {count:,} expected "
            f"({share}{word}; {tolerance:.4g} times the number is tolerated)"
        )
