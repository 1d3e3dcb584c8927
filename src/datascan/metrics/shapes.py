"""Shapes and dtypes of records, as runs: a uniform dataset of any size is a single run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated
from datascan.records.block import Block


@dataclass(frozen=True, slots=True)
class Kind:
    """What one record looks like; ``mode`` is an image's colour mode, else empty."""

    shape: tuple[int, ...]
    dtype: str
    mode: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ShapeTally:
    """Runs of records of one kind, in store order.

    ``runs``, int64 (r, 3): a number in ``kinds``, the address of the run's first record, and its
    length. Records without a kind (unreadable ones) stand in no run.
    """

    kinds: tuple[Kind, ...]
    runs: Concatenated

    def __add__(self, right: ShapeTally) -> ShapeTally:
        if self.kinds == right.kinds:
            return ShapeTally(self.kinds, self.runs + right.runs)
        known = {kind: i for i, kind in enumerate(self.kinds)}
        for kind in right.kinds:
            known.setdefault(kind, len(known))
        runs = right.runs.array.copy()
        runs[:, 0] = np.array([known[kind] for kind in right.kinds])[runs[:, 0]]
        return ShapeTally(tuple(known), self.runs + Concatenated((runs,)))

    def counts(self) -> NDArray[np.int64]:
        """Records of each of ``kinds``."""
        runs = self.runs.array
        return np.bincount(runs[:, 0], runs[:, 2], len(self.kinds)).astype(np.int64)

    def addresses(self, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Addresses and kind numbers of all records whose kind is ``chosen``, bool (kinds,)."""
        runs = self.runs.array
        runs = runs[chosen[runs[:, 0]]]
        lengths = runs[:, 2]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.repeat(runs[:, 1], lengths) + offsets, np.repeat(runs[:, 0], lengths)


def measure_shapes(block: Block) -> ShapeTally | None:
    """The kinds of the block's records."""
    kinds: dict[Kind, int] = {}
    numbers = np.full(block.records, -1, np.int64)
    for part in block.arrays:
        if part.primary:
            kind = Kind(part.shape, part.dtype.name)
            numbers[part.rows] = kinds.setdefault(kind, len(kinds))
    if block.images is not None:
        seen = block.images
        columns = (seen.channels, seen.height, seen.width, seen.dtype, seen.mode)
        for row, c, h, w, dtype, mode in zip(seen.rows, *columns, strict=True):
            kind = Kind((int(c), int(h), int(w)), str(dtype), str(mode))
            numbers[row] = kinds.setdefault(kind, len(kinds))
    if not kinds:
        return None
    edges = np.flatnonzero(np.diff(numbers, prepend=-2, append=-2))
    starts, lengths = edges[:-1], np.diff(edges)
    runs = np.stack([numbers[starts], block.start + starts, lengths], axis=1)
    return ShapeTally(tuple(kinds), Concatenated((runs[runs[:, 0] >= 0],)))
