"""Table files: their index, and the entries of any of their blocks.

Source: LevelDB, doc/table_format.md. A table is a row of blocks; its index has a key for each that
is no smaller than the block's last one, and smaller than all keys of the next block. Every number
is checked against the file before it is used.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
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

MAX_RATIO = 64
"""Blocks may have this many times their compressed bytes; Snappy cannot exceed 22."""

MIN_LIMIT = 1 << 16
"""Blocks may always have this many bytes."""

REASONS = {
    OUTSIDE: "a block lies outside of the file",
    CHECKSUM: "block checksum mismatch",
    COMPRESSION: "a block is compressed by an unknown method",
    SNAPPY_DATA: "a block has damaged Snappy data",
    ENTRIES: "a block has malformed entries",
    ORDER: "keys are out of order",
    TOO_LARGE: f"a block expands to more than {MAX_RATIO} times its size",
}


class TableError(Exception):
    """A table whose index cannot be read."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Keys of a table that cannot be read: from ``begin`` up to and including ``end``."""

    begin: bytes
    end: bytes
    reason: str


@dataclass(frozen=True, eq=False)
class Segment:
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


@dataclass(frozen=True)
class Index:
    """The blocks of a table: ``ends`` has the user key up to which each one goes.

    ``handles``, int64 (n, 2): offset and size of each block.
    """

    ends: list[bytes]
    handles: NDArray[np.int64]


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
        if index.ends and self.table.last:
            # The key of the last block is any short one that is not smaller than its keys.
            index.ends[-1] = min(index.ends[-1], self.table.last)
        return index

    def key_bounds(self) -> tuple[bytes, bytes]:
        """The first and the last key, as far as they can be read; else bounds that hold them."""
        assert isinstance(self.index, Index)  # noqa: S101
        bounds = [b"", self.index.ends[-1]]
        for i, block in enumerate((0, len(self.index.ends) - 1)):
            start, stop = self.span_of(range(block, block + 1))
            segment = self.read(range(block, block + 1), np.empty(stop - start, np.uint8))
            if len(segment.rows):
                bounds[i] = segment.key(0 if i == 0 else len(segment.rows) - 1)
        return bounds[0], bounds[1]

    def blocks_in(self, first: bytes | None, stop: bytes | None) -> range:
        """The numbers of the blocks that may hold keys from ``first`` up to ``stop``."""
        if isinstance(self.index, str):
            return range(0)
        low = 0 if first is None else bisect_left(self.index.ends, first)
        high = len(self.index.ends)
        if stop is not None:
            last = bisect_left(self.index.ends, stop)
            high = min(high, last + (last == 0 or self.begin_of(last) < stop))
        return range(low, max(low, high))

    def begin_of(self, block: int) -> bytes:
        """The smallest key that a block can hold."""
        assert isinstance(self.index, Index)  # noqa: S101  (blocks come from it)
        return self.index.ends[block - 1] + b"\0" if block else self.table.first

    def span_of(self, blocks: range) -> tuple[int, int]:
        """Where some consecutive blocks begin and end in the file."""
        assert isinstance(self.index, Index)  # noqa: S101
        handles = self.index.handles
        return int(handles[blocks[0], 0]), int(handles[blocks[-1]].sum()) + TRAILER

    def read(self, blocks: range, room: NDArray[np.uint8]) -> Segment:
        """Read and decode consecutive blocks; ``room`` has as many bytes as ``span_of`` says."""
        assert isinstance(self.index, Index)  # noqa: S101
        begin, _ = self.span_of(blocks)
        reason = ""
        try:
            with open_regular(self.path, inside=self.path.parent) as file:
                file.seek(begin)
                filled = fill(file, room)
        except OSError as error:
            filled, reason = 0, f"{self.path.name} cannot be read: {error.strerror}"
        handles = self.index.handles[blocks.start : blocks.stop] - [[begin, 0]]
        limit = max(MIN_LIMIT, MAX_RATIO * len(room))
        keys, raw, unpacked, state = loops.decode_blocks(
            room[:filled], np.ascontiguousarray(handles), limit, NEWEST
        )
        rows = np.frombuffer(raw, np.int64).reshape(-1, 5)
        states = np.frombuffer(state, np.int64).reshape(-1, 2)
        codes = self._placed(blocks, keys, rows, states)
        if codes.any():
            rows = rows[np.repeat(codes == SOUND, states[:, 1])]
        losses = tuple(
            self._loss(blocks[i], reason or REASONS[int(codes[i])])
            for i in np.flatnonzero(codes).tolist()
        )
        return Segment(room, keys, rows, unpacked, losses)

    def _placed(
        self,
        blocks: range,
        keys: bytes,
        rows: NDArray[np.int64],
        states: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The codes of blocks, also of those whose keys are not where the index says they are."""
        assert isinstance(self.index, Index)  # noqa: S101
        codes = states[:, 0].copy()
        row = 0
        for i, count in enumerate(states[:, 1].tolist()):
            if count:
                (start, size), (last, last_size) = rows[row, :2], rows[row + count - 1, :2]
                below = keys[start : start + size] < self.begin_of(blocks[i])
                if below or keys[last : last + last_size] > self.index.ends[blocks[i]]:
                    codes[i] = ORDER
            row += count
        return codes

    def _loss(self, block: int, reason: str) -> Loss:
        assert isinstance(self.index, Index)  # noqa: S101
        offset = int(self.index.handles[block, 0])
        where = "" if self.path.name in reason else f" in {self.path.name} at byte {offset:,}"
        return Loss(self.begin_of(block), self.index.ends[block], f"{reason}{where}")


def fill(file: Any, room: NDArray[np.uint8]) -> int:
    """Read into ``room``; how many bytes there were."""
    filled = 0
    while filled < len(room):
        count = file.readinto(room[filled:].data)
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
        room = np.zeros(length + TRAILER, np.uint8)
        fill(file, room)
    handle = np.array([[0, length]], np.int64)
    limit = max(MIN_LIMIT, MAX_RATIO * len(room))
    keys, raw, unpacked, state = loops.decode_blocks(room, handle, limit, EVERY_VERSION)
    (code, _) = np.frombuffer(state, np.int64)
    if code != SOUND:
        raise TableError(f"the index cannot be read: {REASONS[int(code)]}")
    return checked_index(keys, np.frombuffer(raw, np.int64).reshape(-1, 5), room, unpacked, offset)


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


def checked_index(
    keys: bytes, rows: NDArray[np.int64], room: NDArray[np.uint8], unpacked: bytes, stop: int
) -> Index:
    """The index from its entries; blocks ascend, do not overlap, and end before byte ``stop``."""
    values = room.tobytes() + unpacked if unpacked else room.tobytes()
    ends: list[bytes] = []
    handles = np.empty((len(rows), 2), np.int64)
    before = 0
    for i, (start, size, at, length, _) in enumerate(rows.tolist()):
        try:
            offset, after = take_varint(values[at : at + length], 0)
            block, _ = take_varint(values[at : at + length], after)
        except CodingError as error:
            raise TableError("the index has a malformed entry") from error
        if offset < before or offset + block + TRAILER > stop:
            raise TableError("the index names blocks that overlap or lie outside of the file")
        before = offset + block + TRAILER
        handles[i] = offset, block
        ends.append(keys[start : start + size])
    return Index(ends, handles)


def blocks_before(table: TableFile, key: bytes) -> range:
    """The block that holds the greatest keys below ``key``, and the one before it."""
    if isinstance(table.index, str):
        return range(0)
    last = min(bisect_right(table.index.ends, key), len(table.index.ends) - 1)
    if last > 0 and table.begin_of(last) >= key:
        last -= 1
    return range(max(0, last - 1), last + 1)
