"""Undoing filters of chunks with a limit, before HDF5 does so without one.

HDF5 inflates all that a chunk holds, and allocates what the header of a chunk claims. If that is
less than a chunk, HDF5 2.0 reads memory past the end of it as values, or crashes.

Source: HDF5 2.0, H5Z*.c and H5Dchunk.c (H5D__chunk_lock); RFC 8878, section 3.1.1.1 (zstd);
headers of LZ4, Blosc and Bitshuffle as in the HDF5 plugins of the HDF Group; h5py, lzf_filter.c.
"""

from __future__ import annotations

import math
import zlib
from bz2 import BZ2Decompressor
from collections.abc import Callable
from itertools import product
from typing import Any, cast

import h5py
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.native import loops

decompressobj: Callable[[], Any]

try:
    from isal import isal_zlib

    decompressobj = isal_zlib.decompressobj
    INFLATE_ERRORS = (cast("type[Exception]", isal_zlib.IsalError),)
except ImportError:  # ISA-L is not available for this processor
    decompressobj = zlib.decompressobj
    INFLATE_ERRORS = (zlib.error,)

DEFLATE, SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
FLETCHER32, SZIP = h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_SZIP
NBIT, SCALEOFFSET = h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET
BZIP2, LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD = 307, 32000, 32001, 32004, 32008, 32015

INFLATED = {DEFLATE, BZIP2}
UNDONE = {DEFLATE, BZIP2, SHUFFLE, FLETCHER32}

MAX_RATIO = 1032
"""Deflate compresses no better than this."""

BITSHUFFLE_PACKED = {2, 3}
"""The fifth value of Bitshuffle if it also compresses, with LZ4 or zstd."""

CHECKSUM_BYTES = 4
"""The number of bytes that the filter fletcher32 adds to a chunk."""

SLACK_BYTES = 4096
"""Filters may add a little to what they cannot compress, and an eighth of it."""

SMALL_STORED_BYTES = 64 << 20
"""A larger chunk in the file may be twice what it holds: SZ3 adds a third to random values."""

READ_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError)


class WrongSizeError(OSError):
    """A chunk does not decompress to its size, so HDF5 must not read it."""


class Stage(Struct, frozen=True):
    """A chunk between two filters: its bytes, None if they are unknown, and how many they are.

    ``size`` is None if even that is unknown.
    """

    octets: bytes | None
    size: int | None


UNKNOWN = Stage(None, None)


