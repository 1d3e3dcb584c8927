"""What a worker reads of a shard: records side by side, and what could not be read of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import prod
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import xxhash
from numpy.typing import NDArray

from datascan.native.fallback import FACTOR, SHIFT, WORDS, mix, word_places
from datascan.records.statistics import RecordStats, compute_stats

CHUNK_BYTES = 1 << 18
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


class LazyArray(Protocol):
    """Values of records where they lie: looked at in place, and copied only if asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of records, then the shape of one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The values of some records, (m, size), C-contiguous, in native byte order."""

    def compute_stats(self) -> RecordStats:
        """Figures of all records."""


@dataclass(frozen=True, eq=False)
class ArrayColumn:
    """Numeric values of some of a block's records, side by side or where they lie.

    ``values`` has shape (m, ...), any integer, bool or float dtype in native byte order;
    ``rows``, int64 of shape (m,), ascending, says whose they are. ``name`` is the column's name:
    "data" for the records' own values. All statistics are per record and computed once.
    """

    name: str
    rows: NDArray[np.int64]
    values: NDArray[Any] | LazyArray
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

    def chunks(self) -> Iterator[slice]:
        """Slices of rows, each of about ``CHUNK_BYTES``."""
        step = max(1, CHUNK_BYTES // max(1, self.size * self.dtype.itemsize))
        for start in range(0, len(self.rows), step):
            yield slice(start, start + step)

    @cached_property
    def stats(self) -> RecordStats:
        """Extents, sums and words of every record, from one pass over the values."""
        return (
            compute_stats(self.flat)
            if isinstance(self.values, np.ndarray)
            else self.values.compute_stats()
        )

    @property
    def ranges(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Minimum and maximum of every record, (m,) each; NaN where a record holds one."""
        return self.stats.low, self.stats.high

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Whether all of a record's values are finite, (m,)."""
        if not self.is_float:
            return np.ones(len(self.rows), np.bool_)
        low, high = self.ranges
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
class ImageColumn:
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
    arrays: tuple[ArrayColumn, ...] = ()
    images: ImageColumn | None = None
    labels: Labels | None = None
    faults: tuple[Fault, ...] = ()
    fingerprints: NDArray[np.uint64] | None = None
    has_exact_fingerprints: bool = True
    digests: Callable[[NDArray[np.int64]], list[bytes]] | None = None
    """From row numbers to one digest each, equal if and only if the content is."""
    key_numbers: KeyNumbers | None = None
    is_opaque: bool = False
    encoded: Mapping[int, bytes | memoryview] = field(default_factory=dict)
    """Encoded images by row, of a block that was read without decoding them: no check sees it."""

    @property
    def unreadable(self) -> NDArray[np.bool_]:
        """Records that could not be read (they have no values of their own), bool (n,)."""
        known = np.full(self.records, self.is_opaque)
        for part in self.arrays:
            if part.primary:
                known[part.rows] = True
        if self.images is not None:
            known[self.images.rows] = True
        return ~known


@dataclass(frozen=True, eq=False)
class KeyNumbers:
    """The numbers in a block's keys, right behind a common prefix.

    ``values``, int64 (n,), is -1 where the key has another form.
    """

    prefix: str
    values: NDArray[np.int64]


def scatter(block: Block, rows: NDArray[np.int64], records: int) -> Block:
    """The block among others: its record i becomes row ``rows[i]`` of a block of ``records``."""
    if len(rows) == records:
        return block
    signatures = labels = digests = None
    if block.fingerprints is not None:
        signatures = np.zeros(records, np.uint64)
        signatures[rows] = block.fingerprints
    if block.labels is not None:
        values = np.zeros((records, *block.labels.values.shape[1:]), block.labels.values.dtype)
        present = np.zeros(records, np.bool_)
        values[rows], present[rows] = block.labels.values, block.labels.present
        labels = Labels(values, present)
    if (narrow := block.digests) is not None:
        digests = partial(scattered_digests, narrow, rows)
    pictures = block.images
    return replace(
        block,
        records=records,
        arrays=tuple(replace(part, rows=rows[part.rows]) for part in block.arrays),
        images=replace(pictures, rows=rows[pictures.rows]) if pictures else None,
        labels=labels,
        faults=tuple(
            fault if fault.row is None else replace(fault, row=int(rows[fault.row]))
            for fault in block.faults
        ),
        fingerprints=signatures,
        digests=digests,
        encoded={int(rows[row]): image for row, image in block.encoded.items()},
    )


def scattered_digests(
    narrow: Callable[[NDArray[np.int64]], list[bytes]],
    rows: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> list[bytes]:
    """Digests of ``wanted`` rows of a block whose records were ``rows``."""
    return narrow(np.searchsorted(rows, wanted).astype(np.int64))


def compute_fingerprints(part: ArrayColumn) -> NDArray[np.uint64]:
    """Signatures of arrays, (m,): equal for equal content, seldom for other content.

    Records of fewer than two values get 0: too little to be called a copy.
    """
    if part.size < 2:
        return np.zeros(len(part.rows), np.uint64)
    kind = crc32(repr((part.shape, comparison_dtype(part).str)).encode())
    mixed = part.stats.sample_hash
    for place, extent in enumerate(part.ranges):
        # One zero and one NaN, so that the order of comparisons cannot show.
        same = np.where(np.isnan(extent), 1, extent + 0) if part.is_float else extent
        column = word_places(same.astype(extent.dtype).reshape(-1, 1))
        mixed = mixed + mix(column, WORDS + place)
    mixed = ((mixed ^ (mixed >> SHIFT)) + np.uint64(kind)) * np.uint64(FACTOR)
    return np.asarray(np.maximum(mixed, np.uint64(1)))


def comparison_dtype(part: ArrayColumn) -> np.dtype[Any]:
    """The dtype of a part's values as they are compared: booleans are bytes."""
    return np.dtype(np.uint8) if part.dtype == np.bool_ else part.dtype


def compute_digests(
    parts: Sequence[ArrayColumn],
    encoded: Mapping[int, bytes | memoryview],
    wanted: NDArray[np.int64],
) -> list[bytes]:
    """128-bit digests of ``wanted`` rows: of shape, dtype and values, or of encoded bytes."""
    found: dict[int, bytes] = {}
    for part in parts:
        kind = repr((part.shape, comparison_dtype(part).str)).encode()
        chosen = np.flatnonzero(np.isin(part.rows, wanted))
        for i, values in zip(chosen.tolist(), part.take(chosen), strict=True):
            digest = xxhash.xxh3_128(kind)
            digest.update(values.data)
            found[int(part.rows[i])] = digest.digest()
    for row in wanted.tolist():
        if row in encoded:
            found[row] = xxhash.xxh3_128_digest(encoded[row])
    # A row without content is like no other.
    return [found.get(row) or b"row %d" % row for row in wanted.tolist()]
