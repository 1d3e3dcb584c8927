"""Cutting a store's keys into ranges of about equal size on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from datascan.readers.leveldb.manifest import Table

Size = Callable[[bytes, bytes], int]
"""About how many bytes the keys from one up to another take on disk."""

MIN_BYTES = 1 << 12
"""Tables are read in blocks of about this size; it makes no sense to cut finer."""

MAX_HALVINGS = 64


def split_keys(tables: Sequence[Table], target: int, size: Size) -> list[bytes]:
    """Keys that part the store into runs of about ``target`` bytes, ascending.

    Small tables are not cut: only where one (or several with the same keys) is much larger than
    ``target`` is ``size`` asked, which looks at every table.
    """
    target = max(target, MIN_BYTES)
    found: list[bytes] = []
    gathered = 0
    for first, last, guess in stretches(tables):
        nbytes = size(first, last) if guess >= 2 * target else guess
        inner = halved(first, last, target, size) if nbytes >= 2 * target else []
        is_full = gathered + nbytes // (len(inner) + 1) > target
        if is_full and gathered >= target // 2:
            found.append(first)
            gathered = 0
        found += inner
        gathered = target if inner else gathered + nbytes
    return [key for key in found if key]


def stretches(tables: Sequence[Table]) -> Iterator[tuple[bytes, bytes, int]]:
    """From where each table begins to where the next one does, and the bytes that begin there."""
    sizes: dict[bytes, int] = {}
    for table in sorted(tables, key=lambda table: table.first):
        sizes[table.first] = sizes.get(table.first, 0) + table.size
    if sizes:
        edges = [*sizes, max(table.last for table in tables) + b"\0"]
        for (first, last), nbytes in zip(pairwise(edges), sizes.values(), strict=True):
            yield first, last, nbytes


def halved(first: bytes, last: bytes, target: int, size: Size) -> list[bytes]:
    """Keys that part ``first`` up to ``last`` into runs of about ``target`` bytes."""
    total = size(first, last)
    pieces = round(total / target)
    found = []
    low = first
    for piece in range(1, pieces):
        key = key_at(low, last, partial(size, first), total * piece // pieces, target // 8)
        if low < key < last:
            found.append(key)
            low = key
    return found


def key_at(
    low: bytes, high: bytes, size_to: Callable[[bytes], int], goal: int, tolerance: int
) -> bytes:
    """The key between ``low`` and ``high`` up to which it is about ``goal`` bytes, by bisection.

    Keys are taken as fractions: as integers, filled up to the same number of bytes.
    """
    width = max(len(low), len(high)) + 1
    least, most = (int.from_bytes(key.ljust(width, b"\0")) for key in (low, high))
    middle = least
    for _ in range(MAX_HALVINGS):
        middle = (least + most) // 2
        error = size_to(middle.to_bytes(width)) - goal
        if abs(error) <= tolerance or middle == least:
            break
        if error < 0:
            least = middle
        else:
            most = middle
    return middle.to_bytes(width)
