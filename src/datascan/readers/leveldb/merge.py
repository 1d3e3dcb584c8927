"""The entries of a key range: tables and logs merged, the newest version of every key.

The range is read in windows: runs of keys whose blocks have some megabytes together. If only one
table has keys in a window (or several that do not overlap), its entries are used as they are;
otherwise all versions are sorted, and the one with the largest sequence number counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from operator import ne
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.leveldb.replay import VALUE, LoggedEntries
from datascan.readers.leveldb.tables import Loss, Segment, TableFile, blocks_before
from datascan.records.buffers import BytesColumn

WINDOW_BYTES = 6 << 20
FIRST_BYTES = 1 << 22
SAMPLE_BYTES = 1 << 19
"""A window ends with the block that makes it larger than this. The first window is smaller, and
much smaller if only a few entries are needed."""

WINDOW_ENTRIES = 1 << 16
"""Later windows have about as many entries at most."""

LOG_STEP = 64
"""Windows may be split at every so-many-th key of the logs."""


class Window(Struct, frozen=True, eq=False):
    """Consecutive live entries, and what could not be read among them."""

    batch: KeyValueBatch
    losses: tuple[Loss, ...]


class Merger:
    """Reads key ranges of the tables and logs of a store."""

    def __init__(self, tables: Sequence[TableFile], logged: LoggedEntries) -> None:
        self.tables = tables
        self.logged = logged

    def windows(
        self, span: KeyRange, *, values: bool, at_first: int = FIRST_BYTES
    ) -> Iterator[Window]:
        """The windows of ``span`` in key order, with values if asked for.

        ``at_first``: the bytes of the first window.
        """
        tables = [table for table in self.tables if overlaps(table, span)]
        seen: set[tuple[int, bytes]] = set()
        first = span.first
        sizes = WindowSizes(at_first)
        for stop in chain(self._edges(tables, span, sizes), [span.stop]):
            window = self._window(tables, KeyRange(first, stop), seen, values=values)
            sizes.limit_entries(len(window.batch.values.buffer), len(window.batch))
            here = tuple(
                whole_loss(table)
                for table in tables
                if is_in(max(table.table.first, span.first or b""), KeyRange(first, stop))
                and isinstance(table.index, str)
            )
            yield Window(window.batch, tuple(sorted((*window.losses, *here), key=begin_of)))
            first = stop

    def _edges(
        self, tables: Sequence[TableFile], span: KeyRange, sizes: WindowSizes
    ) -> Iterator[bytes]:
        """Keys at which windows end, within ``span``, ascending."""
        rows = self.logged.rows_in(span.first, span.stop)
        if not rows and are_disjoint(tables):
            found = apart_edges(tables, span, sizes)
        else:
            found = merged_edges(tables, self.logged, rows, span, sizes)
        before = span.first
        for edge in found:
            if is_in(edge, span) and (before is None or edge > before):
                yield edge
                before = edge

    def _window(
        self,
        tables: Sequence[TableFile],
        span: KeyRange,
        seen: set[tuple[int, bytes]],
        *,
        values: bool,
    ) -> Window:
        parts = [
            (table, blocks, *table.span_of(blocks))
            for table in tables
            if overlaps(table, span) and (blocks := table.blocks_in(span.first, span.stop))
        ]
        rows = self.logged.rows_in(span.first, span.stop)
        # The values of the logs are placed after the blocks.
        end = sum(stop - start for *_, start, stop in parts)
        used = end + (self.logged.value_bytes(rows) if values else 0)
        # Space for a few decompressed blocks; if there are more, all is copied.
        space = np.empty(used + end // 8, np.uint8)
        buffer = space[:used]
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
        sources = [clip(segment, span) for segment in segments]
        if not len(rows) and are_apart(segments, sources):
            batch = side_by_side(space, used, segments, sources, values=values)
        else:
            entries = joined(space, used, segments, sources, range(len(segments)))
            batch, lost = merged(entries, self.logged, rows, end, values=values)
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


class WindowSizes:
    """How many bytes one window after the other has: each twice as many as the one before."""

    def __init__(self, at_first: int) -> None:
        self.size = at_first
        self.most = WINDOW_BYTES

    def __next__(self) -> int:
        size = min(self.size, self.most)
        self.size = 2 * size
        return size

    def limit_entries(self, nbytes: int, entries: int) -> None:
        """Let the next windows have fewer bytes if a window of ``nbytes`` has many entries."""
        most = nbytes * WINDOW_ENTRIES // entries if entries else WINDOW_BYTES
        self.most = max(1, min(most, WINDOW_BYTES))


def apart_edges(tables: Sequence[TableFile], span: KeyRange, sizes: WindowSizes) -> Iterator[bytes]:
    """Keys at which windows over tables that do not overlap end.

    An index is read when a window reaches its table.
    """
    limit = next(sizes)
    gathered = 0
    for table in sorted(tables, key=lambda table: table.table.first):
        if isinstance(table.index, str):
            continue
        blocks = table.blocks_in(span.first, span.stop)
        ends = np.cumsum(table.index.handles[blocks.start : blocks.stop, 1])
        taken = 0
        while len(ends) and gathered + int(ends[-1]) - taken >= limit:
            at = int(np.searchsorted(ends, limit - gathered + taken))
            yield table.index.end(blocks.start + at) + b"\0"
            gathered, taken = 0, int(ends[at])
            limit = next(sizes)
        gathered += int(ends[-1]) - taken if len(ends) else 0


def merged_edges(
    tables: Sequence[TableFile],
    logged: LoggedEntries,
    rows: range,
    span: KeyRange,
    sizes: WindowSizes,
) -> Iterator[bytes]:
    """Keys at which windows over any tables and logs end."""
    steps: list[tuple[bytes, int]] = []
    for table in tables:
        if not isinstance(table.index, str):
            blocks = table.blocks_in(span.first, span.stop)
            stored = table.index.handles[blocks.start : blocks.stop, 1].tolist()
            steps += zip(map(table.index.end, blocks), stored, strict=True)
    for low in range(rows.start, rows.stop, LOG_STEP):
        high = min(low + LOG_STEP, rows.stop)
        steps.append((logged.keys[high - 1], int(logged.places[low:high, 2].sum())))
    steps.sort()
    limit = next(sizes)
    gathered = 0
    for key, size in steps:
        gathered += size
        if gathered >= limit:
            yield key + b"\0"
            gathered = 0
            limit = next(sizes)


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


class Entries(Struct, frozen=True, eq=False):
    """Entries of several segments, one segment after the other; values are where they were read.

    ``rows``, int64 (m, 5): as those of a segment, but for ``keys`` and ``buffer``.
    """

    keys: bytes
    rows: NDArray[np.int64]
    buffer: NDArray[np.uint8]

    def batch(self, rows: NDArray[Any], *, values: bool) -> KeyValueBatch:
        """The entries of ``rows`` (indices or a mask), with their values if asked for."""
        columns = np.ascontiguousarray(self.rows[rows, :4].T)
        lengths = columns[3] if values else np.zeros_like(columns[3])
        return KeyValueBatch(
            BytesColumn(np.frombuffer(self.keys, np.uint8), columns[0], columns[1]),
            BytesColumn(self.buffer, columns[2], lengths),
        )


def joined(
    space: NDArray[np.uint8],
    used: int,
    segments: Sequence[Segment],
    sources: Sequence[NDArray[np.int64]],
    order: Iterable[int],
) -> Entries:
    """The ``sources`` rows of all segments, in that order of the segments.

    ``space`` begins with the data of the segments, in their own order. What they decompressed is
    placed after the first ``used`` bytes.
    """
    starts = np.cumsum([0, *(len(segment.data) for segment in segments)]).tolist()
    parts, keys, unpacked = [np.empty((0, 5), np.int64)], [], []
    key_start, unpacked_start = 0, used
    for i in order:
        segment = segments[i]
        size = len(segment.data)
        rows = segment.rows[sources[i]]
        rows[:, 0] += key_start
        rows[:, 2] += np.where(rows[:, 2] < size, starts[i], unpacked_start - size)
        parts.append(rows)
        keys.append(segment.keys)
        unpacked.append(segment.unpacked)
        key_start += len(segment.keys)
        unpacked_start += len(segment.unpacked)
    if unpacked_start > len(space):
        space = np.concatenate([space[:used], np.empty(unpacked_start - used, np.uint8)])
    if unpacked_start > used:
        space[used:unpacked_start] = np.frombuffer(b"".join(unpacked), np.uint8)
    return Entries(b"".join(keys), np.concatenate(parts), space[:unpacked_start])


def side_by_side(
    space: NDArray[np.uint8],
    used: int,
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
    entries = joined(space, used, segments, sources, order)
    return entries.batch((entries.rows[:, 4] & 0xFF) == VALUE, values=values)


def merged(
    entries: Entries, logged: LoggedEntries, logged_rows: range, end: int, *, values: bool
) -> tuple[KeyValueBatch, list[Loss]]:
    """The live entries of segments that overlap, and of the logs; and values that are lost.

    The buffer has space for the values of all ``logged_rows`` from byte ``end`` on.
    """
    count = len(entries.rows)
    keys, rows = logged.entries(logged_rows, len(entries.keys))
    every = Entries(entries.keys + keys, np.concatenate([entries.rows, rows]), entries.buffer)
    chosen = newest_rows(every)
    in_logs = chosen[chosen >= count]
    if not values or not len(in_logs):
        return every.batch(chosen, values=values), []
    try:
        read = b"".join(logged.values(in_logs - count + logged_rows.start))
    except OSError as error:
        lost = every.batch(in_logs, values=False).keys
        reason = f"a log cannot be read: {error.strerror}"
        loss = Loss(lost[0], lost[len(lost) - 1], reason)
        return every.batch(chosen[chosen < count], values=True), [loss]
    lengths = every.rows[in_logs, 3]
    every.rows[in_logs, 2] = end + np.cumsum(lengths) - lengths
    every.buffer[end : end + len(read)] = np.frombuffer(read, np.uint8)
    return every.batch(chosen, values=True), []


def newest_rows(entries: Entries) -> NDArray[np.int64]:
    """The newest version of each key that is not deleted, in key order."""
    places = entries.rows[:, :2].tolist()
    keys = [entries.keys[start : start + size] for start, size in places]
    # Each source is in order already, so there are only runs to merge.
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ordered = [keys[row] for row in order]
    is_new = np.fromiter(map(ne, ordered, [None, *ordered[:-1]]), np.bool_, len(ordered))
    rows = np.array(order, np.int64)
    marks = entries.rows[rows, 4].astype(np.uint64)
    if not is_new.all():
        by_age = np.lexsort((~marks, np.cumsum(is_new)))
        rows, marks = rows[by_age][is_new], marks[by_age][is_new]
    is_live = (marks & np.uint64(0xFF)) == VALUE
    return np.asarray(rows[is_live])


def empty_batch() -> KeyValueBatch:
    """No entries."""
    return KeyValueBatch(BytesColumn.of([]), BytesColumn.of([]))


def count_up_to(keys: BytesColumn, key: bytes) -> int:
    """How many of the ascending ``keys`` are at or before ``key``."""
    return bisect_right(range(len(keys)), key, key=keys.__getitem__)


def count_before(keys: BytesColumn, key: bytes) -> int:
    """How many of the ascending ``keys`` are before ``key``."""
    return bisect_left(range(len(keys)), key, key=keys.__getitem__)
