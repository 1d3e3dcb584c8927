"""Inflating zlib streams to their end, without keeping what they expand to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

INPUT_BYTES = 1 << 16
OUTPUT_BYTES = 1 << 20


class Inflated(NamedTuple):
    """How many bytes a stream expands to, and whether its end with the checksum was reached."""

    nbytes: int
    is_whole: bool


def inflate(parts: Iterable[memoryview], limit: int) -> Inflated:
    """Inflate a stream that is in ``parts``, up to about ``limit`` bytes.

    Raises:
        zlib.error: if the stream or its checksum is wrong.
    """
    stream, found = zlib.decompressobj(), 0
    for piece in cut(parts):
        rest: bytes | memoryview = piece
        # A stream without more input may still hold output.
        while True:
            grown = len(stream.decompress(rest, OUTPUT_BYTES))
            found += grown
            rest = stream.unconsumed_tail
            if stream.eof or found > limit:
                return Inflated(found, stream.eof)
            if not rest and grown < OUTPUT_BYTES:
                break
    return Inflated(found, stream.eof)


def cut(parts: Iterable[memoryview]) -> Iterator[memoryview]:
    """The parts in pieces, so that what is left of each is small."""
    for part in parts:
        for start in range(0, len(part), INPUT_BYTES):
            yield part[start : start + INPUT_BYTES]
