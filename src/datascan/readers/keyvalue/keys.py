"""Keys of records: metadata keys, text form, and the numbers in them."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from datascan.records.block import KeyNumbers
from datascan.records.buffers import BytesColumn

METADATA_KEYS = (b"num-samples", b"num_samples", b"length", b"__len__", b"__keys__", b"meta_info")
COUNT_KEYS = (b"num-samples", b"num_samples", b"length", b"__len__")


def metadata_rows(
    keys: BytesColumn, metadata: Collection[bytes] = frozenset(METADATA_KEYS)
) -> list[int]:
    """Rows of ``metadata`` keys, which are not records."""
    is_initial = np.isin(np.arange(256), [key[0] for key in metadata])
    short = np.flatnonzero(keys.lengths <= max(map(len, metadata)))
    # Most keys start with a digit, so the first byte decides without copying the key.
    candidates = short[is_initial[keys.buffer[keys.offsets[short]]]]
    return [row for row in candidates.tolist() if keys[row] in metadata]


def format_key(key: bytes) -> str:
    """A key as text, with backslash escapes for bytes that are not UTF-8."""
    return key.decode("utf-8", "backslashreplace")


NUMBERED = re.compile(rb"(\D{0,64})(\d{1,18})(?!\d)")
MAX_DIGITS = 18
"""Numbers of more digits do not fit in int64."""


def parse_key_numbers(keys: BytesColumn) -> KeyNumbers | None:
    """The number after the prefix of the first key, for each key with that prefix.

    None if the first key has no number.
    """
    match = NUMBERED.match(keys[0]) if len(keys) else None
    if match is None:
        return None
    prefix = np.frombuffer(match[1], np.uint8)
    values = parse_equal_lengths(keys, prefix)
    if values is not None:
        return KeyNumbers(format_key(match[1]), values)
    # One column more than the digits of the longest key, so that every number ends.
    max_digits = max(0, int(keys.lengths.max()) - len(prefix))
    width = len(prefix) + min(max_digits, MAX_DIGITS) + 1
    columns = np.arange(width)
    inside = columns < np.minimum(keys.lengths, width)[:, None]
    positions = np.where(inside, keys.offsets[:, None] + columns, 0)
    head = np.where(inside, keys.buffer[positions], 0)
    digits = head[:, len(prefix) :].astype(np.int16) - ord("0")
    is_digit = (digits >= 0) & (digits <= 9)
    leading = np.logical_and.accumulate(is_digit, axis=1)
    values = np.zeros(len(keys), np.int64)
    for column in range(leading.shape[1]):
        continues = leading[:, column]
        if not continues.any():
            break
        values[continues] = values[continues] * 10 + digits[continues, column]
    is_numbered = leading[:, 0] & ~leading[:, -1]
    is_numbered &= (head[:, : len(prefix)] == prefix).all(axis=1)
    return KeyNumbers(format_key(match[1]), np.where(is_numbered, values, -1))


def parse_equal_lengths(keys: BytesColumn, prefix: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """The numbers of keys of one length that are the prefix and digits; None if others occur.

    Most stores have such keys, and this takes a tenth of the time.
    """
    count = int(keys.lengths[0]) - len(prefix)
    if count > MAX_DIGITS or not (keys.lengths == keys.lengths[0]).all():
        return None
    octets = keys.gather(np.arange(len(keys)))
    digits = octets[:, len(prefix) :] - np.uint8(ord("0"))
    if (digits > 9).any() or (octets[:, : len(prefix)] != prefix).any():
        return None
    return np.asarray(digits.astype(np.int64) @ 10 ** np.arange(count - 1, -1, -1))
