"""Offsets of chunks in an extensible array, which HDF5 reports wrongly.

The index of a dataset with one unlimited axis is an array, ordered by that axis first and then by
the others. HDF5 (2.0 and before) lists its elements as if they were in order of the axes, so the
offsets are wrong unless the unlimited axis is the first: it lists (0, 0), (0, 3), (0, 6), ... for a
grid of two columns. Reading is not affected.

Source: HDF5 2.0, H5Dearray.c (H5D__earray_idx_get_addr, H5D__earray_idx_iterate_cb); HDF5 File
Format Specification 3.0, section VII.D.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.readers.hdf5.open_file import HDF5_ERRORS

MAX_PROBED_BYTES = 64 << 20
"""A chunk that is larger in the file is not read to see whether offsets are wrong."""


def correct_offsets(dataset: Any, entries: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The entries of a chunk index, (n, axes + 3), with the offsets by which HDF5 finds chunks.

    An entry is the chunk's offset on each axis, its filter mask, and its offset and size in the
    file. Other indexes, whose offsets are right, are returned as they are.
    """
    axis = unlimited_axis(dataset)
    if axis is None or not len(entries):
        return entries
    chunks = np.array(dataset.chunks, np.uint64)
    reported = entries[:, :-3] // chunks
    if reported[:, :axis].any() or (entries[:, :-3] % chunks).any():
        return entries
    actual = positions_in_array(dataset, reported, axis)
    is_moved = (actual != reported).any(1) & (entries[:, -1] <= MAX_PROBED_BYTES)
    moved = np.flatnonzero(is_moved)
    if not len(moved) or not has_chunk(dataset, tuple((actual * chunks)[moved[0]].tolist())):
        return entries
    return np.concatenate([actual * chunks, entries[:, -3:]], axis=1)


def unlimited_axis(dataset: Any) -> int | None:
    """The only unlimited axis, if it is not the first; None if there is no such axis."""
    unlimited = [axis for axis, most in enumerate(dataset.maxshape) if most is None]
    return unlimited[0] if len(unlimited) == 1 and unlimited[0] > 0 else None


def positions_in_array(dataset: Any, reported: NDArray[np.uint64], axis: int) -> NDArray[np.uint64]:
    """Positions in the grid of chunks, (n, axes), of elements that HDF5 ``reported``."""
    most = [
        1 if size is None else -(-size // chunk)
        for size, chunk in zip(dataset.maxshape, dataset.chunks, strict=True)
    ]
    if math.prod(most) >= 1 << 62:
        return reported
    # Elements are counted on from the unlimited axis; the axes before it stay 0.
    number = reported[:, axis]
    for inner in range(axis + 1, len(most)):
        number = number * np.uint64(most[inner]) + reported[:, inner]
    actual = np.zeros_like(reported)
    for inner in reversed([i for i in range(len(most)) if i != axis]):
        actual[:, inner] = number % np.uint64(most[inner])
        number = number // np.uint64(most[inner])
    actual[:, axis] = number
    return actual


def has_chunk(dataset: Any, corner: tuple[int, ...]) -> bool:
    """Whether HDF5 finds the chunk that starts at ``corner``."""
    try:
        dataset.id.read_direct_chunk(corner)
    except HDF5_ERRORS:
        return False
    return True
