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
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datascan.files import open_regular
from datascan.readers.leveldb.coding import CodingError, take_string, take_varint
from datascan.readers.leveldb.log import Flaw, Record, read_log

BATCH_HEAD = struct.Struct("<QI")
DELETION, VALUE = 0, 1

MAX_GAP_BYTES = 1 << 16
"""Values that are closer together than this are read at once."""


@dataclass(frozen=True, eq=False)
class LogFile:
    """A log as one sequence of payload bytes, without the headers between its fragments.

    ``starts`` and ``offsets``, int64 (n + 1,) and (n,): where each fragment begins in the payload
    (and where the last one ends), and in the file.
    """

    path: Path
    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def read(self, ranges: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """The payload of each range, from its start up to its stop.

        Raises:
            OSError: if the file cannot be read, or is shorter than it was.
        """
        edges = np.array(ranges, np.int64).reshape(-1, 2)
        firsts = np.searchsorted(self.starts, edges[:, 0], "right") - 1
        lasts = np.searchsorted(self.starts, edges[:, 1], "left").tolist()
        skipped = (edges[:, 0] - self.starts[firsts]).tolist()
        begins = firsts.tolist()
        with open_regular(self.path, inside=self.path.parent) as file:
            for (start, stop), first, last, skip in zip(
                ranges, begins, lasts, skipped, strict=True
            ):
                if stop == start:
                    yield b""
                elif last == first + 1:
                    yield self._read(file, int(self.offsets[first]) + skip, stop - start)
                else:
                    yield self._join(file, first, last)[skip : skip + stop - start]

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


@dataclass(frozen=True, eq=False)
class LoggedEntries:
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
        runs = [order[run] for run in runs_of(places[order])]
        for number, log in enumerate(self.logs):
            of_log = [run for run in runs if places[run[0], 0] == number]
            ranges = [range_of(places[run]) for run in of_log]
            for run, (start, _), data in zip(of_log, ranges, log.read(ranges), strict=True):
                if len(run) == 1:
                    found[run[0]] = data
                    continue
                for i, (_, at, size) in zip(run.tolist(), places[run].tolist(), strict=True):
                    found[i] = data[at - start : at - start + size]
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


def range_of(places: NDArray[np.int64]) -> tuple[int, int]:
    """From where to where places, in the order of one log's payload, reach."""
    start = int(places[0, 1])
    if len(places) == 1:
        return start, start + int(places[0, 2])
    return start, int((places[:, 1] + places[:, 2]).max())


def runs_of(places: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of places, in order of log and payload, that are close enough to read at once."""
    ends = places[:, 1] + places[:, 2]
    is_apart = (np.diff(places[:, 0]) != 0) | (places[1:, 1] - ends[:-1] > MAX_GAP_BYTES)
    edges = [0, *(np.flatnonzero(is_apart) + 1).tolist(), len(places)]
    for low, high in pairwise(edges):
        if high > low:
            yield slice(low, high)


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