class ChunkGuard:
    """Refuses chunks of a dataset that do not decompress to as much as a chunk holds."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.chunks: tuple[int, ...] = dataset.chunks
        self.chunk_bytes = math.prod(self.chunks) * int(dataset.id.get_type().get_size())
        self.max_bytes = self.chunk_bytes + self.chunk_bytes // 8 + SLACK_BYTES
        self.max_stored_bytes = max(SMALL_STORED_BYTES, 2 * self.chunk_bytes)
        self.filters = filters_of(dataset)

    @classmethod
    def of(cls, dataset: Any) -> ChunkGuard | None:
        """The guard of a dataset; None if it has no filters, or nothing was written."""
        if dataset.chunks is None or dataset.is_virtual or not dataset.id.get_storage_size():
            return None
        return cls(dataset) if filters_of(dataset) else None

    def require(self, first: int, stop: int) -> None:
        """Raise :class:`WrongSizeError` if a chunk of rows ``first`` to ``stop`` has a wrong size.

        Chunks that are missing or damaged are left to HDF5.
        """
        step = self.chunks[0]
        starts = [
            range(0, n, c) for n, c in zip(self.dataset.shape[1:], self.chunks[1:], strict=True)
        ]
        for corner in product(range(first - first % step, stop, step), *starts):
            self.require_chunk(corner)

    def require_chunk(self, corner: tuple[int, ...]) -> None:
        """Raise :class:`WrongSizeError` if the chunk at ``corner`` has a wrong size."""
        try:
            self.undo(*self.read(corner), corner)
        except WrongSizeError:
            raise
        except READ_ERRORS:
            return

    def read(self, corner: tuple[int, ...]) -> tuple[bytes, int]:
        """The bytes of a chunk and its filter mask.

        Raises:
            WrongSizeError: if it is longer than compression can make it.
            OSError: or another of ``READ_ERRORS``, if it is missing.
        """
        # HDF5 allocates what the index says.
        size = self.dataset.id.get_chunk_info_by_coord(corner).size
        if size and size > self.max_stored_bytes:
            raise self.wrong_size(corner, f"{size:,} bytes instead of ")
        mask, octets = self.dataset.id.read_direct_chunk(corner)
        return octets, int(mask)

    @property
    def inflates_once(self) -> bool:
        """Whether a chunk becomes at most ``MAX_RATIO`` times as large by its filters."""
        codes = [code for code, _ in self.filters]
        return codes.count(DEFLATE) <= 1 and set(codes) <= {DEFLATE, SHUFFLE, FLETCHER32}

    def undo(self, octets: bytes, mask: int, corner: tuple[int, ...]) -> bytes | None:
        """The contents of a chunk before its filters; None if one is damaged or not known.

        Raises:
            WrongSizeError: if a filter makes more of it than a chunk holds, or all of them less.
        """
        limit = self.max_bytes
        stage = Stage(octets, len(octets))
        for number, (code, values) in reversed(list(enumerate(self.filters))):
            if mask >> number & 1:
                continue
            stage = undo_one(code, values, stage, limit)
            if stage.size is not None and stage.size > limit:
                raise self.wrong_size(corner, "more than ")
        if stage.size is not None and stage.size < self.chunk_bytes:
            raise self.wrong_size(corner, f"{stage.size:,} bytes instead of ")
        return stage.octets

    def wrong_size(self, corner: tuple[int, ...], how: str) -> WrongSizeError:
        """The error of the chunk at ``corner``."""
        place = ", ".join(map(str, corner))
        return WrongSizeError(f"chunk ({place}) holds {how}{self.chunk_bytes:,} bytes")


def undo_one(code: int, values: tuple[int, ...], stage: Stage, limit: int) -> Stage:
    """What a filter was given; of a larger chunk only ``limit`` + 1 bytes."""
    if stage.octets is None:
        return Stage(None, stage.size) if code == SHUFFLE else UNKNOWN
    if code in INFLATED:
        plain = inflate(code, stage.octets, limit + 1)
        return UNKNOWN if plain is None else Stage(plain, len(plain))
    if code == FLETCHER32:
        rest = stage.octets[:-CHECKSUM_BYTES]
        return Stage(rest, len(rest))
    if code == SHUFFLE:
        return Stage(unshuffle(stage.octets, values[0] if values else 1), stage.size)
    return Stage(None, claimed_bytes(code, values, stage.octets))


def unshuffle(octets: bytes, size: int) -> bytes:
    """Undo a byte shuffle of elements of ``size`` bytes; the rest is at the end as it was."""
    whole = len(octets) // size * size if size else 0
    if size < 2 or not whole:
        return octets
    return join_planes(np.frombuffer(octets, np.uint8, whole), size).tobytes() + octets[whole:]


def join_planes(shuffled: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Elements of ``size`` bytes, as rows, from all their first bytes, all their second bytes..."""
    joined = np.empty((len(shuffled) // size, size), np.uint8)
    loops.unshuffle(shuffled, size, joined.reshape(-1))
    return joined


def filters_of(dataset: Any) -> list[tuple[int, tuple[int, ...]]]:
    """The filters of a dataset in the order in which they are applied: numbers and parameters."""
    plist = dataset.id.get_create_plist()
    found = (plist.get_filter(i) for i in range(plist.get_nfilters()))
    return [(int(code), tuple(values)) for code, _, values, _ in found]


def inflate(code: int, octets: bytes, limit: int) -> bytes | None:
    """At most ``limit`` bytes of what was compressed; None if it is damaged."""
    # HDF5 has zlib, which may accept what ISA-L does not.
    kinds = (BZ2Decompressor,) if code == BZIP2 else (decompressobj, zlib.decompressobj)
    for kind in kinds:
        inflater = kind()
        try:
            found: bytes = inflater.decompress(octets, limit)
        except (OSError, ValueError, EOFError, *INFLATE_ERRORS, zlib.error):
            continue
        if inflater.eof or len(found) == limit:
            return found
    return None


def claimed_bytes(  # noqa: PLR0911  (one case for each filter)
    code: int, values: tuple[int, ...], octets: bytes
) -> int | None:
    """How many bytes HDF5 allocates for a compressed chunk; None if that is not known.

    ``values``: the parameters of the filter.
    """
    found = (*values, 0, 0, 0, 0, 0)
    if code == LZF:
        return found[2] or None
    if code == SZIP:
        return int.from_bytes(octets[:4], "little")
    if code == BLOSC:
        return int.from_bytes(octets[4:8], "little")
    if code == LZ4 or (code == BITSHUFFLE and found[4] in BITSHUFFLE_PACKED):
        return int.from_bytes(octets[:8], "big")
    if code == SCALEOFFSET or (code == NBIT and found[1] != 1):
        return found[2] * found[4]
    if code in {BITSHUFFLE, NBIT}:
        return len(octets)
    return zstd_bytes(octets) if code == ZSTD else None


def zstd_bytes(octets: bytes) -> int | None:
    """The content size in the header of a zstd frame; None if it does not state one."""
    if len(octets) < 6 or octets[:4] != b"\x28\xb5\x2f\xfd":
        return None
    flags = octets[4]
    is_single = flags >> 5 & 1
    width = (is_single, 2, 4, 8)[flags >> 6]
    start = 6 - is_single + (0, 1, 2, 4)[flags & 3]
    if not width:
        return None
    size = int.from_bytes(octets[start : start + width], "little")
    return size + 256 if width == 2 else size
