"""Chunks that should be there and are not: HDF5 reads fill values, mostly zeros, in their place.

It says nothing of it, and the index of older files has no checksum: a flipped bit hides chunks.
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

from datascan.readers.hdf5.inventory import Gap
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.text import pluralize

MAX_CHUNKS = 1 << 26
"""A grid of more chunks is not compared with its index."""

CHECKSUM_BYTES = 4
"""What the filter fletcher32 adds to a chunk."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """What the index of a dataset says.

    ``written`` is the row behind the last chunk; ``gaps`` are rows before it of which a chunk is
    missing; ``odd`` says what is wrong with the index itself ("" if nothing).
    """

    written: int
    gaps: tuple[Gap, ...] = ()
    odd: str = ""


def inspect_chunks(dataset: Any) -> Chunks | None:
    """The index of a dataset compared with its grid; None where there is no index to compare.

    Rows that were added at the end and not written yet are no gap, nor is a dataset that nothing
    was ever written to.
    """
    if dataset.chunks is None or dataset.is_virtual or not math.prod(dataset.shape):
        return None
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    if math.prod(grid) > MAX_CHUNKS:
        return None
    noted = array("Q")
    try:
        dataset.id.chunk_iter(
            lambda chunk: noted.extend(
                (*chunk.chunk_offset, chunk.filter_mask, chunk.byte_offset or 0, chunk.size)
            )
        )
    except HDF5_ERRORS as error:
        return Chunks(0, odd=f"its index of chunks cannot be read: {reason(error)}")
    entries = np.array(noted, np.uint64).reshape(-1, len(grid) + 3)
    return compare_with_grid(dataset, grid, entries) if len(entries) else Chunks(0)


def compare_with_grid(dataset: Any, grid: tuple[int, ...], entries: NDArray[np.uint64]) -> Chunks:
    """The entries of an index, (n, axes + 3), compared with the grid.

    An entry is where the chunk begins, its filter mask, and its place and size in the file.
    """
    offsets = entries[:, :-3]
    shape, step = np.array(dataset.shape, np.uint64), np.array(dataset.chunks, np.uint64)
    on_grid = ((offsets % step == 0) & (offsets < shape)).all(1)
    present = np.zeros(grid, np.bool_)
    places = (offsets // step).astype(np.int64)
    present[tuple(places[on_grid & has_true_size(dataset, entries)].T)] = True
    bands = present.reshape(len(present), -1)
    stray = offsets[~on_grid]
    rows = dataset.shape[0]
    if not len(stray) and (dataset.maxshape[0] is None or dataset.maxshape[0] > rows):
        bands = bands[: int(places[:, 0].max()) + 1]
    found = tuple(band_gaps(bands, grid[1:], dataset.chunks, rows))
    return Chunks(min(rows, len(bands) * dataset.chunks[0]), found, chunk_error(stray, entries))


def has_true_size(dataset: Any, entries: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether chunks that are not compressed are as long as their values, (n,).

    A filter mask says which filters were left out; damaged, it makes values of packed bytes.
    """
    plist = dataset.id.get_create_plist()
    wanted = np.full(len(entries), math.prod(dataset.chunks) * dataset.id.get_type().get_size())
    packed = np.zeros(len(entries), np.bool_)
    for bit in range(plist.get_nfilters()):
        applied = entries[:, -3] >> np.uint64(bit) & np.uint64(1) == 0
        code = plist.get_filter(bit)[0]
        if code == h5py.h5z.FILTER_FLETCHER32:
            wanted += CHECKSUM_BYTES * applied
        elif code != h5py.h5z.FILTER_SHUFFLE:
            packed |= applied
    return np.asarray(packed | (entries[:, -1].astype(np.int64) == wanted))


