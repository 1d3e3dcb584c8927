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
from datascan.native import loops
from datascan.records.block import Block

BITS_PER_FINGERPRINT = 4
MIN_TABLE_BITS = 10
"""The binary logarithm of the smallest number of places in a table."""


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
    doubtful = np.flatnonzero(mark_doubtful(fingerprints))
    candidates = fingerprints[doubtful]
    ordered = np.sort(candidates)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    repeated = repeated[repeated != 0]
    # Most datasets have no duplicates; the fast sort alone then settles it.
    if not len(repeated):
        return np.empty(0, np.int64)
    return doubtful[np.isin(candidates, repeated)]


def mark_doubtful(fingerprints: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of (n,) fingerprints may occur twice: all that do, and up to one in four others.

    They are noted in a table with at least ``BITS_PER_FINGERPRINT`` places for each, which takes
    less memory and time than sorting them all.
    """
    size = max(MIN_TABLE_BITS, (BITS_PER_FINGERPRINT * len(fingerprints) - 1).bit_length())
    doubtful = np.empty(len(fingerprints), np.uint8)
    loops.mark_repeated(np.ascontiguousarray(fingerprints), size, doubtful)
    return doubtful.view(np.bool_)
