"""Numbers and byte strings as LevelDB stores them.

Source: LevelDB, util/coding.cc.
"""

from __future__ import annotations

MAX_NUMBER = (1 << 63) - 1
"""LevelDB's numbers are unsigned; none that it writes comes near this."""


class CodingError(ValueError):
    """A number or a string that does not end, or a number that is too large."""


def take_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at ``at`` (seven bits a byte, the lowest first), and the offset after it.

    Raises:
        CodingError: if it does not end, or exceeds :data:`MAX_NUMBER`.
    """
    if at < len(data) and data[at] < 0x80:
        return data[at], at + 1
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > MAX_NUMBER:
                raise CodingError("it has a number of 2**63 or more")
            return value, at
        shift += 7
    raise CodingError("it has a number without an end")


def take_string(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes at ``at``, after their length, and the offset after them.

    Raises:
        CodingError: if they do not end.
    """
    length, at = take_varint(data, at)
    if length > len(data) - at:
        raise CodingError("it has a string without an end")
    return data[at : at + length], at + length
