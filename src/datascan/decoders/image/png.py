"""PNG files without decoding them: chunks, checksums, and whether every row is there.

Source: ISO/IEC 15948; the APNG specification for ``acTL``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from datascan.decoders.image.header import ImageHeader

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a pixel, by colour type."""

WHOLE = ((0, 0, 1, 1),)
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Passes of an interlaced image: the first column and row, and the steps between them."""

CHUNK_BYTES = 1 << 20


def read_png_header(data: bytes) -> ImageHeader:
    """Walk the chunks and check all of their CRCs, as decoders seldom do."""
    at, frames, exif, size = 8, None, b"", None
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if kind == b"IHDR" and size is None:
            size = struct.unpack_from(">II", data, at + 8)
        if end > len(data):
            return ImageHeader(damage=f"its chunk {format_chunk_name(kind)} is cut", size=size)
        (crc,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != crc:
            damage = f"CRC error in its chunk {format_chunk_name(kind)} at byte {at:,}"
            return ImageHeader(damage=damage, size=size)
        if kind == b"acTL":
            (frames,) = struct.unpack_from(">I", data, at + 8)
        if kind == b"eXIf":
            exif = data[at + 8 : end - 4]
        if kind == b"IEND":
            return ImageHeader(end=end, frames=frames, exif=exif, size=size)
        at = end
    return ImageHeader(damage="it ends without its chunk IEND", size=size)


def format_chunk_name(kind: bytes) -> str:
    """A chunk's name."""
    return kind.decode("latin-1") if kind.isalpha() else repr(kind)


def missing_data(data: bytes) -> str | None:
    """What a PNG of sound chunks lacks of its pixels, if its stream ends too early.

    Decoders leave the rows that are missing black, and some say nothing.
    """
    needed, found = filtered_bytes(data), 0
    inflate = zlib.decompressobj()
    try:
        for piece in image_data(data):
            rest: bytes | memoryview = piece
            while rest and found < needed and not inflate.eof:
                found += len(inflate.decompress(rest, CHUNK_BYTES))
                rest = inflate.unconsumed_tail
    except zlib.error as error:
        return str(error)
    if found < needed:
        return f"its pixels end early: {found:,} of {needed:,} bytes"
    return None


def filtered_bytes(data: bytes) -> int:
    """How many bytes the rows of all passes take, each with its filter's byte."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    bits, total = depth * SAMPLES.get(colour, 1), 0
    for left, top, across, down in ADAM7 if interlaced else WHOLE:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def image_data(data: bytes) -> Iterator[memoryview]:
    """The contents of the chunks IDAT."""
    view, at = memoryview(data), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data.startswith(b"IDAT", at + 4):
            yield view[at + 8 : at + 8 + length]
        at += 12 + length
