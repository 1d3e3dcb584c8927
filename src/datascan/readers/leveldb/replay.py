"""Write-ahead logs: the entries that are in no table yet.

Source: LevelDB, db/write_batch.cc: a record of a log is a batch of writes: a sequence number
(eight bytes), a count (four bytes), and for each write its kind, its key and, unless it deletes,
its value. Keys and the places of values are kept in memory; values are read from the log when
they are needed.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.files import open_regular
from datascan.readers.leveldb.coding import CodingError, take_string, take_varint
from datascan.readers.leveldb.log import Flaw, Record, read_log

BATCH_HEAD = struct.Struct("<QI")
DELETION, VALUE = 0, 1

MAX_GAP_BYTES = 1 << 16
"""Values that are closer together than this are read at once."""


class LogFile(Struct, frozen=True, eq=False):
    """A log as one sequence of payload bytes, without the headers between its fragments.

    ``starts`` and ``offsets``, int64 (n + 1,) and (n,): where each fragment begins in the payload
    (and where the last one ends), and in the file.
    """

    path: Path
    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def read(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Iterator[bytes]:
        """The payload from each of ``starts`` up to its stop, (m,) both.

        Raises:
            OSError: if the file cannot be read, or is shorter than it was.
        """
        # A value without bytes may be at the end, after the last fragment.
        firsts = np.minimum(np.searchsorted(self.starts, starts, "right"), len(self.offsets)) - 1
        lasts = np.maximum(np.searchsorted(self.starts, stops, "left"), firsts + 1)
        skipped = starts - self.starts[firsts]
        columns = (self.offsets[firsts] + skipped, stops - starts, skipped, firsts, lasts)
        with open_regular(self.path, inside=self.path.parent) as file:
            for at, size, skip, first, last in zip(*(c.tolist() for c in columns), strict=True):
                if last == first + 1:
                    yield self._read(file, at, size)
                else:
                    yield self._join(file, first, last)[skip : skip + size]

    def _join(self, file: FileIO, first: int, last: int) -> bytes:
        """The payload of the fragments ``first`` <= i < ``last``."""
        places = self.offsets[first:last] - self.offsets[first]
        lengths = np.diff(self.starts[first : last + 1])
        raw = self._read(file, int(self.offsets[first]), int(places[-1] + lengths[-1]))
        chunks = zip(places.tolist(), lengths.tolist(), strict=True)
        return b"".join([raw[at : at + length] for at, length in chunks])

    def _read(self, file: FileIO, at: int, size: int) -> bytes:
        file.seek(at)
        raw = file.read(size) or b""
        while len(raw) < size:
            more = file.read(size - len(raw))
            if not more:
                raise OSError(0, "it is shorter than it was", str(self.path))
            raw += more
        return raw


class LoggedEntries(Struct, frozen=True, eq=False):
    """The newest version of every key in the logs, in key order.

    ``marks``, uint64 (n,): sequence number << 8 | kind. ``places``, int64 (n, 3): the log, and
    where the value begins in its payload, and its bytes.
    """

    logs: tuple[LogFile, ...]
    keys: Sequence[bytes]
    marks: NDArray[np.uint64]
    places: NDArray[np.int64]

    def rows_in(self, first: bytes | None, stop: bytes | None) -> range:
        """The rows of keys from ``first`` up to, not with, ``stop``."""
        low = 0 if first is None else bisect_left(self.keys, first)
        high = len(self.keys) if stop is None else bisect_left(self.keys, stop)
        return range(low, max(low, high))

    def values(self, rows: NDArray[np.int64]) -> list[bytes]:
        """The values of ``rows``; those that are close together in a log are read at once.

        Raises:
            OSError: if a log cannot be read, or is shorter than it was.
        """
        found: list[bytes] = [b""] * len(rows)
        places = self.places[rows]
        order = np.lexsort((places[:, 1], places[:, 0]))
        places, chosen = places[order], order.tolist()
        ends = places[:, 1] + places[:, 2]
        first = first_of_runs(places)
        stops = np.maximum.reduceat(ends, first) if len(first) else ends
        bounds = [*first.tolist(), len(places)]
        run = 0
        for number, log in enumerate(self.logs):
            of_log = first[places[first, 0] == number]
            for data in log.read(places[of_log, 1], stops[run : run + len(of_log)]):
                low, high = bounds[run], bounds[run + 1]
                run += 1
                if high == low + 1:
                    found[chosen[low]] = data
                    continue
                within = (places[low:high, 1] - places[low, 1]).tolist()
                sizes = places[low:high, 2].tolist()
                for i, at, size in zip(chosen[low:high], within, sizes, strict=True):
                    found[i] = data[at : at + size]
        return found

    def value_bytes(self, rows: range) -> int:
        """How many bytes the values of ``rows`` have together."""
        return int(self.places[rows.start : rows.stop, 2].sum())

    def entries(self, rows: range, key_start: int) -> tuple[bytes, NDArray[np.int64]]:
        """The keys of ``rows``, end to end, and int64 (m, 5), as for the entries of a table.

        Offsets of keys count from ``key_start``; those of values are 0.
        """
        keys = self.keys[rows.start : rows.stop]
        found = np.zeros((len(rows), 5), np.int64)
        found[:, 1] = np.fromiter(map(len, keys), np.int64, len(keys))
        found[:, 0] = key_start + np.cumsum(found[:, 1]) - found[:, 1]
        found[:, 3] = self.places[rows.start : rows.stop, 2]
        found[:, 4] = self.marks[rows.start : rows.stop].astype(np.int64)
        return b"".join(keys), found


def first_of_runs(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first place of each run of places that are close enough in a log to read at once.

    ``places`` are in order of log and payload.
    """
    ends = places[:, 1] + places[:, 2]
    is_apart = (np.diff(places[:, 0]) != 0) | (places[1:, 1] - ends[:-1] > MAX_GAP_BYTES)
    return np.concatenate([np.zeros(min(1, len(places)), np.int64), np.flatnonzero(is_apart) + 1])


