"""The range and moments of all values, independent of how blocks are cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np

from datascan.metrics.base import ExactSum, Highest, Lowest, Tally, add_all
from datascan.native.fallback import LANES
from datascan.records.block import ArrayColumn, Block, ImageColumn
from datascan.records.statistics import compute_stats

MIN_VARIANCE_ERRORS = 50
"""A variance smaller than this many times its maximum error is not reported."""


@dataclass(frozen=True, slots=True)
class ValueTally(Tally):
    """Range, sum and sum of squares of ``count`` finite values, and the number of NaN and Inf.

    ``approximate`` counts JPEGs, whose values come from decoding at 1/8 scale. ``longest`` is the
    number of values in the longest record whose sums were rounded, or 0.
    """

    low: Lowest
    high: Highest
    total: ExactSum
    squares: ExactSum
    count: int
    nan: int
    inf: int
    approximate: int
    longest: Highest

    @property
    def mean(self) -> float | None:
        """The mean of all finite values; None without any, or if a sum overflowed."""
        total = self.total.fraction
        return float(total / self.count) if self.count and total is not None else None

    @property
    def std(self) -> float | None:
        """The population standard deviation.

        None under the same conditions as ``mean``, and if it is below about a ten-millionth of the
        mean, because it then cannot be distinguished from rounding errors in the squares.
        """
        total, squares = self.total.fraction, self.squares.fraction
        if not self.count or total is None or squares is None:
            return None
        if self.low.value == self.high.value:
            return 0.0  # the rounded squares would give a tiny positive number
        deviations = squares - total * total / self.count
        max_error = squares * max_rounding_error(int(self.longest.value))
        if deviations < max_error * MIN_VARIANCE_ERRORS:
            return None
        return sqrt(max(0.0, float(deviations / self.count)))


def max_rounding_error(length: int) -> Fraction:
    """The maximum relative error of a sum of ``length`` float64 squares, added up in lanes.

    Every term is rounded once when squared, and once per addition: first within its lane, then
    across lanes (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
    """
    additions = -(-length // LANES) + LANES.bit_length() if length else 0
    return Fraction(additions, 1 << 53)


def measure_values(block: Block) -> ValueTally | None:
    """The block's own values: those of its primary array columns and of its images."""
    return add_all(iter_tallies(block))


def iter_tallies(block: Block) -> Iterator[ValueTally]:
    """A tally for each of the block's columns with values."""
    for column in block.arrays:
        if column.primary and column.size:
            yield tally_array(column)
    if block.images is not None and len(block.images.rows):
        yield tally_images(block.images)


def tally_array(column: ArrayColumn) -> ValueTally:
    """The values of an array column; only records with NaN or Inf are read again."""
    low, high = column.ranges
    finite = column.finite
    if finite.all():
        return ValueTally(
            Lowest(to_float(low.min())),
            Highest(to_float(high.max())),
            ExactSum.of(column.stats.totals),
            ExactSum.of(column.stats.squares),
            len(column.rows) * column.size,
            0,
            0,
            0,
            longest_rounded(column),
        )
    values = column.take(np.flatnonzero(~finite))
    usable = np.isfinite(values)
    zeroed = np.where(usable, values, values.dtype.type(0))
    stats = compute_stats(np.ascontiguousarray(zeroed))
    usable_values = values[usable]
    lows = [to_float(x.min()) for x in (usable_values, low[finite]) if len(x)]
    highs = [to_float(x.max()) for x in (usable_values, high[finite]) if len(x)]
    nan = int(np.isnan(values).sum())
    return ValueTally(
        Lowest(min(lows, default=float("inf"))),
        Highest(max(highs, default=float("-inf"))),
        ExactSum.of(column.stats.totals[finite]) + ExactSum.of(stats.totals),
        ExactSum.of(column.stats.squares[finite]) + ExactSum.of(stats.squares),
        int(finite.sum()) * column.size + len(usable_values),
        nan,
        values.size - len(usable_values) - nan,
        0,
        longest_rounded(column),
    )


def longest_rounded(column: ArrayColumn) -> Highest:
    """The length of records whose squares were rounded; sums of 8-bit values are exact."""
    return Highest(0.0 if column.dtype.itemsize == 1 else float(column.size))


def to_float(value: Any) -> float:
    """A number as a float, never -0.0: which zero comes first depends on how blocks are cut."""
    return float(value) + 0.0


def tally_images(images: ImageColumn) -> ValueTally:
    """The values of decoded images."""
    return ValueTally(
        Lowest(to_float(np.nanmin(images.low))),
        Highest(to_float(np.nanmax(images.high))),
        ExactSum.of(images.totals),
        ExactSum.of(images.squares),
        int(images.counts.sum()),
        0,
        0,
        int(images.approximate.sum()),
        Highest(0.0),
    )
