"""Keys of records: metadata keys, text form, and the numbers in them."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np

from datascan.native import loops
from datascan.records.block import KeyNumbers
from datascan.records.buffers import BytesColumn

METADATA_KEYS = (b"num-samples", b"num_samples", b"length", b"__len__", b"__keys__", b"meta_info")
COUNT_KEYS = (b"num-samples", b"num_samples", b"length", b"__len__")


def metadata_rows(
    keys: BytesColumn, metadata: Collection[bytes] = frozenset(METADATA_KEYS)
) -> list[int]:
    """Rows of ``metadata`` keys, which are not records."""
    is_initial = np.zeros(256, np.bool_)
    is_initial[[key[0] for key in metadata]] = True
    short = np.flatnonzero(keys.lengths <= max(map(len, metadata)))
    # Most keys start with a digit, so the first byte decides without copying the key.
    candidates = short[is_initial[keys.buffer[keys.offsets[short]]]]
    return [row for row in candidates.tolist() if keys[row] in metadata]


def format_key(key: bytes) -> str:
    """A key as text, with backslash escapes for bytes that are not UTF-8."""
    return key.decode("utf-8", "backslashreplace")


NUMBERED = re.compile(rb"(\D{0,64})(\d{1,18})(?!\d)")


def parse_key_numbers(keys: BytesColumn) -> KeyNumbers | None:
    """The number after the prefix of the first key, for each key with that prefix.

    None if the first key has no number.
    """
    match = NUMBERED.match(keys[0]) if len(keys) else None
    if match is None:
        return None
    numbers = np.empty(len(keys), np.int64)
    loops.key_numbers(
        keys.buffer,
        np.ascontiguousarray(keys.offsets, np.int64),
        np.ascontiguousarray(keys.lengths, np.int64),
        np.frombuffer(match[1], np.uint8),
        numbers,
    )
    return KeyNumbers(format_key(match[1]), numbers)
