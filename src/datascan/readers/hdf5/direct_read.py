"""Reading rows of a contiguous HDF5 dataset directly from the file, without the library."""

from __future__ import annotations

import math
import os
from io import FileIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.files import open_regular
from datascan.readers.hdf5.inventory import DatasetInfo, Place, in_components
from datascan.readers.hdf5.storage import contiguous_offset, rows_on_disk
from datascan.records.statistics import RecordStats, compute_stats_into, is_measured_directly

CHUNK_BYTES = 1 << 20
"""Rows are measured in chunks of about this many bytes, which fit in a core's L2 cache."""


class DirectReader:
    """Reads rows of a contiguous dataset directly from the file.

    Reading into a reused buffer takes no longer than mapping the file, which has page faults in
    place of copies, and a file that is cut or a failing disk raises an error instead of a signal.
    """

    def __init__(self, path: str, dtype: np.dtype[Any], offset: int, info: DatasetInfo) -> None:
        self.path, self.dtype, self.offset = path, dtype, offset
        self.shape = tuple(info.shape)
        self.row_bytes = math.prod(self.shape) * dtype.itemsize

    def is_measurable(self, info: DatasetInfo) -> bool:
        """Whether the stored values need no conversion before they are measured."""
        return is_measured_directly(self.dtype) and self.dtype == np.dtype(info.dtype)

    @classmethod
    def at(cls, place: Place, info: DatasetInfo) -> DirectReader:
        """The reader of a dataset that has been found by :func:`find_place`."""
        return cls(place.path, np.dtype(place.dtype), place.offset, info)

    @property
    def rows_on_disk(self) -> int:
        """The number of rows that the file can hold.

        Raises:
            OSError: if there is no such file.
        """
        return max(0, os.stat(self.path).st_size - self.offset) // self.row_bytes  # noqa: PTH116  (once for each of many files)

    @classmethod
    def of(cls, dataset: Any, info: DatasetInfo) -> DirectReader | None:
        """The reader of a contiguous dataset; None if its bytes are not its values."""
        place = find_place(dataset, info)
        return None if place is None else cls.at(place, info)

    def read(self, first: int, stop: int) -> NDArray[Any]:
        """Read rows ``first`` <= row < ``stop``.

        Raises:
            OSError: if the file is too short, or cannot be read.
        """
        values = np.empty((stop - first, *self.shape), self.dtype)
        with self._open_at(first) as file:
            read_fully(file, values.reshape(-1).view(np.uint8).data)
        return values

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Read some rows, as (m, size).

        Raises:
            OSError: if the file is too short, or cannot be read.
        """
        values = np.empty((len(rows), math.prod(self.shape)), self.dtype)
        octets = values.view(np.uint8)
        with self._open_at(0) as file:
            for i, row in enumerate(rows.tolist()):
                file.seek(self.offset + row * self.row_bytes)
                read_fully(file, octets[i].data)
        return values

    def compute_stats(self, first: int, stop: int) -> RowsInFile:
        """Read and measure rows ``first`` <= row < ``stop`` without keeping them.

        Raises:
            OSError: if the file is too short, or cannot be read.
        """
        stats = RecordStats.empty(stop - first, self.dtype)
        step = max(1, CHUNK_BYTES // self.row_bytes)
        buffer = np.empty(min(step, stop - first) * self.row_bytes, np.uint8)
        offsets = np.arange(min(step, stop - first)) * self.row_bytes
        width = math.prod(self.shape)
        with self._open_at(first) as file:
            for start in range(0, stop - first, step):
                count = min(step, stop - first - start)
                rows = slice(start, start + count)
                octets = buffer[: count * self.row_bytes]
                read_fully(file, octets.data)
                compute_stats_into(stats, rows, octets, offsets[:count], width)
        return RowsInFile(self, first, (stop - first, *self.shape), stats)

    def _open_at(self, first: int) -> FileIO:
        file = open_regular(Path(self.path))
        file.seek(self.offset + first * self.row_bytes)
        return file


def find_place(dataset: Any, info: DatasetInfo) -> Place | None:
    """Where the values of a contiguous dataset begin; None if its bytes are not its values."""
    if info.content != "numbers" or not info.record_bytes:
        return None
    offset = contiguous_offset(dataset)
    if offset is None:
        return None
    # HDF5 must convert types that NumPy does not have (bfloat16, 12-bit integers).
    dtype = dataset.dtype
    is_numpy_type = dataset.id.get_type() == h5py.h5t.py_create(dtype, logical=True)
    if not is_numpy_type or not rows_on_disk(dataset, info):
        return None
    base = in_components(dtype.base)
    stored = "|u1" if base.kind == "b" else base.str
    return Place(os.fsdecode(h5py.h5f.get_name(dataset.id)), offset, stored)


def read_fully(file: FileIO, octets: memoryview) -> None:
    """Fill ``octets`` from the file.

    Raises:
        OSError: if the file ends before that.
    """
    done = 0
    while done < len(octets):
        count = file.readinto(octets[done:])
        if not count:
            raise OSError("the file ends before this row")
        done += count


class RowsInFile(Struct, frozen=True, eq=False):
    """Rows that were measured but not kept, the first of which is ``first``.

    A :class:`datascan.records.block.LazyArray`. ``shape``: the number of rows, followed by the
    shape of one.
    """

    file: DirectReader
    first: int
    shape: tuple[int, ...]
    stats: RecordStats

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.file.dtype

    @property
    def array(self) -> NDArray[Any]:
        """All values, read again."""
        return self.file.read(self.first, self.first + self.shape[0])

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The values of ``rows``, read again: (m, size)."""
        if len(rows) == self.shape[0]:
            return self.array.reshape(len(rows), -1)
        return self.file.take(rows + self.first)

    def compute_stats(self) -> RecordStats:
        """Statistics of all rows."""
        return self.stats
