"""The entries of a key range: tables and logs merged, the newest version of every key.

The range is read in windows: runs of keys whose blocks have some megabytes together. If only one
table has keys in a window (or several that do not overlap), its entries are used as they are;
otherwise all versions are sorted, and the one with the largest sequence number counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.leveldb.replay import VALUE, LoggedEntries
from datascan.readers.leveldb.tables import Loss, Segment, TableFile, blocks_before
from datascan.records.buffers import BytesColumn

WINDOW_BYTES = 1 << 22
"""A window ends with the block that makes it larger than this."""

LOG_STEP = 64
"""Windows may be split at every so-many-th key of the logs."""


@dataclass(frozen=True, eq=False)
class Window:
    """Consecutive live entries, and what could not be read among them."""

    batch: KeyValueBatch
    losses: tuple[Loss, ...]


class Merger:
    """Reads key ranges of the tables and logs of a store."""

    def __init__(self, tables: Sequence[TableFile], logged: LoggedEntries) -> None:
        self.tables = tables
        self.logged = logged

    def windows(self, span: KeyRange, *, values: bool) -> Iterator[Window]:
        """The windows of ``span`` in key order, with values if asked for."""
        tables = [table for table in self.tables if overlaps(table, span)]
        seen: set[tuple[int, bytes]] = set()
        broken = [whole_loss(table) for table in tables if isinstance(table.index, str)]
        first = span.first
        for stop in [*self._edges(tables, span), span.stop]:
            window = self._window(tables, KeyRange(first, stop), seen, values=values)
            here = tuple(
                loss
                for loss in broken
                if is_in(max(loss.begin, span.first or b""), KeyRange(first, stop))
            )
            yield Window(window.batch, tuple(sorted((*window.losses, *here), key=begin_of)))
            first = stop

    def _edges(self, tables: Sequence[TableFile], span: KeyRange) -> list[bytes]:
        """Keys at which windows end, within ``span``, ascending."""
        rows = self.logged.rows_in(span.first, span.stop)
        found = apart_edges(tables, span) if not rows and are_disjoint(tables) else None
        if found is None:
            found = merged_edges(tables, self.logged, rows, span)
        edges: list[bytes] = []
        for edge in found:
            if is_in(edge, span) and edge != span.first and (not edges or edge > edges[-1]):
                edges.append(edge)
        return edges

    def _window(
        self,
        tables: Sequence[TableFile],
        span: KeyRange,
        seen: set[tuple[int, bytes]],
        *,
        values: bool,
    ) -> Window:
        parts = []
        for table in tables:
            blocks = table.blocks_in(span.first, span.stop)
            if blocks and overlaps(table, span):
                parts.append((table, blocks, *table.span_of(blocks)))
        buffer = np.empty(sum(stop - start for *_, start, stop in parts), np.uint8)
        segments: list[Segment] = []
        losses: list[Loss] = []
        at = 0
        for table, blocks, start, stop in parts:
            segment = table.read(blocks, buffer[at : at + stop - start])
            segments.append(segment)
            at += stop - start
            for loss in segment.losses:
                # A block at the end of a window is read again for the next one.
                place = (table.table.number, loss.begin)
                if place not in seen:
                    seen.add(place)
                    losses.append(loss)
        rows = self.logged.rows_in(span.first, span.stop)
        sources = [clip(segment, span) for segment in segments]
        if not len(rows) and are_apart(segments, sources):
            batch = side_by_side(buffer, segments, sources, values=values)
        else:
            batch, lost = merged(segments, sources, self.logged, rows, values=values)
            losses += lost
        return Window(batch, tuple(losses))

    def last_before(self, key: bytes) -> tuple[bytes | None, bool]:
        """The greatest key before ``key``, and whether keys after it may be lost."""
        greatest: bytes | None = None
        losses: list[Loss] = []
        for table in self.tables:
            if table.table.first >= key:
                continue
            if isinstance(table.index, str):
                losses.append(whole_loss(table))
                continue
            blocks = blocks_before(table, key)
            if not blocks:
                continue
            start, stop = table.span_of(blocks)
            segment = table.read(blocks, np.empty(stop - start, np.uint8))
            rows = clip(segment, KeyRange(None, key))
            if len(rows):
                last = segment.key(int(rows[-1]))
                greatest = last if greatest is None else max(greatest, last)
            losses += [loss for loss in segment.losses if loss.begin < key]
        rows_before = self.logged.rows_in(None, key)
        if len(rows_before):
            last = self.logged.keys[rows_before[-1]]
            greatest = last if greatest is None else max(greatest, last)
        return greatest, any(greatest is None or loss.end > greatest for loss in losses)


def are_disjoint(tables: Sequence[TableFile]) -> bool:
    """Whether no two tables can have the same keys."""
    ordered = sorted((table.table.first, table.table.last) for table in tables)
    return all(left[1] < right[0] for left, right in pairwise(ordered))


def apart_edges(tables: Sequence[TableFile], span: KeyRange) -> list[bytes]:
    """Keys at which windows over tables that do not overlap end."""
    edges: list[bytes] = []
    gathered = 0
    for table in sorted(tables, key=lambda table: table.table.first):
        if isinstance(table.index, str):
            continue
        blocks = table.blocks_in(span.first, span.stop)
        sizes = np.cumsum(table.index.handles[blocks.start : blocks.stop, 1])
        taken = 0
        while len(sizes) and gathered + int(sizes[-1]) - taken >= WINDOW_BYTES:
            at = int(np.searchsorted(sizes, WINDOW_BYTES - gathered + taken))
            edges.append(table.index.end(blocks.start + at) + b"\0")
            gathered, taken = 0, int(sizes[at])
        gathered += int(sizes[-1]) - taken if len(sizes) else 0
    return edges


def merged_edges(
    tables: Sequence[TableFile], logged: LoggedEntries, rows: range, span: KeyRange
) -> list[bytes]:
    """Keys at which windows over any tables and logs end."""
    steps: list[tuple[bytes, int]] = []
    for table in tables:
        if not isinstance(table.index, str):
            blocks = table.blocks_in(span.first, span.stop)
            sizes = table.index.handles[blocks.start : blocks.stop, 1].tolist()
            steps += zip(map(table.index.end, blocks), sizes, strict=True)
    for low in range(rows.start, rows.stop, LOG_STEP):
        high = min(low + LOG_STEP, rows.stop)
        steps.append((logged.keys[high - 1], int(logged.places[low:high, 2].sum())))
    steps.sort()
    edges: list[bytes] = []
    gathered = 0
    for key, size in steps:
        gathered += size
        if gathered >= WINDOW_BYTES:
            edges.append(key + b"\0")
            gathered = 0
    return edges


def begin_of(loss: Loss) -> bytes:
    """Where a loss begins."""
    return loss.begin


def overlaps(table: TableFile, span: KeyRange) -> bool:
    """Whether a table may hold keys of ``span``."""
    return (span.first is None or table.table.last >= span.first) and (
        span.stop is None or table.table.first < span.stop
    )


def is_in(key: bytes, span: KeyRange) -> bool:
    """Whether ``span`` includes ``key``."""
    return (span.first is None or key >= span.first) and (span.stop is None or key < span.stop)


def whole_loss(table: TableFile) -> Loss:
    """All keys of a table whose index cannot be read."""
    return Loss(table.table.first, table.table.last, str(table.index))


def clip(segment: Segment, span: KeyRange) -> NDArray[np.int64]:
    """The rows of a segment whose keys are in ``span``."""
    low, high = 0, len(segment.rows)
    if span.first is not None:
        low = bisect_left(range(high), span.first, key=segment.key)
    if span.stop is not None:
        high = bisect_left(range(high), span.stop, lo=low, key=segment.key)
    return np.arange(low, max(low, high))


def are_apart(segments: Sequence[Segment], sources: Sequence[NDArray[np.int64]]) -> bool:
    """Whether all rows of each segment precede those of the next one, in some order."""
    ends = sorted(
        (segment.key(int(rows[0])), segment.key(int(rows[-1])))
        for segment, rows in zip(segments, sources, strict=True)
        if len(rows)
    )
    return all(left[1] < right[0] for left, right in pairwise(ends))


def side_by_side(
    buffer: NDArray[np.uint8],
    segments: Sequence[Segment],
    sources: Sequence[NDArray[np.int64]],
    *,
    values: bool,
) -> KeyValueBatch:
    """The live entries of segments that do not overlap, without copying their values."""
    order = sorted(
        (i for i, rows in enumerate(sources) if len(rows)),
        key=lambda i: segments[i].key(int(sources[i][0])),
    )
    starts = np.cumsum([0, *(len(segment.data) for segment in segments)])
    columns, keys, unpacked = [], [], []
    key_start, unpacked_start = 0, len(buffer)
    for i in order:
        segment = segments[i]
        rows = segment.rows[sources[i]]
        rows = rows[(rows[:, 4] & 0xFF) == VALUE]
        size = len(segment.data)
        shift = np.where(rows[:, 2] < size, int(starts[i]), unpacked_start - size)
        columns.append(
            np.stack([rows[:, 0] + key_start, rows[:, 1], rows[:, 2] + shift, rows[:, 3]])
        )
        keys.append(segment.keys)
        unpacked.append(segment.unpacked)
        key_start += len(segment.keys)
        unpacked_start += len(segment.unpacked)
    if not columns:
        return empty_batch()
    joined = np.ascontiguousarray(np.concatenate(columns, axis=1))
    if unpacked_start > len(buffer):
        buffer = np.concatenate([buffer, np.frombuffer(b"".join(unpacked), np.uint8)])
    lengths = joined[3] if values else np.zeros_like(joined[3])
    return KeyValueBatch(
        BytesColumn(np.frombuffer(b"".join(keys), np.uint8), joined[0], joined[1]),
        BytesColumn(buffer, joined[2], lengths),
    )


def merged(
    segments: Sequence[Segment],
    sources: Sequence[NDArray[np.int64]],
    logged: LoggedEntries,
    logged_rows: range,
    *,
    values: bool,
) -> tuple[KeyValueBatch, list[Loss]]:
    """The live entries of segments that overlap, and of the logs; and values that are lost."""
    live = newest_versions(segments, sources, logged, logged_rows)
    keys = BytesColumn.of([version[0] for version in live])
    if not values:
        nothing = np.zeros(len(live), np.int64)
        return KeyValueBatch(keys, BytesColumn(np.empty(0, np.uint8), nothing, nothing)), []
    in_logs = [i for i, version in enumerate(live) if version[2] == len(segments)]
    found = [
        b"" if source == len(segments) else value_of(segments[source], row)
        for _, _, source, row in live
    ]
    try:
        read = logged.values(np.array([live[i][3] for i in in_logs], np.int64))
    except OSError as error:
        reason = f"a log cannot be read: {error.strerror}"
        loss = Loss(live[in_logs[0]][0], live[in_logs[-1]][0], reason)
        rest = np.delete(np.arange(len(live)), in_logs)
        return KeyValueBatch(keys, BytesColumn.of(found)).take(rest), [loss]
    for i, value in zip(in_logs, read, strict=True):
        found[i] = value
    return KeyValueBatch(keys, BytesColumn.of(found)), []


def newest_versions(
    segments: Sequence[Segment],
    sources: Sequence[NDArray[np.int64]],
    logged: LoggedEntries,
    logged_rows: range,
) -> list[tuple[bytes, int, int, int]]:
    """Key, negative mark, source and row of the newest version of each key that is not deleted.

    A source is the number of a segment; that of the logs comes after them.
    """
    versions: list[tuple[bytes, int, int, int]] = []
    for source, (segment, rows) in enumerate(zip(segments, sources, strict=True)):
        marks = segment.rows[rows, 4].astype(np.uint64).tolist()
        for row, mark in zip(rows.tolist(), marks, strict=True):
            versions.append((segment.key(row), -mark, source, row))
    marks = logged.marks[logged_rows.start : logged_rows.stop].tolist()
    for row, mark in zip(logged_rows, marks, strict=True):
        versions.append((logged.keys[row], -mark, len(segments), row))
    versions.sort()
    return [
        version
        for i, version in enumerate(versions)
        if (not i or version[0] != versions[i - 1][0]) and -version[1] & 0xFF == VALUE
    ]


def value_of(segment: Segment, row: int) -> bytes:
    """The value of a row, copied."""
    start, size = segment.rows[row, 2:4].tolist()
    if start < len(segment.data):
        return segment.data[start : start + size].tobytes()
    start -= len(segment.data)
    return segment.unpacked[start : start + size]


def empty_batch() -> KeyValueBatch:
    """No entries."""
    return KeyValueBatch(BytesColumn.of([]), BytesColumn.of([]))


def count_up_to(keys: BytesColumn, key: bytes) -> int:
    """How many of the ascending ``keys`` are at or before ``key``."""
    return bisect_right(range(len(keys)), key, key=keys.__getitem__)


def count_before(keys: BytesColumn, key: bytes) -> int:
    """How many of the ascending ``keys`` are before ``key``."""
    return bisect_left(range(len(keys)), key, key=keys.__getitem__)