def chunk_error(stray: NDArray[np.uint64], entries: NDArray[np.uint64]) -> str:
    """What is wrong with an index as a whole, in words; "" if nothing."""
    if len(stray):
        at = tuple(stray[0].tolist())
        return f"its index has {pluralize(len(stray), 'chunk')} off the grid, the first at {at}"
    order = np.argsort(entries[:, -2], kind="stable")
    places, sizes = entries[order, -2], entries[order, -1]
    over = np.flatnonzero(places[:-1] + sizes[:-1] > places[1:])
    if not len(over):
        return ""
    one, two = (tuple(entries[order[over[0] + i], :-3].tolist()) for i in (0, 1))
    more = f", and {len(over) - 1:,} more pairs" if len(over) > 1 else ""
    return f"by its index, chunks {one} and {two} overlap in the file{more}: one of them is wrong"


def band_gaps(
    bands: NDArray[np.bool_], across: tuple[int, ...], chunks: tuple[int, ...], rows: int
) -> Iterator[Gap]:
    """Runs of rows of which chunks are missing; ``bands`` (rows of chunks, chunks of each)."""
    missing = (~bands).sum(1)
    at = 0
    for lacks, run in groupby((missing > 0).tolist()):
        stop = at + sum(1 for _ in run)
        if lacks:
            column = np.argwhere(~bands[at].reshape(across))[0].tolist()
            corner = tuple(i * c for i, c in zip((at, *column), chunks, strict=True))
            count = int(missing[at:stop].sum())
            more = f" and {count - 1:,} more" if count > 1 else ""
            are = "were" if more else "was"
            why = f"chunk {corner}{more} {are} lost or never written: HDF5 makes up values there"
            yield Gap(at * chunks[0], min(rows, stop * chunks[0]), why)
        at = stop


def missing_chunk_rows(
    dataset: Any, values: NDArray[Any], first: int, written: int
) -> Iterator[Gap]:
    """Rows of ``values`` that HDF5 made up: it lists their chunk, but does not find it.

    ``values`` are rows from ``first`` on, as they were read; those from ``written`` on may be made
    up. A damaged index may list a chunk and yet not lead to it.
    """
    stop = min(first + len(values), written)
    if first >= stop or not values.size or dataset.dtype.subdtype is not None:
        return
    fill, chunks = fill_value(dataset), dataset.chunks
    rows = np.arange(first - first % chunks[0], stop, chunks[0])
    across = [np.arange(0, n, c) for n, c in zip(values.shape[1:], chunks[1:], strict=True)]
    # One value of each chunk tells of most that they are no fill values.
    foremost = values[np.ix_(np.maximum(rows, first) - first, *across)]
    for row, found in groupby(np.argwhere(are(foremost, fill)).tolist(), key=itemgetter(0)):
        begin = int(rows[row])
        low, high = max(first, begin), min(stop, begin + chunks[0])
        for _, *column in found:
            corner = tuple(i * c for i, c in zip(column, chunks[1:], strict=True))
            ends = [slice(at, at + c) for at, c in zip(corner, chunks[1:], strict=True)]
            piece = values[(slice(low - first, high - first), *ends)]
            if are(piece, fill).all() and not is_found(dataset, (begin, *corner)):
                why = f"chunk {(begin, *corner)} is in the index, but HDF5 does not find it there"
                yield Gap(low, high, why)
                break


def are(values: NDArray[Any], fill: NDArray[Any]) -> NDArray[np.bool_]:
    """Where ``values`` are the fill value, which may be NaN."""
    same = values == fill
    return np.asarray(same | ((values != values) & (fill != fill)))  # noqa: PLR0124  (NaN)


def fill_value(dataset: Any) -> NDArray[Any]:
    """The value of what was never written; zero where the file states none."""
    try:
        return np.asarray(dataset.fillvalue, dataset.dtype)
    except HDF5_ERRORS:
        return np.zeros((), dataset.dtype)


def is_found(dataset: Any, corner: tuple[int, ...]) -> bool:
    """Whether HDF5 finds the chunk that begins at ``corner``."""
    try:
        dataset.id.read_direct_chunk(corner)
    except HDF5_ERRORS:
        return False
    return True
