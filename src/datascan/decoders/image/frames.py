"""The number of frames or pages of an image, counted in one pass over its structure.

Pillow compares the place of each page of a TIFF with those of all others, so 50,000 pages of 100
bytes take minutes.
"""

from __future__ import annotations

import struct
from typing import Any

from datascan.decoders.image.structure import BYTE_ORDERS, DIRECTORIES, GIF_IMAGE, iter_gif_blocks

FRAMED = ("GIF", "WebP", "PNG", "TIFF", "AVIF")
"""Formats in which Pillow's frames are frames. In a PSD they are layers."""


def count_frames(image_format: str, data: bytes, image: Any) -> int:
    """The number of frames of ``image``, which Pillow has opened from ``data``; at least 1."""
    if image_format == "GIF":
        return max(1, count_gif_frames(data))
    if image_format == "TIFF":
        return max(1, count_tiff_pages(data))
    return int(getattr(image, "n_frames", 1)) if image_format in FRAMED else 1


def count_gif_frames(data: bytes) -> int:
    """Count the image descriptors."""
    return sum(block_type == GIF_IMAGE for block_type, _ in iter_gif_blocks(data))


def count_tiff_pages(data: bytes) -> int:
    """Count the directories of a TIFF or BigTIFF (TIFF 6.0, section 2), each once.

    One that cannot be read counts too: Pillow reports it when it gets there.
    """
    seen: set[int] = set()
    try:
        order = BYTE_ORDERS[data[:2]]
        (magic,) = struct.unpack_from(order + "H", data, 2)
        offset_type, offset_position, count_type, entry = DIRECTORIES[magic]
        (offset,) = struct.unpack_from(order + offset_type, data, offset_position)
        entry_bytes, count_bytes = struct.calcsize(order + entry), struct.calcsize(count_type)
        while offset and offset not in seen:
            seen.add(offset)
            (count,) = struct.unpack_from(order + count_type, data, offset)
            end = offset + count_bytes + count * entry_bytes
            (offset,) = struct.unpack_from(order + offset_type, data, end)
    except (struct.error, KeyError, OverflowError):
        pass
    return len(seen)
