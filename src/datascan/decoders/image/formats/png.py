"""PNG structure without decoding pixels: chunks, checksums, and missing rows.

Sources: ISO/IEC 15948; the APNG specification for ``acTL``; libpng, pngrutil.c, for what decoders
refuse.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from datascan.decoders.image.formats.inflate import inflate
from datascan.decoders.image.formats.metadata import describe_profile
from datascan.decoders.image.header import ImageHeader
from datascan.text import pluralize

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel, by colour type."""

DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits per sample that a colour type may have."""

PALETTE, GREY_TYPES = 3, (0, 4)
MAX_EDGE = (1 << 31) - 1
CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
PIXEL_CHUNKS = CRITICAL | {b"tRNS", b"acTL", b"fcTL", b"fdAT"}
"""The chunks on which pixels or frames depend; of all others, a wrong checksum costs only them."""

FIXED_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7}
MAX_NOTES = 10
TWO_PROFILES = "two chunks iCCP"
PROFILE_BYTES = 16 << 20

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


class PngChunks:
    """What the chunks say, while they are read."""

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self.colour = 0
        self.palette: int | None = None
        self.frames: int | None = None
        self.exif = b""
        self.has_data = False
        self.has_profile = False
        self.notes: list[str] = []

    def add_notes(self, *notes: str) -> None:
        """Note what is wrong with metadata, up to a limit."""
        self.notes += notes[: MAX_NOTES - len(self.notes)]

    def header(self, *, end: int | None = None, damage: str | None = None) -> ImageHeader:
        """The header, once the last chunk was read."""
        if end is not None and not self.has_data:
            damage = "no IDAT chunk"
        return ImageHeader(
            end=end,
            frames=self.frames,
            exif=self.exif,
            damage=damage,
            size=self.size,
            palette=self.palette,
            notes=tuple(self.notes),
        )


def read_png_header(data: bytes) -> ImageHeader:
    """Read all chunks and check their CRCs, which most decoders skip."""
    found = PngChunks()
    offset = len(SIGNATURE)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        name = data[offset + 4 : offset + 8]
        end = offset + 12 + length
        if name == b"IHDR" and found.size is None and offset == len(SIGNATURE):
            found.size = struct.unpack_from(">II", data, offset + 8)
        if end > len(data):
            return found.header(damage=f"chunk {format_chunk_name(name)} is truncated")
        (crc,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(memoryview(data)[offset + 4 : end - 4]) != crc:
            damage = f"CRC error in chunk {format_chunk_name(name)} at byte {offset:,}"
            if name in PIXEL_CHUNKS or not is_ancillary(name):
                return found.header(damage=damage)
            found.add_notes(damage)
        elif (why := read_chunk(name, data[offset + 8 : end - 4], found)) is not None:
            return found.header(damage=why)
        if name == b"IEND":
            return found.header(end=end)
        offset = end
    return found.header(damage="the file ends without an IEND chunk")


def is_ancillary(name: bytes) -> bool:
    """Whether a decoder may skip chunks of this name: its first letter is small."""
    return name.isalpha() and name.isascii() and bool(name[0] & 0x20)


def read_chunk(name: bytes, body: bytes, found: PngChunks) -> str | None:
    """Note what a chunk says; return what is wrong with it if a decoder must stop there."""
    if name in CRITICAL:
        return read_critical_chunk(name, body, found)
    if not is_ancillary(name):
        return f"unknown critical chunk {format_chunk_name(name)}"
    if name == b"acTL":
        found.frames = int.from_bytes(body[:4], "big")
    elif name == b"eXIf":
        found.exif = body
    elif name == b"iCCP":
        found.add_notes(*(check_profile_chunk(body) if not found.has_profile else [TWO_PROFILES]))
        found.has_profile = True
    elif len(body) != FIXED_LENGTHS.get(name, len(body)):
        found.add_notes(f"chunk {format_chunk_name(name)} has {pluralize(len(body), 'byte')}")
    return None


def read_critical_chunk(name: bytes, body: bytes, found: PngChunks) -> str | None:
    """Note what a chunk without which nothing can be decoded says; return what is wrong with it."""
    if name == b"IHDR":
        return check_image_header(body, found)
    if found.size is None:
        return f"chunk {format_chunk_name(name)} before IHDR"
    if name == b"IDAT":
        if found.colour == PALETTE and found.palette is None:
            return "no palette before the pixel data"
        found.has_data = True
    if name == b"PLTE":
        return check_palette(body, found)
    return None


def check_image_header(body: bytes, found: PngChunks) -> str | None:
    """What is wrong with IHDR."""
    if found.size is None or found.has_data or found.palette is not None:
        return "chunk IHDR is not the first one"
    if len(body) != 13:
        return f"chunk IHDR has {pluralize(len(body), 'byte')}"
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(
        ">IIBBBBB", body
    )
    found.colour = colour
    if not (0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE):
        return f"{width:,} x {height:,} pixels"
    if depth not in DEPTHS.get(colour, ()):
        return f"{depth} bits per sample with colour type {colour}"
    if compression or filtering or interlace > 1:
        names = ("compression", compression), ("filter", filtering), ("interlace", interlace)
        which, number = next((which, number) for which, number in names if number)
        return f"unknown {which} method {number}"
    return None


def check_palette(body: bytes, found: PngChunks) -> str | None:
    """What is wrong with PLTE."""
    if found.palette is not None:
        return "two palettes"
    if found.has_data:
        return "a palette after the pixel data"
    if found.colour in GREY_TYPES:
        return "a palette in a grey image"
    if not body or len(body) % 3 or len(body) > 3 * 256:
        return f"a palette of {pluralize(len(body), 'byte')}"
    found.palette = len(body) // 3
    return None


def check_profile_chunk(body: bytes) -> list[str]:
    """What is wrong with iCCP: a name, a compression method, and a deflated profile."""
    name, _, rest = body.partition(b"\0")
    if not name or not rest:
        return ["chunk iCCP has no profile"]
    if rest[0]:
        return [f"chunk iCCP has the unknown compression method {rest[0]}"]
    try:
        profile = zlib.decompressobj().decompress(rest[1:], PROFILE_BYTES)
    except zlib.error as error:
        return [f"chunk iCCP: {error}"]
    why = describe_profile(profile) if len(profile) < PROFILE_BYTES else None
    return [] if why is None else [why]


def format_chunk_name(name: bytes) -> str:
    """A chunk's name as text; quoted and escaped if it is not alphabetic."""
    return name.decode("latin-1") if name.isalpha() else repr(name)


def find_missing_data(data: bytes) -> str | None:
    """What is wrong with the pixel data of a PNG whose chunks are valid; None if it is complete.

    Decoders leave missing rows black, and some do not report them.
    """
    needed = count_filtered_bytes(data)
    try:
        found = inflate(iter_image_data(data), needed)
    except zlib.error as error:
        return str(error)
    if found.nbytes < needed:
        return f"the pixel data ends early: {found.nbytes:,} of {needed:,} bytes"
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


def iter_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, and its bytes with length and CRC, from start to end."""
    offset = len(SIGNATURE)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        yield data[offset + 4 : offset + 8], offset, offset + 12 + length
        offset += 12 + length


def iter_image_data(data: bytes) -> Iterator[memoryview]:
    """The contents of the IDAT chunks."""
    view = memoryview(data)
    for name, start, end in iter_chunks(data):
        if name == b"IDAT":
            yield view[start + 8 : end - 4]


def remove_metadata(data: bytes) -> bytes:
    """The image without the chunks on which neither pixels nor frames depend."""
    kept = (data[start:end] for name, start, end in iter_chunks(data) if name in PIXEL_CHUNKS)
    return b"".join((SIGNATURE, *kept))
