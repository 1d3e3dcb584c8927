"""Infinity among the values of a record.

What it is
    At least one value of the record is +Inf or -Inf. The detail gives the number of infinite values
    and the position of the first one.

Why it breaks training
    Subtracting two infinities or multiplying one by zero gives NaN, and that is exactly what a
    softmax or a normalisation does. The loss of the batch becomes NaN or Inf, and after one step so
    do the weights.

How to find the cause
    Infinities come from a division by zero, from log(0), from an overflow in a cast to float16 or
    float32 (values beyond 65504 or 3.4e38), or from a distance sensor that reports "nothing seen"
    this way. The position within the record identifies the feature.

How to fix it
    Recompute these records in a wider type, clip the values at the source, or replace Inf by the
    largest meaningful value. If that value is unknown, drop the records listed by
    ``--bad-records``.

Example
    ``inf-value: #123 train.h5:data[123] 1 of 16 values, first inf at [4]``

Limits
    Integers cannot be infinite. Values that are finite here but overflow in half precision are
    reported as ``extreme-value``.

Source
    IEEE 754-2019, section 6.1.
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


class InfValue(Check[HitMap]):
    """A value of the record is +Inf or -Inf."""

    rule = "inf-value"
    title = "Infinite values (Inf)"
    severity = Severity.ERROR
    needs = (FLOATS,)
    fix = "drop or recompute these records; look for x/0, log(0) or overflow upstream"
    fix_many = "find the common cause and recompute them: x/0, log(0), overflow upstream"

    def measure(self, block: Block) -> HitMap | None:
        """Infinite values by column."""
        # Not by the range: a NaN in the same record would hide the infinity.
        return measure_value_hits(block, lambda column: ~column.finite, np.isinf)

    def evaluate(self, tally: HitMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue with all records that have an infinite value."""
        hits = ValueHits.of(tally)
        count = len(hits.flagged.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} infinite values"
        issue = self.record_issue(hits.flagged, message, hits.describe)
        yield replace(issue, badness=hits.shares, is_bad=np.isinf)
