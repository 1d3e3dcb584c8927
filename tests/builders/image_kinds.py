"""Images of every format and mode that Pillow writes, and damaged copies of them."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from PIL import Image, features

from datascan.decoders.image.pillow import capture_library_output
from tests.builders.images import encode, pixels

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16")
PICKY = ("I", "F", "I;16")
"""Modes that cannot be made of every other one."""

NOT_IMAGES = {"PDF", "WMF", "HDF5", "GRIB", "BUFR", "PALM", "XBM", "SPIDER"}
"""What Pillow writes for other programs, or cannot read back."""

TIFF_COMPRESSIONS = (
    *("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg"),
    *("group3", "group4", "tiff_ccitt", "zstd", "lzma"),
)
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "JPEG": (
        {"progressive": True},
        {"subsampling": "4:2:0"},
        {"subsampling": "4:4:4", "quality": 100},
        {"restart_marker_blocks": 2},
        {"optimize": True, "dpi": (300, 300), "comment": b"text"},
    ),
    "PNG": ({"optimize": True}, {"compress_level": 0}, {"bits": 2}, {"dpi": (300, 300)}),
    "TIFF": (
        *({"compression": name} for name in TIFF_COMPRESSIONS),
        {"big_tiff": True},
        {"compression": "tiff_lzw", "tiffinfo": {317: 2}},
        {"dpi": (72, 72)},
    ),
    "WEBP": ({"lossless": True}, {"exact": True, "quality": 100}, {"method": 0}),
    "JPEG2000": ({"irreversible": True}, {"num_resolutions": 1}, {"no_jp2": True}),
    "GIF": ({"interlace": False}, {"comment": b"text", "optimize": True}),
    "BMP": (),
    "AVIF": ({"quality": 100, "subsampling": "4:4:4"},),
    "ICO": ({"sizes": [(16, 16), (24, 24)]}, {"bitmap_format": "bmp"}),
}


def in_mode(mode: str, seed: int = 0) -> Image.Image:
    """An image in a mode, larger than what is decoded in full."""
    plain = pixels(seed, height=136, width=144)
    if mode in PICKY:
        return plain.convert("L").convert("I").convert(mode)
    return plain.convert("RGB" if mode == "PA" else mode).convert(mode)


@cache
def every_kind() -> dict[str, bytes]:
    """Encoded images by format, mode and options; all that Pillow can write."""
    Image.init()
    kinds: dict[str, bytes] = {}
    for format_name in sorted(Image.SAVE):
        if format_name in NOT_IMAGES or (format_name == "AVIF" and not features.check("avif")):
            continue
        for mode in MODES:
            for options in ({}, *OPTIONS.get(format_name, ())):
                data = try_to_encode(mode, format_name, options)
                if data is not None:
                    words = " ".join(f"{name}={value}" for name, value in options.items())
                    kinds[f"{format_name} {mode} {words}".strip()] = data
    pages = [in_mode("RGB", seed) for seed in range(3)]
    for format_name in ("GIF", "PNG", "TIFF", "WEBP"):
        more = {"save_all": True, "append_images": pages[1:]}
        kinds[f"{format_name} animated"] = encode(pages[0], format_name, **more)
    return kinds


def try_to_encode(mode: str, format_name: str, options: dict[str, Any]) -> bytes | None:
    """An image in a format; None if Pillow cannot write it, or not read it back."""
    try:
        with capture_library_output("TIFF"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # formats that Pillow is to lose
            return encode(in_mode(mode), format_name, **options)
    except (OSError, ValueError, KeyError, TypeError, SystemError, AttributeError):
        return None


def damaged(data: bytes, cuts: int, changes: int, seed: int) -> Iterator[bytes]:
    """Copies that are cut at several places, and copies with one other byte."""
    chance = random.Random(seed)
    for i in range(cuts):
        yield data[: len(data) * i // cuts]
    for _ in range(changes):
        at = chance.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :]
