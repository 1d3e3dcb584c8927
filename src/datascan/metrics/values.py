"""The range and moments of all values, exact whatever the cutting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np

from datascan.metrics.base import ExactSum, Highest, Lowest, Tally
from datascan.native.fallback import LANES
from datascan.records.block import ArrayColumn, Block, ImageColumn
from datascan.records.statistics import compute_stats

UNKNOWN_LENGTH = 50
"""Where the variance is less than so many times its possible error, it is not told."""


@dataclass(frozen=True, slots=True)
class ValueTally(Tally):
    """Extent, sum and sum of squares of ``count`` finite values; how many are NaN and Inf.

    ``approximate`` counts JPEGs, whose values are those of a decode at 1/8 scale. ``longest`` is
    the number of values of the longest record whose sums were rounded; 0 where none was.
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
        """The mean of all finite values; None without any, or where their sum overflows."""
        total = self.total.fraction
        return float(total / self.count) if self.count and total is not None else None

    @property
    def std(self) -> float | None:
        """The population standard deviation.

        None as for ``mean``, and where it is too small against the mean to be told from the
        rounding of the squares: below about a ten-millionth of it.
        """
        total, squares = self.total.fraction, self.squares.fraction
        if not self.count or total is None or squares is None:
            return None
        if self.low.value == self.high.value:
            return 0.0  # squares are rounded, and would leave a trace of it
        deviations = squares - total * total / self.count
        if deviations < squares * rounding(int(self.longest.value)) * UNKNOWN_LENGTH:
            return None
        return sqrt(max(0.0, float(deviations / self.count)))


def rounding(length: int) -> Fraction:
    """The largest relative error of a sum of ``length`` float64 squares, added up in lanes.

    Every term is rounded once, and once for every addition: in its lane, then across the lanes
    (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
    """
    additions = -(-length // LANES) + LANES.bit_length() if length else 0
    return Fraction(additions, 1 << 53)


def measure_values(block: Block) -> ValueTally | None:
    """The block's own values: those of its primary parts, and of its pictures."""
    total: ValueTally | None = None
    for tally in tallies(block):
        total = tally if total is None else total + tally
    return total


def tallies(block: Block) -> Iterator[ValueTally]:
    """A tally for each of the block's groups of values."""
    for part in block.arrays:
        if part.primary and part.size:
            yield array_tally(part)
    if block.images is not None and len(block.images.rows):
        yield image_tally(block.images)


def array_tally(part: ArrayColumn) -> ValueTally:
    """The values of a part; records with NaN or Inf are looked at once more."""
    low, high = part.ranges
    finite = part.finite
    if finite.all():
        return ValueTally(
            Lowest(square_sums(low.min())),
            Highest(square_sums(high.max())),
            ExactSum.of(part.stats.totals),
            ExactSum.of(part.stats.squares),
            len(part.rows) * part.size,
            0,
            0,
            0,
            longest_of(part),
        )
    odd = part.take(np.flatnonzero(~finite))
    usable = np.isfinite(odd)
    zeroed = np.where(usable, odd, odd.dtype.type(0))
    more = compute_stats(np.ascontiguousarray(zeroed))
    some = odd[usable]
    clean_low, clean_high = low[finite], high[finite]
    lows = [square_sums(x.min()) for x in (some, clean_low) if len(x)]
    highs = [square_sums(x.max()) for x in (some, clean_high) if len(x)]
    nan = int(np.isnan(odd).sum())
    return ValueTally(
        Lowest(min(lows, default=float("inf"))),
        Highest(max(highs, default=float("-inf"))),
        ExactSum.of(part.stats.totals[finite]) + ExactSum.of(more.totals),
        ExactSum.of(part.stats.squares[finite]) + ExactSum.of(more.squares),
        int(finite.sum()) * part.size + len(some),
        nan,
        odd.size - len(some) - nan,
        0,
        longest_of(part),
    )


def longest_of(part: ArrayColumn) -> Highest:
    """The length of records whose squares were rounded: sums of 8-bit values are exact."""
    return Highest(0.0 if part.dtype.itemsize == 1 else float(part.size))


def square_sums(value: Any) -> float:
    """A number as a float, never as -0.0: which zero is met first depends on the cutting."""
    return float(value) + 0.0


def image_tally(pictures: ImageColumn) -> ValueTally:
    """The values of decoded images."""
    return ValueTally(
        Lowest(square_sums(np.nanmin(pictures.low))),
        Highest(square_sums(np.nanmax(pictures.high))),
        ExactSum.of(pictures.totals),
        ExactSum.of(pictures.squares),
        int(pictures.counts.sum()),
        0,
        0,
        int(pictures.approximate.sum()),
        Highest(0.0),
    )
