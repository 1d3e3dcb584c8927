"""Where an image ends, and what stands beside its pixels: found without decoding."""

from __future__ import annotations

import re
import struct

from datascan.decoders.image.header import ImageHeader
from datascan.decoders.image.png import SIGNATURE, read_png_header

NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The end of entropy-coded data: a marker that is no stuffing, restart or fill byte."""


def read_jpeg_header(data: bytes) -> ImageHeader:
    """Walk a JPEG's segments (ITU-T T.81, annex B); the decoder judges what lies in them."""
    at, exif, several = 2, b"", False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return ImageHeader(exif=exif)
        marker = data[at + 1]
        if marker == 0xD9:
            return ImageHeader(end=None if several else at + 2, exif=exif)
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = at + 4
        if marker == 0xE1 and data.startswith(b"Exif\0\0", body) and not exif:
            exif = data[body + 6 : at + 2 + length]
        several = several or (marker == 0xE2 and data.startswith(b"MPF\0", body))
        at += 2 + length
        if marker == 0xDA:
            found = NEXT_MARKER.search(data, at)
            if found is None:
                break
            at = found.start()
    if data[at : at + 2] == b"\xff\xd9":
        return ImageHeader(end=None if several else at + 2, exif=exif)
    return ImageHeader(exif=exif)


def read_gif_header(data: bytes) -> ImageHeader:
    """Walk a GIF's blocks (GIF89a specification) up to its trailer.

    A frame may be larger than the screen, and Pillow then widens the screen: the size is theirs.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    at = 13 + color_table(data[10:11])
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            return ImageHeader(end=at + 1, size=(width, height))
        if kind == 0x21:
            at += 2
        elif kind == 0x2C and at + 10 <= len(data):
            left, top, across, down = struct.unpack_from("<HHHH", data, at + 1)
            width, height = max(width, left + across), max(height, top + down)
            at += 10 + color_table(data[at + 9 : at + 10]) + 1
        else:
            break
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    damage = "it ends without its trailer"
    if at < len(data) and data[at] != 0x2C:
        damage = f"no GIF block begins with byte {data[at]} at {at:,}"
    return ImageHeader(damage=damage, size=(width, height))


def color_table(flags: bytes) -> int:
    """The bytes of the colour table that these flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def read_webp_header(data: bytes) -> ImageHeader:
    """A WebP ends where its RIFF chunk does."""
    (size,) = struct.unpack_from("<I", data, 4)
    canvas = webp_size(data)
    end = 8 + size + size % 2
    if 8 + size > len(data):
        return ImageHeader(damage=f"it has {len(data):,} of {8 + size:,} bytes", size=canvas)
    at, exif = 12, b""
    while at + 8 <= end:
        (length,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] == b"EXIF":
            exif = data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return ImageHeader(end=min(end, len(data)), exif=exif, size=canvas)


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in the first chunk: Pillow takes memory for them as soon as it opens it."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        edges = int.from_bytes(data[24:27], "little"), int.from_bytes(data[27:30], "little")
        return edges[0] + 1, edges[1] + 1
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        across, down = struct.unpack_from("<HH", data, 26)
        return across & 0x3FFF, down & 0x3FFF
    return None


def read_bmp_header(data: bytes) -> ImageHeader:
    """A BMP says how long it is, if its writer cared."""
    size, _, pixels = struct.unpack_from("<III", data, 2)
    return ImageHeader(end=size if pixels < size <= len(data) else None)


def read_ico_header(data: bytes) -> ImageHeader:
    """Follow an icon's directory: its images are PNGs, or BMPs without the first header."""
    (count,) = struct.unpack_from("<H", data, 4)
    end, largest = 6 + 16 * count, (0, 0)
    for entry in range(count):
        length, at = struct.unpack_from("<II", data, 14 + 16 * entry)
        end = max(end, at + length)
        if data.startswith(SIGNATURE, at):
            inner = read_png_header(data[at : at + length])
            size = inner.size or (0, 0)
            if inner.damage is not None:
                return ImageHeader(damage=inner.damage, size=max(largest, size, key=area))
        else:
            across, down = struct.unpack_from("<ii", data, at + 4)
            size = abs(across), abs(down) // 2
        largest = max(largest, size, key=area)
    if end > len(data):
        damage = f"it has {len(data):,} of {end:,} bytes"
        return ImageHeader(damage=damage, size=largest)
    return ImageHeader(end=end, size=largest)


def area(size: tuple[int, int]) -> int:
    """Pixels of a width and height."""
    return size[0] * size[1]


HEADER_READERS = {
    "JPEG": read_jpeg_header,
    "PNG": read_png_header,
    "GIF": read_gif_header,
    "WebP": read_webp_header,
    "BMP": read_bmp_header,
    "ICO": read_ico_header,
}


def read_header(kind: str, data: bytes) -> ImageHeader:
    """What is known of an image of this kind."""
    try:
        return HEADER_READERS[kind](data) if kind in HEADER_READERS else ImageHeader()
    except (struct.error, IndexError):
        return ImageHeader(damage="it ends within its header")


ORIENTATION_TAG = 0x0112
SHORT = 3
ORDERS = {b"II": "<", b"MM": ">"}
DIRECTORIES = {42: ("I", 4, "H", "HHI4s"), 43: ("Q", 8, "Q", "HHQ8s")}
"""Of TIFF and BigTIFF: a directory's offset and where that stands, its count, and an entry."""

TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored upside down",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees",
    7: "mirrored and turned by 270 degrees",
    8: "turned by 270 degrees",
}


def read_orientation(exif: bytes) -> int:
    """The orientation tag in the first directory of an EXIF block or a TIFF; 1 without any."""
    order = ORDERS.get(exif[:2])
    if order is None:
        return 1
    try:
        (magic,) = struct.unpack_from(order + "H", exif, 2)
        offset, place, number, entry = DIRECTORIES[magic]
        (at,) = struct.unpack_from(order + offset, exif, place)
        (count,) = struct.unpack_from(order + number, exif, at)
        at += struct.calcsize(order + number)
        step = struct.calcsize(order + entry)
        for i in range(count):
            tag, kind, _, value = struct.unpack_from(order + entry, exif, at + i * step)
            if tag == ORIENTATION_TAG and kind == SHORT:
                return int(struct.unpack_from(order + "H", value)[0])
    except (struct.error, KeyError, OverflowError):
        return 1
    return 1
