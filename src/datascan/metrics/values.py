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
from datascan.records.block import Block, Part, Pictures
from datascan.records.statistics import survey

UNTOLD = 50
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
        if deviations < squares * rounding(int(self.longest.value)) * UNTOLD:
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
    for part in block.parts:
        if part.primary and part.size:
            yield of_part(part)
    if block.pictures is not None and len(block.pictures.rows):
        yield of_pictures(block.pictures)


def of_part(part: Part) -> ValueTally:
    """The values of a part; records with NaN or Inf are looked at once more."""
    low, high = part.extents
    finite = part.finite
    if finite.all():
        return ValueTally(
            Lowest(plain(low.min())),
            Highest(plain(high.max())),
            ExactSum.of(part.survey.totals),
            ExactSum.of(part.survey.squares),
            len(part.rows) * part.size,
            0,
            0,
            0,
            longest_of(part),
        )
    odd = part.take(np.flatnonzero(~finite))
    usable = np.isfinite(odd)
    zeroed = np.where(usable, odd, odd.dtype.type(0))
    more = survey(np.ascontiguousarray(zeroed))
    some = odd[usable]
    clean_low, clean_high = low[finite], high[finite]
    lows = [plain(x.min()) for x in (some, clean_low) if len(x)]
    highs = [plain(x.max()) for x in (some, clean_high) if len(x)]
    nan = int(np.isnan(odd).sum())
    return ValueTally(
        Lowest(min(lows, default=float("inf"))),
        Highest(max(highs, default=float("-inf"))),
        ExactSum.of(part.survey.totals[finite]) + ExactSum.of(more.totals),
        ExactSum.of(part.survey.squares[finite]) + ExactSum.of(more.squares),
        int(finite.sum()) * part.size + len(some),
        nan,
        odd.size - len(some) - nan,
        0,
        longest_of(part),
    )


def longest_of(part: Part) -> Highest:
    """The length of records whose squares were rounded: sums of 8-bit values are exact."""
    return Highest(0.0 if part.dtype.itemsize == 1 else float(part.size))


def plain(value: Any) -> float:
    """A number as a float, never as -0.0: which zero is met first depends on the cutting."""
    return float(value) + 0.0


def of_pictures(pictures: Pictures) -> ValueTally:
    """The values of decoded images."""
    return ValueTally(
        Lowest(plain(np.nanmin(pictures.low))),
        Highest(plain(np.nanmax(pictures.high))),
        ExactSum.of(pictures.totals),
        ExactSum.of(pictures.squares),
        int(pictures.counts.sum()),
        0,
        0,
        int(pictures.approximate.sum()),
        Highest(0.0),
    )
