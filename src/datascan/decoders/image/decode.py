"""Strict and complete decoding of one image.

libjpeg-turbo decodes JPEGs at 1/8 scale with warnings as errors: it reads all entropy-coded bytes
but transforms only the DC coefficients. Pillow decodes all other formats.
"""

from __future__ import annotations

from operator import eq

import simplejpeg
from msgspec.structs import replace

from datascan.decoders.image.formats.jpeg import (
    APP14,
    has_all_tables,
    remove_segments,
    remove_stray_bytes,
)
from datascan.decoders.image.header import ImageHeader
from datascan.decoders.image.outcomes import (
    CorruptImageError,
    DecodedImage,
    UnsupportedImageError,
    check_size,
    has_memory_words,
    measure_values,
    one_line,
)
from datascan.decoders.image.pillow import decode_with_pillow
from datascan.native.picture_loops import APP2

SMALL_PIXELS = 1 << 14
"""JPEGs of at most this many pixels are decoded in full: it is cheap and the values are exact."""

FULL_DECODE_PIXELS = 1 << 24
"""A larger JPEG that is constant at 1/8 scale is not decoded again to confirm it."""

METADATA_WARNINGS = (("bad ICC marker", APP2), ("Adobe color transform", APP14))
"""Words in libjpeg's warnings about metadata, and the marker of the segments concerned."""

QUICK = {"min_height": 1, "min_width": 1, "min_factor": 8, "fastdct": True, "fastupsample": True}
"""How simplejpeg decodes at 1/8 scale."""

JPEG_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "L", "CMYK": "CMYK", "YCCK": "CMYK"}
JPEG_TARGETS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
MODES_BY_COMPONENTS = {1: "L", 3: "RGB", 4: "CMYK"}


def decode(image_format: str, data: bytes, limit: int, header: ImageHeader) -> DecodedImage:
    """Decode an image of at most ``limit`` pixels whose structure is that of ``header``.

    Raises:
        CorruptImageError: if it cannot be decoded in full.
        UnsupportedImageError: if the decoder lacks its variant.
        OversizedImageError: if it has more pixels. It is not decoded then.
        MemoryError: if there is not enough memory, and nothing is wrong with the image.
    """
    if image_format != "JPEG":
        return decode_with_pillow(image_format, data, limit, header)
    if header.stray:
        # A lost table would be replaced by a default.
        cleaned = remove_stray_bytes(data, header.stray)
        data = cleaned if has_all_tables(cleaned) else data
    try:
        try:
            return decode_jpeg(data, limit, header)
        except ValueError as error:
            marker = find_metadata_marker(error)
            if marker is None:
                raise
            # The pixels are decoded as strictly without the segment that libjpeg warns of.
            decoded = decode_jpeg(remove_segments(data, marker), limit, header)
            return replace(decoded, notes=(one_line(error),))
    except ValueError as error:
        return explain_jpeg(data, limit, header, error)


def find_metadata_marker(error: ValueError) -> int | None:
    """The marker of the segments that a warning of libjpeg is about; None if it is about pixels."""
    return next((marker for text, marker in METADATA_WARNINGS if text in str(error)), None)


def explain_jpeg(data: bytes, limit: int, header: ImageHeader, error: ValueError) -> DecodedImage:
    """The image as Pillow decodes it, if libjpeg-turbo does not support its variant.

    Raises:
        CorruptImageError, UnsupportedImageError, MemoryError: if it is damaged, or Pillow cannot
            decode it either.
    """
    text = str(error)
    if "color conversion" in text and not header.is_scalable:
        raise UnsupportedImageError("lossless, not RGB or grey") from error
    if text.startswith(("Unsupported", "Sorry")) or "subsampling level" in text:
        # Intact but not supported here (arithmetic coding, 4:1:0); Pillow may be able.
        return decode_with_pillow("JPEG", data, limit, header)
    if has_memory_words(error):
        raise MemoryError from error
    raise CorruptImageError(one_line(error)) from error


def decode_jpeg(data: bytes, limit: int, header: ImageHeader) -> DecodedImage:
    """Decode at 1/8 scale, or in full if the image is small or seems to have a constant channel.

    Raises:
        ValueError: with libjpeg's message, for its warnings as well as its errors.
        OversizedImageError: if it has more than ``limit`` pixels.
    """
    height, width, mode = read_shape(data, header)
    check_size(width, height, limit)
    target = JPEG_TARGETS[mode]
    # Without transforms there is nothing to reduce: libjpeg-turbo crashes if it is asked to.
    if width * height > SMALL_PIXELS and header.is_scalable:
        values = simplejpeg.decode_jpeg(data, target, **QUICK)
        figures = measure_values(values)
        blank = any(map(eq, figures.low, figures.high))
        if not blank or width * height > FULL_DECODE_PIXELS:
            return DecodedImage(height, width, mode, values, approximate=True, figures=figures)
    return DecodedImage(height, width, mode, simplejpeg.decode_jpeg(data, target))


def read_shape(data: bytes, header: ImageHeader) -> tuple[int, int, str]:
    """Height, width and mode of a JPEG.

    Raises:
        ValueError: with libjpeg's message.
    """
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except KeyError as error:
        # Sampling factors that simplejpeg decodes but has no name for, such as 4:4:1.
        mode = MODES_BY_COMPONENTS.get(header.components)
        if header.size is None or mode is None:
            raise ValueError(f"Unsupported sampling factors ({error})") from error
        return header.size[1], header.size[0], mode
    return int(height), int(width), JPEG_MODES.get(colorspace, "RGB")
