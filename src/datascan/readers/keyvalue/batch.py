"""Batches of keys and values, and ranges of keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn


class KeyValueBatch(Struct, frozen=True, eq=False):
    """Consecutive entries of a key-value store.

    ``faults`` are those of the store, with rows relative to the batch. The value of a row with a
    fault (for example on a missing page) could not be read and is undefined. ``has_values`` is
    False if the records have no values, which are empty.
    """

    keys: BytesColumn
    values: BytesColumn
    faults: tuple[Fault, ...] = ()
    has_values: bool = True

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: NDArray[np.int64]) -> KeyValueBatch:
        """The entries of ``rows``, ascending, with their faults and those of no row."""
        new_rows = {int(row): i for i, row in enumerate(rows)} if self.faults else {}
        faults = tuple(
            fault if fault.row is None else replace(fault, row=new_rows[fault.row])
            for fault in self.faults
            if fault.row is None or fault.row in new_rows
        )
        keys, values = self.keys.take(rows), self.values.take(rows)
        return KeyValueBatch(keys, values, faults, self.has_values)


def clip_to_range(batch: KeyValueBatch, first: bytes | None, stop: bytes | None) -> KeyValueBatch:
    """The entries with ``first`` <= key < ``stop``; compares only the keys at both ends."""
    low, high = 0, len(batch)
    while first is not None and low < high and batch.keys[low] < first:
        low += 1
    while stop is not None and high > low and batch.keys[high - 1] >= stop:
        high -= 1
    return batch if (low, high) == (0, len(batch)) else batch.take(np.arange(low, high))


class KeyRange(Struct, frozen=True):
    """Keys ``first`` <= key < ``stop``; None means no bound."""

    first: bytes | None = None
    stop: bytes | None = None
