"""LevelDB's log format, in which both its write-ahead log and its manifest are framed.

Source: LevelDB, doc/log_format.md, log_reader.cc and log_writer.cc. A file is a row of blocks of
32 KiB; a record has one fragment or several (first, middle, last); a fragment has a header of a
masked CRC-32C, a length and a kind, and never crosses the end of a block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import google_crc32c
from msgspec import Struct

from datascan.files import open_regular

BLOCK_BYTES = 1 << 15
HEADER = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
MASK_DELTA = 0xA282EAD8


class Flaw(Struct, frozen=True):
    """A place of a log from which records are lost: the rule, the byte, and words for it."""

    rule: str
    at: int
    words: str


class Fragment(NamedTuple):
    """An intact fragment at byte ``at``."""

    at: int
    kind: int
    payload: bytes


class Record(NamedTuple):
    """A record, and the byte offset and size of the payload of each of its fragments."""

    payload: bytes
    fragments: tuple[tuple[int, int], ...]

    @property
    def at(self) -> int:
        """The byte at which the record begins."""
        return self.fragments[0][0] - HEADER.size


def read_log(path: Path) -> Iterator[Record | Flaw]:
    """The records of a log, as LevelDB would read them, and the flaws between them.

    A log that ends inside a record is a flaw too, although LevelDB passes over it in silence.
    """
    pending: list[Fragment] | None = None
    at, follows_flaw = 0, False
    for item in fragments(path):
        if isinstance(item, Flaw):
            pending, follows_flaw = None, True
            yield item
            continue
        is_start = item.kind in (FULL, FIRST)
        if item.kind not in (FULL, FIRST, MIDDLE, LAST):
            yield Flaw("damaged-store", item.at, f"has a fragment of the unknown kind {item.kind}")
            pending, follows_flaw = None, True
            continue
        if is_start and pending is not None:
            yield Flaw("damaged-store", at, "has a record without an end")
        elif not is_start and pending is None:
            # The rest of a record whose beginning was just reported is not reported again.
            if not follows_flaw:
                yield Flaw("damaged-store", item.at, "has a record without a beginning")
            follows_flaw = True
            continue
        if is_start:
            pending, at, follows_flaw = [], item.at, False
        assert pending is not None  # noqa: S101  (the branch above leaves only these)
        pending.append(item)
        if item.kind in (FULL, LAST):
            yield record_of(pending)
            pending = None
    if pending is not None:
        yield truncated_record(path.stat().st_size)


def record_of(pieces: list[Fragment]) -> Record:
    """The record that has these fragments."""
    if len(pieces) == 1:
        (piece,) = pieces
        return Record(piece.payload, ((piece.at + HEADER.size, len(piece.payload)),))
    places = tuple((piece.at + HEADER.size, len(piece.payload)) for piece in pieces)
    return Record(b"".join(piece.payload for piece in pieces), places)


def fragments(path: Path) -> Iterator[Fragment | Flaw]:
    """The fragments of a log. After a flaw the rest of its block is lost, as it is to LevelDB."""
    zeros: int | None = None
    base = 0
    with open_regular(path, inside=path.parent) as file:
        while block := file.read(BLOCK_BYTES):
            if zeros is not None and not is_zero(block):
                yield Flaw("damaged-store", zeros, f"holds zeros for {base - zeros:,} bytes")
                zeros = None
            for item in block_fragments(block, base):
                if isinstance(item, int):
                    zeros = item if zeros is None else zeros
                else:
                    yield item
            base += len(block)


def block_fragments(block: bytes, base: int) -> Iterator[Fragment | Flaw | int]:
    """The fragments of one block; a number is the byte from which on the block is all zeros."""
    at, size = 0, len(block)
    while size - at >= HEADER.size:
        crc, length, kind = HEADER.unpack_from(block, at)
        end = at + HEADER.size + length
        if kind == 0 and length == 0:
            rest = is_zero(block[at:])
            yield base + at if rest else Flaw("damaged-store", base + at, "has a zeroed header")
            return
        if end > size:
            is_last = size < BLOCK_BYTES
            yield truncated_record(base + size) if is_last else bad_checksum(base + at)
            return
        if masked_crc(block[at + 6 : end]) != crc:
            yield bad_checksum(base + at)
            return
        yield Fragment(base + at, kind, block[at + HEADER.size : end])
        at = end
    if size < BLOCK_BYTES and not is_zero(block[at:]):
        yield truncated_record(base + size)


def is_zero(data: bytes) -> bool:
    """Whether ``data`` holds nothing but zeros."""
    return data.count(0) == len(data)


def truncated_record(size: int) -> Flaw:
    """The flaw of a log of ``size`` bytes whose last record is not whole."""
    return Flaw("truncated-store", size, "ends inside a record")


def bad_checksum(at: int) -> Flaw:
    """The flaw of a fragment that is not as it was written."""
    return Flaw("damaged-store", at, "has a wrong checksum or length")


def masked_crc(data: bytes) -> int:
    """The CRC-32C of ``data``, masked as LevelDB stores it."""
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFF_FFFF
