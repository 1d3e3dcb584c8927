"""Missing chunks, for which HDF5 returns fill values (usually zeros) without an error.

The chunk index of older files has no checksum, so a flipped bit can hide chunks.

Source: HDF5 File Format Specification 3.0, sections III.A.1 and IV.A.2.i (data layout message).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import h5py
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.readers.hdf5.extensible_array import correct_offsets, has_chunk
from datascan.readers.hdf5.filters import CHECKSUM_BYTES, MAX_RATIO, ChunkGuard
from datascan.readers.hdf5.inventory import MissingRows
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.storage import file_size
from datascan.text import pluralize

MAX_CHUNKS = 1 << 24
"""Datasets with more chunks are not read: every chunk is compared with the index."""

LARGE_CHUNK_BYTES = 256 << 20
"""A chunk may decompress to this much, even if that is too much."""


class Chunks(Struct, frozen=True):
    """What the chunk index of a dataset says.

    ``written``: the end of the last written chunk, as a row. ``holes``: rows before that with
    missing chunks. ``error``: what is wrong with the index itself, "" if nothing.
    """

    written: int
    holes: tuple[MissingRows, ...] = ()
    error: str = ""


def inspect_chunks(dataset: Any) -> Chunks | None:
    """Compare the chunk index of a dataset with its grid; None if there is nothing to compare.

    Rows at the end that were added but not written yet are not missing.

    Raises:
        ValueError: if there are too many chunks.
    """
    if dataset.chunks is None or dataset.is_virtual or not math.prod(dataset.shape):
        return None
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    if math.prod(grid) > MAX_CHUNKS:
        raise ValueError(f"it has {math.prod(grid):,} chunks, more than {MAX_CHUNKS:,}")
    try:
        entries = read_entries(dataset)
    except HDF5_ERRORS as error:
        return Chunks(0, error=f"the chunk index cannot be read: {reason(error)}")
    return compare_with_grid(dataset, grid, entries) if len(entries) else Chunks(0)


def read_entries(dataset: Any) -> NDArray[np.uint64]:
    """The chunk index as :func:`compare_with_grid` has it, (n, axes + 3), cut if it is endless.

    Raises:
        OSError: or another of ``HDF5_ERRORS``, if it is damaged.
    """
    numbers = array("Q")
    width = len(dataset.shape) + 3
    # An entry takes more than a byte, so an index that leads back to itself ends.
    most = width * min(MAX_CHUNKS, file_size(dataset))

    def add_entry(chunk: Any) -> bool | None:
        numbers.extend((*chunk.chunk_offset, chunk.filter_mask, chunk.byte_offset or 0, chunk.size))
        return True if len(numbers) > most else None

    dataset.id.chunk_iter(add_entry)
    return correct_offsets(dataset, np.frombuffer(numbers, np.uint64).reshape(-1, width))


def compare_with_grid(dataset: Any, grid: tuple[int, ...], entries: NDArray[np.uint64]) -> Chunks:
    """Compare the entries of an index, (n, axes + 3), with the grid.

    An entry is the chunk's offset on each axis, its filter mask, and its offset and size in the
    file.
    """
    offsets = entries[:, :-3]
    shape, step = np.array(dataset.shape, np.uint64), np.array(dataset.chunks, np.uint64)
    on_grid = ((offsets % step == 0) & (offsets < shape)).all(1)
    present = np.zeros(grid, np.bool_)
    positions = (offsets // step).astype(np.int64)
    present[tuple(positions[on_grid & has_valid_size(dataset, entries)].T)] = True
    bands = present.reshape(len(present), -1)
    off_grid = offsets[~on_grid]
    rows = dataset.shape[0]
    if not len(off_grid) and (dataset.maxshape[0] is None or dataset.maxshape[0] > rows):
        bands = bands[: int(positions[:, 0].max()) + 1]
    return Chunks(
        min(rows, len(bands) * dataset.chunks[0]),
        tuple(find_holes(bands, grid[1:], dataset.chunks, rows)),
        find_index_error(off_grid, entries),
    )


def has_valid_size(dataset: Any, entries: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether chunks are as long as their values, or not longer if they are compressed, (n,).

    The filter mask says which filters were skipped. A damaged one makes HDF5 return compressed
    bytes as values.
    """
    plist = dataset.id.get_create_plist()
    expected = np.full(len(entries), math.prod(dataset.chunks) * dataset.id.get_type().get_size())
    compressed = np.zeros(len(entries), np.bool_)
    for bit in range(plist.get_nfilters()):
        applied = entries[:, -3] >> np.uint64(bit) & np.uint64(1) == 0
        code = plist.get_filter(bit)[0]
        if code == h5py.h5z.FILTER_FLETCHER32:
            expected += CHECKSUM_BYTES * applied
        elif code != h5py.h5z.FILTER_SHUFFLE:
            compressed |= applied
    is_short = entries[:, -1] <= np.uint64(ChunkGuard(dataset).max_stored_bytes)
    return np.asarray(is_short & (compressed | (entries[:, -1].astype(np.int64) == expected)))


