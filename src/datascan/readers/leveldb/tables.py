"""Table files: their index, and the entries of any of their blocks.

Source: LevelDB, doc/table_format.md. A table is a row of blocks; its index has a key for each that
is not smaller than the block's last one, and smaller than all keys of the next block. Every number
is checked against the file before it is used.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.files import open_regular
from datascan.native import loops
from datascan.native.table_blocks import (
    CHECKSUM,
    COMPRESSION,
    ENTRIES,
    ORDER,
    OUTSIDE,
    SNAPPY_DATA,
    SOUND,
    TOO_LARGE,
    TRAILER,
)
from datascan.readers.leveldb.coding import CodingError, take_varint
from datascan.readers.leveldb.manifest import Table

FOOTER_BYTES = 48
TABLE_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
"""The last eight bytes of every table."""

NEWEST, EVERY_VERSION = False, True
INCLUSIVE = True
NO_BOUNDS = np.zeros((0, 2), np.int64)

MAX_RATIO = 64
"""Blocks may have this many times their compressed bytes; Snappy cannot exceed 22."""

MIN_LIMIT = 1 << 16
"""Blocks may always have this many bytes."""

REASONS = {
    OUTSIDE: "a block lies outside of the file",
    CHECKSUM: "block checksum mismatch",
    SNAPPY_DATA: "a block has damaged Snappy data",
    ENTRIES: "a block has malformed entries",
    ORDER: "keys are out of order",
    TOO_LARGE: f"a block expands to more than {MAX_RATIO} times its size",
}


UNSUPPORTED = "which datascan cannot decompress"
"""Part of the reason if a block is intact, but compressed in another way than with Snappy."""

METHODS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "LZ4"} | {
    bytes([0x78, level]): "zlib" for level in (0x01, 0x5E, 0x9C, 0xDA)
}
"""Compression methods by the first bytes of what they compress.

