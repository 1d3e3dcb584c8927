"""The inner loops in NumPy: the reference for ``kernels.c`` and ``epoch.c``.

Rows start at ``offsets``, int64 (n,), of ``source``, uint8 (s,). ``kind`` is the dtype character
of their values, or ``TAGGED`` for float32 values that are each preceded by a tag byte, the way
protobuf writes unpacked floats.

Sums use sixteen lanes, value i in lane i % 16, so that SIMD code of any width adds in the same
order and returns the same bits.
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
"""2**64 divided by the golden ratio, made odd: the multiplier of Fibonacci hashing (Knuth, 6.4)."""

CHUNK_BYTES = 1 << 18
SPAN = 1 << 15
"""Longer rows are summed in spans of this many values, a multiple of ``LANES``."""

LIMBS = 68
LOW_HALF = 0xFFFFFFFF

NARROW = 64
"""Rows of at most this many bytes are gathered by one indexing operation."""

MAX_PLANES = 16
"""Larger elements than this many bytes are not unshuffled byte by byte."""

Octets = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.signedinteger[Any]]


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
    """Compute the statistics of the ``width`` values of every row.

    See ``datascan.records.statistics.RecordStats`` for the output columns. ``sound``, uint8 (n,),
    is set to 1 if all tags of a row are valid, else to 0.

    Raises:
        ValueError: if a row extends beyond ``source``, a column is too short or overlaps another
            buffer, or ``kind`` is unknown.
        TypeError: if ``low`` or ``high`` has another dtype than the values.
    """
    if kind not in KINDS | {TAGGED}:
        raise ValueError("values of an unknown kind")
    dtype = np.dtype("f" if kind == TAGGED else kind)
    require_columns(offsets, dtype, low, high, totals, squares, mixed, sound)
    require_apart((source, offsets), (low, high, totals, squares, mixed, sound))
    if not len(offsets):
        return
    row_bytes = max(1, width) * (FLOAT_STRIDE if kind == TAGGED else dtype.itemsize)
    require_inside(len(source) if width > 0 else 0, offsets, row_bytes)
    step = max(1, CHUNK_BYTES // row_bytes)
    for first in range(0, len(offsets), step):
        chunk = slice(first, min(first + step, len(offsets)))
        octets = np.stack([source[at : at + row_bytes] for at in offsets[chunk].tolist()])
        if kind == TAGGED:
            rows, sound[chunk] = strip_tags(octets)
        else:
            rows, sound[chunk] = octets.view(dtype), 1
        np.min(rows, axis=1, out=low[chunk])
        np.max(rows, axis=1, out=high[chunk])
        totals[chunk], squares[chunk] = sum_rows(rows)
        mixed[chunk] = mix_words(rows)


def require_columns(offsets: Offsets, dtype: np.dtype[Any], *columns: NDArray[Any]) -> None:
    """Raise unless there is an item for each row, and the first two columns have the ``dtype``."""
    if any(column.dtype != dtype for column in columns[:2]):
        raise TypeError("lows and highs have another type than the values")
    if any(len(column) < len(offsets) for column in columns):
        raise ValueError("a column has fewer items than there are rows")


def require_apart(inputs: tuple[NDArray[Any], ...], outputs: tuple[NDArray[Any], ...]) -> None:
    """Raise ValueError if an output shares a byte with another array."""
    for i, out in enumerate(outputs):
        if any(np.may_share_memory(out, other) for other in (*inputs, *outputs[:i])):
            raise ValueError("an output overlaps another buffer")


def require_inside(size: int, offsets: Offsets, row_bytes: int) -> None:
    """Raise ValueError unless all rows are inside a buffer of ``size`` bytes."""
    if len(offsets) and (offsets.min() < 0 or offsets.max() > size - row_bytes):
        raise ValueError("a row is outside of its buffer")


def strip_tags(octets: Octets) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Convert (m, 5 k) bytes to (m, k) floats; also whether all tags of a row are valid, (m,)."""
    tagged = octets.reshape(len(octets), octets.shape[1] // FLOAT_STRIDE, FLOAT_STRIDE)
    floats = np.ascontiguousarray(tagged[:, :, 1:]).view("<f4")[:, :, 0]
    return floats.astype(np.float32), (tagged[:, :, 0] == FLOAT_TAG).all(axis=1)


def sum_rows(rows: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums and sums of squares of (m, k) values, (m,) each; exact for 8-bit integers."""
    totals, squares = np.zeros((2, len(rows), LANES))
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, rows.shape[1], SPAN):
            wide = rows[:, first : first + SPAN].astype(np.float64)
            totals, squares = add_lanes(totals, wide), add_lanes(squares, wide * wide)
        return sum_lanes(totals), sum_lanes(squares)


def add_lanes(lanes: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add more values of each row, (m, k), to the lanes, (m, 16), in order."""
    count, width = rows.shape
    aligned = width // LANES * LANES
    groups = rows[:, :aligned].reshape(count, -1, LANES)
    added = np.add.reduce(np.concatenate([lanes[:, None], groups], axis=1), axis=1)
    added[:, : width - aligned] += rows[:, aligned:]
    return np.asarray(added)


def sum_lanes(lanes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduce sixteen lanes, (m, 16), to sums, (m,), by halving: 0 with 8, then 0 with 4, ..."""
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return np.asarray(lanes[:, 0])


def add_exactly(values: NDArray[np.float64], limbs: NDArray[np.int64]) -> bool:
    """Add values, (n,), to a number of ``LIMBS`` limbs; return whether all values are finite.

    Limb i counts multiples of 2**(32 i - 1074). Every finite float64 is an integer multiple of
    the first limb's unit, so nothing is rounded. Limbs are int64 and hold 2**30 values without
    carrying.

    Raises:
        ValueError: if there are fewer than ``LIMBS`` limbs, or they overlap the values.
    """
    if len(limbs) < LIMBS:
        raise ValueError(f"a sum needs {LIMBS} limbs")
    require_apart((values,), (limbs,))
    bits = values.view(np.int64)
    exponent = bits >> 52 & 0x7FF
    mantissa = bits & 0xFFFFFFFFFFFFF | (exponent > 0).astype(np.int64) << 52
    sign = np.where(bits < 0, -1, 1)
    place = np.maximum(exponent, 1) - 1
    low = ((mantissa & LOW_HALF) << (place & 31)).view(np.uint64)
    high = mantissa >> 32 << (place & 31)
    digits = (low & LOW_HALF, (low >> 32) + (high.view(np.uint64) & LOW_HALF), high >> 32)
    for i, digit in enumerate(digits):
        np.add.at(limbs, (place >> 5) + i, sign * digit.astype(np.int64))
    return not (exponent == 0x7FF).any()


def gather(source: Octets, offsets: Offsets, width: int, out: Octets) -> None:
    """Copy the ``width`` bytes that start at each of ``offsets`` to ``out``, uint8 (n, width).

    Raises:
        ValueError: if a row extends beyond ``source``, or ``out`` has another shape or overlaps
            another array.
    """
    if out.shape != (len(offsets), width):
        raise ValueError("the output has another shape than the rows")
    require_apart((source, offsets), (out,))
    require_inside(len(source), offsets, width)
    if width <= NARROW:
        out[:] = source[offsets[:, None] + np.arange(width)]
        return
    for row, at in enumerate(offsets.tolist()):
        out[row] = source[at : at + width]


def mark_repeated(numbers: NDArray[np.uint64], bits: int, out: Octets) -> None:
    """Set ``out``, uint8 (n,), to 1 for numbers that agree with another one in their low bits.

    It is 0 for all others. ``bits`` is the number of low bits. The loop in C needs 2**bits / 4
    bytes of memory.

    Raises:
        ValueError: if ``bits`` is not in 3 <= bits <= 36, or ``out`` has another length or overlaps
            the numbers.
    """
    if not 3 <= bits <= 36:
        raise ValueError("a table has 3 to 36 bits")
    if len(out) != len(numbers):
        raise ValueError("the output has the wrong length")
    require_apart((numbers,), (out,))
    low = numbers & np.uint64((1 << bits) - 1)
    ordered = np.sort(low)
    out[:] = np.isin(low, ordered[1:][ordered[1:] == ordered[:-1]])


def finish_fingerprints(
    mixed: NDArray[np.uint64],
    low: NDArray[Any],
    high: NDArray[Any],
    type_hash: int,
    out: NDArray[np.uint64],
) -> None:
    """Add the range of each record, and a hash of its type, to the hash of its words.

    ``mixed``, ``low``, ``high``: (n,), see ``datascan.records.statistics.RecordStats``. ``out``,
    uint64 (n,), is never 0. The loop in C takes the types of ``KINDS`` only.

    Raises:
        ValueError: if the columns differ in length, or ``out`` overlaps another one.
        TypeError: if ``low`` and ``high`` differ in dtype.
    """
    if low.dtype != high.dtype:
        raise TypeError("lows and highs are of two types")
    if not len(mixed) == len(low) == len(high) == len(out):
        raise ValueError("a column has another length than the hashes")
    require_apart((mixed, low, high), (out,))
    total = mixed
    for place, bounds in enumerate((low, high)):
        # Normalize -0.0 and NaN, because their bits depend on the order of comparisons.
        same = np.where(np.isnan(bounds), 1, bounds + 0) if bounds.dtype.kind == "f" else bounds
        words = sample_words(same.astype(bounds.dtype).reshape(-1, 1))
        total = total + mix(words, WORDS + place)
    seed = np.uint64(type_hash & 0xFFFF_FFFF_FFFF_FFFF)
    total = ((total ^ (total >> SHIFT)) + seed) * np.uint64(FACTOR)
    out[:] = np.maximum(total, np.uint64(1))


def unshuffle(planes: Octets, size: int, out: Octets) -> None:
    """Set ``out``, uint8 (n,), to elements of ``size`` bytes whose bytes are in ``planes``, (n,).

    These are all first bytes, then all second bytes, and so on, as HDF5's filter shuffle has them.

    Raises:
        ValueError: if that is not a whole number of elements, or ``out`` has another length or
            overlaps the planes.
    """
    if size < 1 or len(planes) % size:
        raise ValueError("not a whole number of elements")
    if len(out) != len(planes):
        raise ValueError("the output has the wrong length")
    require_apart((planes,), (out,))
    rows, elements = planes.reshape(size, -1), out.reshape(-1, size)
    if size > MAX_PLANES:
        elements[:] = rows.T
        return
    # Three times as fast as a copy of the transposed array.
    for i in range(size):
        elements[:, i] = rows[i]


def mix_words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash up to ``WORDS`` words of each row of a C-contiguous array, uint64 (m,)."""
    return mix(sample_words(rows), 0)


def mix(words: NDArray[np.uint64], place: int) -> NDArray[np.uint64]:
    """Sum the words, uint64 (m, w), each times the factor of its place, starting at ``place``."""
    factors = [pow(FACTOR, place + i + 1, 1 << 64) for i in range(words.shape[1])]
    spread = (words ^ (words >> SHIFT)) * np.array(factors, np.uint64)
    return np.asarray(spread.sum(axis=1, dtype=np.uint64))


def sample_words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Up to ``WORDS`` evenly spaced words of each row of a C-contiguous array, uint64 (m, w).

    A view if rows have 8 bytes or more.
    """
    octets = rows.view(np.uint8)
    count, width = octets.shape
    if width < 8:
        padded = np.zeros((count, 8), np.uint8)
        padded[:, :width] = octets
        return padded.view(np.uint64)
    stride = (width - 8) // (WORDS - 1)
    shape = (count, WORDS if stride else 1)
    return np.ndarray(shape, np.uint64, octets.data, 0, (octets.strides[0], stride or 8))


def free_runs(codes: Codes, classes: int, out: Codes) -> None:
    """For each position of (n,) codes, the longest run from there that lacks a class, (n,).

    Codes are int16, int32 or int64, and ``out`` is int32 or int64. Codes are in
    0 <= code < ``classes``, and runs end at n. If a class occurs at a and next at b, runs that
    start at a < p <= b lack it up to b.

    Raises:
        ValueError: if a code is not a class, ``out`` has another length or overlaps ``codes``, or n
            does not fit in its dtype.
    """
    if len(codes) > np.iinfo(out.dtype).max:
        raise ValueError("the runs are too long for the output")
    require_codes(codes, classes)
    require_room(codes, out, len(codes))
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


def count_batches(codes: Codes, classes: int, size: int, out: NDArray[np.int64]) -> None:
    """Count, for each class, the full batches of ``size`` that contain it, int64 (classes,).

    Codes, (n,), are int16, int32 or int64.

    Raises:
        ValueError: if a code is not a class, ``size`` < 1, or ``out`` has another length or
            overlaps ``codes``.
    """
    if size < 1:
        raise ValueError("a batch has at least one record")
    require_codes(codes, classes)
    require_room(codes, out, classes)
    used = len(codes) // size * size
    keys = np.sort(np.arange(used) // size * classes + codes[:used])
    new = np.diff(keys, prepend=-1) != 0
    out[:] = np.bincount(keys[new] % classes, minlength=classes)


def require_codes(codes: Codes, classes: int) -> None:
    """Raise ValueError unless all codes are in 0 <= code < ``classes`` <= number of codes."""
    if not 1 <= classes <= len(codes) or codes.min() < 0 or codes.max() >= classes:
        raise ValueError("a code is outside of the classes")


def require_room(codes: Codes, out: Codes, length: int) -> None:
    """Raise ValueError unless ``out`` has that length and does not overlap ``codes``."""
    if len(out) != length:
        raise ValueError("the output has the wrong length")
    require_apart((codes,), (out,))
