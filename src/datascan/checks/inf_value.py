"""Infinity among the values of a record.

What it is
    At least one value of the record is +Inf or -Inf. The detail says how many, and where the first
    one stands.

Why it breaks training
    The first subtraction of two infinities, or a product with zero, makes NaN of it, and a softmax
    or a normalisation does just that. So the loss of the batch is NaN, or Inf, and after one step
    so are the weights.

How to find the cause
    Infinity comes from a division by zero, from log(0), from an overflow when values were cast to
    float16 or float32 (values beyond 65504 or 3.4e38), or from a distance sensor that reports
    "nothing seen" that way. The position inside the record tells the feature.

How to fix it
    Compute these records again in a wider type, clip at the source, or replace Inf by the largest
    value that has a meaning. Drop the records listed by ``--bad-records`` if that is not known.

Example
    ``inf-value: #123 train.h5:data[123] 1 of 16 values, first inf at [4]``

Limits
    Integers have no Inf. Values that are finite here and overflow in half precision are
    ``extreme-value``.

Source
    IEEE 754-2019, section 6.1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, TallyMap
from datascan.metrics.value_hits import ValueHits, measure_value_hits
from datascan.records.block import Block


class InfValue(Check[TallyMap]):
    """A value of the record is +Inf or -Inf."""

    rule = "inf-value"
    severity = Severity.ERROR
    fix = "drop these records or compute them again; look for x/0, log(0) or overflow upstream"

    def measure(self, block: Block) -> TallyMap | None:
        """Infinite values by part; NaN in the same record hides them from its extents."""
        return measure_value_hits(block, lambda part: ~part.finite, np.isinf)

    def evaluate(self, tally: TallyMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records with an infinity."""
        spots = ValueHits.of(tally)
        count = len(spots.flagged.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} infinite values"
        yield self.record_issue(spots.flagged, message, spots.describe)
