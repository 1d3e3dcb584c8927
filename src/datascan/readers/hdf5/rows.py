"""Reading rows of a column: straight from the file, or chunk by chunk, around what is damaged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.base import Tracker
from datascan.readers.hdf5.chunks import missing_chunk_rows
from datascan.readers.hdf5.direct_read import DirectReader, RowsInFile
from datascan.readers.hdf5.inflate import GzipReader, OverlongChunkError
from datascan.readers.hdf5.inventory import DatasetInfo, in_components
from datascan.readers.hdf5.missing_rows import find_missing_rows
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.storage import rows_on_disk
from datascan.records.block import Fault

BLOCK_BYTES = 1 << 22
BLOCK_ROWS = 4096
BLOCK_BYTES_IN_FILE = 1 << 24
UNIT_BYTES = 256 << 20
"""Chunks lie side by side in a slab of at most this many bytes; larger ones are read in parts."""


def block_rows(column: DatasetInfo) -> int:
    """How many rows make a block: about four megabytes of them."""
    return min(BLOCK_ROWS, max(1, BLOCK_BYTES // max(1, column.record_bytes)))


def block_rows_in_file(column: DatasetInfo) -> int:
    """The same for rows that are looked at where they lie: larger blocks cost no memory."""
    return min(BLOCK_ROWS, max(1, BLOCK_BYTES_IN_FILE // max(1, column.record_bytes)))


def unit_rows(column: DatasetInfo) -> int:
    """How many rows are read at once: whole chunks, of about a block or more."""
    chunk = max(1, column.chunk_rows)
    if chunk * column.record_bytes > UNIT_BYTES:
        return max(1, UNIT_BYTES // column.record_bytes)
    return chunk * max(1, block_rows(column) // chunk)


@dataclass(frozen=True, slots=True, eq=False)
class RowSlice:
    """Rows ``first`` <= row < ``stop`` as they were read; ``values`` None where they were not.

    ``values`` has shape (stop - first, ...), in native byte order, or holds an object a record; or
    they have been looked at, and stay in the file.
    """

    first: int
    stop: int
    values: NDArray[Any] | RowsInFile | None
    why: str = ""

    def column(self, first: int, stop: int) -> RowSlice:
        """The rows that are also in ``first`` <= row < ``stop``."""
        first, stop = max(first, self.first), min(stop, self.stop)
        if self.values is None:
            return RowSlice(first, stop, None, self.why)
        return RowSlice(first, stop, self.array[first - self.first : stop - self.first])

    @property
    def array(self) -> NDArray[Any]:
        """The values side by side; not to be asked where there are none."""
        if isinstance(self.values, RowsInFile):
            return self.values.array
        assert self.values is not None  # noqa: S101
        return self.values


class OpenDataset:
    """A column's dataset, opened in this process.

    Attributes:
        file_rows: reads the values as they lie in the file; None where HDF5 must read them.
        gap_of: for each row 0, or 1 + its number in ``reasons``; None where no row has a gap.
    """

    def __init__(self, dataset: Any, column: DatasetInfo) -> None:
        self.dataset = dataset
        self.column = column
        self.file_rows = DirectReader.of(dataset, column)
        self.inflater = GzipReader.of(dataset) if column.content == "numbers" else None
        self.reasons: list[str] = []
        self.gap_of: NDArray[np.int32] | None = None
        self._note_gaps()

    def _note_gaps(self) -> None:
        rows = self.column.rows
        known = (*find_missing_rows(self.dataset), *self.column.holes)
        found = [(gap.first, gap.stop, gap.why) for gap in known]
        held = rows_on_disk(self.dataset, self.column)
        if held < rows:
            found.append((held, rows, "it lies beyond the end of the file"))
        if not found:
            return
        self.reasons = list(dict.fromkeys(why for _, _, why in found))
        number = {why: i + 1 for i, why in enumerate(self.reasons)}
        self.gap_of = np.zeros(rows, np.int32)
        for first, stop, why in found:
            self.gap_of[first:stop] = number[why]

    def read(self, first: int, stop: int, *, in_place: bool = False) -> Iterator[RowSlice]:
        """The rows ``first`` <= row < ``stop`` as slabs, in order; none of them is left out.

        With ``in_place``, values that lie in the file as they are need not be copied.
        """
        if self.gap_of is None:
            yield from self._read(first, stop, in_place=in_place)
            return
        marks = self.gap_of[first:stop]
        edges = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(marks)]
        for low, high in pairwise(edges):
            gap = int(marks[low])
            if gap:
                why = f"{self.column.name}: {self.reasons[gap - 1]}"
                yield RowSlice(first + low, first + high, None, why)
            else:
                yield from self._read(first + low, first + high, in_place=in_place)

    def _read(self, first: int, stop: int, *, in_place: bool = False) -> Iterator[RowSlice]:
        if self.file_rows is not None:
            yield from self._read_file(self.file_rows, first, stop, in_place=in_place)
            return
        quick: NDArray[Any] | None = None
        try:
            quick = self.inflater.read(first, stop) if self.inflater else None
            values = self.dataset[first:stop] if quick is None else quick
        except HDF5_ERRORS as error:
            yield from self._read_around(first, stop, error)
            return
        if quick is not None:
            yield RowSlice(first, stop, native(quick, self.column))
        else:
            yield from self._trusted(values, first)

    def _trusted(self, values: NDArray[Any], first: int) -> Iterator[RowSlice]:
        """What HDF5 read from row ``first`` on, without the rows that it made up."""
        at = first
        written = self.column.written if self.column.content == "numbers" else 0
        for gap in missing_chunk_rows(self.dataset, values, first, written):
            if at < gap.first:
                yield RowSlice(
                    at, gap.first, native(values[at - first : gap.first - first], self.column)
                )
            yield RowSlice(gap.first, gap.stop, None, f"{self.column.name}: {gap.why}")
            at = gap.stop
        if at < first + len(values):
            yield RowSlice(at, first + len(values), native(values[at - first :], self.column))

    def _read_file(
        self, file: DirectReader, first: int, stop: int, *, in_place: bool
    ) -> Iterator[RowSlice]:
        try:
            if in_place and file.is_readable(self.column):
                yield RowSlice(first, stop, file.compute_stats(first, stop))
            else:
                yield RowSlice(first, stop, native(file.read(first, stop), self.column))
        except OSError as error:
            if stop - first > 1:
                middle = (first + stop) // 2
                yield from self._read_file(file, first, middle, in_place=in_place)
                yield from self._read_file(file, middle, stop, in_place=in_place)
            else:
                yield RowSlice(first, stop, None, f"{self.column.name}: {reason(error)}")

    def _read_around(self, first: int, stop: int, error: Exception) -> Iterator[RowSlice]:
        """Smaller and smaller runs of rows, down to a chunk, or a row where there are none."""
        size = max(1, self.column.chunk_rows)
        inner = [*range(first - first % size + size, stop, size)]
        if not inner and stop - first > 1 and self.column.content != "numbers":
            inner = [(first + stop) // 2]
        if not inner:
            yield RowSlice(first, stop, None, self._place(first, stop, error))
            return
        middle = inner[len(inner) // 2]
        yield from self._read(first, middle)
        yield from self._read(middle, stop)

    def _place(self, first: int, stop: int, error: Exception) -> str:
        """Where it is damaged, and how: "chunk (128, 0) of data: inflate() failed"."""
        chunks = self.dataset.chunks
        told = isinstance(error, OverlongChunkError)
        if told or not chunks or self.column.content != "numbers":
            return f"{self.column.name}: {reason(error)}"
        row = first - first % chunks[0]
        columns = [range(0, n, c) for n, c in zip(self.dataset.shape[1:], chunks[1:], strict=True)]
        for corner in product(*columns) if math.prod(map(len, columns)) > 1 else ():
            ends = [slice(at, at + c) for at, c in zip(corner, chunks[1:], strict=True)]
            try:
                self.dataset[(slice(first, stop), *ends)]
            except HDF5_ERRORS as inner:
                return f"chunk {(row, *corner)} of {self.column.name}: {reason(inner)}"
        return f"chunk {(row, *(0 for _ in columns))} of {self.column.name}: {reason(error)}"


def native(values: NDArray[Any], column: DatasetInfo) -> NDArray[Any]:
    """Values in the column's own dtype, aligned and without subclass; objects as they are."""
    if column.content != "numbers":
        return values.reshape(len(values))
    if values.dtype.kind == "c":
        pairs = np.ascontiguousarray(values).reshape(*values.shape, 1)
        values = pairs.view(in_components(values.dtype))
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    with np.errstate(all="ignore"):
        plain = np.asarray(values).astype(np.dtype(column.dtype), copy=False)
    return plain if plain.flags.aligned else plain.copy()


