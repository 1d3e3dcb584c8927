"""What a worker reads of a shard: records side by side, and what could not be read of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datascan.survey import Survey, survey

PIECE_BYTES = 1 << 18
"""Values are measured in pieces of this many bytes, which stay in a core's own cache."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a reader or layout could not read, or saw while reading.

    ``row`` counts from the block's first record; None where no record can be named (a page whose
    records are unknown), and then ``lost`` says how many records are out of reach, if known.
    """

    row: int | None
    rule: str
    detail: str
    lost: int = 0


class Rows(Protocol):
    """Values of records where they lie: looked at in place, and copied only if asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of records, then the shape of one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The values of some records, (m, size), C-contiguous, in native byte order."""

    def survey(self) -> Survey:
        """Figures of all records."""


@dataclass(frozen=True, eq=False)
class Part:
    """Numeric values of some of a block's records, side by side or where they lie.

    ``values`` has shape (m, ...), any integer, bool or float dtype in native byte order;
    ``rows``, int64 of shape (m,), ascending, says whose they are. ``name`` is the column's name:
    "data" for the records' own values. All statistics are per record and computed once.
    """

    name: str
    rows: NDArray[np.int64]
    values: NDArray[Any] | Rows
    primary: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record."""
        return tuple(self.values.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.values.dtype

    @property
    def size(self) -> int:
        """Values in one record."""
        return prod(self.shape) if len(self.rows) else 0

    @property
    def is_float(self) -> bool:
        """Whether NaN and Inf can occur at all."""
        return bool(self.dtype.kind == "f")

    @cached_property
    def flat(self) -> NDArray[Any]:
        """The values as (m, size), C-contiguous; booleans as uint8. Copies what lies apart."""
        if not isinstance(self.values, np.ndarray):
            return self.values.take(np.arange(len(self.rows)))
        values = np.ascontiguousarray(self.values).reshape(len(self.values), prod(self.shape))
        return values.view(np.uint8) if values.dtype == np.bool_ else values

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The values of a few records as (k, size), by their place among this part's."""
        if isinstance(self.values, np.ndarray) or "flat" in vars(self):
            return np.asarray(self.flat[rows])
        return self.values.take(rows)

    def pieces(self) -> Iterator[slice]:
        """Slices of rows, each of about ``PIECE_BYTES``."""
        step = max(1, PIECE_BYTES // max(1, self.size * self.dtype.itemsize))
        for start in range(0, len(self.rows), step):
            yield slice(start, start + step)

    @cached_property
    def survey(self) -> Survey:
        """Extents, sums and words of every record, from one pass over the values."""
        return survey(self.flat) if isinstance(self.values, np.ndarray) else self.values.survey()

    @property
    def extents(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Minimum and maximum of every record, (m,) each; NaN where a record holds one."""
        return self.survey.low, self.survey.high

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Whether all of a record's values are finite, (m,)."""
        if not self.is_float:
            return np.ones(len(self.rows), np.bool_)
        low, high = self.extents
        return np.asarray(np.isfinite(low) & np.isfinite(high))


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a block's records.

    ``values``: (n,) of an integer or float dtype, or (n, k) for vector targets; what stands where
    ``present``, bool (n,), is False means nothing.
    """

    values: NDArray[Any]
    present: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pictures:
    """What is known of a block's encoded images: each array has shape (m,), for ``rows``.

    ``height``, ``width``, ``channels`` are int64; ``mode``, ``format`` and ``dtype`` are words
    ("RGB", "JPEG", "uint8"). ``low`` and ``high``, float64 (m, 4), are extents per channel, NaN
    beyond the last; ``totals`` and ``squares`` are float64 sums over ``counts`` values: all of the
    decoded ones, of JPEGs at 1/8 scale (``approximate``).
    """

    rows: NDArray[np.int64]
    height: NDArray[np.int64]
    width: NDArray[np.int64]
    channels: NDArray[np.int64]
    mode: NDArray[np.str_]
    format: NDArray[np.str_]
    dtype: NDArray[np.str_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    counts: NDArray[np.int64]
    approximate: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Block:
    """``records`` consecutive records of a shard, from address ``start`` on.

    Every record is counted, the unreadable ones too: those have a fault and no values. ``nbytes``
    are the bytes of the records in the store. ``signatures``, uint64 (n,), are equal for records
    of equal content and 0 where there is no content to compare; where ``exact`` is False, equal
    signatures only make a second look worthwhile, which ``digests`` takes.
    """

    start: int
    records: int
    nbytes: int
    parts: tuple[Part, ...] = ()
    pictures: Pictures | None = None
    labels: Labels | None = None
    faults: tuple[Fault, ...] = ()
    signatures: NDArray[np.uint64] | None = None
    exact: bool = True
    digests: Callable[[NDArray[np.int64]], list[bytes]] | None = None
    """From row numbers to one digest each, equal if and only if the content is."""
    numbers: KeyNumbers | None = None
    opaque: bool = False
    encoded: Mapping[int, bytes | memoryview] = field(default_factory=dict)
    """Encoded images by row, where ``Options.undecoded`` asks for them; they are not looked at."""

    @property
    def broken(self) -> NDArray[np.bool_]:
        """Records that could not be read (they have no values of their own), bool (n,)."""
        known = np.full(self.records, self.opaque)
        for part in self.parts:
            if part.primary:
                known[part.rows] = True
        if self.pictures is not None:
            known[self.pictures.rows] = True
        return ~known


@dataclass(frozen=True, eq=False)
class KeyNumbers:
    """The numbers in a block's keys, right behind a common prefix.

    ``values``, int64 (n,), is -1 where the key has another form.
    """

    prefix: str
    values: NDArray[np.int64]
