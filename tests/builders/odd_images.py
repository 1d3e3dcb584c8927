"""Images that no encoder writes, assembled from their parts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np

from tests.builders.images import chunk, png_bomb

GIF_CLEAR = b"\x02\x02\x4c\x01\x00"
"""The compressed data of one pixel."""

ADAM7 = "1646264677777777565656567777777736463646777777775656565677777777"
"""The pass of each pixel in an 8x8 tile, from the PNG specification, section 8.2."""


def png_file(
    width: int, height: int, rows: bytes, *, colour: int = 2, interlaced: bool = False
) -> bytes:
    """An 8-bit PNG with valid chunks; the filtered ``rows`` may be invalid."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, interlaced)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def interlaced_rows(values: np.ndarray) -> bytes:
    """Grey pixels, (height, width) uint8, as unfiltered rows in seven passes."""
    height, width = values.shape
    tile = np.array([int(number) for number in ADAM7]).reshape(8, 8)
    passes = np.tile(tile, (height // 8 + 1, width // 8 + 1))[:height, :width]
    rows = b""
    for number in range(1, 8):
        for own, row in zip(passes == number, values, strict=True):
            if own.any():
                rows += b"\0" + row[own].tobytes()
    return rows


def gif_of_frames(*sizes: tuple[int, int], screen: tuple[int, int] = (1, 1)) -> bytes:
    """A GIF with frames of these sizes, each of them cleared before the next."""
    data = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6)
    for width, height in sizes:
        data += b"\x21\xf9\x04\x08\0\0\0\0"
        data += b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + GIF_CLEAR
    return data + b"\x3b"


def icon_of(png: bytes) -> bytes:
    """An icon that contains a PNG and declares a small size."""
    return struct.pack("<HHH4BHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(png), 22) + png


def tiff_of(tags: Mapping[int, int]) -> bytes:
    """A TIFF with one directory of these tags, followed by zeros."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4 + 64)


def webp_canvas(width: int, height: int) -> bytes:
    """A WebP animation with a canvas of this size, without frames."""
    edges = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + edges
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def layered_psd(layers: int) -> bytes:
    """A black Photoshop document of 4x4 pixels with empty layers."""
    layer = struct.pack(">IIIIH", 0, 0, 4, 4, 3)
    layer += b"".join(struct.pack(">hI", i, 18) for i in range(3)) + b"8BIMnorm" + bytes(4)
    extra = bytes(8) + b"\2L1\0"
    layer += struct.pack(">I", len(extra)) + extra
    info = struct.pack(">h", layers) + layer * layers + bytes(18) * (3 * layers)
    info += bytes(len(info) % 2)
    section = struct.pack(">I", len(info)) + info
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 4, 4, 8, 3) + bytes(8)
    return head + struct.pack(">I", len(section)) + section + bytes(2 + 48)


TILE_BOMB = {256: 9, 257: 9, 258: 8, 259: 5, 262: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 8}


def bombs() -> dict[str, bytes]:
    """Small files that would decompress to gigabytes."""
    return {
        "png": png_bomb(),
        "gif whose first frame is huge": gif_of_frames((60_000, 60_000)),
        "gif whose second frame is huge": gif_of_frames((1, 1), (60_000, 60_000), (1, 1)),
        "gif that is truncated as well": gif_of_frames((60_000, 60_000), (1, 1))[:-1],
        "icon": icon_of(png_bomb()),
        "webp canvas": webp_canvas(60_000, 60_000),
        "webp canvas that is truncated": webp_canvas(60_000, 60_000)[:-4],
        "tiff": tiff_of({256: 60_000, 257: 60_000, 258: 8, 259: 5, 262: 1, 273: 8, 279: 8}),
        "ppm": b"P6 60000 60000 255\n" + bytes(100),
    }
