"""The sum of the hashes of all keys: it changes if a record is added, removed or renamed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datascan.metrics.base import Tally
from datascan.records.block import Block


@dataclass(frozen=True, slots=True)
class KeyTally(Tally):
    """The number of records with known keys, and the sum of the hashes of their keys."""

    records: int
    total: int

    @property
    def digest(self) -> str:
        """The sum modulo 2**64, in 16 hexadecimal digits."""
        return f"{self.total % (1 << 64):016x}"


def measure_keys(block: Block) -> KeyTally | None:
    """The hashes of the block's keys; None if its reader does not know them."""
    hashes = block.key_hashes
    if hashes is None:
        return None
    return KeyTally(block.records, int(hashes.sum(dtype=np.uint64)))
