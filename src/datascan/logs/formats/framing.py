"""The records of a TFRecord file, each with two checksums.

Source: TensorFlow, tensorflow/core/lib/io/record_writer.h: uint64 length, masked CRC-32C of the
length, data, masked CRC-32C of the data; all little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c
from msgspec import Struct

HEAD = struct.Struct("<QI")
TAIL = struct.Struct("<I")
CHUNK = 1 << 20
MAX_RECORD = 1 << 20
"""Records of scalars have some hundred bytes; longer ones are verified, but not returned."""

MAX_FAULTS = 20


def mask(crc: int) -> int:
    """A CRC-32C as it is stored, so that the checksum of data with checksums is not trivial."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


class Records(Struct):
    """Reads the records of a file.

    ``faults`` are the places at which a checksum does not match, up to ``MAX_FAULTS``; ``cut`` is
    the offset of a last record that the file does not hold entirely.
    """

    file: BinaryIO
    size: int
    faults: list[str] = []
    cut: int | None = None
    count: int = 0

    def __iter__(self) -> Iterator[bytes]:
        """The data of each record whose checksums match."""
        at = 0
        while at < self.size:
            head = self.file.read(HEAD.size)
            if len(head) < HEAD.size:
                self.cut = at
                return
            length, stored = HEAD.unpack(head)
            if mask(google_crc32c.value(head[:8])) != stored:
                self.add_fault(f"byte {at:,}: the checksum of a length does not match")
                return
            end = at + HEAD.size + length + TAIL.size
            if end > self.size:
                self.cut = at
                return
            data = self.read_checked(at, length)
            self.count += 1
            if data is not None:
                yield data
            at = end

    def read_checked(self, at: int, length: int) -> bytes | None:
        """The data of the record at a position; None if it is too long or damaged."""
        crc, data, left = 0, b"", length
        while left:
            piece = self.file.read(min(CHUNK, left))
            if not piece:
                break
            crc = google_crc32c.extend(crc, piece)
            data = piece if length <= MAX_RECORD else b""
            left -= len(piece)
        tail = self.file.read(TAIL.size)
        if left or len(tail) < TAIL.size:
            self.cut = at
            return None
        if mask(crc) != TAIL.unpack(tail)[0]:
            self.add_fault(f"byte {at:,}: the checksum of a record does not match")
            return None
        return data if length <= MAX_RECORD else None

    def add_fault(self, text: str) -> None:
        """Note a place at which a checksum does not match."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(text)


def is_record_file(head: bytes) -> bool:
    """Whether a file with these first 64 bytes holds records of TensorBoard."""
    if len(head) < HEAD.size:
        return False
    _, stored = HEAD.unpack(head[: HEAD.size])
    return mask(google_crc32c.value(head[:8])) == stored or b"brain.Event:" in head
