"""What LMDB and LevelDB have in common: records are key-value pairs, in key order."""

from __future__ import annotations

import re

import numpy as np

from datascan.records.block import KeyNumbers
from datascan.records.buffers import BytesColumn

METADATA_KEYS = (b"num-samples", b"num_samples", b"length", b"__len__", b"__keys__", b"meta_info")
COUNT_KEYS = (b"num-samples", b"num_samples", b"length", b"__len__")
FIRST_BYTES = np.isin(np.arange(256), [key[0] for key in METADATA_KEYS])


def metadata_rows(keys: BytesColumn) -> list[int]:
    """Rows of keys that are no records."""
    short = np.flatnonzero(keys.lengths <= max(map(len, METADATA_KEYS)))
    # Most keys begin with a digit: seen by their first bytes, and never copied.
    doubtful = short[FIRST_BYTES[keys.buffer[keys.offsets[short]]]]
    return [row for row in doubtful.tolist() if keys[row] in METADATA_KEYS]


def format_key(key: bytes) -> str:
    """A key as text; what is not UTF-8 with backslash escapes."""
    return key.decode("utf-8", "backslashreplace")


NUMBERED = re.compile(rb"(\D{0,64})(\d{1,18})(?!\d)")
MAX_DIGITS = 18
"""Numbers of more digits do not fit in int64."""


def parse_key_numbers(keys: BytesColumn) -> KeyNumbers | None:
    """The first number in every key that begins as the first key does; None if that has none."""
    found = NUMBERED.match(keys[0]) if len(keys) else None
    if found is None:
        return None
    prefix = np.frombuffer(found[1], np.uint8)
    # One column more than the longest key has digits, so that a number always ends.
    longest = max(0, int(keys.lengths.max()) - len(prefix))
    width = len(prefix) + min(longest, MAX_DIGITS) + 1
    columns = np.arange(width)
    inside = columns < np.minimum(keys.lengths, width)[:, None]
    places = np.where(inside, keys.offsets[:, None] + columns, 0)
    head = np.where(inside, keys.buffer[places], 0)
    digits = head[:, len(prefix) :].astype(np.int16) - ord("0")
    is_digit = (digits >= 0) & (digits <= 9)
    leading = np.logical_and.accumulate(is_digit, axis=1)
    values = np.zeros(len(keys), np.int64)
    for column in range(leading.shape[1]):
        more = leading[:, column]
        if not more.any():
            break
        values[more] = values[more] * 10 + digits[more, column]
    fits = leading[:, 0] & ~leading[:, -1]
    fits &= (head[:, : len(prefix)] == prefix).all(axis=1)
    return KeyNumbers(found[1].decode("utf-8", "backslashreplace"), np.where(fits, values, -1))
