"""Rows of a contiguous HDF5 dataset, read from the file without HDF5 in between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import FileIO
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from datascan.readers.hdf5.inventory import DatasetInfo, in_components
from datascan.readers.hdf5.storage import contiguous_offset, rows_on_disk
from datascan.records.statistics import RecordStats, compute_stats_into, is_measured_directly

PIECE_BYTES = 1 << 18
"""Rows are looked at in pieces of about this many bytes, which stay in a core's own cache."""


class DirectReader:
    """A contiguous dataset's rows, read from the file without HDF5 in between.

    Reading into memory at hand costs less than mapping: no page of the file is to be mapped first,
    and a disk that fails is an error, not a signal.
    """

    def __init__(self, path: str, dtype: np.dtype[Any], offset: int, column: DatasetInfo) -> None:
        self.path, self.dtype, self.offset = path, dtype, offset
        self.shape = tuple(column.shape)
        self.row_bytes = math.prod(self.shape) * dtype.itemsize

    def is_readable(self, column: DatasetInfo) -> bool:
        """Whether the file holds the column's values in a form that can be looked at in place."""
        return is_measured_directly(self.dtype) and self.dtype == np.dtype(column.dtype)

    @classmethod
    def of(cls, dataset: Any, column: DatasetInfo) -> DirectReader | None:
        """The rows of a contiguous dataset; None where its bytes are not its values."""
        offset = contiguous_offset(dataset)
        if offset is None or column.content != "numbers" or not column.record_bytes:
            return None
        # Types that NumPy does not have (bfloat16, 12-bit integers) are for HDF5 to convert.
        plain = dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype, logical=True)
        if not plain or not rows_on_disk(dataset, column):
            return None
        base = in_components(dataset.dtype.base)
        stored = np.dtype(np.uint8) if base.kind == "b" else base
        return cls(dataset.file.filename, stored, offset, column)

    def read(self, first: int, stop: int) -> NDArray[Any]:
        """The rows ``first`` <= row < ``stop``.

        Raises:
            OSError: where the file ends before them, or cannot be read.
        """
        values = np.empty((stop - first, *self.shape), self.dtype)
        with self._at(first) as file:
            fill(file, values.reshape(-1).view(np.uint8).data)
        return values

    def compute_stats(self, first: int, stop: int) -> RowsInFile:
        """The rows ``first`` <= row < ``stop``, looked at while they are read.

        Raises:
            OSError: where the file ends before them, or cannot be read.
        """
        found = RecordStats.empty(stop - first, self.dtype)
        step = max(1, PIECE_BYTES // self.row_bytes)
        scratch = np.empty(min(step, stop - first) * self.row_bytes, np.uint8)
        offsets = np.arange(min(step, stop - first)) * self.row_bytes
        width = math.prod(self.shape)
        with self._at(first) as file:
            for at in range(0, stop - first, step):
                count = min(step, stop - first - at)
                octets = scratch[: count * self.row_bytes]
                fill(file, octets.data)
                compute_stats_into(found, slice(at, at + count), octets, offsets[:count], width)
        return RowsInFile(self, first, (stop - first, *self.shape), found)

    def _at(self, first: int) -> FileIO:
        file = FileIO(self.path)
        file.seek(self.offset + first * self.row_bytes)
        return file


def fill(file: FileIO, octets: memoryview) -> None:
    """Read as many bytes as there is room for.

    Raises:
        OSError: where the file ends before that.
    """
    done = 0
    while done < len(octets):
        count = file.readinto(octets[done:])
        if not count:
            raise OSError("the file ends before this row")
        done += count


@dataclass(frozen=True, slots=True, eq=False)
class RowsInFile:
    """Rows from ``first`` on that have been looked at, and stay where they are.

    A :class:`datascan.records.block.LazyArray`; ``shape`` begins with the number of rows.
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
        """The values of some rows, read again, (m, size)."""
        if len(rows) == self.shape[0]:
            return self.array.reshape(len(rows), -1)
        values = np.empty((len(rows), math.prod(self.shape[1:])), self.dtype)
        for place, row in enumerate((rows + self.first).tolist()):
            values[place] = self.file.read(row, row + 1).reshape(-1)
        return values

    def compute_stats(self) -> RecordStats:
        """Figures of all rows."""
        return self.stats
