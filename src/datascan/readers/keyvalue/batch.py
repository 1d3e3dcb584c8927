"""Batches of keys and values, and ranges of keys."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn


@dataclass(frozen=True, eq=False)
class KeyValueBatch:
    """Consecutive entries of a key-value store.

    ``faults`` are the store's own, their rows counted from the first entry; a row that has one
    (a value on a missing page) could not be read, and its value means nothing.
    """

    keys: BytesColumn
    values: BytesColumn
    faults: tuple[Fault, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: NDArray[np.int64]) -> KeyValueBatch:
        """The entries of ``rows``, ascending; faults of no row are kept."""
        at = {int(row): i for i, row in enumerate(rows)} if self.faults else {}
        kept = tuple(
            fault if fault.row is None else replace(fault, row=at[fault.row])
            for fault in self.faults
            if fault.row is None or fault.row in at
        )
        return KeyValueBatch(self.keys.take(rows), self.values.take(rows), kept)


def clip_to_range(pairs: KeyValueBatch, first: bytes | None, stop: bytes | None) -> KeyValueBatch:
    """The entries with ``first`` <= key < ``stop``; keys are looked at only at the two ends."""
    low, high = 0, len(pairs)
    while first is not None and low < high and pairs.keys[low] < first:
        low += 1
    while stop is not None and high > low and pairs.keys[high - 1] >= stop:
        high -= 1
    return pairs if (low, high) == (0, len(pairs)) else pairs.take(np.arange(low, high))


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from ``first`` (None: the very first) up to, not with, ``stop`` (None: to the end)."""

    first: bytes | None = None
    stop: bytes | None = None