LevelDB since 1.23 has zstd as method 2; forks use the same number for zlib.
"""


class TableError(Exception):
    """A table whose index cannot be read."""


class Loss(Struct, frozen=True):
    """Keys of a table that cannot be read: from ``begin`` up to and including ``end``."""

    begin: bytes
    end: bytes
    reason: str


class Segment(Struct, frozen=True, eq=False):
    """Entries of some consecutive blocks of a table, in key order.

    ``rows``, int64 (m, 5): offset and size of the user key in ``keys``; offset and size of the
    value in ``data`` (or, from its size on, in ``unpacked``); mark (sequence number << 8 | kind).
    """

    data: NDArray[np.uint8]
    keys: bytes
    rows: NDArray[np.int64]
    unpacked: bytes
    losses: tuple[Loss, ...]

    def key(self, row: int) -> bytes:
        """The user key of a row."""
        start, size = self.rows[row, 0], self.rows[row, 1]
        return self.keys[start : start + size]


class Index(Struct, frozen=True, eq=False, dict=True):
    """The blocks of a table, and the keys between which those of each block are.

    ``places``, int64 (n + 1, 2): offset and size in ``keys`` of the first key of the table, and of
    the key up to which each block goes. ``handles``, int64 (n, 2): offset and size of each block.
    """

    keys: bytes
    places: NDArray[np.int64]
    handles: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.handles)

    def end(self, block: int) -> bytes:
        """The key up to which a block goes."""
        start, size = self.places[block + 1].tolist()
        return self.keys[start : start + size]

    def begin(self, block: int) -> bytes:
        """The smallest key that a block can have."""
        start, size = self.places[block].tolist()
        return self.keys[start : start + size] + (b"\0" if block else b"")

    def begins(self) -> list[bytes]:
        """The smallest key that each block can have."""
        return [self.begin(block) for block in range(len(self))]

    def count_before(self, key: bytes) -> int:
        """How many blocks end before ``key``."""
        return bisect_left(range(len(self)), key, key=self.end)

    def within(self, first: bytes, last: bytes) -> Index:
        """The same blocks in a table whose first and last key are known.

        The key of the last block in the file is any short one not smaller than its keys.
        """
        places = self.places.copy()
        places[0] = len(self.keys), len(first)
        if len(self) and self.end(len(self) - 1) > last:
            places[-1] = len(self.keys) + len(first), len(last)
        return Index(self.keys + first + last, places, self.handles)


class TableFile:
    """A table of a store: what the manifest says of it, and its file. Holds no file open."""

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self.table = table

    def __getstate__(self) -> tuple[Path, Table]:
        return self.path, self.table

    def __setstate__(self, state: tuple[Path, Table]) -> None:
        self.path, self.table = state

    @cached_property
    def index(self) -> Index | str:
        """The index, or why it cannot be read."""
        try:
            index = read_index(self.path, self.table.size)
        except TableError as error:
            return f"{error} in {self.path.name}"
        except OSError as error:
            return f"{self.path.name} cannot be read: {error.strerror}"
        return index.within(self.table.first, self.table.last) if self.table.largest else index

    def key_bounds(self) -> tuple[bytes, bytes]:
        """The first and the last key, as far as they can be read; else bounds that hold them."""
        assert isinstance(self.index, Index)  # noqa: S101  (inspection names unreadable tables first)
        bounds = [b"", self.index.end(len(self.index) - 1)]
        for i, block in enumerate((0, len(self.index) - 1)):
            start, stop = self.span_of(range(block, block + 1))
            segment = self.read(range(block, block + 1), np.empty(stop - start, np.uint8))
            if len(segment.rows):
                bounds[i] = segment.key(0 if i == 0 else len(segment.rows) - 1)
        return bounds[0], bounds[1]

    def blocks_in(self, first: bytes | None, stop: bytes | None) -> range:
        """The numbers of the blocks that may hold keys from ``first`` up to ``stop``."""
        if isinstance(self.index, str):
            return range(0)
        low = 0 if first is None else self.index.count_before(first)
        high = len(self.index)
        if stop is not None:
            last = self.index.count_before(stop)
            high = min(high, last + (last == 0 or self.index.begin(last) < stop))
        return range(low, max(low, high))

    def span_of(self, blocks: range) -> tuple[int, int]:
        """Where some consecutive blocks begin and end in the file."""
        assert isinstance(self.index, Index)  # noqa: S101  (blocks exist only in a readable table)
        handles = self.index.handles
        return int(handles[blocks[0], 0]), int(handles[blocks[-1]].sum()) + TRAILER

    def read(self, blocks: range, buffer: NDArray[np.uint8]) -> Segment:
        """Read and decode consecutive blocks; ``buffer`` has as many bytes as ``span_of`` says."""
        assert isinstance(self.index, Index)  # noqa: S101  (blocks exist only in a readable table)
        begin, _ = self.span_of(blocks)
        reason = ""
        try:
            with open_regular(self.path, inside=self.path.parent) as file:
                file.seek(begin)
                filled = fill(file, buffer)
        except OSError as error:
            filled, reason = 0, f"{self.path.name} cannot be read: {error.strerror}"
        handles = self.index.handles[blocks.start : blocks.stop] - [[begin, 0]]
        limit = max(MIN_LIMIT, MAX_RATIO * len(buffer))
        keys, raw, unpacked, state = loops.decode_blocks(
            buffer[:filled],
            np.ascontiguousarray(handles),
            limit,
            NEWEST,
            self.index.keys,
            np.ascontiguousarray(self.index.places[blocks.start : blocks.stop + 1]),
            blocks.start == 0,
        )
        rows = np.frombuffer(raw, np.int64).reshape(-1, 5)
        codes = np.frombuffer(state, np.int64).reshape(-1, 2)[:, 0]
        losses = tuple(
            self._loss(blocks[i], reason or explain(int(codes[i]), buffer, *handles[i].tolist()))
            for i in np.flatnonzero(codes).tolist()
        )
        return Segment(buffer, keys, rows, unpacked, losses)

    def _loss(self, block: int, reason: str) -> Loss:
        assert isinstance(self.index, Index)  # noqa: S101  (blocks exist only in a readable table)
        offset = int(self.index.handles[block, 0])
        where = "" if self.path.name in reason else f" in {self.path.name} at byte {offset:,}"
        return Loss(self.index.begin(block), self.index.end(block), f"{reason}{where}")


def explain(code: int, buffer: NDArray[np.uint8], offset: int, size: int) -> str:
    """Why a block cannot be read; it is at ``offset`` in ``buffer``, without its trailer."""
    if code != COMPRESSION:
        return REASONS[code]
    head, method = buffer[offset : offset + 4].tobytes(), int(buffer[offset + size])
    names = (name for start, name in METHODS.items() if head.startswith(start))
    name = next(names, f"compression method {method}")
    return f"a block is compressed with {name}, {UNSUPPORTED}"


def fill(file: Any, buffer: NDArray[np.uint8]) -> int:
    """Read into ``buffer``; how many bytes there were."""
    filled = 0
    while filled < len(buffer):
        count = file.readinto(buffer[filled:].data)
        if not count:
            break
        filled += count
    return filled


def read_index(path: Path, size: int) -> Index:
    """The index of the table of ``size`` bytes at ``path``.

    Raises:
        TableError: if the footer or the index is damaged.
        OSError: if the file cannot be read.
    """
    with open_regular(path, inside=path.parent) as file:
        file.seek(max(0, size - FOOTER_BYTES))
        footer = file.read(FOOTER_BYTES) or b""
        if len(footer) < FOOTER_BYTES or footer[-8:] != TABLE_MAGIC:
            raise TableError("damaged footer")
        offset, length = index_handle(footer)
        if offset + length + TRAILER > size:
            raise TableError("the index lies outside of the file")
        file.seek(offset)
        buffer = np.zeros(length + TRAILER, np.uint8)
        fill(file, buffer)
    handle = np.array([[0, length]], np.int64)
    limit = max(MIN_LIMIT, MAX_RATIO * len(buffer))
    keys, raw, unpacked, state = loops.decode_blocks(
        buffer, handle, limit, EVERY_VERSION, b"", NO_BOUNDS, INCLUSIVE
    )
    (code, _) = np.frombuffer(state, np.int64)
    if code != SOUND:
        raise TableError(f"the index cannot be read: {explain(int(code), buffer, 0, length)}")
    handles = loops.decode_handles(buffer.tobytes() + unpacked, raw, offset)
    if handles is None:
        raise TableError("the index names blocks that overlap or lie outside of the file")
    ends = np.frombuffer(raw, np.int64).reshape(-1, 5)[:, :2]
    places = np.concatenate([np.zeros((1, 2), np.int64), ends])
    return Index(keys, places, np.frombuffer(handles, np.int64).reshape(-1, 2))


def index_handle(footer: bytes) -> tuple[int, int]:
    """Offset and size of the index block, after those of the block of filters."""
    try:
        at = 0
        numbers = []
        for _ in range(4):
            number, at = take_varint(footer, at)
            numbers.append(number)
    except CodingError as error:
        raise TableError("damaged footer") from error
    return numbers[2], numbers[3]


def blocks_before(table: TableFile, key: bytes) -> range:
    """The block that holds the greatest keys below ``key``, and the one before it."""
    if isinstance(table.index, str):
        return range(0)
    last = min(table.index.count_before(key), len(table.index) - 1)
    if last > 0 and table.index.begin(last) >= key:
        last -= 1
    return range(max(0, last - 1), last + 1)