def require_sizes(dataset: Any, *, is_small: bool) -> None:
    """Raise :class:`WrongSizeError` if a chunk has a wrong size; for datasets that HDF5 reads.

    Unless ``is_small``, chunks that can only be somewhat too large are not decompressed.
    """
    if dataset.chunks is None or dataset.is_virtual or not dataset.id.get_storage_size():
        return
    entries, guard = read_entries(dataset), ChunkGuard(dataset)
    for entry in entries[~has_valid_size(dataset, entries)].tolist():
        raise guard.wrong_size(entry[:-3], f"{entry[-1]:,} bytes instead of ")
    if not is_small and guard.inflates_once:
        entries = entries[entries[:, -1] * np.uint64(MAX_RATIO) > LARGE_CHUNK_BYTES]
    for entry in entries.tolist() if guard.filters else ():
        guard.require_chunk(tuple(entry[:-3]))


def find_index_error(off_grid: NDArray[np.uint64], entries: NDArray[np.uint64]) -> str:
    """What is wrong with an index as a whole; "" if nothing."""
    if len(off_grid):
        count, first = pluralize(len(off_grid), "chunk"), tuple(off_grid[0].tolist())
        return f"the chunk index has {count} off the grid, the first at {first}"
    order = np.argsort(entries[:, -2], kind="stable")
    offsets, sizes = entries[order, -2], entries[order, -1]
    overlaps = np.flatnonzero(offsets[:-1] + sizes[:-1] > offsets[1:])
    if not len(overlaps):
        return ""
    one, two = (tuple(entries[order[overlaps[0] + i], :-3].tolist()) for i in (0, 1))
    more = f", as do {len(overlaps) - 1:,} more pairs" if len(overlaps) > 1 else ""
    return f"the chunk index is damaged: chunks {one} and {two} overlap in the file{more}"


def find_holes(
    bands: NDArray[np.bool_], inner_grid: tuple[int, ...], chunks: tuple[int, ...], rows: int
) -> Iterator[MissingRows]:
    """Runs of rows with missing chunks.

    ``bands``: which chunks exist, (chunks on the first axis, chunks on ``inner_grid``).
    """
    is_missing = np.logical_not(bands.all(1)).reshape(-1)
    edges = [0, *(np.flatnonzero(np.diff(is_missing)) + 1).tolist(), len(bands)]
    for start, stop in pairwise(edges):
        if start < stop and is_missing[start]:
            position = np.argwhere(~bands[start].reshape(inner_grid))[0].tolist()
            corner = tuple(i * c for i, c in zip((start, *position), chunks, strict=True))
            count = int((~bands[start:stop]).sum())
            subject = f"chunk {corner} and {count - 1:,} more were" if count > 1 else ""
            subject = subject or f"chunk {corner} was"
            why = f"{subject} lost or never written, so HDF5 returns fill values"
            yield MissingRows(start * chunks[0], min(rows, stop * chunks[0]), why)


def missing_chunk_rows(
    dataset: Any, values: NDArray[Any], first: int, written: int
) -> Iterator[MissingRows]:
    """Rows whose chunk is in the index but cannot be found, so that HDF5 returned fill values.

    ``values``: the rows that HDF5 returned, starting at row ``first``. Rows from ``written`` on
    may be fill values.
    """
    stop = min(first + len(values), written)
    if first >= stop or not values.size or dataset.dtype.subdtype is not None:
        return
    fill, chunks = fill_value(dataset), dataset.chunks
    rows = np.arange(first - first % chunks[0], stop, chunks[0])
    starts = [np.arange(0, n, c) for n, c in zip(values.shape[1:], chunks[1:], strict=True)]
    # For most chunks, one value is enough to see that it is not a fill value.
    samples = values[np.ix_(np.maximum(rows, first) - first, *starts)]
    suspects = np.argwhere(is_fill(samples, fill)).tolist()
    for row, positions in groupby(suspects, key=itemgetter(0)):
        begin = int(rows[row])
        low, high = max(first, begin), min(stop, begin + chunks[0])
        for _, *position in positions:
            corner = tuple(i * c for i, c in zip(position, chunks[1:], strict=True))
            slices = [slice(start, start + c) for start, c in zip(corner, chunks[1:], strict=True)]
            chunk = values[(slice(low - first, high - first), *slices)]
            if is_fill(chunk, fill).all() and not has_chunk(dataset, (begin, *corner)):
                why = f"chunk {(begin, *corner)} is in the index, but HDF5 cannot find it"
                yield MissingRows(low, high, why)
                break


def is_fill(values: NDArray[Any], fill: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether ``values`` equal the fill value, which may be NaN; of the same shape."""
    same = values == fill
    return np.asarray(same | ((values != values) & (fill != fill)))  # noqa: PLR0124  (NaN)


def fill_value(dataset: Any) -> NDArray[Any]:
    """The fill value of a dataset; zero if the file does not state one."""
    try:
        return np.asarray(dataset.fillvalue, dataset.dtype)
    except HDF5_ERRORS:
        return np.zeros((), dataset.dtype)
