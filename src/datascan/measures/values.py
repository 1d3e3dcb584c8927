"""The range and moments of all values, exact whatever the cutting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.block import Block, Part, Pictures
from datascan.tally import ExactSum, Highest, Lowest, Tally

SEGMENT = 256
"""So many squares of 8-bit values add up to less than 2**24: exactly, also in float32."""

SCRATCH_BYTES = 1 << 18
"""Rows are converted for summing in pieces of this many bytes, which stay in a core's cache."""

LONG_SEGMENT = 8192
"""Longer rows are summed in parts, so that no library splits them over threads."""


@dataclass(frozen=True, slots=True)
class ValueTally(Tally):
    """Extent, sum and sum of squares of ``count`` finite values; how many are NaN and Inf.

    ``approximate`` counts JPEGs, whose values are those of a decode at 1/8 scale.
    """

    low: Lowest
    high: Highest
    total: ExactSum
    squares: ExactSum
    count: int
    nan: int
    inf: int
    approximate: int

    @property
    def mean(self) -> float | None:
        """The mean of all finite values; None without any, or where their sum overflows."""
        total = self.total.fraction
        return float(total / self.count) if self.count and total is not None else None

    @property
    def std(self) -> float | None:
        """The population standard deviation; None as for ``mean``."""
        total, squares = self.total.fraction, self.squares.fraction
        if not self.count or total is None or squares is None:
            return None
        variance = (squares - total * total / self.count) / self.count
        return sqrt(max(0.0, float(variance)))


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
        totals, squares = sums(part)
        return ValueTally(
            Lowest(plain(low.min())),
            Highest(plain(high.max())),
            ExactSum.of(totals),
            ExactSum.of(squares),
            part.flat.size,
            0,
            0,
            0,
        )
    odd = part.flat[~finite]
    usable = np.isfinite(odd)
    zeroed = np.where(usable, odd, odd.dtype.type(0))
    totals, squares = sums(Part(part.name, part.rows, part.flat[finite]))
    more, more_squares = sums(Part(part.name, part.rows, zeroed))
    some = odd[usable]
    clean_low, clean_high = low[finite], high[finite]
    lows = [plain(x.min()) for x in (some, clean_low) if len(x)]
    highs = [plain(x.max()) for x in (some, clean_high) if len(x)]
    nan = int(np.isnan(odd).sum())
    return ValueTally(
        Lowest(min(lows, default=float("inf"))),
        Highest(max(highs, default=float("-inf"))),
        ExactSum.of(totals) + ExactSum.of(more),
        ExactSum.of(squares) + ExactSum.of(more_squares),
        int(finite.sum()) * part.size + len(some),
        nan,
        odd.size - len(some) - nan,
        0,
    )


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
    )


def sums(part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and sum of squares of every record, float64 (m,) each.

    A record's sums depend on its values alone, not on its neighbours: dot products of whole rows,
    in a fixed order. For 8-bit values they are exact.
    """
    flat = part.flat
    totals, squares = np.empty(len(flat)), np.empty(len(flat))
    small = flat.dtype.itemsize == 1
    kind: Any = np.float32 if small else np.float64
    step = max(1, SCRATCH_BYTES // max(1, flat.shape[1] * np.dtype(kind).itemsize))
    # One scratch for all pieces: fresh memory would cost more than the sums.
    scratch = np.empty((min(step, len(flat)), flat.shape[1]), kind)
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, len(flat), step):
            piece = slice(first, min(first + step, len(flat)))
            rows = scratch[: piece.stop - piece.start]
            np.copyto(rows, flat[piece], casting="unsafe")
            totals[piece], squares[piece] = row_sums(rows, SEGMENT if small else LONG_SEGMENT)
    return totals, squares


def row_sums(rows: NDArray[Any], segment: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and sums of squares of (m, k) floats, added up by segments of columns."""
    width = rows.shape[1]
    whole = width // segment * segment
    totals, squares = np.zeros(len(rows)), np.zeros(len(rows))
    ones = np.ones(segment, rows.dtype)
    if whole:
        parts = rows[:, :whole].reshape(len(rows), -1, segment)
        totals += np.vecdot(parts, ones).sum(axis=1, dtype=np.float64)
        squares += np.vecdot(parts, parts).sum(axis=1, dtype=np.float64)
    if whole < width:
        rest = rows[:, whole:]
        totals += np.vecdot(rest, ones[: width - whole])
        squares += np.vecdot(rest, rest)
    return totals, squares
