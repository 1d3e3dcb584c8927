"""Hashes of the keys of many records at a time, of which a dataset's fingerprint has the sum.

They depend on the key alone: neither on other keys, nor on the host. They recognise a change; they
do not protect from one that is made to go unnoticed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datascan.native.fallback import FACTOR, SHIFT, mix
from datascan.records.buffers import BytesColumn, hash_bytes

MAX_WORD_BYTES = 64
"""Keys of up to this many bytes are hashed together with all others of their length."""


def hash_keys(keys: BytesColumn) -> NDArray[np.uint64]:
    """A hash of each key, uint64 (n,)."""
    hashes = np.empty(len(keys), np.uint64)
    lengths = keys.lengths
    if len(lengths) and (lengths == lengths[0]).all():
        return hash_of_one_length(keys, np.arange(len(keys)))
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        hashes[rows] = hash_of_one_length(keys, rows)
    return hashes


def hash_of_one_length(keys: BytesColumn, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The hashes of ``rows``, whose keys have the same length."""
    length = int(keys.lengths[rows[0]])
    if length > MAX_WORD_BYTES:
        found = [hash_bytes(keys.view(row)) for row in rows.tolist()]
        return finish(np.array(found, np.uint64))
    octets = keys.gather(rows)
    if length % 8 or not length:
        padded = np.zeros((len(rows), length // 8 * 8 + 8), np.uint8)
        padded[:, :length] = octets
        octets = padded
    words = octets.view("<u8").astype(np.uint64, copy=False)
    return finish(mix(words, 0) + np.uint64(FACTOR * (length + 1) % (1 << 64)))


def hash_names(names: Sequence[str]) -> NDArray[np.uint64]:
    """The hashes of the names of a few files, uint64 (n,)."""
    return finish(np.array([hash_bytes(os.fsencode(name)) for name in names], np.uint64))


def hash_rows(name: bytes, first: int, count: int) -> NDArray[np.uint64]:
    """The hashes of ``count`` records that are the rows of a table from ``first`` on."""
    rows = np.arange(first, first + count, dtype=np.uint64)
    return finish(rows * np.uint64(FACTOR) + np.uint64(hash_bytes(name)))


def finish(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread each of some words over its 64 bits, so that sums of them rarely agree."""
    spread = (words ^ (words >> SHIFT)) * np.uint64(FACTOR)
    return np.asarray(spread ^ (spread >> SHIFT))
