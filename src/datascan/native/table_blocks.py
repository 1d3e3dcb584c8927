"""Entries of the blocks of a LevelDB table: what ``tables.c`` does, in Python.

Source: LevelDB, doc/table_format.md and table/format.cc; Snappy, format_description.txt.
"""

from __future__ import annotations

import struct
from typing import Any

import google_crc32c
import numpy as np

SOUND, OUTSIDE, CHECKSUM, COMPRESSION, SNAPPY_DATA, ENTRIES, ORDER, TOO_LARGE = range(8)
"""Why a block cannot be read."""

TRAILER = 5
"""Bytes after every block: its compression, and its checksum."""

MARK = struct.Struct("<Q")
"""The end of every key: 56 bits of sequence number, 8 bits of kind."""

RAW, SNAPPY = 0, 1
DELETION, VALUE = 0, 1


class BlockError(Exception):
    """A block that cannot be read; the argument is one of the codes above."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def decode_blocks(  # noqa: PLR0913, PLR0917  (the signature of the C function)
    buffer: Any,
    handles: Any,
    limit: int,
    every_version: bool,  # noqa: FBT001  (the signature of the C function)
    bounds: bytes,
    places: Any,
    is_inclusive: bool,  # noqa: FBT001  (the signature of the C function)
) -> tuple[bytes, bytes, bytes, bytes]:
    """The entries of several blocks of a table.

    Args:
        buffer: bytes of a table file.
        handles: int64 (n, 2), C-contiguous: offset and size of each block in ``buffer``.
        limit: how many bytes all keys, and all decompressed blocks, may have.
        every_version: every entry, in place of the newest one of each key in a block.
        bounds: keys, end to end, between which the keys of the blocks must be.
        places: int64 (n + 1, 2), or (0, 2) without bounds: offset and size of each key in
            ``bounds``. Block i has keys after key i, up to and including key i + 1. Older
            versions of key i may be in it, too; they are left out.
        is_inclusive: whether the first block may have key 0 itself.

    Returns:
        Keys with their marks, end to end; int64 (m, 5) as bytes, a row for each entry: offset and
        size of the key (without mark) in the keys, offset and size of the value in ``buffer`` (or,
        from its size on, in what was decompressed), and the mark; all decompressed blocks, end to
        end; and int64 (n, 2) as bytes: the error code and the number of entries of each block.
    """
    data = memoryview(buffer).cast("B")
    if memoryview(handles).nbytes % 16:
        raise ValueError("handles are pairs of int64")
    limits = key_bounds(bytes(bounds), places, memoryview(handles).nbytes // 16)
    entries = Entries(limit, every_version=every_version)
    blocks: list[int] = []
    pairs = np.frombuffer(handles, np.int64).reshape(-1, 2).tolist()
    for i, (offset, size) in enumerate(pairs):
        before = len(entries.keys), len(entries.rows), len(entries.unpacked)
        code = SOUND
        try:
            block, origin = entries.open(data, offset, size)
            entries.add(block, origin)
            if limits is not None and len(entries.rows) > before[1]:
                is_closed = i == 0 and is_inclusive
                entries.require_within(before[1], limits[i], limits[i + 1], is_closed=is_closed)
        except BlockError as error:
            code = error.code
            del entries.keys[before[0] :], entries.rows[before[1] :], entries.unpacked[before[2] :]
        blocks += (code, (len(entries.rows) - before[1]) // 5)
    rows = np.array(entries.rows, np.uint64).astype(np.int64)
    state = np.array(blocks, np.int64)
    return bytes(entries.keys), rows.tobytes(), bytes(entries.unpacked), state.tobytes()


def key_bounds(bounds: bytes, places: Any, blocks: int) -> list[bytes | None] | None:
    """The keys between which those of the blocks must be; None for one outside of ``bounds``."""
    if memoryview(places).nbytes % 16 or memoryview(places).nbytes // 16 not in (0, blocks + 1):
        raise ValueError("there is one bound more than blocks")
    pairs = np.frombuffer(places, np.int64).reshape(-1, 2).tolist()
    return [
        bounds[at : at + size] if at >= 0 and 0 <= size <= len(bounds) - at else None
        for at, size in pairs
    ] or None


def decode_handles(data: bytes, rows: bytes, stop: int) -> bytes | None:
    """The blocks that the entries of an index name, int64 (n, 2) as bytes: offset and size.

    ``rows`` are those of ``decode_blocks``, whose values are in ``data``. None unless the blocks
    ascend, do not overlap, and end, with their trailers, before byte ``stop``.
    """
    found: list[int] = []
    before = 0
    for _, _, at, length, _ in np.frombuffer(rows, np.int64).reshape(-1, 5).tolist():
        if at < 0 or not 0 <= length <= len(data) - at:
            return None
        value = memoryview(data)[at : at + length]
        try:
            offset, after = take_varint(value, 0, ENTRIES)
            size, _ = take_varint(value, after, ENTRIES)
        except BlockError:
            return None
        if offset < before or offset + size + TRAILER > stop:
            return None
        before = offset + size + TRAILER
        found += (offset, size)
    return np.array(found, np.int64).tobytes()


class Entries:
    """What was read so far: keys, rows of five numbers, decompressed blocks."""

    def __init__(self, limit: int, *, every_version: bool) -> None:
        self.limit = max(0, limit)
        self.every_version = every_version
        self.keys = bytearray()
        self.rows: list[int] = []
        self.unpacked = bytearray()

    def key_at(self, row: int) -> bytes:
        """The key of the entry whose numbers begin at ``row``."""
        start, size = self.rows[row], self.rows[row + 1]
        return bytes(self.keys[start : start + size])

    def require_within(
        self, row: int, low: bytes | None, high: bytes | None, *, is_closed: bool
    ) -> None:
        """Raise :class:`BlockError` unless keys from ``row`` on are above ``low``, up to ``high``.

        ``is_closed``: ``low`` itself is in bounds too; otherwise, older versions of it are left
        out, because the newest one is in the block before. A bound that is None has no keys in it.
        """
        if low is None or high is None or self.key_at(-5) > high:
            raise BlockError(ORDER)
        first = self.key_at(row)
        if first < low:
            raise BlockError(ORDER)
        if first == low and not is_closed:
            self.drop(row)

    def drop(self, row: int) -> None:
        """Leave out the entry whose numbers begin at ``row``, the first one of a block."""
        start, size = self.rows[row], self.rows[row + 1] + MARK.size
        del self.keys[start : start + size], self.rows[row : row + 5]
        for at in range(row, len(self.rows), 5):
            self.rows[at] -= size

    def open(self, data: memoryview, offset: int, size: int) -> tuple[memoryview, int]:
        """A block without its restart points, and where its first byte is."""
        if offset < 0 or size < 0 or offset + size + TRAILER > len(data):
            raise BlockError(OUTSIDE)
        (stored,) = struct.unpack_from("<I", data, offset + size + 1)
        stored = (stored - 0xA282EAD8) & 0xFFFFFFFF
        whole = bytes(data[offset : offset + size + 1])
        if google_crc32c.value(whole) != (stored >> 17 | stored << 15) & 0xFFFFFFFF:
            raise BlockError(CHECKSUM)
        block, origin = data[offset : offset + size], offset
        if whole[-1] == SNAPPY:
            origin = len(data) + len(self.unpacked)
            block = memoryview(unpack(block, self.limit - len(self.unpacked)))
            self.unpacked += block
        elif whole[-1] != RAW:
            raise BlockError(COMPRESSION)
        if len(block) < 4:
            raise BlockError(ENTRIES)
        (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
        if restarts > (len(block) - 4) // 4:
            raise BlockError(ENTRIES)
        return block[: len(block) - 4 - 4 * restarts], origin

    def add(self, block: memoryview, origin: int) -> None:
        """Add the entries of a block."""
        at = 0
        before = b""
        while at < len(block):
            shared, at = take_varint(block, at, ENTRIES)
            own, at = take_varint(block, at, ENTRIES)
            length, at = take_varint(block, at, ENTRIES)
            if own > len(block) - at or length > len(block) - at - own or shared > len(before):
                raise BlockError(ENTRIES)
            if shared + own < MARK.size:
                raise BlockError(ENTRIES)
            if len(self.keys) + shared + own > self.limit:
                raise BlockError(TOO_LARGE)
            key = before[:shared] + bytes(block[at : at + own])
            (mark,) = MARK.unpack_from(key, len(key) - MARK.size)
            if mark & 0xFF not in (DELETION, VALUE):
                raise BlockError(ENTRIES)
            again = key[:-8] == before[:-8] and before != b""
            if before and (key[:-8], -mark) <= (before[:-8], -MARK.unpack(before[-8:])[0]):
                raise BlockError(ORDER)
            before = key
            at += own + length
            if again and not self.every_version:
                self.keys[-MARK.size :] = key[-MARK.size :]
                continue
            self.rows += (len(self.keys), len(key) - 8, origin + at - length, length, mark)
            self.keys += key


def unpack(packed: memoryview, limit: int) -> bytes:
    """Decompress Snappy data."""
    size, at = take_varint(packed, 0, SNAPPY_DATA)
    if size > limit:
        raise BlockError(TOO_LARGE)
    out = bytearray()
    while at < len(packed):
        tag = packed[at]
        at += 1
        length = (tag >> 2) + 1
        more = (0, 1, 2, 4)[tag & 3]
        if not tag & 3 and length > 60:
            more = length - 60
        if at + more > len(packed):
            raise BlockError(SNAPPY_DATA)
        number = int.from_bytes(packed[at : at + more], "little")
        at += more
        if not tag & 3:
            length = number + 1 if more else length
            if length > len(packed) - at or length > size - len(out):
                raise BlockError(SNAPPY_DATA)
            out += packed[at : at + length]
            at += length
            continue
        if tag & 3 == 1:
            length = (tag >> 2 & 7) + 4
            number |= (tag >> 5) << 8
        if not 0 < number <= len(out) or length > size - len(out):
            raise BlockError(SNAPPY_DATA)
        copied = out[-number:][:length]
        out += (copied * (length // len(copied) + 1))[:length]
    if len(out) != size:
        raise BlockError(SNAPPY_DATA)
    return bytes(out)


def take_varint(data: memoryview, at: int, code: int) -> tuple[int, int]:
    """A varint of up to 64 bits at ``at``, and the offset after it.

    Raises:
        BlockError: with ``code`` if it does not end within the data.
    """
    value = shift = 0
    while shift < 64 and at < len(data):
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise BlockError(code)
