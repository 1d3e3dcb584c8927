"""Per-record statistics, computed in one pass over the values.

Ranges, sums and a hash of a few sampled words, which becomes part of the fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.native import loops
from datascan.native.fallback import KINDS, TAGGED, mix_words

__all__ = [
    "TAGGED",
    "RecordStats",
    "compute_stats",
    "compute_stats_at",
    "compute_stats_into",
    "in_float64",
    "is_measured_directly",
]

CHUNK_VALUES = 1 << 15
"""Other types are converted in chunks of this many values, which fit in a core's L2 cache."""


def in_float64(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values of any dtype as float64; NumPy would warn of NaNs that are signalling."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values.astype(np.float64))


class RecordStats(Struct, frozen=True, eq=False):
    """Statistics of (m, k) values, per record.

    ``low``, ``high``: (m,), of the values' dtype, NaN if the record contains NaN. ``totals``,
    ``squares``: float64 (m,), sums of values and of their squares, exact for 8-bit values and
    undefined if a value is not finite. ``sample_hash``: uint64 (m,), a hash of a few evenly
    spaced words of the record.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    sample_hash: NDArray[np.uint64]

    @classmethod
    def empty(cls, count: int, dtype: Any) -> RecordStats:
        """Uninitialized statistics of ``count`` records."""
        low, high = np.empty((2, count), dtype)
        totals, squares = np.empty((2, count))
        return cls(low, high, totals, squares, np.empty(count, np.uint64))

    def take(self, rows: Any) -> RecordStats:
        """The statistics of ``rows``: an index array or a mask."""
        return RecordStats(
            self.low[rows],
            self.high[rows],
            self.totals[rows],
            self.squares[rows],
            self.sample_hash[rows],
        )


def compute_stats(flat: NDArray[Any]) -> RecordStats:
    """Compute the statistics of a C-contiguous (m, k) array of numbers, k >= 1.

    The result for a record depends on its own values only, not on the records around it.
    """
    if is_measured_directly(flat.dtype):
        octets = flat.view(np.uint8).reshape(-1)
        offsets = np.arange(len(flat)) * (flat.shape[1] * flat.itemsize)
        return compute_stats_at(octets, offsets, flat.dtype.char, flat.shape[1])[0]
    stats = RecordStats.empty(len(flat), flat.dtype)
    stats.sample_hash[:] = mix_words(flat)
    for chunk in row_chunks(*flat.shape):
        rows = flat[chunk]
        np.min(rows, axis=1, out=stats.low[chunk])
        np.max(rows, axis=1, out=stats.high[chunk])
        with np.errstate(invalid="ignore"):
            wide = compute_stats(rows.astype(np.float64))
        stats.totals[chunk], stats.squares[chunk] = wide.totals, wide.squares
    return stats


def compute_stats_at(
    source: NDArray[np.uint8], offsets: NDArray[np.int64], kind: str, width: int
) -> tuple[RecordStats, NDArray[np.bool_]]:
    """Compute the statistics of rows of ``width`` values that start at ``offsets`` of ``source``.

    ``kind`` is a dtype character in ``KINDS``, or ``TAGGED``. Also returns, bool (n,), whether
    all tags of a row are valid.

    Raises:
        ValueError: if a row extends beyond ``source``.
    """
    dtype = np.dtype("f" if kind == TAGGED else kind)
    stats = RecordStats.empty(len(offsets), dtype)
    has_valid_tags = np.empty(len(offsets), np.uint8)
    loops.compute_stats(
        source,
        np.ascontiguousarray(offsets, np.int64),
        kind,
        width,
        stats.low,
        stats.high,
        stats.totals,
        stats.squares,
        stats.sample_hash,
        has_valid_tags,
    )
    return stats, has_valid_tags.view(np.bool_)


def compute_stats_into(
    stats: RecordStats,
    rows: slice,
    source: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    width: int,
) -> None:
    """Like :func:`compute_stats_at`, but write to ``rows`` of ``stats``, which sets the dtype."""
    loops.compute_stats(
        source,
        offsets,
        stats.low.dtype.char,
        width,
        stats.low[rows],
        stats.high[rows],
        stats.totals[rows],
        stats.squares[rows],
        stats.sample_hash[rows],
        np.empty(len(offsets), np.uint8),
    )


def is_measured_directly(dtype: np.dtype[Any]) -> bool:
    """Whether values of ``dtype`` need no conversion before they are measured."""
    return dtype.char in KINDS and dtype.isnative


def row_chunks(count: int, width: int) -> Iterator[slice]:
    """Slices of rows, each of about ``CHUNK_VALUES`` values."""
    step = max(1, CHUNK_VALUES // width)
    for first in range(0, count, step):
        yield slice(first, first + step)
