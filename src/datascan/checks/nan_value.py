"""NaN among the values of a record.

What it is
    At least one value of the record is NaN, "not a number". The detail says how many of its
    values are, and where the first one stands.

Why it breaks training
    NaN spreads: every sum and product that meets it is NaN. One such record makes the loss of its
    whole batch NaN, the gradients of that batch NaN, and after one step every weight. No later
    batch brings the weights back, so a run that shows NaN at iteration 80,000 was lost to a single
    record. Frameworks print the loss, never the record.

How to find the cause
    Look at the first record named: its key, and the position inside it. The same position in many
    records points to the code that computes that feature (0/0, log of a negative number, the
    square root of one); one record alone points to its source file (a failed sensor, a missing
    cell that a CSV parser turned into NaN, a division by the standard deviation of a constant
    signal).

How to fix it
    Drop the records listed by ``--bad-records``, or compute them again. Replace missing values
    before the dataset is written (``numpy.nan_to_num``, the feature's mean), and put a check
    there that stops when a value is not finite.

Example
    ``datascan hdf5 train.h5`` prints ``nan-value: 1 record ... 00003333: 1 of 48 values, first nan
    at [0, 2, 1]``.

Limits
    Integers have no NaN, so integer data is not looked at. Numbers that stand for "missing", such
    as -9999, are values like any other; the line "values" of the report shows them as its minimum.

Source
    IEEE 754-2019, section 6.2: operations with NaN operands.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, TallyMap
from datascan.metrics.value_hits import ValueHits, measure_value_hits
from datascan.records.block import Block


class NanValue(Check[TallyMap]):
    """A value of the record is NaN."""

    rule = "nan-value"
    severity = Severity.ERROR
    fix = "drop these records or compute them again; look for 0/0, log(0) or missing cells upstream"

    def measure(self, block: Block) -> TallyMap | None:
        """NaN values by part; the minimum of a record is NaN if any of its values is."""
        return measure_value_hits(block, lambda part: np.isnan(part.ranges[0]), np.isnan)

    def evaluate(self, tally: TallyMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records with a NaN."""
        spots = ValueHits.of(tally)
        count = len(spots.flagged.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} NaN"
        yield self.record_issue(spots.flagged, message, spots.describe)