def replay(paths: Sequence[Path]) -> tuple[LoggedEntries, list[tuple[Path, Flaw]]]:
    """The entries of the logs at ``paths``, and the places in them that cannot be read.

    Raises:
        OSError: if a log cannot be read.
    """
    logs: list[LogFile] = []
    flaws: list[tuple[Path, Flaw]] = []
    found: list[tuple[bytes, int, int, int, int]] = []
    for number, path in enumerate(paths):
        starts, offsets = [0], []
        for item in read_log(path):
            if isinstance(item, Flaw):
                flaws.append((path, item))
                continue
            base = starts[-1]
            for offset, size in item.fragments:
                offsets.append(offset)
                starts.append(starts[-1] + size)
            try:
                for key, mark, place, size in writes_of(item):
                    found.append((key, -mark, number, base + place, size))
            except CodingError as error:
                words = f"holds a record of {len(item.payload):,} bytes that is not a batch of"
                flaw = Flaw("damaged-store", item.at, f"{words} writes ({error})")
                flaws.append((path, flaw))
        arrays = (np.array(starts, np.int64), np.array(offsets, np.int64))
        logs.append(LogFile(path, *arrays))
    found.sort()
    newest = [row for i, row in enumerate(found) if not i or row[0] != found[i - 1][0]]
    marks = np.array([-row[1] for row in newest], np.uint64)
    places = np.array([row[2:] for row in newest], np.int64).reshape(-1, 3)
    return LoggedEntries(tuple(logs), [row[0] for row in newest], marks, places), flaws


def writes_of(record: Record) -> Iterator[tuple[bytes, int, int, int]]:
    """Key, mark, place of the value in the record and its bytes, for every write of a batch.

    Raises:
        CodingError: if the record is not a batch; the writes before that place are sound.
    """
    data = record.payload
    if len(data) < BATCH_HEAD.size:
        raise CodingError("it is too short")
    sequence, count = BATCH_HEAD.unpack_from(data)
    at = BATCH_HEAD.size
    seen = 0
    while at < len(data):
        kind = data[at]
        if kind not in (DELETION, VALUE):
            raise CodingError(f"it has a write of the unknown kind {kind}")
        key, at = take_string(data, at + 1)
        size = 0
        if kind == VALUE:
            size, at = take_varint(data, at)
            if size > len(data) - at:
                raise CodingError("it has a value without an end")
        mark = (sequence + seen) << 8 | kind
        if mark >> 64:
            raise CodingError("it has a sequence number of 2**56 or more")
        yield key, mark, at, size
        at += size
        seen += 1
    if seen != count:
        raise CodingError(f"it announces {count:,} writes and has {seen:,}")
