"""Shapes and dtypes of records as runs, so that a uniform dataset of any size is one run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated
from datascan.records.block import Block


@dataclass(frozen=True, slots=True)
class RecordKind:
    """The shape and dtype of a record; ``mode`` is the colour mode of an image, otherwise empty."""

    shape: tuple[int, ...]
    dtype: str
    mode: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ShapeTally:
    """Runs of records of one kind, in store order.

    ``runs``, int64 (r, 3), are an index into ``kinds``, the address of the run's first record, and
    its length. Unreadable records do not belong to any run.
    """

    kinds: tuple[RecordKind, ...]
    runs: Concatenated

    def __add__(self, right: ShapeTally) -> ShapeTally:
        if self.kinds == right.kinds:
            return ShapeTally(self.kinds, self.runs + right.runs)
        indices = {kind: i for i, kind in enumerate(self.kinds)}
        for kind in right.kinds:
            indices.setdefault(kind, len(indices))
        runs = right.runs.array.copy()
        runs[:, 0] = np.array([indices[kind] for kind in right.kinds])[runs[:, 0]]
        return ShapeTally(tuple(indices), self.runs + Concatenated((runs,)))

    def counts(self) -> NDArray[np.int64]:
        """The number of records of each of ``kinds``."""
        runs = self.runs.array
        return np.bincount(runs[:, 0], runs[:, 2], len(self.kinds)).astype(np.int64)

    def addresses(self, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Addresses and kind indices of all records whose kind is ``chosen``, bool (kinds,)."""
        runs = self.runs.array
        runs = runs[chosen[runs[:, 0]]]
        lengths = runs[:, 2]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.repeat(runs[:, 1], lengths) + offsets, np.repeat(runs[:, 0], lengths)


def measure_shapes(block: Block) -> ShapeTally | None:
    """The kinds of the block's records."""
    if block.images is None and len(block.arrays) == 1:
        (column,) = block.arrays
        if column.primary and len(column.rows) == block.records:
            kind = RecordKind(column.shape, column.dtype.name)
            run = np.array([[0, block.start, block.records]], np.int64)
            return ShapeTally((kind,), Concatenated((run,)))
    kinds: dict[RecordKind, int] = {}
    indices = np.full(block.records, -1, np.int64)
    for column in block.arrays:
        if column.primary:
            kind = RecordKind(column.shape, column.dtype.name)
            indices[column.rows] = kinds.setdefault(kind, len(kinds))
    if block.images is not None:
        images = block.images
        attributes = (images.channels, images.height, images.width, images.dtype, images.mode)
        found = list(zip(*(values.tolist() for values in attributes), strict=True))
        numbers = {
            one: kinds.setdefault(RecordKind(one[:3], *one[3:]), len(kinds))
            for one in dict.fromkeys(found)
        }
        indices[images.rows] = [numbers[one] for one in found]
    if not kinds:
        return None
    edges = np.flatnonzero(np.diff(indices, prepend=-2, append=-2))
    starts, lengths = edges[:-1], np.diff(edges)
    runs = np.stack([indices[starts], block.start + starts, lengths], axis=1)
    return ShapeTally(tuple(kinds), Concatenated((runs[runs[:, 0] >= 0],)))
