"""Blocks of records: the columns read from a shard, and faults for what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import prod
from typing import Any, Literal, Protocol
from zlib import crc32

import numpy as np
import xxhash
from msgspec import Struct
from numpy.typing import NDArray

from datascan.native import fallback, loops
from datascan.records.statistics import RecordStats, compute_stats, is_measured_directly

CHUNK_BYTES = 1 << 18
"""Values are processed in chunks of this many bytes, which fit in a core's L2 cache."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem that a reader or decoder found.

    ``row`` counts from the block's first record. It is None if no record can be named (a page
    whose records are unknown); ``lost`` is then the number of unreachable records, or 0 if that
    is unknown.
    """

    row: int | None
    rule: str
    detail: str
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Uninspected:
    """Content that was not inspected.

    ``what``: "value" if nothing else of the records was inspected, "field" for one of their fields,
    "file" for other files in its folder, "part" for a file of the dataset. ``name``: of the field
    or the part, or the extension of the files.
    ``encoding``: what the content is, in the plural ("pickles"). ``records`` counts records or
    files; 0 for a field that is a single value. ``remedy``: how to have it inspected, if there is
    a way.
    """

    what: Literal["value", "field", "file", "part"]
    name: str
    encoding: str
    records: int
    remedy: str = ""


class LazyArray(Protocol):
    """Values that are measured in the buffer that holds them and copied only on request."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of records, followed by the shape of one record."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copy the values of ``rows``: (m, size), C-contiguous, in native byte order."""

    def compute_stats(self) -> RecordStats:
        """Statistics of all records."""


@dataclass(frozen=True, eq=False)
class ArrayColumn:
    """Numeric values of one shape and dtype, for some records of a block.

    ``values``: (m, ...), any integer, bool or float dtype in native byte order. ``rows``: int64
    (m,), ascending, the records they belong to. ``name``: the column's name, "data" for the
    records' main values. Statistics are per record and computed once.
    """

    name: str
    rows: NDArray[np.int64]
    values: NDArray[Any] | LazyArray
    primary: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record's values."""
        return tuple(self.values.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.values.dtype

    @property
    def size(self) -> int:
        """The number of values in one record."""
        return prod(self.shape) if len(self.rows) else 0

    @property
    def is_float(self) -> bool:
        """Whether the dtype can hold NaN and Inf."""
        return bool(self.dtype.kind == "f")

    @cached_property
    def flat(self) -> NDArray[Any]:
        """The values as (m, size), C-contiguous, booleans as uint8; copied if not contiguous."""
        if not isinstance(self.values, np.ndarray):
            return self.values.take(np.arange(len(self.rows)))
        values = np.ascontiguousarray(self.values).reshape(len(self.values), prod(self.shape))
        return values.view(np.uint8) if values.dtype == np.bool_ else values

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Values as (k, size); ``rows`` are positions in this column, not rows of the block."""
        if isinstance(self.values, np.ndarray) or "flat" in vars(self):
            return np.asarray(self.flat[rows])
        return self.values.take(rows)

    def chunks(self) -> Iterator[slice]:
        """Slices of this column's rows, each of about ``CHUNK_BYTES``."""
        step = max(1, CHUNK_BYTES // max(1, self.size * self.dtype.itemsize))
        for start in range(0, len(self.rows), step):
            yield slice(start, start + step)

    @cached_property
    def stats(self) -> RecordStats:
        """Ranges, sums and sample hash of every record, from one pass over the values."""
        return (
            compute_stats(self.flat)
            if isinstance(self.values, np.ndarray)
            else self.values.compute_stats()
        )

    @property
    def ranges(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Minimum and maximum of every record, (m,) each; NaN if the record contains NaN."""
        return self.stats.low, self.stats.high

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Whether all values of a record are finite, bool (m,)."""
        if not self.is_float:
            return np.ones(len(self.rows), np.bool_)
        low, high = self.ranges
        return np.asarray(np.isfinite(low) & np.isfinite(high))


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a block's records.

    ``values``: (n,) of an integer or float dtype, or (n, k) for vector targets. ``present``: bool
    (n,); values of records without a label are undefined. ``expected``: bool (n,), the records that
    should have a label; None if all should.
    """

    values: NDArray[Any]
    present: NDArray[np.bool_]
    expected: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class ImageColumn:
    """Properties of a block's decoded images, one entry for each of ``rows``, int64 (m,).

    ``height``, ``width`` in pixels and ``channels``: int64 (m,). ``mode``, ``format``, ``dtype``:
    strings (m,), for example "RGB", "JPEG", "uint8". ``low``, ``high``: float64 (m, 4), range per
    channel, NaN for channels that the image does not have. ``totals``, ``squares``: float64 (m,),
    sums of values and of their squares over ``counts`` decoded values. ``approximate``: whether
    these come from a JPEG decoded at 1/8 scale.
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

    Unreadable records count too: they have a fault and no values. ``nbytes``: the size of the
    records in the store. ``fingerprints``: uint64 (n,), equal for equal content, 0 if there is
    nothing to compare. Unless ``has_exact_fingerprints``, different content may share a
    fingerprint, and ``digests`` decides.
    """

    start: int
    records: int
    nbytes: int
    arrays: tuple[ArrayColumn, ...] = ()
    images: ImageColumn | None = None
    labels: Labels | None = None
    faults: tuple[Fault, ...] = ()
    uninspected: tuple[Uninspected, ...] = ()
    fingerprints: NDArray[np.uint64] | None = None
    has_exact_fingerprints: bool = True
    digests: Callable[[NDArray[np.int64]], list[bytes]] | None = None
    """Maps rows to one digest each, equal if and only if the content is equal."""
    key_numbers: KeyNumbers | None = None
    key_hashes: NDArray[np.uint64] | None = None
    """A hash of each record's key, uint64 (n,); None if keys are not known while reading."""
    is_opaque: bool = False
    encoded: Mapping[int, bytes | memoryview] = field(default_factory=dict)
    """Encoded images by row, not inspected; filled only if decoding was switched off."""

    @property
    def unreadable(self) -> NDArray[np.bool_]:
        """Records without main values, which could not be read, bool (n,)."""
        readable = np.full(self.records, self.is_opaque)
        for column in self.arrays:
            if column.primary:
                readable[column.rows] = True
        if self.images is not None:
            readable[self.images.rows] = True
        return ~readable


class KeyNumbers(Struct, frozen=True, eq=False):
    """The numbers that follow a common prefix in a block's keys.

    ``values``: int64 (n,), -1 for keys of another form.
    """

    prefix: str
    values: NDArray[np.int64]


def scatter(block: Block, rows: NDArray[np.int64], records: int) -> Block:
    """Expand a block to ``records`` records; its record i becomes row ``rows[i]``."""
    if len(rows) == records:
        return block
    fingerprints = labels = digests = None
    if block.fingerprints is not None:
        fingerprints = np.zeros(records, np.uint64)
        fingerprints[rows] = block.fingerprints
    if block.labels is not None:
        values = np.zeros((records, *block.labels.values.shape[1:]), block.labels.values.dtype)
        present = np.zeros(records, np.bool_)
        values[rows], present[rows] = block.labels.values, block.labels.present
        expected = block.labels.expected
        if expected is not None:
            expected, inner = np.ones(records, np.bool_), expected
            expected[rows] = inner
        labels = Labels(values, present, expected)
    if block.digests is not None:
        digests = partial(scatter_digests, block.digests, rows)
    images = block.images
    return replace(
        block,
        records=records,
        arrays=tuple(replace(column, rows=rows[column.rows]) for column in block.arrays),
        images=replace(images, rows=rows[images.rows]) if images else None,
        labels=labels,
        faults=tuple(
            fault if fault.row is None else replace(fault, row=int(rows[fault.row]))
            for fault in block.faults
        ),
        fingerprints=fingerprints,
        digests=digests,
        encoded={int(rows[row]): image for row, image in block.encoded.items()},
    )


def scatter_digests(
    digests: Callable[[NDArray[np.int64]], list[bytes]],
    rows: NDArray[np.int64],
    requested: NDArray[np.int64],
) -> list[bytes]:
    """Digests of the ``requested`` rows of an expanded block whose own records are ``rows``."""
    return digests(np.searchsorted(rows, requested).astype(np.int64))


def compute_fingerprints(column: ArrayColumn) -> NDArray[np.uint64]:
    """Fingerprints of a column's records, uint64 (m,): equal for equal content, rarely otherwise.

    Records of fewer than two values get 0, because they are too small to count as duplicates.
    """
    if column.size < 2:
        return np.zeros(len(column.rows), np.uint64)
    type_hash = crc32(repr((column.shape, comparison_dtype(column).str)).encode())
    low, high = column.ranges
    fingerprints = np.empty(len(low), np.uint64)
    module = loops if is_measured_directly(low.dtype) else fallback
    module.finish_fingerprints(column.stats.sample_hash, low, high, type_hash, fingerprints)
    return fingerprints


def comparison_dtype(column: ArrayColumn) -> np.dtype[Any]:
    """The dtype in which a column's values are compared: uint8 for booleans."""
    return np.dtype(np.uint8) if column.dtype == np.bool_ else column.dtype


def compute_digests(
    columns: Sequence[ArrayColumn],
    encoded: Mapping[int, bytes | memoryview],
    requested: NDArray[np.int64],
) -> list[bytes]:
    """128-bit digests of the ``requested`` rows.

    They cover shape, dtype and values of arrays, and the encoded bytes of images.
    """
    by_row: dict[int, bytes] = {}
    for column in columns:
        type_key = repr((column.shape, comparison_dtype(column).str)).encode()
        chosen = np.flatnonzero(np.isin(column.rows, requested))
        for i, values in zip(chosen.tolist(), column.take(chosen), strict=True):
            digest = xxhash.xxh3_128(type_key)
            digest.update(values.data)
            by_row[int(column.rows[i])] = digest.digest()
    for row in requested.tolist():
        if row in encoded:
            by_row[row] = xxhash.xxh3_128_digest(encoded[row])
    # Rows without content must never compare equal.
    return [by_row.get(row) or b"row %d" % row for row in requested.tolist()]
