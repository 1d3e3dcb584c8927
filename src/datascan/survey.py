"""One pass over an array of records, in pieces that stay in a core's cache.

Whatever the rules and figures need of every value is taken while it is there: extents, sums, and a
few words for the signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCRATCH_BYTES = 1 << 19
"""Rows are converted for summing in pieces of this many bytes."""

SEGMENT = 256
"""So many squares of 8-bit values add up to less than 2**24: exactly, also in float32."""

LONG_SEGMENT = 8192
"""Longer rows are summed in parts, so that no library splits them over threads."""

WORDS = 8
"""So many 8-byte words of a record go into its signature."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What one pass has seen of (m, k) values, per record.

    ``low`` and ``high``, (m,), of the values' dtype: NaN where a record holds one. ``totals`` and
    ``squares``, float64 (m,): sums of values and of their squares, meaningless where a value is
    not finite, and exact for 8-bit values. ``words``, uint64 (m, at most 8): bytes of the record,
    evenly spread.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    words: NDArray[np.uint64]


def survey(flat: NDArray[Any]) -> Survey:
    """Look at all values of a C-contiguous (m, k) array of numbers, k >= 1.

    A record's figures depend on its values alone, not on its neighbours: dot products of whole
    rows, in a fixed order.
    """
    count, width = flat.shape
    low, high = np.empty(count, flat.dtype), np.empty(count, flat.dtype)
    totals, squares = np.empty(count), np.empty(count)
    spots = word_places(flat)
    words = np.empty(spots.shape, np.uint64)
    scale = Scale.of(flat)
    # One scratch for all pieces: fresh memory would cost more than the sums.
    scratch = np.empty((min(scale.rows, count), min(scale.columns, width)), scale.kind)
    with np.errstate(over="ignore", invalid="ignore"):
        for piece in pieces(count, scale.rows):
            rows = flat[piece]
            np.min(rows, axis=1, out=low[piece])
            np.max(rows, axis=1, out=high[piece])
            words[piece] = spots[piece]
            totals[piece], squares[piece] = piece_sums(rows, scratch, scale)
    return Survey(low, high, totals, squares, words)


@dataclass(frozen=True, slots=True)
class Scale:
    """How values are converted for summing: the float type, and how many at a time."""

    kind: Any
    segment: int
    rows: int
    columns: int

    @classmethod
    def of(cls, flat: NDArray[Any]) -> Scale:
        """8-bit values as float32, which is exact by segments; all others as float64."""
        small = flat.dtype.itemsize == 1
        kind: Any = np.float32 if small else np.float64
        room = SCRATCH_BYTES // np.dtype(kind).itemsize
        columns = room // LONG_SEGMENT * LONG_SEGMENT
        rows = max(1, room // max(1, flat.shape[1]))
        return cls(kind, SEGMENT if small else LONG_SEGMENT, rows, columns)


def piece_sums(
    rows: NDArray[Any], scratch: NDArray[Any], scale: Scale
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and sums of squares of some rows, converted in ``scratch``."""
    width = rows.shape[1]
    floats = scratch[: len(rows)]
    if width <= scale.columns:
        np.copyto(floats, rows, casting="unsafe")
        return row_sums(floats, scale.segment)
    totals, squares = np.zeros(len(rows)), np.zeros(len(rows))
    for span in pieces(width, scale.columns):
        part = floats[:, : span.stop - span.start]
        np.copyto(part, rows[:, span], casting="unsafe")
        more, more_squares = row_sums(part, scale.segment)
        totals += more
        squares += more_squares
    return totals, squares


def pieces(count: int, step: int) -> Iterator[slice]:
    """Slices of ``step`` rows."""
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


def row_sums(rows: NDArray[Any], segment: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and sums of squares of (m, k) floats, added up by segments of columns."""
    width = rows.shape[1]
    if width <= segment:
        ones = np.ones(width, rows.dtype)
        return np.vecdot(rows, ones).astype(np.float64), np.vecdot(rows, rows).astype(np.float64)
    whole = width // segment * segment
    ones = np.ones(segment, rows.dtype)
    parts = rows[:, :whole].reshape(len(rows), -1, segment)
    totals = np.vecdot(parts, ones).sum(axis=1, dtype=np.float64)
    squares = np.vecdot(parts, parts).sum(axis=1, dtype=np.float64)
    if whole < width:
        rest = rows[:, whole:]
        totals += np.vecdot(rest, ones[: width - whole])
        squares += np.vecdot(rest, rest)
    return totals, squares


def word_places(flat: NDArray[Any]) -> NDArray[np.uint64]:
    """Up to ``WORDS`` words of each row, uint64 (m, w): a view, if rows have 8 bytes or more."""
    octets = flat.view(np.uint8)
    count, width = octets.shape
    if width < 8:
        padded = np.zeros((count, 8), np.uint8)
        padded[:, :width] = octets
        return padded.view(np.uint64)
    gap = (width - 8) // (WORDS - 1)
    shape = (count, WORDS if gap else 1)
    return np.ndarray(shape, np.uint64, octets.data, 0, (octets.strides[0], gap or 8))
