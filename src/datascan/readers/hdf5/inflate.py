"""Chunks packed by gzip alone, inflated by a faster library than HDF5's own.

Only what is plain takes this path: deflate, perhaps after a byte shuffle. Whatever is odd, damaged
or missing is left to HDF5, which has the last word.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from itertools import product
from typing import Any, cast

import h5py
import numpy as np
from numpy.typing import NDArray

decompressobj: Callable[[], Any]


try:
    from isal import isal_zlib

    decompressobj = isal_zlib.decompressobj
    INFLATE_ERRORS = (cast("type[Exception]", isal_zlib.IsalError),)
except ImportError:  # a processor without ISA-L: the standard library is right as well
    decompressobj = zlib.decompressobj
    INFLATE_ERRORS = (zlib.error,)

DEFLATE, SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
PIPELINES = ((DEFLATE,), (SHUFFLE, DEFLATE))


class OverlongChunkError(OSError):
    """A chunk that unpacks to more than it may hold: HDF5 would give it all memory it asks for."""


class GzipReader:
    """Reads rows of a dataset whose chunks are packed by one of ``PIPELINES``."""

    def __init__(self, dataset: Any, *, shuffled: bool) -> None:
        self.dataset = dataset
        self.chunks: tuple[int, ...] = dataset.chunks
        self.shuffled = shuffled
        self.bytes = math.prod(self.chunks) * dataset.dtype.itemsize

    @classmethod
    def of(cls, dataset: Any) -> GzipReader | None:
        """The inflater of a dataset; None where HDF5 is to read it."""
        if dataset.chunks is None or dataset.is_virtual or dataset.dtype.kind not in "iuf":
            return None
        plain = dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype, logical=True)
        plist = dataset.id.get_create_plist()
        pipeline = tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters()))
        # Without any chunk there is no index, and reading a chunk directly goes astray in HDF5.
        if not plain or pipeline not in PIPELINES or not dataset.id.get_storage_size():
            return None
        return cls(dataset, shuffled=SHUFFLE in pipeline)

    def read(self, first: int, stop: int) -> NDArray[Any] | None:
        """The rows ``first`` <= row < ``stop``; None where HDF5 is to read them.

        Raises:
            OverlongChunkError: where HDF5 is not to read them either.
        """
        shape = self.dataset.shape[1:]
        rows = range(first - first % self.chunks[0], stop, self.chunks[0])
        columns = [range(0, n, c) for n, c in zip(shape, self.chunks[1:], strict=True)]
        values = np.empty((stop - first, *shape), self.dataset.dtype)
        for corner in product(rows, *columns):
            chunk = self._chunk(corner)
            if chunk is None:
                return None
            low, high = max(first, corner[0]), min(stop, corner[0] + self.chunks[0])
            ends = [
                slice(at, min(at + c, n))
                for at, c, n in zip(corner[1:], self.chunks[1:], shape, strict=True)
            ]
            inside = [slice(0, end.stop - end.start) for end in ends]
            own = slice(low - corner[0], high - corner[0])
            values[(slice(low - first, high - first), *ends)] = chunk[(own, *inside)]
        return values

    def _chunk(self, corner: tuple[int, ...]) -> NDArray[Any] | None:
        """One chunk, unpacked; None where it is not stored, stored otherwise, or damaged."""
        unpacking = decompressobj()
        try:
            skipped, packed = self.dataset.id.read_direct_chunk(corner)
            octets = b"" if skipped else unpacking.decompress(packed, self.bytes + 1)
        except (OSError, RuntimeError, ValueError, MemoryError, *INFLATE_ERRORS):
            return None
        if len(octets) > self.bytes:
            where = ", ".join(map(str, corner))
            raise OverlongChunkError(
                f"chunk ({where}) unpacks to more than its {self.bytes:,} bytes"
            )
        if len(octets) < self.bytes or not unpacking.eof:
            return None
        if not self.shuffled:
            return np.frombuffer(octets, self.dataset.dtype).reshape(self.chunks)
        size = self.dataset.dtype.itemsize
        planes = np.frombuffer(octets, np.uint8).reshape(size, -1)
        values = np.ascontiguousarray(planes.T).view(self.dataset.dtype)
        return np.asarray(values.reshape(self.chunks))
