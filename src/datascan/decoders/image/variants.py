"""Which variant of its format an image is that cannot be decoded, if its structure is intact.

Pillow says "unsupported" of damaged headers, too, and "broken" of variants that OpenJPEG lacks. So
what it says is not used: the header is read here, and the size of the file is compared with it.
"""

from __future__ import annotations

import struct

from PIL import features

from datascan.decoders.image.formats.boxes import find_box, iter_boxes
from datascan.decoders.image.formats.tiff import read_pages
from datascan.decoders.image.formats.tiff_data import describe_jpeg_variant, find_tiff_damage
from datascan.decoders.image.outcomes import CorruptImageError

VERIFIED_PIXELS = 1 << 24
FEATURES = {"WebP": "webp", "AVIF": "avif", "JPEG 2000": "jpg_2000", "TIFF": "libtiff"}
"""What Pillow must have been built with."""

MAX_JPEG2000_BITS = 38
JXL_CODESTREAM = b"\xff\x0a"
END_OF_RLE = (b"\0\1", b"\0\1\0", b"\0\1\0\0", b"\0\1\0\0\0")
"""The last bytes of run-length encoded pixels, with padding."""


def describe_variant(image_format: str, data: bytes) -> str | None:
    """The variant of an image that Pillow cannot decode.

    None if it is not a variant that Pillow is known to lack, or if the structure is damaged.

    Raises:
        CorruptImageError: if it can be said what is damaged.
    """
    feature = FEATURES.get(image_format)
    if feature is not None and not features.check(feature):
        return f"Pillow was built without {image_format}"
    describe = VARIANTS.get(image_format)
    try:
        return None if describe is None else describe(data)
    except (struct.error, IndexError):
        return None


def describe_tiff(data: bytes) -> str | None:
    """The first page of a TIFF that has something unusual.

    Raises:
        CorruptImageError: if a strip, tile or directory is damaged.
    """
    pages = list(read_pages(data))
    if not pages:
        return None
    damage = find_tiff_damage(data, VERIFIED_PIXELS)
    if damage is not None:
        raise CorruptImageError(damage)
    if pages[0].is_big and pages[0].order == ">":
        return "BigTIFF in big-endian order"
    found = (page.describe_variant() or describe_jpeg_variant(data, page) for page in pages)
    return next((variant for variant in found if variant is not None), None)


def describe_bmp(data: bytes) -> str | None:
    """A bitmap of a kind that only Windows or OS/2 reads (BITMAPINFOHEADER and its successors)."""
    (offset, header_bytes) = struct.unpack_from("<II", data, 10)
    width, height, _, bits, compression, image_bytes, _, _, colours = struct.unpack_from(
        "<iiHHIIiiI", data + bytes(40), 18
    )
    if header_bytes == 12:
        return None
    if header_bytes == 16:
        (width, height, _, bits) = struct.unpack_from("<iiHH", data, 18)
        compression = image_bytes = colours = 0
    if width <= 0 or not height or offset > len(data):
        return None
    kind = describe_bmp_kind(bits, compression)
    if kind is None or colours > (offset - header_bytes - 14) // 4:
        return None
    if compression in (0, 3, 6, 11):
        is_whole = offset + (width * bits + 31) // 32 * 4 * abs(height) <= len(data)
    elif compression in (1, 2) and bits in (4, 8):
        is_whole = data.endswith(END_OF_RLE)
    else:
        is_whole = bool(image_bytes) and offset + image_bytes <= len(data)
    return kind if is_whole else None


BMP_KINDS = {
    (24, 4): "RLE24",
    (0, 4): "an embedded JPEG",
    (0, 5): "an embedded PNG",
    (1, 3): "Huffman 1D",
    (4, 2): "RLE with pixels left out",
    (8, 1): "RLE with pixels left out",
}
"""Kinds of pixels by bits and compression."""


def describe_bmp_kind(bits: int, compression: int) -> str | None:
    """How the pixels are stored; None if there is no such kind."""
    if (bits, compression) in BMP_KINDS:
        return BMP_KINDS[bits, compression]
    if compression in (3, 6) and bits in (16, 32):
        return f"bit fields in {bits} bits"
    if compression == 0 and bits in (1, 2, 4, 8, 16, 24, 32, 64):
        return f"{bits} bits per pixel"
    return None


PSD_DEPTHS = (1, 8, 16, 32)
PSD_MODES = {0: "bitmap", 1: "grey", 2: "indexed", 3: "RGB", 4: "CMYK", 7: "multichannel"}
PSD_MODES |= {8: "duotone", 9: "Lab"}


def describe_psd(data: bytes) -> str | None:
    """A Photoshop file of unusual depth or mode whose sections are in the file (Adobe's format)."""
    channels, height, width, depth, mode = struct.unpack_from(">HIIHH", data, 12)
    if depth not in PSD_DEPTHS or mode not in PSD_MODES or not (0 < channels <= 56):
        return None
    offset = 26
    for _ in range(3):
        (length,) = struct.unpack_from(">I", data, offset)
        offset += 4 + length
    (compression,) = struct.unpack_from(">H", data, offset)
    rows = height * channels
    needed = rows * ((width * depth + 7) // 8)
    if compression == 1:
        needed = 2 * rows + sum(struct.unpack_from(f">{rows}H", data, offset + 2))
    if compression > 3 or offset + 2 + needed * (compression < 2) > len(data):
        return None
    is_known = depth == 8 or (depth, mode) == (1, 0)
    return None if is_known else f"{depth} bits per channel, {PSD_MODES[mode]}"


def describe_jpeg2000(data: bytes) -> str | None:
    """A codestream of unusual components that ends with its end marker (ISO/IEC 15444-1, A.5)."""
    start, end = 0, len(data)
    if not data.startswith(b"\xff\x4f"):
        box = find_box(data, b"jp2c")
        if box is None:
            return None
        start, end = box
    if end > len(data) or data[end - 2 : end] != b"\xff\xd9":
        return None
    (count,) = struct.unpack_from(">H", data, start + 40)
    parts = [tuple(data[start + 42 + 3 * i : start + 45 + 3 * i]) for i in range(min(count, 64))]
    bits = [(part[0] & 0x7F) + 1 for part in parts]
    unusual = (
        (count > 4, f"{count:,} components"),
        (max(bits) > 16 or len(set(bits)) > 1, f"{'/'.join(map(str, bits))} bits per sample"),
        (any(part[0] & 0x80 for part in parts), "signed samples"),
        (len({part[1:] for part in parts}) > 1, "subsampled components"),
    )
    found = (what for is_so, what in unusual if is_so)
    return None if max(bits) > MAX_JPEG2000_BITS else next(found, None)


def describe_container(data: bytes) -> str | None:
    """An image for whose coding there is no decoder, if all of its boxes are in the file."""
    if data.startswith(JXL_CODESTREAM) or all(end <= len(data) for _, _, end in iter_boxes(data)):
        return "no decoder for this format"
    return None


VARIANTS = {
    "TIFF": describe_tiff,
    "BMP": describe_bmp,
    "PSD": describe_psd,
    "JPEG 2000": describe_jpeg2000,
    "HEIC": describe_container,
    "JPEG XL": describe_container,
}
