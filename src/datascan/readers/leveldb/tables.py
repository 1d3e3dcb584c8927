"""Reading tables without LevelDB, if the result is certain to be the same.

It is if the tables do not overlap, so that every key is in one of them, and the checksums of their
blocks match. Uncompressed values are then not copied. Everything else (overlapping tables, damage)
is left to LevelDB.
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
"""Yields entries; returns the key at which LevelDB must continue, or None."""

MIN_GROUP_BYTES = 1 << 22
"""Consecutive tables are read together until they have this many bytes."""


def read_entries(octets: memoryview) -> tuple[bytes, bytes, bytes] | None:
    """Concatenated keys, int64 (n, 4) rows as bytes, and decompressed blocks of an intact table.

    A row is the offset and length of a key, and the offset and length of its value. Offsets of
    values continue after the table's end in the decompressed blocks. None if the table must be
    left to LevelDB, for example because datascan was installed without a compiler.
    """
    if os.environ.get("DATASCAN_PLAIN"):
        return None
    try:
        from datascan.native.tables import table_entries  # noqa: PLC0415  (optional)
    except ImportError:
        return None
    return table_entries(octets)


class DisjointTables:
    """The tables of a store in key order, if no two of them overlap."""

    def __init__(self, tables: Sequence[Table], paths: Mapping[int, Path]) -> None:
        self.tables = tables
        self.paths = paths

    @classmethod
    def of(cls, tables: Sequence[Table], paths: Mapping[int, Path]) -> DisjointTables | None:
        """The tables, with their ``paths`` by number; None if they overlap."""
        ordered = sorted(tables, key=lambda table: table.first)
        if any(left.last >= right.first for left, right in pairwise(ordered)):
            return None
        return cls(ordered, paths)

    def iter_entries(self, span: KeyRange, *, values: bool) -> Run:
        """The entries of ``span``, with values if requested.

        Returns the key at which LevelDB must continue; None if everything was read and the table
        after the range is intact, because the range before a damaged table reports it.
        """
        next_key = span.first or b""
        first, stop = self._find_tables(span)
        for low, high in self._group(first, stop):
            batch = self._read(self.tables[low:high], values=values)
            if batch is None:
                return next_key
            inside = clip_to_range(batch, span.first, span.stop)
            if len(inside):
                next_key = inside.keys[len(inside) - 1] + b"\0"
                yield inside
        is_next_known = stop in (0, len(self.tables)) or (
            span.stop is not None and self.tables[stop - 1].last >= span.stop
        )
        if is_next_known or self._read(self.tables[stop : stop + 1], values=False) is not None:
            return None
        return next_key

    def _find_tables(self, span: KeyRange) -> tuple[int, int]:
        """The range of tables, (first, stop), that may have keys of ``span``."""
        first = 0
        if span.first is not None:
            first = bisect_left(self.tables, span.first, key=lambda table: table.last)
        stop = len(self.tables)
        if span.stop is not None:
            stop = bisect_left(self.tables, span.stop, key=lambda table: table.first)
        return first, max(first, stop)

    def _group(self, first: int, stop: int) -> Iterator[tuple[int, int]]:
        """Ranges of tables that are read together."""
        low, nbytes = first, 0
        for i in range(first, stop):
            nbytes += self.tables[i].size
            if nbytes >= MIN_GROUP_BYTES or i + 1 == stop:
                yield low, i + 1
                low, nbytes = i + 1, 0

    def _read(self, tables: Sequence[Table], *, values: bool) -> KeyValueBatch | None:
        """All entries of ``tables``; None if one of them must be left to LevelDB."""
        octets = np.empty(sum(table.size for table in tables), np.uint8)
        keys: list[bytes] = []
        decompressed: list[bytes] = []
        rows: list[NDArray[np.int64]] = []
        start = key_start = 0
        end = len(octets)
        for table in tables:
            target = octets[start : start + table.size]
            entries = read_entries(target.data) if self._read_file(table, target) else None
            if entries is None:
                return None
            table_keys, table_rows, table_blocks = entries
            keys.append(table_keys)
            decompressed.append(table_blocks)
            slices = np.frombuffer(table_rows, np.int64).reshape(-1, 4).copy()
            slices[:, 0] += key_start
            slices[:, 2] += np.where(slices[:, 2] < table.size, start, end - table.size)
            rows.append(slices)
            start += table.size
            key_start += len(table_keys)
            end += len(table_blocks)
        key_offsets, key_lengths, offsets, lengths = np.ascontiguousarray(np.concatenate(rows).T)
        if end > len(octets):
            octets = np.concatenate([octets, np.frombuffer(b"".join(decompressed), np.uint8)])
        key_octets = np.frombuffer(b"".join(keys), np.uint8)
        return KeyValueBatch(
            BytesColumn(key_octets, key_offsets, key_lengths),
            BytesColumn(octets, offsets, lengths if values else np.zeros_like(lengths)),
        )

    def _read_file(self, table: Table, target: NDArray[np.uint8]) -> bool:
        """Read a table's file to ``target``; return whether it has the size in the manifest."""
        try:
            with FileIO(self.paths[table.number]) as file:
                return file.readinto(target.data) == table.size and not file.read(1)
        except (OSError, KeyError):
            return False
