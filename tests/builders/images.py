"""Encoded images, healthy and malicious."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def pixels(seed: int = 0, height: int = 24, width: int = 32, mode: str = "RGB") -> Image.Image:
    """An image of smooth random colours."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of the image as a file of format ``kind``."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def photo(seed: int = 0, **size: int) -> bytes:
    """A healthy JPEG."""
    return encode(pixels(seed, **size), "JPEG", quality=88)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its CRC."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few kilobytes whose header declares huge dimensions."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1 << 20))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def gif_bomb() -> bytes:
    """A GIF whose screen and only frame are 60,000x60,000."""
    screen = struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + screen + frame + b"\x3b"


def tiff_bomb() -> bytes:
    """A TIFF whose only directory declares 60,000x60,000."""
    entries = [(256, 60_000), (257, 60_000), (258, 8), (259, 5), (262, 1), (273, 8), (278, 60_000)]
    directory = struct.pack("<H", len(entries) + 1)
    for tag, value in entries:
        directory += struct.pack("<HHII", tag, 4, 1, value)
    directory += struct.pack("<HHII", 279, 4, 1, 8) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(64)


def webp_bomb() -> bytes:
    """A lossless WebP header of 16,384x16,384 without any data."""
    bits = (16_383) | (16_383 << 14)
    body = b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def write_tree(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files by their paths relative to ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root
