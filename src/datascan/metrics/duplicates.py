"""Finds candidates for records with equal content.

Every record gets a 64-bit fingerprint. For encoded images and raw values it is a hash of all bytes.
For arrays it is computed from statistics that are known anyway and a few words at fixed places;
records with equal fingerprints are then confirmed by a 128-bit hash of all their bytes. The result
is exact, and the first pass stays cheap. Records with a content fault are not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, Tally
from datascan.metrics.content_faults import find_content_faults
from datascan.records.block import Block


@dataclass(frozen=True, slots=True)
class FingerprintTally(Tally):
    """Fingerprints of all records, uint64 (n,).

    ``inexact_blocks`` counts the blocks whose equal fingerprints must be confirmed.
    """

    fingerprints: Concatenated
    inexact_blocks: int


def measure_fingerprints(block: Block) -> FingerprintTally:
    """The block's fingerprints; 0 for records without content or with a content fault."""
    fingerprints = block.fingerprints
    if fingerprints is None:
        fingerprints = np.zeros(block.records, np.uint64)
    elif len(faulty := find_content_faults(block)):
        fingerprints = fingerprints.copy()
        fingerprints[faulty] = 0
    return FingerprintTally(Concatenated((fingerprints,)), int(not block.has_exact_fingerprints))


def find_repeated(fingerprints: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Indices, ascending, of all records whose fingerprint is not 0 and occurs more than once."""
    ordered = np.sort(fingerprints)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    repeated = repeated[repeated != 0]
    # Most datasets have no duplicates; the fast sort alone then settles it.
    if not len(repeated):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.isin(fingerprints, repeated))
