"""How much a dataset may claim, compared with the files that hold its values.

All numbers in a file's header may be made up. They are compared with the size of the file before
they are used: 2 kB of HDF5 can claim 8 GB in a chunk, or 1e9 rows.
"""

from __future__ import annotations

import math
from typing import Any

import h5py
from msgspec import Struct

from datascan.readers.hdf5.open_file import HDF5_ERRORS
from datascan.readers.hdf5.references import RootFile
from datascan.readers.hdf5.storage import contiguous_offset, file_size, stored_record_bytes

MIB, GIB = 1 << 20, 1 << 30

MAX_RECORD_BYTES, MAX_CHUNK_BYTES = GIB, GIB // 2
"""No record and no chunk may be larger than this, except records that are contiguous."""

SMALL_PIECE_BYTES, PIECE_EXPANSION = 256 * MIB, 100
"""A record or chunk that is larger than the first may be this many times the files."""

SMALL_TOTAL_BYTES, TOTAL_EXPANSION = 4 * GIB, 1032
"""If all values are larger than the first, they may be this many times the files.

Deflate compresses 1032:1 at most.
"""

SMALL_TOTAL_ROWS, ROWS_PER_BYTE = 1 << 22, 16
"""If there are more rows than the first, there may be this many a byte of the files."""

MAX_PACKED_ROWS, PACKED_ROWS_PER_BYTE = 5 << 23, 64
"""Up to the first, there may be more rows a byte: numbers that count up compress well."""

SMALL_MISSING_ROWS, BYTES_PER_MISSING_ROW = 1 << 20, 64
"""If more rows than the first are missing, the files must have this many bytes for each.

Each missing row is a fault.
"""

MAX_LABEL_BYTES = 64 * MIB
"""No label may be larger than this."""

MAX_TEXT_BYTES = 1 << 16
"""No text label of fixed length may be larger than this."""

MAX_UNIT_BYTES = 256 * MIB
"""Chunks whose rows are larger are read a few rows at a time, and decompressed as often."""

MAX_UNITS_BYTES = GIB
"""What the datasets of one table may take at once, while they are decompressed."""


class Budget(Struct, kw_only=True):
    """What is left of the values that the files of a plan may claim.

    ``available``, ``size``: the bytes of all files that hold values, without and with holes.
    ``total`` and ``rows``: what the datasets so far have claimed; ``contiguous``: the part of
    ``total`` that is not in chunks; ``missing``: how many rows of them are missing.
    """

    @classmethod
    def of(cls, root: RootFile) -> Budget:
        """The budget of a file of which nothing has been read."""
        return cls(available=root.available, size=root.size)

    available: int
    size: int = 0
    total: int = 0
    rows: int = 0
    contiguous: int = 0
    missing: int = 0

    def find_excess(self, dataset: Any, role: str) -> str | None:
        """Why a dataset must not be read as "data", "label" or "extra"; None if it may."""
        record = stored_record_bytes(dataset)
        why = self._find_large_piece(dataset, record)
        if why or role != "label":
            return why or self._charge(dataset, record)
        is_text = dataset.dtype.kind in "SU"
        limit = MAX_TEXT_BYTES if is_text else MAX_LABEL_BYTES
        if record > limit:
            return f"has {record:,} bytes a row, but labels have at most {limit:,}"
        return self._charge(dataset, record)

    def _find_large_piece(self, dataset: Any, record: int) -> str | None:
        allowed = max(SMALL_PIECE_BYTES, PIECE_EXPANSION * self.available)
        most = min(MAX_RECORD_BYTES, allowed)
        if record > most and contiguous_offset(dataset) is None:
            return f"claims {record:,} bytes a row, but {self._describe(most)}"
        most = min(MAX_CHUNK_BYTES, allowed)
        chunk = math.prod(dataset.chunks or ()) * int(dataset.id.get_type().get_size())
        if dataset.chunks and chunk > most:
            return f"claims {chunk:,} bytes a chunk, but {self._describe(most)}"
        return None

    def _charge(self, dataset: Any, record: int) -> str | None:
        """Add what a dataset claims; None unless it is too much."""
        rows = int(dataset.shape[0])
        offset = contiguous_offset(dataset)
        if offset is not None and record:
            # The rows past the end of the file are not read.
            rows = min(rows, max(0, file_size(dataset) - offset) // record)
            self.contiguous += rows * record
        if self.contiguous > self.size:
            return "shares bytes of the file with other datasets"
        total = max(rows * record, bytes_of_chunks(dataset, record))
        most = max(SMALL_TOTAL_BYTES, TOTAL_EXPANSION * self.available)
        if self.total + total > most:
            return f"claims {total:,} bytes, but {self._describe(most)}"
        packed = min(MAX_PACKED_ROWS, PACKED_ROWS_PER_BYTE * self.available)
        most = max(SMALL_TOTAL_ROWS, ROWS_PER_BYTE * self.available, packed)
        if self.rows + rows > most:
            return f"claims {rows:,} rows, but its files have {self.available:,} bytes"
        self.total += total
        self.rows += rows
        return None

    def accepts_missing(self, rows: int) -> bool:
        """Add missing rows of a dataset; whether each of them can be reported."""
        most = max(SMALL_MISSING_ROWS, self.available // BYTES_PER_MISSING_ROW)
        if self.missing + rows > most:
            return False
        self.missing += rows
        return True

    def _describe(self, limit: int) -> str:
        return f"its files have {self.available:,} bytes, which allows {limit:,}"


def bytes_of_chunks(dataset: Any, record: int) -> int:
    """How many bytes the chunks of a dataset have, each as often as it is read."""
    if not dataset.chunks:
        return 0
    chunks: tuple[int, ...] = dataset.chunks
    grid = [-(-n // c) for n, c in zip(dataset.shape, chunks, strict=True)]
    per_value = int(dataset.id.get_type().get_size())
    times = -(-min(int(dataset.shape[0]), chunks[0]) * record // MAX_UNIT_BYTES)
    return int(math.prod(grid) * math.prod(chunks) * per_value * max(1, times))


def is_unwritten(dataset: Any) -> bool:
    """Whether no value of a dataset has been written, so that HDF5 makes up all of them."""
    if not math.prod(dataset.shape) or dataset.external:
        return False
    if dataset.is_virtual:
        return not dataset.id.get_create_plist().get_virtual_count()
    if dataset.id.get_create_plist().get_layout() == h5py.h5d.COMPACT:
        return False
    try:
        return not dataset.id.get_storage_size()
    except HDF5_ERRORS:
        # The index is damaged, which is reported once it is read.
        return False


def has_own_fill_value(dataset: Any) -> bool:
    """Whether the writer has chosen the fill value; netCDF chooses one for every variable."""
    plist = dataset.id.get_create_plist()
    return bool(plist.fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED)
