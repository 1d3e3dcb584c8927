"""The blocks of a GIF (GIF89a specification)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from datascan.decoders.image.header import ImageHeader


def read_gif_header(data: bytes) -> ImageHeader:
    """Read a GIF's blocks up to the trailer.

    Pillow enlarges the screen for frames that are larger, so the size covers them, too.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    damage = "the file ends without a trailer"
    for block_type, offset in iter_gif_blocks(data):
        if block_type == GIF_TRAILER:
            return ImageHeader(end=offset + 1, size=(width, height))
        if data.startswith(b"GIF8", offset) and count_gif_frames(data):
            # Another file in place of the trailer: this one is complete.
            return ImageHeader(end=offset, size=(width, height))
        if block_type == GIF_IMAGE and offset + 10 <= len(data):
            left, top, frame_width, frame_height = struct.unpack_from("<HHHH", data, offset + 1)
            width, height = max(width, left + frame_width), max(height, top + frame_height)
        elif block_type not in (GIF_IMAGE, GIF_EXTENSION):
            damage = f"invalid block type {block_type} at byte {offset:,}"
    return ImageHeader(damage=damage, size=(width, height))


GIF_EXTENSION, GIF_IMAGE, GIF_TRAILER = 0x21, 0x2C, 0x3B


def iter_gif_blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Type and offset of each block (GIF89a specification).

    The last one is the trailer, a block of another type, or one that is cut off.
    """
    offset = 13 + color_table_bytes(data[10:11])
    while offset < len(data):
        block_type = data[offset]
        yield block_type, offset
        if block_type == GIF_EXTENSION:
            offset += 2
        elif block_type == GIF_IMAGE:
            offset += 10 + color_table_bytes(data[offset + 9 : offset + 10]) + 1
        else:
            return
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
        offset += 1


def color_table_bytes(flags: bytes) -> int:
    """The size in bytes of the colour table that ``flags`` announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def count_gif_frames(data: bytes) -> int:
    """Count the image descriptors."""
    return sum(block_type == GIF_IMAGE for block_type, _ in iter_gif_blocks(data))
