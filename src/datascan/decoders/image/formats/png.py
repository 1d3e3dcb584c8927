"""PNG structure without decoding pixels: chunks, checksums, and missing rows.

Source: ISO/IEC 15948; the APNG specification for ``acTL``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from datascan.decoders.image.header import ImageHeader

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel, by colour type."""

ONE_PASS = ((0, 0, 1, 1),)
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Passes of an interlaced image: first column, first row, column step, row step."""

CHUNK_BYTES = 1 << 20


def read_png_header(data: bytes) -> ImageHeader:
    """Read all chunks and check their CRCs, which most decoders skip."""
    offset, frames, exif, size = 8, None, b"", None
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        name = data[offset + 4 : offset + 8]
        end = offset + 12 + length
        if name == b"IHDR" and size is None:
            size = struct.unpack_from(">II", data, offset + 8)
        if end > len(data):
            return ImageHeader(damage=f"chunk {format_chunk_name(name)} is truncated", size=size)
        (crc,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(memoryview(data)[offset + 4 : end - 4]) != crc:
            damage = f"CRC error in chunk {format_chunk_name(name)} at byte {offset:,}"
            return ImageHeader(damage=damage, size=size)
        if name == b"acTL":
            (frames,) = struct.unpack_from(">I", data, offset + 8)
        if name == b"eXIf":
            exif = data[offset + 8 : end - 4]
        if name == b"IEND":
            return ImageHeader(end=end, frames=frames, exif=exif, size=size)
        offset = end
    return ImageHeader(damage="the file ends without an IEND chunk", size=size)


def format_chunk_name(name: bytes) -> str:
    """A chunk's name as text; quoted and escaped if it is not alphabetic."""
    return name.decode("latin-1") if name.isalpha() else repr(name)


def find_missing_data(data: bytes) -> str | None:
    """What is wrong with the pixel data of a PNG whose chunks are valid; None if it is complete.

    Decoders leave missing rows black, and some do not report them.
    """
    needed, found = count_filtered_bytes(data), 0
    inflate = zlib.decompressobj()
    try:
        for chunk in iter_image_data(data):
            rest: bytes | memoryview = chunk
            while rest and found < needed and not inflate.eof:
                found += len(inflate.decompress(rest, CHUNK_BYTES))
                rest = inflate.unconsumed_tail
    except zlib.error as error:
        return str(error)
    if found < needed:
        return f"the pixel data ends early: {found:,} of {needed:,} bytes"
    return None


def count_filtered_bytes(data: bytes) -> int:
    """The size in bytes of the rows of all passes, each with its filter byte."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    bits, total = depth * SAMPLES.get(colour, 1), 0
    for left, top, column_step, row_step in ADAM7 if interlaced else ONE_PASS:
        columns, rows = -(-(width - left) // column_step), -(-(height - top) // row_step)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def iter_image_data(data: bytes) -> Iterator[memoryview]:
    """The contents of the IDAT chunks."""
    view, offset = memoryview(data), 8
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        if data.startswith(b"IDAT", offset + 4):
            yield view[offset + 8 : offset + 8 + length]
        offset += 12 + length
