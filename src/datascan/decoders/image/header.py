"""What kind of image some bytes are, by their first ones; and what kind a file name promises."""

from __future__ import annotations

import os
from dataclasses import dataclass

HEADS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS\0\x01", "PSD"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
)

BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
"""Sizes of a BMP's second header; "BM" alone begins many a text."""

APPLE_DOUBLE = b"\0\5\x16\7"
"""RFC 1740: begins the ``._`` files that macOS writes beside others."""

HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
MAX_BRANDS = 256
ICON_BITS = {0, 1, 2, 4, 8, 16, 24, 32}

EXTENSIONS: dict[str, str] = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".pbm": "PNM",
    ".pgm": "PNM",
    ".ppm": "PNM",
    ".pnm": "PNM",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".j2c": "JPEG 2000",
    ".jpc": "JPEG 2000",
    ".jpx": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".ico": "ICO",
    ".psd": "PSD",
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
}


def sniff_format(data: bytes) -> str | None:
    """The kind of image that ``data`` begins as; None for anything else."""
    for head, kind in HEADS:
        if data.startswith(head):
            return kind
    if data[4:8] == b"ftyp":
        return sniff_boxes(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in (b"\n", b" ", b"\t", b"\r"):
        return "PNM"
    return "ICO" if is_icon(data) else None


def sniff_boxes(data: bytes) -> str | None:
    """The kind of a file of ISO boxes (ISO/IEC 23008-12): its brands tell; a film has others."""
    length = min(int.from_bytes(data[:4], "big"), MAX_BRANDS)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, length, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & HEIC_BRANDS else None


def is_icon(data: bytes) -> bool:
    """Whether an icon's directory begins here; four bytes alone begin many a number."""
    if not data.startswith(b"\0\0\x01\0") or len(data) < 22:
        return False
    count, bits = int.from_bytes(data[4:6], "little"), int.from_bytes(data[12:14], "little")
    first = int.from_bytes(data[18:22], "little")
    return data[9] == 0 and bits in ICON_BITS and count > 0 and first >= 6 + 16 * count


def format_from_name(name: str) -> str | None:
    """The kind of image that a file name's extension promises."""
    return EXTENSIONS.get(os.path.splitext(name)[1].lower())  # noqa: PTH122  (much faster)


def first_bytes(data: bytes) -> str:
    """What data that is no image looks like, for people."""
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "looks like an HTML page"
    if head.startswith((b"<?xml", b"<svg")):
        return "looks like XML or SVG"
    if data.startswith(APPLE_DOUBLE):
        return "holds what macOS knows of a file (AppleDouble)"
    if not any(data[:512]):
        return "begins with zeros"
    return f"begins with {data[:12]!r}"


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """An image as its structure tells it.

    ``end``: where it ends, None if unknown. ``size``: width and height of the largest of its
    frames, None if only the decoder knows. ``damage``: what is broken in its structure.
    """

    end: int | None = None
    frames: int | None = None
    exif: bytes = b""
    damage: str | None = None
    size: tuple[int, int] | None = None
