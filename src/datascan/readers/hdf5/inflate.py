"""Faster decompression of gzip chunks than HDF5's own.

Supported are deflate, and deflate after a byte shuffle. Chunks that are missing, damaged or stored
in another way are left to HDF5.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from datascan.readers.hdf5.filters import (
    DEFLATE,
    INFLATE_ERRORS,
    SHUFFLE,
    WrongSizeError,
    decompressobj,
    join_planes,
)

PIPELINES = ((DEFLATE,), (SHUFFLE, DEFLATE))


class GzipReader:
    """Reads rows of a dataset whose chunks are compressed by one of ``PIPELINES``."""

    def __init__(self, dataset: Any, *, shuffled: bool) -> None:
        self.dataset = dataset
        self.chunks: tuple[int, ...] = dataset.chunks
        self.shuffled = shuffled
        self.chunk_bytes = math.prod(self.chunks) * dataset.dtype.itemsize

    @classmethod
    def of(cls, dataset: Any) -> GzipReader | None:
        """The reader of a dataset; None if HDF5 must read it."""
        if dataset.chunks is None or dataset.is_virtual or dataset.dtype.kind not in "iuf":
            return None
        is_numpy_type = dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype, logical=True)
        plist = dataset.id.get_create_plist()
        pipeline = tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters()))
        # Without chunks there is no index, and read_direct_chunk fails inside HDF5.
        if not is_numpy_type or pipeline not in PIPELINES or not dataset.id.get_storage_size():
            return None
        return cls(dataset, shuffled=SHUFFLE in pipeline)

    def read(self, first: int, stop: int) -> NDArray[Any] | None:
        """Read rows ``first`` <= row < ``stop``; None if HDF5 must read them.

        Raises:
            WrongSizeError: if a chunk is damaged in such a way that HDF5 must not read it.
        """
        shape = self.dataset.shape[1:]
        rows = range(first - first % self.chunks[0], stop, self.chunks[0])
        starts = [range(0, n, c) for n, c in zip(shape, self.chunks[1:], strict=True)]
        values = np.empty((stop - first, *shape), self.dataset.dtype)
        for corner in product(rows, *starts):
            chunk = self._read_chunk(corner)
            if chunk is None:
                return None
            low, high = max(first, corner[0]), min(stop, corner[0] + self.chunks[0])
            target = [
                slice(start, min(start + c, n))
                for start, c, n in zip(corner[1:], self.chunks[1:], shape, strict=True)
            ]
            source = [slice(0, axis.stop - axis.start) for axis in target]
            chunk_rows = slice(low - corner[0], high - corner[0])
            values[(slice(low - first, high - first), *target)] = chunk[(chunk_rows, *source)]
        return values

    def _read_chunk(self, corner: tuple[int, ...]) -> NDArray[Any] | None:
        """Decompress one chunk; None if it is missing, damaged, or stored in another way."""
        inflate = decompressobj()
        try:
            filter_mask, compressed = self.dataset.id.read_direct_chunk(corner)
            octets = b"" if filter_mask else inflate.decompress(compressed, self.chunk_bytes + 1)
        except (OSError, RuntimeError, ValueError, *INFLATE_ERRORS):
            return None
        if len(octets) > self.chunk_bytes:
            place = ", ".join(map(str, corner))
            raise WrongSizeError(f"chunk ({place}) holds more than {self.chunk_bytes:,} bytes")
        if len(octets) < self.chunk_bytes or not inflate.eof:
            return None
        if not self.shuffled:
            return np.frombuffer(octets, self.dataset.dtype).reshape(self.chunks)
        planes = np.frombuffer(octets, np.uint8)
        values = join_planes(planes, self.dataset.dtype.itemsize).view(self.dataset.dtype)
        return np.asarray(values.reshape(self.chunks))
