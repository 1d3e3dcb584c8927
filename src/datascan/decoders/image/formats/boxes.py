"""Boxes of an ISO base media file (ISO/IEC 14496-12), as AVIF, HEIC and JPEG 2000 have them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from datascan.decoders.image.header import ImageHeader

MAX_HEADER = 1 << 16
EXTENT = b"ispe"


def iter_boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The type of each box at the top, and its body, from start to end, which may be cut off."""
    offset = 0
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        body = offset + 8
        if size == 1 and offset + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, offset + 8)
            body = offset + 16
        end = offset + size if size else len(data)
        if end < body:
            return
        yield kind, body, end
        offset = end


def find_box(data: bytes, kind: bytes) -> tuple[int, int] | None:
    """The body of the first box of this type at the top, from start to end."""
    return next(((body, end) for found, body, end in iter_boxes(data) if found == kind), None)


def read_boxes_header(data: bytes) -> ImageHeader:
    """Read whether all boxes are in the file, and the size of the largest image in it."""
    end = max((end for _, _, end in iter_boxes(data)), default=0)
    size, offset = (0, 0), data.find(EXTENT, 0, MAX_HEADER)
    while offset >= 0 and offset + 16 <= len(data):
        width, height = struct.unpack_from(">II", data, offset + 8)
        size = max(size, (width, height), key=lambda edges: edges[0] * edges[1])
        offset = data.find(EXTENT, offset + 4, MAX_HEADER)
    return ImageHeader(is_cut=end > len(data), size=size if all(size) else None)
