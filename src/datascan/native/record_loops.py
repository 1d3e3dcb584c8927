"""Records that share a template, and the numbers in their keys: what ``records.c`` does, in NumPy.

Records and keys start at ``offsets``, int64 (n,), of ``source``, uint8 (s,).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.native.fallback import (
    FLOAT_STRIDE,
    KINDS,
    TAGGED,
    Octets,
    Offsets,
    compute_stats,
    gather,
    require_apart,
    require_columns,
    require_inside,
)

MAX_LABEL_BYTES = 10
"""The bytes of the longest varint."""

MAX_DIGITS = 18
"""Numbers of more digits do not fit in int64."""


def measure_records(  # noqa: PLR0913, PLR0917  (a template, and the columns of one result)
    source: Octets,
    offsets: Offsets,
    length: int,
    places: Offsets,
    literals: Octets,
    label_offset: int,
    label_bytes: int,
    payload_offset: int,
    kind: str,
    width: int,
    labels: NDArray[np.int64],
    matches: Octets,
    low: NDArray[Any],
    high: NDArray[Any],
    totals: NDArray[np.float64],
    squares: NDArray[np.float64],
    mixed: NDArray[np.uint64],
) -> None:
    """Find the records of ``length`` bytes that match a template, their labels and statistics.

    ``places``: int64 (k, 2), offset and size in a record of each literal; ``literals``: their bytes
    one after the other. The label is a varint of exactly ``label_bytes`` bytes, 0 without a label.
    ``kind`` and ``width``: of the values at ``payload_offset``; 0 values are not measured.

    ``matches``, uint8 (n,), is set to 1 if a record has all literals, the label and valid tags.
    ``labels``, int64 (n,): the low 32 bits, with sign. For the other columns, see
    ``datascan.records.statistics.RecordStats``. All are 0 for records that do not match.

    Raises:
        ValueError: if a record extends beyond ``source``, the template does not fit in ``length``
            bytes, a column is too short or overlaps another buffer, or ``kind`` is unknown.
        TypeError: if ``low`` or ``high`` has another dtype than the values.
    """
    if kind not in KINDS | {TAGGED}:
        raise ValueError("values of an unknown kind")
    dtype = np.dtype("f" if kind == TAGGED else kind)
    columns = (low, high, totals, squares, mixed)
    require_columns(offsets, dtype, *columns, labels, matches)
    row_bytes = width * (FLOAT_STRIDE if kind == TAGGED else dtype.itemsize)
    parts = ((label_offset, label_bytes), (payload_offset, row_bytes), *places.tolist())
    sizes = int(places[:, 1].sum(dtype=object)) if places.shape[1:] == (2,) else -1
    if length < 0 or label_bytes > MAX_LABEL_BYTES or sizes != len(literals):
        raise ValueError("a template does not fit its records")
    if any(offset < 0 or size < 0 or offset + size > length for offset, size in parts):
        raise ValueError("a template does not fit its records")
    inputs = (source, offsets, places, literals)
    require_apart(inputs, (labels, matches, *columns))
    require_inside(len(source), offsets, length)
    same = np.ones(len(offsets), np.bool_)
    end = 0
    for offset, size in places.tolist():
        literal, end = literals[end : end + size], end + size
        same &= (gather_part(source, offsets + offset, size) == literal).all(axis=1)
    varints = gather_part(source, offsets + label_offset, label_bytes)
    if label_bytes:
        same &= (varints[:, :-1] >= 0x80).all(axis=1) & (varints[:, -1] < 0x80)
    rows = np.flatnonzero(same)
    found: list[NDArray[Any]] = [np.zeros(len(rows), column.dtype) for column in columns]
    has_valid_tags = np.ones(len(rows), np.uint8)
    if width:
        starts = offsets[rows] + payload_offset
        compute_stats(source, starts, kind, width, *(*found, has_valid_tags))
    same[rows] = has_valid_tags
    n = len(offsets)
    for column, values in zip(columns, found, strict=True):
        column[:n] = 0
        column[rows] = values
        column[:n][~same] = 0
    labels[:n] = np.where(same, decode_labels(varints), 0)
    matches[:n] = same


def gather_part(source: Octets, offsets: Offsets, size: int) -> Octets:
    """The ``size`` bytes at each of ``offsets``, uint8 (n, size)."""
    out = np.empty((len(offsets), size), np.uint8)
    gather(source, offsets, size, out)
    return out


def decode_labels(varints: Octets) -> NDArray[np.int32]:
    """The low 32 bits of varints, uint8 (n, size), as protobuf reads an int32."""
    total = np.zeros(len(varints), np.uint64)
    for i, octet in enumerate(varints.T):
        total |= (octet & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * i)
    return (total & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)


def key_numbers(
    source: Octets, offsets: Offsets, lengths: Offsets, prefix: Octets, out: NDArray[np.int64]
) -> None:
    """Read the number after the ``prefix`` of each key into ``out``, int64 (n,).

    It is -1 for keys with another prefix, or without a number, or with one of more than
    ``MAX_DIGITS`` digits. ``lengths``: of the keys, int64 (n,).

    Raises:
        ValueError: if a key extends beyond ``source``, or the columns differ in length or overlap.
    """
    if not len(offsets) == len(lengths) == len(out):
        raise ValueError("a column has another length than the keys")
    require_apart((source, offsets, lengths, prefix), (out,))
    size = len(source)
    if len(offsets) and (min(offsets.min(), lengths.min()) < 0 or offsets.max() > size):
        raise ValueError("a record is outside of its buffer")
    if (lengths > size - offsets).any():
        raise ValueError("a record is outside of its buffer")
    values = np.zeros(len(offsets), np.int64)
    counts = np.zeros(len(offsets), np.int64)
    going = lengths > len(prefix)
    for i, octet in enumerate(prefix.tolist()):
        going[going] = source[offsets[going] + i] == octet
    is_numbered = going.copy()
    for i in range(MAX_DIGITS + 1):
        going &= lengths > len(prefix) + i
        digits = source[offsets[going] + len(prefix) + i] - np.uint8(ord("0"))
        going[going] = digits <= 9
        if not going.any():
            break
        counts[going] += 1
        values[going] = values[going] * 10 + digits[digits <= 9]
    out[:] = np.where(is_numbered & (counts > 0) & (counts <= MAX_DIGITS), values, -1)
