"""Fields of a protobuf message, without a schema.

Source: Protocol Buffers, Encoding: wire types 0 (varint), 1 (64 bits), 2 (length-delimited) and 5
(32 bits).
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10

Field = tuple[int, int, int, memoryview]
"""Number, wire type, value of a varint (else 0), and content (empty for a varint)."""


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """The varint at a position, and the position after it.

    Raises:
        ValueError: if it is cut off or too long.
    """
    value = 0
    for i, byte in enumerate(data[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + i + 1
    raise ValueError("a number is cut off or too long")


def iter_fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message, in order.

    Raises:
        ValueError: if the message is damaged.
    """
    at, empty = 0, memoryview(b"")
    while at < len(data):
        tag, at = read_varint(data, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = read_varint(data, at)
            yield tag >> 3, kind, value, empty
            continue
        if kind == BYTES:
            size, at = read_varint(data, at)
        elif kind in FIXED_SIZES:
            size = FIXED_SIZES[kind]
        else:
            raise ValueError(f"wire type {kind} does not exist")
        if size > len(data) - at:
            raise ValueError("a field is longer than its message")
        yield tag >> 3, kind, 0, data[at : at + size]
        at += size


def iter_varints(data: memoryview) -> Iterator[int]:
    """The numbers of a packed field.

    Raises:
        ValueError: if the last one is cut off.
    """
    at = 0
    while at < len(data):
        value, at = read_varint(data, at)
        yield value


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >= 1 << 63 else value
