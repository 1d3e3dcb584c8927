"""Missing chunks, for which HDF5 returns fill values (usually zeros) without an error.

The chunk index of older files has no checksum, so a flipped bit can hide chunks.

Source: HDF5 File Format Specification 3.0, sections III.A.1 and IV.A.2.i (data layout message).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from datascan.readers.hdf5.inventory import MissingRows
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.text import pluralize

MAX_CHUNKS = 1 << 26
"""Larger grids of chunks are not compared with their index."""

CHECKSUM_BYTES = 4
"""The number of bytes that the filter fletcher32 adds to a chunk."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """What the chunk index of a dataset says.

    ``written``: the end of the last written chunk, as a row. ``holes``: rows before that with
    missing chunks. ``error``: what is wrong with the index itself, "" if nothing.
    """

    written: int
    holes: tuple[MissingRows, ...] = ()
    error: str = ""


def inspect_chunks(dataset: Any) -> Chunks | None:
    """Compare the chunk index of a dataset with its grid; None if there is nothing to compare.

    Rows at the end that were added but not written yet are not missing, nor are those of a dataset
    that was never written.
    """
    if dataset.chunks is None or dataset.is_virtual or not math.prod(dataset.shape):
        return None
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    if math.prod(grid) > MAX_CHUNKS:
        return None
    numbers = array("Q")
    try:
        dataset.id.chunk_iter(
            lambda chunk: numbers.extend(
                (*chunk.chunk_offset, chunk.filter_mask, chunk.byte_offset or 0, chunk.size)
            )
        )
    except HDF5_ERRORS as error:
        return Chunks(0, error=f"the chunk index cannot be read: {reason(error)}")
    entries = np.array(numbers, np.uint64).reshape(-1, len(grid) + 3)
    return compare_with_grid(dataset, grid, entries) if len(entries) else Chunks(0)


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
    """Whether chunks that are not compressed are as long as their values, (n,).

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
    return np.asarray(compressed | (entries[:, -1].astype(np.int64) == expected))


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
    missing = (~bands).sum(1)
    start = 0
    for has_missing, run in groupby((missing > 0).tolist()):
        stop = start + sum(1 for _ in run)
        if has_missing:
            position = np.argwhere(~bands[start].reshape(inner_grid))[0].tolist()
            corner = tuple(i * c for i, c in zip((start, *position), chunks, strict=True))
            count = int(missing[start:stop].sum())
            subject = f"chunk {corner} and {count - 1:,} more were" if count > 1 else ""
            subject = subject or f"chunk {corner} was"
            why = f"{subject} lost or never written, so HDF5 returns fill values"
            yield MissingRows(start * chunks[0], min(rows, stop * chunks[0]), why)
        start = stop


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


def has_chunk(dataset: Any, corner: tuple[int, ...]) -> bool:
    """Whether HDF5 finds the chunk that starts at ``corner``."""
    try:
        dataset.id.read_direct_chunk(corner)
    except HDF5_ERRORS:
        return False
    return True
