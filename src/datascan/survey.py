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
from datascan.native.plain import KINDS, TAGGED, WORDS, word_places

__all__ = ["TAGGED", "Survey", "survey", "survey_at", "word_places"]

PIECE_VALUES = 1 << 15
"""Other types are converted in pieces of so many values, which stay in a core's own cache."""


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

    @classmethod
    def empty(cls, count: int, dtype: Any, row_bytes: int) -> Survey:
        """Room for ``count`` records of ``row_bytes`` bytes."""
        words = WORDS if row_bytes >= 8 + WORDS - 1 else 1
        low, high = np.empty((2, count), dtype)
        totals, squares = np.empty((2, count))
        return cls(low, high, totals, squares, np.empty((count, words), np.uint64))

    def take(self, rows: Any) -> Survey:
        """The figures of ``rows``: an index array or a mask."""
        return Survey(
            self.low[rows],
            self.high[rows],
            self.totals[rows],
            self.squares[rows],
            self.words[rows],
        )


def survey(flat: NDArray[Any]) -> Survey:
    """Look at all values of a C-contiguous (m, k) array of numbers, k >= 1.

    A record's figures depend on its values alone, not on its neighbours.
    """
    if flat.dtype.char in KINDS and flat.dtype.isnative:
        octets = flat.view(np.uint8).reshape(-1)
        offsets = np.arange(len(flat)) * (flat.shape[1] * flat.itemsize)
        return survey_at(octets, offsets, flat.dtype.char, flat.shape[1])[0]
    found = Survey.empty(len(flat), flat.dtype, flat.shape[1] * flat.itemsize)
    found.words[:] = word_places(flat)
    for piece in pieces(*flat.shape):
        rows = flat[piece]
        np.min(rows, axis=1, out=found.low[piece])
        np.max(rows, axis=1, out=found.high[piece])
        with np.errstate(invalid="ignore"):
            wide = survey(rows.astype(np.float64))
        found.totals[piece], found.squares[piece] = wide.totals, wide.squares
    return found


def survey_at(
    source: NDArray[np.uint8], offsets: NDArray[np.int64], kind: str, width: int
) -> tuple[Survey, NDArray[np.bool_]]:
    """Look at rows of ``width`` values that lie at ``offsets`` of ``source``.

    ``kind`` is a dtype's character, or ``TAGGED``. Also, bool (n,), whether all tags are right.

    Raises:
        ValueError: where a row lies outside of ``source``.
    """
    dtype = np.dtype("f" if kind == TAGGED else kind)
    found = Survey.empty(len(offsets), dtype, width * dtype.itemsize)
    sound = np.empty(len(offsets), np.uint8)
    loops.survey(
        source,
        np.ascontiguousarray(offsets, np.int64),
        kind,
        width,
        found.low,
        found.high,
        found.totals,
        found.squares,
        found.words,
        sound,
    )
    return found, sound.view(np.bool_)


def pieces(count: int, width: int) -> Iterator[slice]:
    """Slices of rows of about ``PIECE_VALUES`` values."""
    step = max(1, PIECE_VALUES // width)
    for first in range(0, count, step):
        yield slice(first, first + step)
