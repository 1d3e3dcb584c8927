"""Contents: which records hold the same thing.

Every record gets a 64-bit signature. For encoded images and raw values it is a hash of all bytes.
For arrays it is made of what is known anyway (extents) and of a few words at fixed places, and
records that share one get a second look, a 128-bit hash of all their bytes: so the answer is exact,
and the first pass stays cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, Tally
from datascan.records.block import Block


@dataclass(frozen=True, slots=True)
class FingerprintTally(Tally):
    """Signatures of all records, uint64 (n,); ``vague`` counts blocks that want a second look."""

    fingerprints: Concatenated
    is_inexact: int


def measure_fingerprints(block: Block) -> FingerprintTally:
    """The block's signatures; 0 for records without content."""
    signatures = block.fingerprints
    if signatures is None:
        signatures = np.zeros(block.records, np.uint64)
    return FingerprintTally(Concatenated((signatures,)), int(not block.has_exact_fingerprints))


def find_repeated(signatures: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Indices, ascending, of all records whose signature is not 0 and occurs more than once."""
    ordered = np.sort(signatures)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    again = again[again != 0]
    # Most datasets hold no copies: then sorting, which is quick, has told all there is.
    return np.flatnonzero(np.isin(signatures, again)) if len(again) else np.empty(0, np.int64)
