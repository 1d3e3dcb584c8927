"""The inner loops in NumPy: what ``kernels.c`` does, said once more, slowly and exactly.

Rows lie at ``offsets``, int64 (n,), of ``source``, uint8 (s,). ``kind`` is the character of their
values' dtype, or ``TAGGED`` for float32 values that have a tag byte before each of them, as
protobuf writes unpacked floats.

Sums are taken in sixteen lanes: value i goes to lane i % 16, so that processors may add up several
at once and still all get the same result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = frozenset("Bbfd")
TAGGED = "t"
FLOAT_TAG = 0x35
FLOAT_STRIDE = 5
LANES = 16
WORDS = 8
SHIFT = np.uint64(29)
FACTOR = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio, odd: multiplying by it spreads bits (Knuth, 6.4)."""

CHUNK_BYTES = 1 << 18
SPAN = 1 << 15
"""Longer rows are summed in parts of so many values: a multiple of ``LANES``."""

LIMBS = 68
LOW_HALF = 0xFFFFFFFF

NARROW = 64
"""Rows of so few bytes are gathered all at once."""

Octets = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def compute_stats(  # noqa: PLR0913, PLR0917  (the columns of one result, filled in place)
    source: Octets,
    offsets: Offsets,
    kind: str,
    width: int,
    low: NDArray[Any],
    high: NDArray[Any],
    totals: NDArray[np.float64],
    squares: NDArray[np.float64],
    mixed: NDArray[np.uint64],
    sound: Octets,
) -> None:
    """Measure all ``width`` values of every row.

    ``datascan.records.statistics.RecordStats`` documents the columns.

    ``sound``, (n,), is 0 where a tag is missing, else 1.

    Raises:
        ValueError: where a row lies outside of ``source``.
    """
    dtype = np.dtype("f" if kind == TAGGED else kind)
    row_bytes = width * (FLOAT_STRIDE if kind == TAGGED else dtype.itemsize)
    require_inside(len(source), offsets, row_bytes)
    step = max(1, CHUNK_BYTES // row_bytes)
    for first in range(0, len(offsets), step):
        piece = slice(first, first + step)
        octets = np.stack([source[at : at + row_bytes] for at in offsets[piece].tolist()])
        if kind == TAGGED:
            rows, sound[piece] = strip_tags(octets)
        else:
            rows, sound[piece] = octets.view(dtype), 1
        np.min(rows, axis=1, out=low[piece])
        np.max(rows, axis=1, out=high[piece])
        totals[piece], squares[piece] = sums(rows)
        mixed[piece] = mix_words(rows)


def require_inside(size: int, offsets: Offsets, row_bytes: int) -> None:
    """Raise ValueError unless all rows lie within a buffer of ``size`` bytes."""
    if len(offsets) and (offsets.min() < 0 or offsets.max() > size - row_bytes):
        raise ValueError("a row lies outside of its buffer")


def strip_tags(octets: Octets) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Floats of (m, 5 k) bytes, (m, k), and whether all of a row's tags are right, (m,)."""
    tagged = octets.reshape(len(octets), octets.shape[1] // FLOAT_STRIDE, FLOAT_STRIDE)
    floats = np.ascontiguousarray(tagged[:, :, 1:]).view("<f4")[:, :, 0]
    return floats.astype(np.float32), (tagged[:, :, 0] == FLOAT_TAG).all(axis=1)


def sums(rows: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and sums of squares of (m, k) values, in lanes; of 8-bit integers they are exact."""
    totals, squares = np.zeros((2, len(rows), LANES))
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, rows.shape[1], SPAN):
            wide = rows[:, first : first + SPAN].astype(np.float64)
            totals, squares = add_lanes(totals, wide), add_lanes(squares, wide * wide)
        return across(totals), across(squares)


def add_lanes(lanes: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lanes, (m, 16), with further values of each row, (m, k), added one after the other."""
    count, width = rows.shape
    whole = width // LANES * LANES
    ranks = rows[:, :whole].reshape(count, -1, LANES)
    added = np.add.reduce(np.concatenate([lanes[:, None], ranks], axis=1), axis=1)
    added[:, : width - whole] += rows[:, whole:]
    return np.asarray(added)


def across(lanes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sixteen lanes, (m, 16), to one sum, (m,), in halves: 0 with 8, then 0 with 4, ..."""
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return np.asarray(lanes[:, 0])


def add_exactly(values: NDArray[np.float64], limbs: NDArray[np.int64]) -> bool:
    """Add values, (n,), to a number of ``LIMBS`` limbs; return whether all of them are finite.

    Limb i counts multiples of 2**(32 i - 1074): every finite float64 is a whole multiple of the
    first one's unit, so nothing is rounded. Limbs are int64, and hold 2**30 values without carry.

    Raises:
        ValueError: where there are fewer limbs.
    """
    if len(limbs) < LIMBS:
        raise ValueError("there is no room for the sum")
    bits = values.view(np.int64)
    exponent = bits >> 52 & 0x7FF
    mantissa = bits & 0xFFFFFFFFFFFFF | (exponent > 0).astype(np.int64) << 52
    sign = np.where(bits < 0, -1, 1)
    place = np.maximum(exponent, 1) - 1
    low = ((mantissa & LOW_HALF) << (place & 31)).view(np.uint64)
    high = mantissa >> 32 << (place & 31)
    parts = (low & LOW_HALF, (low >> 32) + (high.view(np.uint64) & LOW_HALF), high >> 32)
    for i, part in enumerate(parts):
        np.add.at(limbs, (place >> 5) + i, sign * part.astype(np.int64))
    return not (exponent == 0x7FF).any()


def gather(source: Octets, offsets: Offsets, width: int, out: Octets) -> None:
    """Copy ``width`` bytes from each of ``offsets`` on into ``out``, (n, width).

    Raises:
        ValueError: where a row lies outside of ``source``.
    """
    require_inside(len(source), offsets, width)
    if width <= NARROW:
        out[:] = source[offsets[:, None] + np.arange(width)]
        return
    for row, at in enumerate(offsets.tolist()):
        out[row] = source[at : at + width]


def mix_words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Up to ``WORDS`` words of each row of a C-contiguous array, mixed into one, uint64 (m,)."""
    return mix(word_places(rows), 0)


def mix(words: NDArray[np.uint64], place: int) -> NDArray[np.uint64]:
    """The sum over words, uint64 (m, w), each times the factor of its place, from ``place`` on."""
    factors = [pow(FACTOR, place + i + 1, 1 << 64) for i in range(words.shape[1])]
    spread = (words ^ (words >> SHIFT)) * np.array(factors, np.uint64)
    return np.asarray(spread.sum(axis=1, dtype=np.uint64))


def word_places(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Up to ``WORDS`` words of each row of a C-contiguous array, uint64 (m, w), evenly spread.

    A view, if rows have 8 bytes or more.
    """
    octets = rows.view(np.uint8)
    count, width = octets.shape
    if width < 8:
        padded = np.zeros((count, 8), np.uint8)
        padded[:, :width] = octets
        return padded.view(np.uint64)
    gap = (width - 8) // (WORDS - 1)
    shape = (count, WORDS if gap else 1)
    return np.ndarray(shape, np.uint64, octets.data, 0, (octets.strides[0], gap or 8))


def free_runs(codes: NDArray[np.int64], classes: int, out: NDArray[np.int64]) -> None:
    """For every position of (n,) codes, the longest run from there on that lacks some class, (n,).

    Codes are 0 up to ``classes``, and runs end at n. A class that occurs at a and next at b frees
    every position in a < p <= b as far as b.

    Raises:
        ValueError: where a code is no class.
    """
    require_codes(codes, classes)
    n = len(codes)
    small = np.uint16 if classes <= 1 << 16 else np.int64
    position = np.argsort(codes.astype(small), kind="stable")
    code = codes[position]
    first = np.empty(n, np.bool_)
    first[0], first[1:] = True, code[1:] != code[:-1]
    begin = np.where(first, 0, np.roll(position, 1) + 1)
    reach = np.zeros(n + 1, np.int64)
    np.maximum.at(reach, begin, position)
    reach[position[np.roll(first, -1)] + 1] = n
    lacking = np.bincount(codes, minlength=classes).min() == 0
    out[:] = n - np.arange(n) if lacking else (np.maximum.accumulate(reach) - np.arange(n + 1))[:n]


def count_batches(
    codes: NDArray[np.int64], classes: int, size: int, out: NDArray[np.int64]
) -> None:
    """In how many of the full batches of ``size`` each class occurs, (classes,).

    Raises:
        ValueError: where a code is no class, or the size is none.
    """
    require_codes(codes, classes)
    if size < 1:
        raise ValueError("a batch has at least one record")
    whole = len(codes) // size * size
    keys = np.sort(np.arange(whole) // size * classes + codes[:whole])
    new = np.diff(keys, prepend=-1) != 0
    out[:] = np.bincount(keys[new] % classes, minlength=classes)


def require_codes(codes: NDArray[np.int64], classes: int) -> None:
    """Raise ValueError unless codes, at least one a class, lie in 0 up to ``classes``."""
    if not 1 <= classes <= len(codes) or codes.min() < 0 or codes.max() >= classes:
        raise ValueError("a code lies outside of the classes")
