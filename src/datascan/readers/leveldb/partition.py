"""Splitting a store's keys into ranges of about equal size on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datascan.readers.leveldb.replay import LoggedEntries
from datascan.readers.leveldb.tables import TableFile
from datascan.records.part import is_boundary

MIN_BYTES = 1 << 12
"""Tables are stored in blocks of about this size; splitting them further has no use."""

BOUNDARIES, MIN_SHARE = 16, 2
"""A range ends at one step in this many, on average, if it has this fraction of its bytes."""

LOG_STEP = 16
"""Logs are split at every so-many-th key."""


def split_keys(tables: Sequence[TableFile], logged: LoggedEntries, target: int) -> list[bytes]:
    """Keys that split a store into ranges of about ``target`` bytes, ascending.

    Some are at keys that their hashes choose: a table that is added shifts no range but its own.
    Only tables that are larger than ``target`` are split inside, by their index.
    """
    target = max(target, MIN_BYTES)
    steps = sorted([*table_steps(tables, target), *log_steps(logged, target)])
    found: list[bytes] = []
    gathered = 0
    for begin, size in steps:
        is_full = gathered + size // 2 >= target
        may_end = gathered * MIN_SHARE >= target and is_boundary(begin, BOUNDARIES)
        if gathered and (is_full or may_end) and begin and begin != (found or [b""])[-1]:
            found.append(begin)
            gathered = 0
        gathered += size
    return found


def table_steps(tables: Sequence[TableFile], target: int) -> Iterator[tuple[bytes, int]]:
    """Where tables, or blocks of large ones, begin, and their bytes."""
    for table in tables:
        index = table.index if table.table.size > target else ""
        if isinstance(index, str):
            yield table.table.first, table.table.size
            continue
        yield from zip(index.begins(), index.handles[:, 1].tolist(), strict=True)


def log_steps(logged: LoggedEntries, target: int) -> Iterator[tuple[bytes, int]]:
    """Where runs of logged entries begin, and the bytes of their values."""
    sizes = logged.places[:, 2]
    step = LOG_STEP if int(sizes.sum()) > target else max(1, len(sizes))
    for low in range(0, len(sizes), step):
        yield logged.keys[low], int(sizes[low : low + step].sum())
