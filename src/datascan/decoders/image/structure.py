"""Where an image ends, and its metadata, found without decoding it."""

from __future__ import annotations

import struct
from typing import Any

from datascan.decoders.image.formats.boxes import read_boxes_header
from datascan.decoders.image.formats.gif import count_gif_frames, read_gif_header
from datascan.decoders.image.formats.jpeg import read_jpeg_header
from datascan.decoders.image.formats.metadata import BYTE_ORDERS, DIRECTORIES, describe_profile
from datascan.decoders.image.formats.png import SIGNATURE, read_png_header
from datascan.decoders.image.header import ImageHeader


def read_webp_header(data: bytes) -> ImageHeader:
    """Read a WebP's chunks (RFC 9649); it ends with its RIFF chunk."""
    (size,) = struct.unpack_from("<I", data, 4)
    canvas = read_webp_size(data)
    end = 8 + size + size % 2
    if 8 + size > len(data):
        return ImageHeader(damage=f"truncated: {len(data):,} of {8 + size:,} bytes", size=canvas)
    offset, exif, why = 12, b"", None
    while offset + 8 <= end:
        (length,) = struct.unpack_from("<I", data, offset + 4)
        name = data[offset : offset + 4]
        if name == b"EXIF":
            exif = data[offset + 8 : offset + 8 + length].removeprefix(b"Exif\0\0")
        elif name == b"ICCP":
            why = describe_profile(data[offset + 8 : offset + 8 + length])
        offset += 8 + length + length % 2
    notes = () if why is None else (why,)
    return ImageHeader(end=min(end, len(data)), exif=exif, size=canvas, notes=notes)


def read_webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first chunk, for which Pillow allocates memory when it opens."""
    name = data[12:16]
    if name == b"VP8X" and len(data) >= 30:
        edges = int.from_bytes(data[24:27], "little"), int.from_bytes(data[27:30], "little")
        return edges[0] + 1, edges[1] + 1
    if name == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def read_bmp_header(data: bytes) -> ImageHeader:
    """Read a BMP's file size, which some writers leave wrong, and the number of its colours."""
    size, _, pixels, header_bytes = struct.unpack_from("<IIII", data, 2)
    palette = None
    if header_bytes >= 40:
        (bits,) = struct.unpack_from("<H", data, 28)
        (colours,) = struct.unpack_from("<I", data, 46)
        palette = (colours or 1 << bits) if bits <= 8 else None
    return ImageHeader(end=size if pixels < size <= len(data) else None, palette=palette)


def read_tiff_header(data: bytes) -> ImageHeader:
    """Read the tags of all directories."""
    from datascan.decoders.image.formats.tiff import read_pages  # noqa: PLC0415  (only TIFFs need it)

    notes = dict.fromkeys(note for page in read_pages(data) for note in page.notes)
    return ImageHeader(notes=tuple(notes))


def read_ico_header(data: bytes) -> ImageHeader:
    """Read an icon's directory; its images are PNGs, or BMPs without the first header."""
    (count,) = struct.unpack_from("<H", data, 4)
    end, largest = 6 + 16 * count, (0, 0)
    entries = {struct.unpack_from("<II", data, 14 + 16 * entry) for entry in range(count)}
    if sum(length for length, _ in entries) > 2 * len(data):
        return ImageHeader(damage="the images of the directory overlap or are truncated")
    for length, offset in sorted(entries):
        end = max(end, offset + length)
        if data.startswith(SIGNATURE, offset):
            inner = read_png_header(data[offset : offset + length])
            size = inner.size or (0, 0)
            if inner.damage is not None:
                return ImageHeader(damage=inner.damage, size=max(largest, size, key=count_pixels))
        else:
            width, height = struct.unpack_from("<ii", data, offset + 4)
            size = abs(width), abs(height) // 2
        largest = max(largest, size, key=count_pixels)
    if end > len(data):
        damage = f"truncated: {len(data):,} of {end:,} bytes"
        return ImageHeader(damage=damage, size=largest)
    return ImageHeader(end=end, size=largest)


def count_pixels(size: tuple[int, int]) -> int:
    """The number of pixels of an image of this width and height."""
    return size[0] * size[1]


HEADER_READERS = {
    "JPEG": read_jpeg_header,
    "PNG": read_png_header,
    "GIF": read_gif_header,
    "WebP": read_webp_header,
    "BMP": read_bmp_header,
    "ICO": read_ico_header,
    "TIFF": read_tiff_header,
    "AVIF": read_boxes_header,
    "HEIC": read_boxes_header,
}


def read_header(image_format: str, data: bytes) -> ImageHeader:
    """Read the structure of an image; empty for formats that only the decoder reads."""
    reader = HEADER_READERS.get(image_format)
    try:
        return reader(data) if reader is not None else ImageHeader()
    except (struct.error, IndexError):
        return ImageHeader(damage="the file ends within its header")


ORIENTATION_TAG = 0x0112
SHORT = 3
ORIENTATIONS = {
    2: "mirrored",
    3: "rotated by 180 degrees",
    4: "mirrored vertically",
    5: "mirrored and rotated by 90 degrees",
    6: "rotated by 90 degrees",
    7: "mirrored and rotated by 270 degrees",
    8: "rotated by 270 degrees",
}
"""Values of the orientation tag other than 1 (TIFF 6.0, section 8)."""


def read_orientation(exif: bytes) -> int:
    """The orientation tag in the first directory of an EXIF block or a TIFF; 1 if it is absent."""
    order = BYTE_ORDERS.get(exif[:2])
    if order is None:
        return 1
    try:
        (magic,) = struct.unpack_from(order + "H", exif, 2)
        offset_type, offset_position, count_type, entry = DIRECTORIES[magic]
        (offset,) = struct.unpack_from(order + offset_type, exif, offset_position)
        (count,) = struct.unpack_from(order + count_type, exif, offset)
        offset += struct.calcsize(order + count_type)
        step = struct.calcsize(order + entry)
        for i in range(count):
            tag, value_type, _, value = struct.unpack_from(order + entry, exif, offset + i * step)
            if tag == ORIENTATION_TAG and value_type == SHORT:
                return int(struct.unpack_from(order + "H", value)[0])
    except (struct.error, KeyError, OverflowError):
        return 1
    return 1


FRAMED = ("GIF", "WebP", "PNG", "TIFF", "AVIF")
"""Formats in which Pillow's frames are frames. In a PSD they are layers."""


def count_frames(image_format: str, data: bytes, image: Any) -> int:
    """The number of frames of ``image``, which Pillow has opened from ``data``; at least 1."""
    if image_format == "GIF":
        return max(1, count_gif_frames(data))
    if image_format == "TIFF":
        from datascan.decoders.image.formats.tiff import count_tiff_pages  # noqa: PLC0415  (only TIFFs need it)

        return max(1, count_tiff_pages(data))
    return int(getattr(image, "n_frames", 1)) if image_format in FRAMED else 1
