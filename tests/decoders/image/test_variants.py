"""Variants that Pillow lacks, told from damage by the header and the size of the file."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import features

from datascan.decoders.image.variants import describe_variant
from tests.builders.images import encode, pixels
from tests.decoders.image.support import HEALTHY, find_faults

WIDTH, HEIGHT = 20, 6


def bmp(
    bits: int,
    compression: int,
    body: bytes,
    *,
    masks: tuple[int, ...] = (),
    colours: int = 0,
    header_bytes: int = 40,
) -> bytes:
    """A BMP with a BITMAPINFOHEADER or the OS/2 header of 16 bytes."""
    extra = struct.pack(f"<{len(masks)}I", *masks) + bytes(4 * colours)
    header = struct.pack("<IiiHH", header_bytes, WIDTH, HEIGHT, 1, bits)
    if header_bytes == 40:
        header += struct.pack("<IIiiII", compression, len(body), 0, 0, colours, 0)
    offset = 14 + len(header) + len(extra)
    size = offset + len(body)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, offset) + header + extra + body


def rows(bits: int) -> bytes:
    """All rows, padded to four bytes."""
    stride = (WIDTH * bits + 31) // 32 * 4
    return np.random.default_rng(0).bytes(stride * HEIGHT)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bmp(16, 3, rows(16), masks=(0xF00, 0xF0, 0xF)), "bit fields in 16 bits"),
        (bmp(32, 3, rows(32), masks=(0x3FF, 0xFFC00, 0x3FF00000)), "bit fields in 32 bits"),
        (bmp(32, 6, rows(32), masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000)), "bit fields in 32 bits"),
        (bmp(2, 0, rows(2), colours=4), "2 bits per pixel"),
        (bmp(64, 0, rows(64)), "64 bits per pixel"),
        (bmp(24, 4, b"\x02abc" * 30), "RLE24"),
        (bmp(0, 4, HEALTHY["jpeg"]), "an embedded JPEG"),
        (bmp(0, 5, HEALTHY["png"]), "an embedded PNG"),
        (bmp(8, 0, rows(8), colours=300), "8 bits per pixel"),
        (bmp(8, 0, rows(8), header_bytes=16), "8 bits per pixel"),
        (bmp(4, 2, b"\x14\x21\0\0" * 2 + b"\0\1", colours=16), "RLE with pixels left out"),
    ],
)
def test_bitmaps_that_pillow_lacks(data, why):
    assert find_faults(data) == [("unsupported-image", f"BMP: {why}")]
    for cut in (1, 7, len(data) - 50):
        assert [rule for rule, _ in find_faults(data[:-cut])] == ["corrupt-image"], cut


@pytest.mark.parametrize(
    "data",
    [
        bmp(30_000, 0, rows(8)),
        bmp(24, 99, rows(24)),
        bmp(8, 0, rows(8)[:40]),
        bmp(8, 0, rows(8))[:46] + struct.pack("<II", 305_402_420, 0) + rows(8),
        bmp(16, 3, rows(16))[:40],
    ],
)
def test_bitmaps_that_are_damaged(data):
    assert describe_variant("BMP", data) is None


def psd(depth: int, mode: int, channels: int = 3) -> bytes:
    """A Photoshop file without layers, its pixels not compressed."""
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", channels, HEIGHT, WIDTH, depth, mode)
    body = np.random.default_rng(0).bytes((WIDTH * depth + 7) // 8 * HEIGHT * channels)
    return head + bytes(12) + b"\0\0" + body


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (psd(16, 3), "16 bits per channel, RGB"),
        (psd(32, 1, 1), "32 bits per channel, grey"),
        (psd(16, 4, 4), "16 bits per channel, CMYK"),
    ],
)
def test_photoshop_files_that_pillow_lacks(data, why):
    assert find_faults(data) == [("unsupported-image", f"PSD: {why}")]
    for cut in (1, 100, len(data) - 30):
        assert [rule for rule, _ in find_faults(data[:-cut])] == ["corrupt-image"], cut
    assert find_faults(psd(8, 3)) == []
    assert describe_variant("PSD", psd(9, 3)) is None


def codestream(*parts: tuple[int, int, int], end: bytes = b"\xff\xd9") -> bytes:
    """A JPEG 2000 codestream that has components, but no tiles."""
    size = struct.pack(">HIIIIIIIIH", 0, 9, 9, 0, 0, 9, 9, 0, 0, len(parts))
    body = size + b"".join(map(bytes, parts))
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(body) + 2) + body + end


PLAIN = (7, 1, 1)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([PLAIN] * 5, "5 components"),
        ([(23, 1, 1)], "24 bits per sample"),
        ([PLAIN, (11, 1, 1)], "8/12 bits per sample"),
        ([(0x8B, 1, 1)], "signed samples"),
        ([PLAIN, (7, 2, 2)], "subsampled components"),
        ([PLAIN] * 3, None),
        ([(60, 1, 1)], None),
    ],
)
def test_codestreams_that_openjpeg_or_pillow_lack(parts, why):
    data = codestream(*parts)
    assert describe_variant("JPEG 2000", data) == why
    box = struct.pack(">I", len(data) + 8) + b"jp2c" + data
    boxed = b"\0\0\0\x0cjP  \r\n\x87\n" + box
    assert describe_variant("JPEG 2000", boxed) == why
    assert describe_variant("JPEG 2000", boxed[:-1]) is None
    assert describe_variant("JPEG 2000", codestream(*parts, end=b"\xff\xd8")) is None
    assert describe_variant("JPEG 2000", data[:30]) is None


@pytest.mark.parametrize("name", ["WebP", "AVIF", "JPEG 2000"])
def test_a_pillow_that_was_built_without_a_format(name, monkeypatch):
    monkeypatch.setattr(features, "check", lambda feature: False)
    assert describe_variant(name, b"") == f"Pillow was built without {name}"


def test_formats_without_variants():
    for name in ("GIF", "PNM", "PNG"):
        assert describe_variant(name, HEALTHY["gif"]) is None
    assert describe_variant("TIFF", encode(pixels(), "TIFF")) is None


def test_bitmaps_whose_pixels_have_colours_that_the_palette_lacks():
    values = bytes([1, 2, 3, 0] * 5) * HEIGHT
    for colours in (4, 5, 256):
        assert find_faults(bmp(8, 0, values, colours=colours)) == []
    text = "BMP: pixels have colour 3, but the palette has 3 colours"
    assert find_faults(bmp(8, 0, values, colours=3)) == [("corrupt-image", text)]
