"""Contents: which records hold the same thing.

Every record gets a 64-bit signature. For encoded images and raw values it is a hash of all bytes.
For arrays it is made of what is known anyway (extents) and of a few words at fixed places, and
records that share one get a second look, a 128-bit hash of all their bytes: so the answer is exact,
and the first pass stays cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import xxhash
from numpy.typing import NDArray

from datascan.block import Block, Part
from datascan.native.plain import FACTOR, SHIFT, WORDS, mix, word_places
from datascan.tally import Joined, Tally


@dataclass(frozen=True, slots=True)
class ContentTally(Tally):
    """Signatures of all records, uint64 (n,); ``vague`` counts blocks that want a second look."""

    signatures: Joined
    vague: int


def measure_contents(block: Block) -> ContentTally:
    """The block's signatures; 0 for records without content."""
    signatures = block.signatures
    if signatures is None:
        signatures = np.zeros(block.records, np.uint64)
    return ContentTally(Joined((signatures,)), int(not block.exact))


def signatures_of(part: Part) -> NDArray[np.uint64]:
    """Signatures of arrays, (m,): equal for equal content, seldom for other content.

    Records of fewer than two values get 0: too little to be called a copy.
    """
    if part.size < 2:
        return np.zeros(len(part.rows), np.uint64)
    kind = crc32(repr((part.shape, stored(part).str)).encode())
    mixed = part.survey.mixed
    for place, extent in enumerate(part.extents):
        # One zero and one NaN, so that the order of comparisons cannot show.
        same = np.where(np.isnan(extent), 1, extent + 0) if part.is_float else extent
        column = word_places(same.astype(extent.dtype).reshape(-1, 1))
        mixed = mixed + mix(column, WORDS + place)
    mixed = ((mixed ^ (mixed >> SHIFT)) + np.uint64(kind)) * np.uint64(FACTOR)
    return np.asarray(np.maximum(mixed, np.uint64(1)))


def stored(part: Part) -> np.dtype[Any]:
    """The dtype of a part's values as they are compared: booleans are bytes."""
    return np.dtype(np.uint8) if part.dtype == np.bool_ else part.dtype


def shared(signatures: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Indices, ascending, of all records whose signature is not 0 and occurs more than once."""
    ordered = np.sort(signatures)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    again = again[again != 0]
    # Most datasets hold no copies: then sorting, which is quick, has told all there is.
    return np.flatnonzero(np.isin(signatures, again)) if len(again) else np.empty(0, np.int64)


def digests_of(
    parts: Sequence[Part], encoded: Mapping[int, bytes | memoryview], wanted: NDArray[np.int64]
) -> list[bytes]:
    """128-bit digests of ``wanted`` rows: of shape, dtype and values, or of encoded bytes."""
    found: dict[int, bytes] = {}
    for part in parts:
        kind = repr((part.shape, stored(part).str)).encode()
        chosen = np.flatnonzero(np.isin(part.rows, wanted))
        for i, values in zip(chosen.tolist(), part.take(chosen), strict=True):
            digest = xxhash.xxh3_128(kind)
            digest.update(values.data)
            found[int(part.rows[i])] = digest.digest()
    for row in wanted.tolist():
        if row in encoded:
            found[row] = xxhash.xxh3_128_digest(encoded[row])
    # A row without content is like no other.
    return [found.get(row) or b"row %d" % row for row in wanted.tolist()]
