"""Reading rows of a dataset: directly from the file, or by HDF5, past damaged chunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.decoders.base import Tracker
from datascan.readers.hdf5.chunks import missing_chunk_rows
from datascan.readers.hdf5.direct_read import DirectReader, RowsInFile
from datascan.readers.hdf5.filters import ChunkGuard, WrongSizeError
from datascan.readers.hdf5.inflate import GzipReader
from datascan.readers.hdf5.inventory import DatasetInfo, MissingRows, in_components
from datascan.readers.hdf5.limits import MAX_UNIT_BYTES
from datascan.readers.hdf5.missing_rows import find_missing_rows
from datascan.readers.hdf5.open_file import HDF5_ERRORS, raise_if_out_of_memory, reason
from datascan.readers.hdf5.references import RootFile
from datascan.readers.hdf5.storage import rows_on_disk
from datascan.records.block import Fault

BLOCK_BYTES = 1 << 22
BLOCK_ROWS = 4096
PAST_THE_END = "the row is beyond the end of the file"
DIRECT_BLOCK_BYTES = 1 << 26
DIRECT_BLOCK_ROWS = 1 << 15
"""Rows that are read directly are not kept in memory, so blocks can be larger."""


def block_rows(info: DatasetInfo) -> int:
    """The number of rows in a block."""
    return min(BLOCK_ROWS, max(1, BLOCK_BYTES // max(1, info.record_bytes)))


def direct_block_rows(info: DatasetInfo) -> int:
    """The number of rows in a block that is read directly."""
    return min(DIRECT_BLOCK_ROWS, max(1, DIRECT_BLOCK_BYTES // max(1, info.record_bytes)))


def unit_rows(info: DatasetInfo) -> int:
    """The number of rows read at once by HDF5: complete chunks, about a block or more."""
    chunk = max(1, info.chunk_rows)
    if chunk * info.record_bytes > MAX_UNIT_BYTES:
        return max(1, MAX_UNIT_BYTES // info.record_bytes)
    return chunk * max(1, block_rows(info) // chunk)


def unit_bytes(info: DatasetInfo) -> int:
    """The bytes that are in memory while rows are read: of a unit, or at least of a chunk."""
    return max(unit_rows(info), info.chunk_rows) * info.record_bytes


class RowSlice(Struct, frozen=True, eq=False):
    """Rows ``first`` <= row < ``stop`` of a dataset.

    ``values``: (stop - first, ...) in native byte order, or one object per row; rows in the file
    that were measured but not kept; or None if they could not be read, for the reason ``why``.
    """

    first: int
    stop: int
    values: NDArray[Any] | RowsInFile | None
    why: str = ""

    def clip(self, first: int, stop: int) -> RowSlice:
        """The rows that are also in ``first`` <= row < ``stop``."""
        first, stop = max(first, self.first), min(stop, self.stop)
        if self.values is None:
            return RowSlice(first, stop, None, self.why)
        return RowSlice(first, stop, self.array[first - self.first : stop - self.first])

    @property
    def array(self) -> NDArray[Any]:
        """The values as an array; they must have been read."""
        if isinstance(self.values, RowsInFile):
            return self.values.array
        assert self.values is not None  # noqa: S101  (the docstring says so)
        return self.values


class OpenDataset:
    """A dataset, opened in this process; ``dataset`` is None if HDF5 is not needed to read it.

    Attributes:
        direct_reader: reads the values without HDF5; None if HDF5 must read them.
        missing: runs of rows that are known to be missing.
    """

    def __init__(self, root: RootFile | None, dataset: Any, info: DatasetInfo) -> None:
        self.dataset = dataset
        self.info = info
        self.direct_reader = DirectReader.at(info.place, info) if info.place else None
        self.gzip_reader = self.guard = None
        self.missing = [*info.holes]
        if root is not None and self.direct_reader is None:
            self.direct_reader = DirectReader.of(dataset, info)
            self.gzip_reader = GzipReader.of(dataset) if info.content == "numbers" else None
            self.guard = ChunkGuard.of(dataset)
            self.missing += find_missing_rows(root, dataset)
        self.missing += self._find_rows_past_the_end()
        self._edges = np.array([(run.first, run.stop) for run in self.missing]).reshape(-1, 2)

    @classmethod
    def of(cls, root: Callable[[], RootFile], info: DatasetInfo) -> OpenDataset:
        """The dataset of a file, which ``root`` opens if HDF5 is needed."""
        if info.place is not None:
            return cls(None, None, info)
        file = root()
        return cls(file, file.open(info.path), info)

    def _find_rows_past_the_end(self) -> list[MissingRows]:
        rows = self.info.rows
        if self.info.place is not None and self.direct_reader is not None:
            stored = self.direct_reader.rows_on_disk
        else:
            stored = rows_on_disk(self.dataset, self.info)
        return [MissingRows(stored, rows, PAST_THE_END)] if stored < rows else []

    def read(self, first: int, stop: int, *, in_place: bool = False) -> Iterator[RowSlice]:
        """Rows ``first`` <= row < ``stop`` as slices, in order and complete.

        With ``in_place``, values may be measured in the file instead of being kept.
        """
        hits = np.flatnonzero((self._edges[:, 0] < stop) & (self._edges[:, 1] > first))
        if not len(hits):
            yield from self._read(first, stop, in_place=in_place)
            return
        numbers = np.zeros(stop - first, np.int32)
        for hit in hits.tolist():
            run = self.missing[hit]
            numbers[max(0, run.first - first) : run.stop - first] = 1 + hit
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for low, high in pairwise(edges):
            number = int(numbers[low])
            if number:
                why = f"{self.info.name}: {self.missing[number - 1].why}"
                yield RowSlice(first + low, first + high, None, why)
            else:
                yield from self._read(first + low, first + high, in_place=in_place)

    def _read(self, first: int, stop: int, *, in_place: bool = False) -> Iterator[RowSlice]:
        if self.direct_reader is not None:
            yield from self._read_directly(self.direct_reader, first, stop, in_place=in_place)
            return
        inflated: NDArray[Any] | None = None
        try:
            inflated = self.gzip_reader.read(first, stop) if self.gzip_reader else None
            values = self._read_by_hdf5(first, stop) if inflated is None else inflated
        except HDF5_ERRORS as error:
            yield from self._bisect(first, stop, error)
            return
        if inflated is not None:
            yield RowSlice(first, stop, to_native(inflated, self.info))
        else:
            yield from self._exclude_fill_values(values, first)

    def _read_by_hdf5(self, first: int, stop: int) -> NDArray[Any]:
        if self.guard is not None:
            self.guard.require(first, stop)
        values: NDArray[Any] = self.dataset[first:stop]
        return values

    def _exclude_fill_values(self, values: NDArray[Any], first: int) -> Iterator[RowSlice]:
        """What HDF5 read, starting at row ``first``, without fill values of missing chunks."""
        start = first
        written = self.info.written if self.info.content == "numbers" else 0
        for run in missing_chunk_rows(self.dataset, values, first, written):
            if start < run.first:
                before = values[start - first : run.first - first]
                yield RowSlice(start, run.first, to_native(before, self.info))
            yield RowSlice(run.first, run.stop, None, f"{self.info.name}: {run.why}")
            start = run.stop
        if start < first + len(values):
            rest = to_native(values[start - first :], self.info)
            yield RowSlice(start, first + len(values), rest)

    def _read_directly(
        self, reader: DirectReader, first: int, stop: int, *, in_place: bool
    ) -> Iterator[RowSlice]:
        try:
            if in_place and reader.is_measurable(self.info):
                yield RowSlice(first, stop, reader.compute_stats(first, stop))
            else:
                yield RowSlice(first, stop, to_native(reader.read(first, stop), self.info))
        except OSError as error:
            if stop - first > 1:
                middle = (first + stop) // 2
                yield from self._read_directly(reader, first, middle, in_place=in_place)
                yield from self._read_directly(reader, middle, stop, in_place=in_place)
            else:
                yield RowSlice(first, stop, None, f"{self.info.name}: {reason(error)}")

    def _bisect(self, first: int, stop: int, error: Exception) -> Iterator[RowSlice]:
        """Read smaller and smaller runs of rows, down to one chunk, or one row without chunks."""
        raise_if_out_of_memory(error)
        size = max(1, self.info.chunk_rows)
        edges = [*range(first - first % size + size, stop, size)]
        if not edges and stop - first > 1 and self.info.content != "numbers":
            edges = [(first + stop) // 2]
        if not edges:
            yield RowSlice(first, stop, None, self._describe_damage(first, stop, error))
            return
        middle = edges[len(edges) // 2]
        yield from self._read(first, middle)
        yield from self._read(middle, stop)

    def _describe_damage(self, first: int, stop: int, error: Exception) -> str:
        """Where the damage is, and what: "chunk (128, 0) of data: inflate() failed"."""
        chunks = self.dataset.chunks
        names_chunk = isinstance(error, WrongSizeError)
        if names_chunk or not chunks or self.info.content != "numbers":
            return f"{self.info.name}: {reason(error)}"
        row = first - first % chunks[0]
        starts = [range(0, n, c) for n, c in zip(self.dataset.shape[1:], chunks[1:], strict=True)]
        for corner in product(*starts) if math.prod(map(len, starts)) > 1 else ():
            slices = [slice(start, start + c) for start, c in zip(corner, chunks[1:], strict=True)]
            try:
                self.dataset[(slice(first, stop), *slices)]
            except HDF5_ERRORS as inner:
                return f"chunk {(row, *corner)} of {self.info.name}: {reason(inner)}"
        return f"chunk {(row, *(0 for _ in starts))} of {self.info.name}: {reason(error)}"


def to_native(values: NDArray[Any], info: DatasetInfo) -> NDArray[Any]:
    """Convert values to the dtype of ``info``, aligned; return objects as they are."""
    if info.content != "numbers":
        return values.reshape(len(values))
    if values.dtype.kind == "c":
        pairs = np.ascontiguousarray(values).reshape(*values.shape, 1)
        values = pairs.view(in_components(values.dtype))
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    with np.errstate(all="ignore"):
        plain = np.asarray(values).astype(np.dtype(info.dtype), copy=False)
    return plain if plain.flags.aligned else plain.copy()


class RowCursor:
    """Reads rows ``first`` <= row < ``stop`` of a dataset in ascending order.

    Every chunk is decoded once; ``track(row, count)`` is called before that.
    """

    def __init__(self, source: OpenDataset, first: int, stop: int, track: Tracker) -> None:
        self.source = source
        self.first, self.stop = first, stop
        self.track = track
        self.rows = unit_rows(source.info)
        self.slices: list[RowSlice] = []

    def unit_end(self, row: int) -> int:
        """The end of the rows that are read together with ``row``."""
        if self.source.direct_reader is not None:
            return self.stop
        return min(self.stop, row - row % self.rows + self.rows)

    def take(self, first: int, stop: int) -> list[RowSlice]:
        """Rows ``first`` <= row < ``stop`` as slices, in order."""
        if self.source.direct_reader is not None:
            self.track(first, stop - first)
            return list(self.source.read(first, stop, in_place=True))
        taken: list[RowSlice] = []
        while first < stop:
            end = min(stop, self.unit_end(first))
            if not (self.slices and self.slices[0].first <= first < self.slices[-1].stop):
                start = max(self.first, first - first % self.rows)
                self.track(start, self.unit_end(first) - start)
                self.slices = list(self.source.read(start, self.unit_end(first)))
            taken += [s.clip(first, end) for s in self.slices if s.first < end and s.stop > first]
            first = end
        return taken


def join_values(
    slices: Sequence[RowSlice], first: int
) -> tuple[NDArray[np.int64], NDArray[Any] | RowsInFile | None, list[Fault]]:
    """Join slices: readable rows relative to ``first``, their values (or None), and faults."""
    readable = [part for part in slices if part.values is not None]
    rows = [np.arange(part.first - first, part.stop - first) for part in readable]
    faults = [
        Fault(row - first, "damaged-store", part.why)
        for part in slices
        if part.values is None
        for row in range(part.first, part.stop)
    ]
    if not readable:
        return np.empty(0, np.int64), None, faults
    if len(readable) == 1:
        return rows[0], readable[0].values, faults
    return np.concatenate(rows), np.concatenate([part.array for part in readable]), faults


def join_arrays(
    slices: Sequence[RowSlice], first: int
) -> tuple[NDArray[np.int64], NDArray[Any] | None, list[Fault]]:
    """Like :func:`join_values`, but the values are always an array."""
    rows, values, faults = join_values(slices, first)
    return rows, values.array if isinstance(values, RowsInFile) else values, faults
