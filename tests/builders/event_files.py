"""Event files of TensorBoard, written byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import google_crc32c


def masked(data: bytes) -> bytes:
    """The checksum of some data, as event files store it."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """A record with its length and both checksums."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value: int) -> bytes:
    """A number as a varint."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes | float) -> bytes:
    """A field: a float has 32 bits, an integer is a varint, bytes have a length."""
    if isinstance(content, float):
        return varint(number << 3 | 5) + struct.pack("<f", content)
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(step: int, *values: bytes) -> bytes:
    """The record of an event with some values."""
    head = b"\x09" + struct.pack("<d", 1.7e9) + field(2, step)
    return record(head + field(5, b"".join(field(1, value) for value in values)))


def version() -> bytes:
    """The first record of a file."""
    return record(b"\x09" + struct.pack("<d", 1.7e9) + field(3, b"brain.Event:2"))


def simple(tag: str, value: float) -> bytes:
    """A value as PyTorch and TensorFlow 1 write it."""
    return field(1, tag.encode()) + field(2, float(value))


def tensor(tag: str, dtype: int, *content: bytes, plugin: str = "scalars") -> bytes:
    """A value as TensorFlow 2 writes it; ``content`` are fields of the tensor after its shape."""
    metadata = field(1, field(1, plugin.encode())) if plugin else b""
    body = field(1, dtype) + field(2, b"") + b"".join(content)
    return field(1, tag.encode()) + field(8, body) + (field(9, metadata) if metadata else b"")


def scalars(tag: str, values: Mapping[int, float]) -> bytes:
    """Records of a scalar by step."""
    return b"".join(event(step, simple(tag, value)) for step, value in values.items())
