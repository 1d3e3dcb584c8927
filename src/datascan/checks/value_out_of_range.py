"""A value is outside the expected range.

What it is
    The smallest finite value of the record is below ``min``, or the largest above ``max``, by more
    than ``margin``, in the ``--expect`` file.

Why it breaks training
    Activations, gradients and updates grow with the input. Values ten times larger make the updates
    of the first layer a hundred times larger at the same learning rate, which is enough for the
    loss to blow up. If the batch is small, a single such record does it.

How to find the cause
    The examples name the records and their ranges. If all records are affected, the scaling changed
    (0..255 instead of 0..1), or a mean is no longer subtracted. If only a few are, they hold
    markers for missing values (-9999), readings of broken sensors, or another unit.

How to fix it
    Scale, clip or drop these records. If the range is intended, widen ``min``, ``max`` or
    ``margin`` in the expectations, or learn them again.

Example
    datascan hdf5 new.h5 --expect train.expect.toml

    WARNING value-out-of-range  0.02% of records
      1 of 5,000 records holds values beyond the expected -4.2..4.4 (by more than 0.86)

Limits
    The learned margin is a tenth of the range on either side for floats, since the extremes of
    random data grow with their number, and 0 for whole numbers. NaN and Inf have their own rules
    (``nan-value``, ``inf-value``), and records that hold them are left to those. The values of
    JPEGs above 16,384 pixels are those of the image at 1/8 scale, which are a little less extreme,
    so a range learned from such images gets a margin of a tenth as well.

Source
    Expectations are learned by ``datascan learn`` and kept as TOML; docs/design.md says how they
    are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.expectations import Values
from datascan.config.options import CheckOptions, Severity
from datascan.metrics.base import DatasetSummary, Flagged, add_all
from datascan.metrics.traits import EXPECTATIONS, VALUES
from datascan.records.block import Block
from datascan.records.statistics import in_float64


class ValueOutOfRange(Check[Flagged]):
    """A value is outside the expected range."""

    rule = "value-out-of-range"
    title = "Values outside the expected range"
    severity = Severity.WARNING
    needs = (EXPECTATIONS, VALUES)
    fix = "scale, clip or drop these records, or widen the range in the expectations"
    fix_many = "scale or clip these records, or widen the range in the expectations"

    def __init__(self, expected: Values | None = None) -> None:
        self.expected = expected

    def configure(self, options: CheckOptions) -> Self:
        """The check for the range in the expectations."""
        return type(self)(options.expect.values if options.expect else None)

    def measure(self, block: Block) -> Flagged | None:
        """Records outside the range; the facts, float64 (n, 2), are their minimum and maximum."""
        if self.expected is None:
            return None
        tallies = []
        for column in block.arrays:
            if column.primary and column.size:
                low, high = column.ranges
                tallies.append(find_outside(self.expected, block.start + column.rows, low, high))
        if block.images is not None and len(block.images.rows):
            images = block.images
            low, high = np.nanmin(images.low, axis=1), np.nanmax(images.high, axis=1)
            tallies.append(find_outside(self.expected, block.start + images.rows, low, high))
        return add_all(tally for tally in tallies if tally is not None)

    def evaluate(self, tally: Flagged, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue with all records that have a value outside the range."""
        if self.expected is None:
            return
        order = np.argsort(tally.addresses.array, kind="stable")
        flagged = Flagged.of(tally.addresses.array[order], tally.facts.array[order])
        count = len(order)
        verb = "holds" if count == 1 else "hold"
        span = f"{self.expected.min:g}..{self.expected.max:g}"
        margin = f" (by more than {self.expected.margin:g})" if self.expected.margin else ""
        issue = self.record_issue(
            flagged,
            f"{count:,} of {dataset.records:,} records {verb} values beyond the expected "
            f"{span}{margin}",
            lambda fact: f"values from {fact[0]:g} to {fact[1]:g}, expected {span}",
        )
        lows, highs = flagged.facts.array.T
        excess = np.maximum(self.expected.min - lows, highs - self.expected.max)
        yield replace(issue, badness=excess, is_bad=partial(is_outside, self.expected))


def is_outside(expected: Values, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are finite and exceed the expected range."""
    floats = in_float64(values)
    outside = (floats < expected.min - expected.margin) | (floats > expected.max + expected.margin)
    return np.asarray(outside & np.isfinite(floats))


def find_outside(
    expected: Values, addresses: NDArray[np.int64], low: NDArray[Any], high: NDArray[Any]
) -> Flagged | None:
    """Flag the records with a finite range ``low`` to ``high`` that exceeds the expected one."""
    lows, highs = in_float64(low), in_float64(high)
    outside = (lows < expected.min - expected.margin) | (highs > expected.max + expected.margin)
    outside &= np.isfinite(lows) & np.isfinite(highs)
    if not outside.any():
        return None
    return Flagged.of(addresses[outside], np.stack([lows[outside], highs[outside]], axis=1))
