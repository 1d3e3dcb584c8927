"""The lengths of rows of variable length, from the file, without reading the rows.

Many rows may name the same bytes: 64,000 rows of one object of 1 MB are 64 GB.

Source: HDF5 File Format Specification 3.0, section IV.B (variable-length data): a row is its
length (4 bytes), the address of a heap (as many bytes as addresses have), and an index (4 bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from datascan.files import open_regular
from datascan.readers.hdf5.filters import UNDONE, ChunkGuard, filters_of
from datascan.readers.hdf5.open_file import HDF5_ERRORS
from datascan.readers.hdf5.storage import contiguous_offset

SMALL_TOTAL_BYTES, TOTAL_EXPANSION = 64 << 20, 4
"""If all rows are larger than the first, they may be this many times the files."""

STEP_ROWS = 1 << 16


def has_variable_length(dataset: Any) -> bool:
    """Whether rows are stored elsewhere in the file, with their lengths."""
    dtype = dataset.dtype
    text = h5py.check_string_dtype(dtype)
    return h5py.check_vlen_dtype(dtype) is not None or (text is not None and text.length is None)


def find_shared_rows(dataset: Any, available: int) -> str | None:
    """Why rows of variable length must not be read; None if they may.

    ``available``: the size in bytes of the files that hold them.
    """
    limit = max(SMALL_TOTAL_BYTES, TOTAL_EXPANSION * available)
    total = 0
    for lengths in read_lengths(dataset, available):
        # HDF5 does not read rows that are longer than the file.
        total += int(lengths[lengths <= available].sum())
        if total > limit:
            return f"has rows of more than {limit:,} bytes, but its files have {available:,}"
    return None


def read_lengths(dataset: Any, available: int) -> Iterator[NDArray[np.uint64]]:
    """The lengths in bytes of the rows, a part at a time, without those that cannot be read.

    Only HDF5 can read them if the filters are unusual; that is not done if it would take long.
    """
    address, _ = dataset.file.id.get_create_plist().get_sizes()
    offset = contiguous_offset(dataset)
    if offset is not None:
        yield from contiguous_lengths(dataset, offset, address + 8)
    elif dataset.chunks and not dataset.is_virtual and is_undone(dataset):
        yield from chunk_lengths(dataset, address + 8)
    elif available <= SMALL_TOTAL_BYTES:
        yield from lengths_of_rows(dataset, max(1, SMALL_TOTAL_BYTES // max(1, available)))


def is_undone(dataset: Any) -> bool:
    """Whether all filters of a dataset can be undone here."""
    return all(code in UNDONE for code, _ in filters_of(dataset))


def lengths_of_rows(dataset: Any, step: int) -> Iterator[NDArray[np.uint64]]:
    """The lengths of rows that HDF5 reads, ``step`` at a time."""
    for first in range(0, dataset.shape[0], step):
        try:
            rows = dataset[first : first + step].ravel()
        except HDF5_ERRORS:
            continue
        yield np.array([len(row) for row in rows], np.uint64)


def contiguous_lengths(dataset: Any, offset: int, size: int) -> Iterator[NDArray[np.uint64]]:
    """The lengths of a contiguous dataset; ``size``: the bytes of one row."""
    with open_regular(Path(dataset.file.filename)) as file:
        file.seek(offset)
        for first in range(0, dataset.shape[0], STEP_ROWS):
            octets = file.read(min(STEP_ROWS, dataset.shape[0] - first) * size)
            if not octets:
                return
            yield lengths_in(octets, size)


def chunk_lengths(dataset: Any, size: int) -> Iterator[NDArray[np.uint64]]:
    """The lengths of a chunked dataset; chunks that cannot be read are left out."""
    guard = ChunkGuard(dataset)
    starts = [range(0, n, c) for n, c in zip(dataset.shape, dataset.chunks, strict=True)]
    for corner in product(*starts):
        try:
            plain = guard.undo(*guard.read(corner), corner)
        except HDF5_ERRORS:
            continue
        if plain is not None:
            yield lengths_in(plain, size)


def lengths_in(octets: bytes, size: int) -> NDArray[np.uint64]:
    """The lengths of the rows in ``octets``, in bytes."""
    rows = np.frombuffer(octets, np.uint8, len(octets) // size * size).reshape(-1, size)
    return np.ascontiguousarray(rows[:, :4]).view("<u4").ravel().astype(np.uint64)
