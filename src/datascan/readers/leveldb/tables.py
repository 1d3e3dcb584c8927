"""Reading tables without LevelDB, where that is sure to give the same.

It is sure where the tables do not overlap (so every key is in one of them), and a table's blocks
have their checksums. Then values are looked at where they lie in the file, unless they are packed.
Everything else (tables of several levels over one another, damage) is LevelDB's.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Generator, Iterator, Mapping, Sequence
from io import FileIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch, clip_to_range
from datascan.readers.leveldb.manifest import Table
from datascan.records.buffers import BytesColumn

Run = Generator[KeyValueBatch, None, bytes | None]
"""Yields entries, and returns the key to go on from, if any."""

TABLES_BYTES = 1 << 22
"""Tables are read until they have this many bytes together."""


def entries_of(octets: memoryview) -> tuple[bytes, bytes, bytes] | None:
    """Keys, end to end, an int64 (n, 4) array as bytes, and unpacked blocks of a sound table.

    A row of the array says where a key begins in the keys, how many bytes it has, where its value
    begins in the table (or behind it, in what was unpacked), and how many bytes that has. None
    where the table is to be left to LevelDB, as all are if datascan was installed without a
    compiler.
    """
    if os.environ.get("DATASCAN_PLAIN"):
        return None
    try:
        from datascan.native.tables import table_entries  # noqa: PLC0415  (there may be none)
    except ImportError:
        return None
    return table_entries(octets)


class DisjointTables:
    """The tables of a store of which no two hold the same keys, in key order."""

    def __init__(self, tables: Sequence[Table], paths: Mapping[int, Path]) -> None:
        self.tables = tables
        self.paths = paths

    @classmethod
    def of(cls, tables: Sequence[Table], paths: Mapping[int, Path]) -> DisjointTables | None:
        """The tables, which lie at ``paths`` by number; None where they overlap."""
        ordered = sorted(tables, key=lambda table: table.first)
        if any(left.last >= right.first for left, right in pairwise(ordered)):
            return None
        return cls(ordered, paths)

    def iter_entries(self, span: KeyRange, *, values: bool) -> Run:
        """Entries of ``span``, values if asked for.

        Returns the key to go on from with LevelDB; None if all is read, and the table behind the
        range is sound: damage is told by the range in front of it.
        """
        at = span.first or b""
        first, stop = self._touched(span)
        for low, high in self._groups(first, stop):
            pairs = self._read(self.tables[low:high], values=values)
            if pairs is None:
                return at
            inside = clip_to_range(pairs, span.first, span.stop)
            if len(inside):
                at = inside.keys[len(inside) - 1] + b"\0"
                yield inside
        is_behind_known = stop in (0, len(self.tables)) or (
            span.stop is not None and self.tables[stop - 1].last >= span.stop
        )
        if is_behind_known or self._read(self.tables[stop : stop + 1], values=False) is not None:
            return None
        return at

    def _touched(self, span: KeyRange) -> tuple[int, int]:
        """Which tables may hold keys of ``span``: from one number up to another."""
        first = 0
        if span.first is not None:
            first = bisect_left(self.tables, span.first, key=lambda table: table.last)
        stop = len(self.tables)
        if span.stop is not None:
            stop = bisect_left(self.tables, span.stop, key=lambda table: table.first)
        return first, max(first, stop)

    def _groups(self, first: int, stop: int) -> Iterator[tuple[int, int]]:
        """Runs of tables that are read at once."""
        low, nbytes = first, 0
        for i in range(first, stop):
            nbytes += self.tables[i].size
            if nbytes >= TABLES_BYTES or i + 1 == stop:
                yield low, i + 1
                low, nbytes = i + 1, 0

    def _read(self, tables: Sequence[Table], *, values: bool) -> KeyValueBatch | None:
        """All entries of some tables; None where one of them is to be left to LevelDB."""
        octets = np.empty(sum(table.size for table in tables), np.uint8)
        keys: list[bytes] = []
        unpacked: list[bytes] = []
        rows: list[NDArray[np.int64]] = []
        start = key_start = 0
        end = len(octets)
        for table in tables:
            room = octets[start : start + table.size]
            found = entries_of(room.data) if self._fill(table, room) else None
            if found is None:
                return None
            keys.append(found[0])
            unpacked.append(found[2])
            columns = np.frombuffer(found[1], np.int64).reshape(-1, 4).copy()
            columns[:, 0] += key_start
            columns[:, 2] += np.where(columns[:, 2] < table.size, start, end - table.size)
            rows.append(columns)
            start += table.size
            key_start += len(found[0])
            end += len(found[2])
        joined = np.ascontiguousarray(np.concatenate(rows).T)
        if end > len(octets):
            octets = np.concatenate([octets, np.frombuffer(b"".join(unpacked), np.uint8)])
        key_octets = np.frombuffer(b"".join(keys), np.uint8)
        lengths = joined[3] if values else np.zeros_like(joined[3])
        return KeyValueBatch(
            BytesColumn(key_octets, joined[0], joined[1]), BytesColumn(octets, joined[2], lengths)
        )

    def _fill(self, table: Table, room: NDArray[np.uint8]) -> bool:
        """Read a table's file; whether it has as many bytes as the manifest says."""
        try:
            with FileIO(self.paths[table.number]) as file:
                return file.readinto(room.data) == table.size and not file.read(1)
        except (OSError, KeyError):
            return False
