"""Inspecting images, and healthy ones of every kind."""

from __future__ import annotations

import numpy as np
from PIL import Image

from datascan.decoders.image.inspection import inspect_images
from tests.builders.images import encode, pixels

LIMIT = 178_956_970


def inspect(*images: bytes, names: list[str] | None = None, limit: int = LIMIT):
    marks = []
    rows = range(len(images))
    seen = inspect_images(
        images, rows, max_pixels=limit, track=lambda i, n: marks.append((i, n)), names=names
    )
    assert marks == [(i, 1) for i in rows]
    return seen


def find_faults(*images: bytes, **options) -> list[tuple[str, str]]:
    return [(fault.rule, fault.detail) for fault in inspect(*images, **options).faults]


HEALTHY = {
    "jpeg": encode(pixels(), "JPEG"),
    "jpeg progressive": encode(pixels(), "JPEG", progressive=True),
    "jpeg grey": encode(pixels(mode="L"), "JPEG"),
    "jpeg cmyk": encode(pixels(mode="CMYK"), "JPEG"),
    "jpeg restarts": encode(pixels(), "JPEG", restart_marker_rows=1),
    "png": encode(pixels(), "PNG"),
    "png grey": encode(pixels(mode="L"), "PNG"),
    "png alpha": encode(pixels(mode="RGBA"), "PNG"),
    "png palette": encode(pixels().quantize(16), "PNG"),
    "png bits": encode(pixels(mode="1"), "PNG"),
    "png 16 bits": encode(Image.fromarray(np.arange(768, dtype=np.uint16).reshape(24, 32)), "PNG"),
    "gif": encode(pixels(), "GIF"),
    "bmp": encode(pixels(), "BMP"),
    "webp": encode(pixels(), "WEBP"),
    "webp lossless": encode(pixels(), "WEBP", lossless=True),
    "tiff": encode(pixels(), "TIFF"),
    "tiff lzw": encode(pixels(), "TIFF", compression="tiff_lzw"),
    "ppm": encode(pixels(), "PPM"),
    "jpeg 2000": encode(pixels(), "JPEG2000"),
}
