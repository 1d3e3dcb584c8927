"""A value lies beyond the expected range.

What it is
    The smallest or largest finite value of the record lies below min or above max, by more than
    margin, in the expectations given by --expect.

Why it breaks training
    Activations, gradients and updates grow with the input: ten times larger values make updates
    of the first layer a hundred times larger at the same learning rate, which is enough for a
    loss to blow up. A single record of that kind does it, if the batch is small.

How to find the cause
    The examples name the records and their range. All of them beyond: the scaling changed (0..255
    instead of 0..1), or a mean is no longer subtracted. A few: markers for missing values
    (-9999), broken sensors, another unit.

How to fix it
    Scale, clip or drop these records. If the range is meant, widen min, max or margin in the file
    of expectations, or learn them again.

Example
    datascan hdf5 new.h5 --expect train.expect.toml

    WARNING value-out-of-range  0.02% of records
      1 of 5,000 records holds values beyond the expected -4.2..4.4 (by more than 0.86)

Limits
    Of floats, a tenth of the range may be beyond it on either side, since the extremes of random
    data grow with their number; of whole numbers nothing (margin 0). NaN and Inf have rules of
    their own (nan-value, inf-value), and records that hold them are left to these. The values of
    JPEGs above 16,384 pixels are those of the picture at 1/8 scale, which are a little less
    extreme: a range learned from such pictures gets a tenth as well.

Source
    Expectations are learned by datascan learn and kept as TOML; docs/design.md says how they are
    compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.expectations import Values
from datascan.config.options import CheckOptions, Severity
from datascan.metrics.base import DatasetSummary, Flagged, add_all
from datascan.records.block import Block


class ValueOutOfRange(Check[Flagged]):
    """A value lies beyond the expected range."""

    rule = "value-out-of-range"
    severity = Severity.WARNING
    fix = "scale, clip or drop these records, or widen the range in the expectations"

    def __init__(self, expected: Values | None = None) -> None:
        self.expected = expected

    def configure(self, options: CheckOptions) -> Self:
        """The check of the range that is expected."""
        return type(self)(options.expect.values if options.expect else None)

    def measure(self, block: Block) -> Flagged | None:
        """Records beyond the range: facts are their own least and largest value."""
        if self.expected is None:
            return None
        tallies = []
        for part in block.arrays:
            if part.primary and part.size:
                low, high = part.ranges
                tallies.append(beyond(self.expected, block.start + part.rows, low, high))
        if block.images is not None and len(block.images.rows):
            seen = block.images
            ends = np.nanmin(seen.low, axis=1), np.nanmax(seen.high, axis=1)
            tallies.append(beyond(self.expected, block.start + seen.rows, *ends))
        return add_all(tally for tally in tallies if tally is not None)

    def evaluate(self, tally: Flagged, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records with such a value."""
        if self.expected is None:
            return
        order = np.argsort(tally.addresses.array, kind="stable")
        flagged = Flagged.of(tally.addresses.array[order], tally.facts.array[order])
        count = len(order)
        verb = "holds" if count == 1 else "hold"
        span = f"{self.expected.min:g}..{self.expected.max:g}"
        margin = f" (by more than {self.expected.margin:g})" if self.expected.margin else ""
        yield self.record_issue(
            flagged,
            f"{count:,} of {dataset.records:,} records {verb} values beyond the expected "
            f"{span}{margin}",
            lambda ends: f"values from {ends[0]:g} to {ends[1]:g}, expected {span}",
        )


def beyond(
    expected: Values, addresses: NDArray[np.int64], low: NDArray[Any], high: NDArray[Any]
) -> Flagged | None:
    """Of ``addresses`` those whose finite least and largest values are not as expected."""
    least, most = low.astype(np.float64), high.astype(np.float64)
    outside = (least < expected.min - expected.margin) | (most > expected.max + expected.margin)
    outside &= np.isfinite(least) & np.isfinite(most)
    if not outside.any():
        return None
    return Flagged.of(addresses[outside], np.stack([least[outside], most[outside]], axis=1))
