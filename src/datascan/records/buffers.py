"""Byte strings of many records, stored together or viewed in place."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import xxhash
from msgspec import Struct
from numpy.typing import NDArray

from datascan.native import loops
from datascan.native.fallback import FLOAT_STRIDE, TAGGED, strip_tags
from datascan.records.statistics import RecordStats


class BytesColumn(Struct, frozen=True, eq=False):
    """``n`` byte strings in one uint8 buffer, with int64 (n,) offsets and lengths."""

    buffer: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, strings: Sequence[bytes]) -> BytesColumn:
        """Concatenate ``strings``."""
        lengths = np.fromiter(map(len, strings), np.int64, len(strings))
        buffer = np.frombuffer(b"".join(strings), np.uint8)
        return cls(buffer, np.cumsum(lengths) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, row: int) -> bytes:
        """A copy of one string."""
        return bytes(self.view(row))

    def view(self, row: int) -> memoryview:
        """One string, without copying it."""
        start = int(self.offsets[row])
        return self.buffer.data[start : start + int(self.lengths[row])]

    def take(self, rows: Any) -> BytesColumn:
        """The strings of ``rows`` (an index array, a mask or a slice); bytes are not copied."""
        return BytesColumn(self.buffer, self.offsets[rows], self.lengths[rows])

    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Copy the strings of ``rows``, all of one length k, into a new array (m, k)."""
        width = int(self.lengths[rows[0]]) if len(rows) else 0
        out = np.empty((len(rows), width), np.uint8)
        if width:
            offsets = np.ascontiguousarray(self.offsets[rows], np.int64)
            loops.gather(self.buffer, offsets, width, out)
        return out


class BufferView(Struct, frozen=True, eq=False):
    """A :class:`datascan.records.block.LazyArray` over a byte buffer.

    ``kind`` and ``offsets``: see :func:`datascan.records.statistics.compute_stats_at`. ``shape``:
    the number of records, followed by the shape of one. ``stats``: the statistics of all records.
    """

    buffer: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    kind: str
    shape: tuple[int, ...]
    stats: RecordStats

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return np.dtype("f" if self.kind == TAGGED else self.kind)

    def select(self, rows: NDArray[np.bool_]) -> BufferView:
        """The records for which ``rows``, bool (n,), is True."""
        shape = (int(rows.sum()), *self.shape[1:])
        return BufferView(self.buffer, self.offsets[rows], self.kind, shape, self.stats.take(rows))

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copy the values of ``rows``: (m, size)."""
        width = prod(self.shape[1:]) * (
            FLOAT_STRIDE if self.kind == TAGGED else self.dtype.itemsize
        )
        offsets = self.offsets[rows]
        strings = BytesColumn(self.buffer, offsets, np.full(len(offsets), width, np.int64))
        matrix = strings.gather(np.arange(len(offsets)))
        return strip_tags(matrix)[0] if self.kind == TAGGED else matrix.view(self.dtype)

    def compute_stats(self) -> RecordStats:
        """Statistics of all records."""
        return self.stats


def hash_values(values: BytesColumn) -> NDArray[np.uint64]:
    """A 64-bit hash of each value, uint64 (n,), never 0."""
    hashes = (hash_bytes(values.view(row)) for row in range(len(values)))
    return np.fromiter(hashes, np.uint64, len(values))


def hash_bytes(content: bytes | memoryview) -> int:
    """A 64-bit hash of ``content``, never 0."""
    return max(1, xxhash.xxh3_64_intdigest(content))
