"""Values too large for half precision.

What it is
    A finite value lies beyond +-65504, the largest number that float16 can hold.

Why it breaks training
    With mixed-precision training, the input is cast to float16 on the way to the accelerator, and
    such a value becomes Inf there. The dataset is finite, the loss is NaN, and a look at the data
    in float32 finds nothing. Even in float32 such values make large activations and gradients, and
    a single one can throw a small network off.

How to find the cause
    Look at the position in the record: a feature in raw units (nanoseconds, bytes, a timestamp, an
    identifier that slipped in among the features), or a marker for "missing" such as 1e20 (netCDF)
    or 3.4e38.

How to fix it
    Scale the feature (subtract the mean, divide by the standard deviation, take the logarithm),
    replace markers for missing values, or keep the input in float32 or bfloat16.

Example
    ``extreme-value: #40 0000000040 1 of 64 values, first 1e+20 at [7]``

Limits
    Float data only: integers are usually scaled before they are cast. bfloat16 has the range of
    float32, so it is safe from this rule's fault.

Source
    IEEE 754-2019, binary16: emax = 15, so the largest number is (2 - 2**-10) * 2**15 = 65504.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, TallyMap
from datascan.metrics.value_hits import ValueHits, measure_value_hits
from datascan.records.block import ArrayColumn, Block

LARGEST_HALF = 65504.0


def suspect(part: ArrayColumn) -> NDArray[np.bool_]:
    """Records with a value beyond the limit, or one that hides it."""
    low, high = part.ranges
    return np.asarray(~((low >= -LARGEST_HALF) & (high <= LARGEST_HALF)))


def extreme(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Finite values beyond the limit."""
    return np.asarray(np.isfinite(values) & (np.abs(values) > LARGEST_HALF))


class ExtremeValue(Check[TallyMap]):
    """A finite float value beyond 65504: it overflows to Inf in float16."""

    rule = "extreme-value"
    severity = Severity.WARNING
    fix = "scale this feature, or replace markers for missing values, before mixed precision"

    def measure(self, block: Block) -> TallyMap | None:
        """Extreme values by part."""
        return measure_value_hits(block, suspect, extreme)

    def evaluate(self, tally: TallyMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records with such a value."""
        spots = ValueHits.of(tally)
        count = len(spots.flagged.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} values beyond 65504"
        yield self.record_issue(spots.flagged, message, spots.describe)
