"""NaN among the values of a record.

What it is
    At least one value of the record is NaN, "not a number". The detail gives the number of NaN
    values and the position of the first one.

Why it breaks training
    NaN spreads: every sum and product that contains it is NaN. One such record turns the loss of
    its whole batch into NaN, then the gradients, and after one step every weight. No later batch
    brings the weights back, so a run that shows NaN at iteration 80,000 was lost to a single
    record. Frameworks print the loss, never the record.

How to find the cause
    Check the first record named: its key, and the position within it. The same position in many
    records points to the code that computes that feature (0/0, the log or square root of a negative
    number). A single record points to its source file: a failed sensor, a missing cell that a CSV
    parser turned into NaN, or a division by the standard deviation of a constant signal.

How to fix it
    Drop the records listed by ``--bad-records``, or recompute them. Replace missing values before
    the dataset is written (``numpy.nan_to_num``, the feature's mean), and make the writer stop if a
    value is not finite.

Example
    ``nan-value: #3,333 00003333 1 of 48 values, first nan at [0, 2, 1]``

Limits
    Integers cannot be NaN, so integer data is not checked. Numbers that mean "missing", such as
    -9999, are treated as ordinary values; the line "values" of the report shows them as the
    minimum.

Source
    IEEE 754-2019, section 6.2: operations with NaN operands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.traits import FLOATS
from datascan.metrics.value_hits import HitMap, ValueHits, measure_value_hits
from datascan.records.block import Block


class NanValue(Check[HitMap]):
    """A value of the record is NaN."""

    rule = "nan-value"
    title = "Missing values (NaN)"
    severity = Severity.ERROR
    needs = (FLOATS,)
    fix = "drop or recompute these records; look for 0/0, log(0) or missing cells upstream"
    fix_many = "find the common cause and recompute them: 0/0, log(0), missing cells upstream"

    def measure(self, block: Block) -> HitMap | None:
        """NaN values by column; the minimum of a record is NaN if any of its values is."""
        return measure_value_hits(block, lambda column: np.isnan(column.ranges[0]), np.isnan)

    def evaluate(self, tally: HitMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue with all records that have a NaN."""
        hits = ValueHits.of(tally)
        count = len(hits.flagged.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} NaN"
        issue = self.record_issue(hits.flagged, message, hits.describe)
        yield replace(issue, badness=hits.shares, is_bad=np.isnan)
