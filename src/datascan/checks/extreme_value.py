"""Values too large for half precision.

What it is
    A finite value is beyond +-65504, the largest number that float16 can represent.

Why it breaks training
    Mixed-precision training casts the input to float16, where such a value becomes Inf. The dataset
    is finite, yet the loss is NaN, and checking the data in float32 shows nothing. Even in float32
    such values produce large activations and gradients, and a single one can derail a small
    network.

How to find the cause
    Check the position within the record. It may be a feature in raw units (nanoseconds, bytes, a
    timestamp, an identifier among the features) or a marker for "missing", such as 1e20 (netCDF) or
    3.4e38.

How to fix it
    Scale the feature (subtract the mean and divide by the standard deviation, or take the
    logarithm), replace markers for missing values, or keep the input in float32 or bfloat16.

Example
    ``extreme-value: #40 0000000040 1 of 64 values, first 1e+20 at [7]``

Limits
    Only floats are checked: integers are usually scaled before they are cast. bfloat16 has the
    range of float32, so it does not overflow here.

Source
    IEEE 754-2019, binary16: emax = 15, so the largest number is (2 - 2**-10) * 2**15 = 65504.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.traits import FLOATS
from datascan.metrics.value_hits import HitMap, ValueHits, measure_value_hits
from datascan.records.block import ArrayColumn, Block

MAX_FLOAT16 = 65504.0


def find_suspects(column: ArrayColumn) -> NDArray[np.bool_]:
    """Records with a value beyond the limit, or with a NaN or Inf that could hide one."""
    low, high = column.ranges
    return np.asarray(~((low >= -MAX_FLOAT16) & (high <= MAX_FLOAT16)))


def is_extreme(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Finite values beyond the limit."""
    return np.asarray(np.isfinite(values) & (np.abs(values) > MAX_FLOAT16))


class ExtremeValue(Check[HitMap]):
    """A finite float value beyond 65504 overflows to Inf in float16."""

    rule = "extreme-value"
    title = "Very large values"
    severity = Severity.WARNING
    needs = (FLOATS,)
    fix = "scale this feature, or replace markers for missing values, before mixed precision"

    def measure(self, block: Block) -> HitMap | None:
        """Extreme values by column."""
        return measure_value_hits(block, find_suspects, is_extreme)

    def evaluate(self, tally: HitMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue with all records that have an extreme value."""
        hits = ValueHits.of(tally)
        count = len(hits.flagged.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} values beyond 65504"
        issue = self.record_issue(hits.flagged, message, hits.describe)
        yield replace(issue, badness=hits.magnitudes, is_bad=is_extreme)
