"""One pass over records: whatever the rules and figures need of every value.

Extents, sums, and a few words for the signature, taken while the values are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.native import loops
from datascan.native.fallback import KINDS, TAGGED, mix_words

__all__ = [
    "TAGGED",
    "RecordStats",
    "compute_stats",
    "compute_stats_at",
    "compute_stats_into",
    "in_one_pass",
]

CHUNK_VALUES = 1 << 15
"""Other types are converted in pieces of so many values, which stay in a core's own cache."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordStats:
    """What one pass has seen of (m, k) values, per record.

    ``low`` and ``high``, (m,), of the values' dtype: NaN where a record holds one. ``totals`` and
    ``squares``, float64 (m,): sums of values and of their squares, meaningless where a value is
    not finite, and exact for 8-bit values. ``mixed``, uint64 (m,): a few words of the record,
    evenly spread, mixed into one.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    sample_hash: NDArray[np.uint64]

    @classmethod
    def empty(cls, count: int, dtype: Any) -> RecordStats:
        """Room for ``count`` records."""
        low, high = np.empty((2, count), dtype)
        totals, squares = np.empty((2, count))
        return cls(low, high, totals, squares, np.empty(count, np.uint64))

    def take(self, rows: Any) -> RecordStats:
        """The figures of ``rows``: an index array or a mask."""
        return RecordStats(
            self.low[rows],
            self.high[rows],
            self.totals[rows],
            self.squares[rows],
            self.sample_hash[rows],
        )


def compute_stats(flat: NDArray[Any]) -> RecordStats:
    """Look at all values of a C-contiguous (m, k) array of numbers, k >= 1.

    A record's figures depend on its values alone, not on its neighbours.
    """
    if in_one_pass(flat.dtype):
        octets = flat.view(np.uint8).reshape(-1)
        offsets = np.arange(len(flat)) * (flat.shape[1] * flat.itemsize)
        return compute_stats_at(octets, offsets, flat.dtype.char, flat.shape[1])[0]
    found = RecordStats.empty(len(flat), flat.dtype)
    found.sample_hash[:] = mix_words(flat)
    for piece in row_chunks(*flat.shape):
        rows = flat[piece]
        np.min(rows, axis=1, out=found.low[piece])
        np.max(rows, axis=1, out=found.high[piece])
        with np.errstate(invalid="ignore"):
            wide = compute_stats(rows.astype(np.float64))
        found.totals[piece], found.squares[piece] = wide.totals, wide.squares
    return found


def compute_stats_at(
    source: NDArray[np.uint8], offsets: NDArray[np.int64], kind: str, width: int
) -> tuple[RecordStats, NDArray[np.bool_]]:
    """Look at rows of ``width`` values that lie at ``offsets`` of ``source``.

    ``kind`` is a dtype's character, or ``TAGGED``. Also, bool (n,), whether all tags are right.

    Raises:
        ValueError: where a row lies outside of ``source``.
    """
    dtype = np.dtype("f" if kind == TAGGED else kind)
    found = RecordStats.empty(len(offsets), dtype)
    sound = np.empty(len(offsets), np.uint8)
    loops.compute_stats(
        source,
        np.ascontiguousarray(offsets, np.int64),
        kind,
        width,
        found.low,
        found.high,
        found.totals,
        found.squares,
        found.sample_hash,
        sound,
    )
    return found, sound.view(np.bool_)


def compute_stats_into(
    found: RecordStats,
    rows: slice,
    source: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    width: int,
) -> None:
    """As :func:`compute_stats_at`, into ``rows`` of ``found``; both have one dtype."""
    loops.compute_stats(
        source,
        offsets,
        found.low.dtype.char,
        width,
        found.low[rows],
        found.high[rows],
        found.totals[rows],
        found.squares[rows],
        found.sample_hash[rows],
        np.empty(len(offsets), np.uint8),
    )


def in_one_pass(dtype: np.dtype[Any]) -> bool:
    """Whether values of ``dtype`` are surveyed as they are, without conversion."""
    return dtype.char in KINDS and dtype.isnative


def row_chunks(count: int, width: int) -> Iterator[slice]:
    """Slices of rows of about ``CHUNK_VALUES`` values."""
    step = max(1, CHUNK_VALUES // width)
    for first in range(0, count, step):
        yield slice(first, first + step)
