"""Splitting a store's keys into ranges of about equal size on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from datascan.readers.leveldb.manifest import Table

Size = Callable[[bytes, bytes], int]
"""Maps a range of keys to its approximate size on disk in bytes."""

MIN_BYTES = 1 << 12
"""The approximate size of a table's blocks. Smaller ranges would not read less."""

MAX_HALVINGS = 64


def split_keys(tables: Sequence[Table], target: int, size: Size) -> list[bytes]:
    """Keys that divide the store into ranges of about ``target`` bytes, ascending.

    Only tables much larger than ``target`` are split. ``size`` is called only for those, because
    it searches every table.
    """
    target = max(target, MIN_BYTES)
    keys: list[bytes] = []
    pending = 0
    for first, last, estimate in iter_spans(tables):
        nbytes = size(first, last) if estimate >= 2 * target else estimate
        inner = split_span(first, last, target, size) if nbytes >= 2 * target else []
        is_full = pending + nbytes // (len(inner) + 1) > target
        if is_full and pending >= target // 2:
            keys.append(first)
            pending = 0
        keys += inner
        pending = target if inner else pending + nbytes
    return [key for key in keys if key]


def iter_spans(tables: Sequence[Table]) -> Iterator[tuple[bytes, bytes, int]]:
    """Spans from the first key of a table to that of the next, and the size of those tables."""
    sizes: dict[bytes, int] = {}
    for table in sorted(tables, key=lambda table: table.first):
        sizes[table.first] = sizes.get(table.first, 0) + table.size
    if sizes:
        edges = [*sizes, max(table.last for table in tables) + b"\0"]
        for (first, last), nbytes in zip(pairwise(edges), sizes.values(), strict=True):
            yield first, last, nbytes


def split_span(first: bytes, last: bytes, target: int, size: Size) -> list[bytes]:
    """Keys that divide ``first`` <= key < ``last`` into ranges of about ``target`` bytes."""
    total = size(first, last)
    count = round(total / target)
    keys = []
    low = first
    for i in range(1, count):
        key = find_key(low, last, partial(size, first), total * i // count, target // 8)
        if low < key < last:
            keys.append(key)
            low = key
    return keys


def find_key(
    low: bytes, high: bytes, size_to: Callable[[bytes], int], goal: int, tolerance: int
) -> bytes:
    """Find the key before which there are about ``goal`` bytes, by bisection.

    Keys are compared as integers after padding them to the same number of bytes.
    """
    width = max(len(low), len(high)) + 1
    lower, upper = (int.from_bytes(key.ljust(width, b"\0")) for key in (low, high))
    middle = lower
    for _ in range(MAX_HALVINGS):
        middle = (lower + upper) // 2
        error = size_to(middle.to_bytes(width)) - goal
        if abs(error) <= tolerance or middle == lower:
            break
        if error < 0:
            lower = middle
        else:
            upper = middle
    return middle.to_bytes(width)
