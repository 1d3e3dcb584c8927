"""LevelDB's log format, which both its write-ahead log and its manifest use.

A file is a sequence of blocks of 32 KiB. A record is one fragment or several (first, middle,
last). A fragment has a header of a masked CRC-32C, a length and a type, and never crosses the end
of a block.

Source: LevelDB, doc/log_format.md, db/log_reader.cc and db/log_writer.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

BLOCK_BYTES = 1 << 15
HEADER = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
MASK_DELTA = 0xA282EAD8


@dataclass(frozen=True, slots=True)
class Flaw:
    """An offset in a log at which records are lost. ``why`` is a predicate of the log's name."""

    rule: str
    offset: int
    why: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """An intact fragment."""

    offset: int
    type: int
    payload: bytes


def read_log(path: Path) -> Iterator[bytes | Flaw]:
    """The records of a log as LevelDB reads them, and the flaws between them.

    A log that ends inside a record is a flaw, too, although LevelDB ignores that.
    """
    pending: list[bytes] | None = None
    offset, follows_flaw = 0, False
    for item in iter_fragments(path):
        if isinstance(item, Flaw):
            pending, follows_flaw = None, True
            yield item
            continue
        is_start = item.type in (FULL, FIRST)
        if item.type not in (FULL, FIRST, MIDDLE, LAST):
            yield Flaw("damaged-store", item.offset, f"has a fragment of unknown type {item.type}")
            pending, follows_flaw = None, True
            continue
        if is_start and pending is not None:
            yield Flaw("damaged-store", offset, "has a record without an end")
        elif not is_start and pending is None:
            # The rest of a record whose start has been reported is not reported again.
            if not follows_flaw:
                yield Flaw("damaged-store", item.offset, "has a record without a start")
            follows_flaw = True
            continue
        if is_start:
            pending, offset, follows_flaw = [], item.offset, False
        assert pending is not None  # noqa: S101
        pending.append(item.payload)
        if item.type in (FULL, LAST):
            yield b"".join(pending)
            pending = None
    if pending is not None:
        yield truncated_record(path.stat().st_size)


def iter_fragments(path: Path) -> Iterator[Fragment | Flaw]:
    """The fragments of a log. As in LevelDB, the rest of a block after a flaw is lost."""
    zeros: int | None = None
    base = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            if zeros is not None and not is_zero(block):
                yield Flaw("damaged-store", zeros, f"has {base - zeros:,} bytes of zeros")
                zeros = None
            for item in iter_block_fragments(block, base):
                if isinstance(item, int):
                    zeros = item if zeros is None else zeros
                else:
                    yield item
            base += len(block)


def iter_block_fragments(block: bytes, base: int) -> Iterator[Fragment | Flaw | int]:
    """The fragments of one block; an int is the offset from which the block is all zeros."""
    start, size = 0, len(block)
    while size - start >= HEADER.size:
        crc, length, fragment_type = HEADER.unpack_from(block, start)
        end, offset = start + HEADER.size + length, base + start
        if fragment_type == 0 and length == 0:
            rest_is_zero = is_zero(block[start:])
            yield offset if rest_is_zero else Flaw("damaged-store", offset, "has a zeroed header")
            return
        if end > size:
            is_last = size < BLOCK_BYTES
            yield truncated_record(base + size) if is_last else bad_checksum(offset)
            return
        if masked_crc(block[start + 6 : end]) != crc:
            yield bad_checksum(offset)
            return
        yield Fragment(offset, fragment_type, block[start + HEADER.size : end])
        start = end
    if size < BLOCK_BYTES and not is_zero(block[start:]):
        yield truncated_record(base + size)


def is_zero(data: bytes) -> bool:
    """Whether ``data`` consists of zeros."""
    return data.count(0) == len(data)


def truncated_record(size: int) -> Flaw:
    """The flaw of a log of ``size`` bytes whose last record is incomplete."""
    return Flaw("truncated-store", size, "ends inside a record")


def bad_checksum(offset: int) -> Flaw:
    """The flaw of a damaged fragment."""
    return Flaw("damaged-store", offset, "has a wrong checksum or length")


def masked_crc(data: bytes) -> int:
    """The CRC-32C of ``data``, masked as LevelDB stores it."""
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFF_FFFF


def frame_records(records: Iterable[bytes]) -> bytes:
    """Write ``records`` in the format of a log file."""
    out = bytearray()
    for record in records:
        start = 0
        while True:
            available = BLOCK_BYTES - len(out) % BLOCK_BYTES
            if available < HEADER.size:
                out += bytes(available)
                available = BLOCK_BYTES
            payload = record[start : start + available - HEADER.size]
            is_first, is_last = start == 0, start + len(payload) == len(record)
            fragment_type = {(True, True): FULL, (True, False): FIRST, (False, True): LAST}.get(
                (is_first, is_last), MIDDLE
            )
            crc = masked_crc(bytes([fragment_type]) + payload)
            out += HEADER.pack(crc, len(payload), fragment_type) + payload
            start += len(payload)
            if is_last:
                break
    return bytes(out)
