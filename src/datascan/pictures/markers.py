"""Where an image ends, and what stands beside its pixels: found without decoding."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The end of entropy-coded data: a marker that is no stuffing, restart or fill byte."""

ORIENTATION_TAG = 0x0112
TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored upside down",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees",
    7: "mirrored and turned by 270 degrees",
    8: "turned by 270 degrees",
}


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of an image before decoding it.

    ``end``: where it ends, None if unknown. ``damage``: what is broken in its structure.
    """

    end: int | None = None
    frames: int | None = None
    exif: bytes = b""
    damage: str | None = None


def jpeg_outline(data: bytes) -> Outline:
    """Walk a JPEG's segments (ITU-T T.81, annex B); the decoder judges what lies in them."""
    at, exif, several = 2, b"", False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return Outline(exif=exif)
        marker = data[at + 1]
        if marker == 0xD9:
            return Outline(end=None if several else at + 2, exif=exif)
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
        return Outline(end=None if several else at + 2, exif=exif)
    return Outline(exif=exif)


def png_outline(data: bytes) -> Outline:
    """Walk a PNG's chunks and check all of their CRCs (ISO/IEC 15948), as decoders seldom do."""
    at, frames, exif = 8, None, b""
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            return Outline(damage=f"its chunk {show(kind)} is cut")
        (crc,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != crc:
            return Outline(damage=f"CRC error in its chunk {show(kind)} at byte {at:,}")
        if kind == b"acTL":
            (frames,) = struct.unpack_from(">I", data, at + 8)
        if kind == b"eXIf":
            exif = data[at + 8 : end - 4]
        if kind == b"IEND":
            return Outline(end=end, frames=frames, exif=exif)
        at = end
    return Outline(damage="it ends without its chunk IEND")


def show(kind: bytes) -> str:
    """A chunk's name."""
    return kind.decode("latin-1") if kind.isalpha() else repr(kind)


def gif_outline(data: bytes) -> Outline:
    """Walk a GIF's blocks (GIF89a specification) up to its trailer."""
    at = 13 + color_table(data[10:11])
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            return Outline(end=at + 1)
        if kind == 0x21:
            at += 2
        elif kind == 0x2C:
            at += 10 + color_table(data[at + 9 : at + 10]) + 1
        else:
            return Outline(damage=f"no GIF block begins with byte {kind} at {at:,}")
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return Outline(damage="it ends without its trailer")


def color_table(flags: bytes) -> int:
    """The bytes of the colour table that these flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def webp_outline(data: bytes) -> Outline:
    """A WebP ends where its RIFF chunk does."""
    (size,) = struct.unpack_from("<I", data, 4)
    end = 8 + size + size % 2
    if 8 + size > len(data):
        return Outline(damage=f"it has {len(data):,} of {8 + size:,} bytes")
    at, exif = 12, b""
    while at + 8 <= end:
        (length,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] == b"EXIF":
            exif = data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return Outline(end=min(end, len(data)), exif=exif)


def bmp_outline(data: bytes) -> Outline:
    """A BMP says how long it is, if its writer cared."""
    size, _, pixels = struct.unpack_from("<III", data, 2)
    return Outline(end=size if pixels < size <= len(data) else None)


OUTLINES = {
    "JPEG": jpeg_outline,
    "PNG": png_outline,
    "GIF": gif_outline,
    "WebP": webp_outline,
    "BMP": bmp_outline,
}


def outline(kind: str, data: bytes) -> Outline:
    """What is known of an image of this kind."""
    try:
        return OUTLINES[kind](data) if kind in OUTLINES else Outline()
    except (struct.error, IndexError):
        return Outline(damage="it ends within its header")


def orientation(exif: bytes) -> int:
    """The orientation tag in the first directory of an EXIF block; 1 without any."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, at + 2 + 12 * entry)
            if tag == ORIENTATION_TAG and kind == 3:
                return int(value)
    except struct.error:
        return 1
    return 1