class RowCursor:
    """A column's rows between ``first`` and ``stop``, taken in ascending order.

    Every chunk is decoded once; ``track(row, count)`` is called before.
    """

    def __init__(self, column: OpenDataset, first: int, stop: int, track: Tracker) -> None:
        self.column = column
        self.first, self.stop = first, stop
        self.track = track
        self.rows = unit_rows(column.column)
        self.slabs: list[RowSlice] = []

    def unit_end(self, row: int) -> int:
        """Where the rows end that are read at once with ``row``."""
        if self.column.file_rows is not None:
            return self.stop
        return min(self.stop, row - row % self.rows + self.rows)

    def take(self, first: int, stop: int) -> list[RowSlice]:
        """The rows ``first`` <= row < ``stop`` as slabs, in order."""
        if self.column.file_rows is not None:
            self.track(first, stop - first)
            return list(self.column.read(first, stop, in_place=True))
        taken: list[RowSlice] = []
        while first < stop:
            end = min(stop, self.unit_end(first))
            if not (self.slabs and self.slabs[0].first <= first < self.slabs[-1].stop):
                begin = max(self.first, first - first % self.rows)
                self.track(begin, self.unit_end(first) - begin)
                self.slabs = list(self.column.read(begin, self.unit_end(first)))
            taken += [s.column(first, end) for s in self.slabs if s.first < end and s.stop > first]
            first = end
        return taken


def values_of(
    slabs: Sequence[RowSlice], first: int
) -> tuple[NDArray[np.int64], NDArray[Any] | RowsInFile | None, list[Fault]]:
    """What slabs hold: rows, counted from ``first``; their values (None without any); faults."""
    good = [slab for slab in slabs if slab.values is not None]
    rows = [np.arange(slab.first - first, slab.stop - first) for slab in good]
    faults = [
        Fault(row - first, "damaged-store", slab.why)
        for slab in slabs
        if slab.values is None
        for row in range(slab.first, slab.stop)
    ]
    if not good:
        return np.empty(0, np.int64), None, faults
    if len(good) == 1:
        return rows[0], good[0].values, faults
    return np.concatenate(rows), np.concatenate([slab.array for slab in good]), faults


def arrays_of(
    slabs: Sequence[RowSlice], first: int
) -> tuple[NDArray[np.int64], NDArray[Any] | None, list[Fault]]:
    """As :func:`values_of`, the values side by side in any case."""
    rows, values, faults = values_of(slabs, first)
    return rows, values.array if isinstance(values, RowsInFile) else values, faults
