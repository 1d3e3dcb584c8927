"""Image formats by first bytes and by file name extension."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from datascan.files import LFS_POINTER

SIGNATURES: tuple[tuple[bytes, str], ...] = (
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

QUANTIZATION = re.compile(rb"\xff\xdb\0[\x43\x84\x83\xc5]")
"""A table that nearly every JPEG has."""

MAX_JPEG_OFFSET = 4096

BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
"""Sizes of a BMP's second header. Checked because many texts start with "BM", too."""

BITFIELDS = 3
APPLE_DOUBLE = b"\0\5\x16\7"
"""First bytes of the ``._`` files that macOS writes next to others (RFC 1740)."""

TITLE = rb"(?i)<title[^<>]{0,100}>([^<>]{1,200})<"
MAX_TITLE_OFFSET = 4096

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
    """The image format whose signature ``data`` starts with, or None."""
    for signature, image_format in SIGNATURES:
        if data.startswith(signature):
            return image_format
    if data[4:8] == b"ftyp":
        return sniff_boxes(data)
    return next((name for name, matches in TESTS if matches(data)), None)


def is_late_jpeg(data: bytes) -> bool:
    """Whether a JPEG has other bytes before its first segment."""
    return (
        data.startswith(b"\xff\xd8") and QUANTIZATION.search(data, 0, MAX_JPEG_OFFSET) is not None
    )


def is_webp(data: bytes) -> bool:
    """Whether ``data`` starts with the RIFF header of a WebP."""
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def is_bmp(data: bytes) -> bool:
    """Whether ``data`` starts with the headers of a BMP."""
    return data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in BMP_HEADERS


def add_file_header(data: bytes) -> bytes | None:
    """A device-independent bitmap as a BMP file; None if ``data`` does not start like one.

    These are BMPs without the first 14 bytes, as the clipboard of Windows holds them.
    """
    header_bytes, planes = int.from_bytes(data[:4], "little"), data[12:14]
    if header_bytes not in BMP_HEADERS - {12, 16} or planes != b"\1\0" or len(data) < header_bytes:
        return None
    bits, compression, colours = (
        int.from_bytes(data[at : at + size], "little") for at, size in ((14, 2), (16, 4), (32, 4))
    )
    colours = colours or (1 << bits if bits <= 8 else 0)
    masks = 12 if compression == BITFIELDS and header_bytes == 40 else 0
    offset = 14 + header_bytes + masks + 4 * colours
    size = (14 + len(data)) & 0xFFFFFFFF
    start = size.to_bytes(4, "little") + bytes(4) + (offset & 0xFFFFFFFF).to_bytes(4, "little")
    return b"BM" + start + data


def is_pnm(data: bytes) -> bool:
    """Whether ``data`` starts with the number and the separator of a PNM."""
    return data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in (b"\n", b" ", b"\t", b"\r")


def sniff_boxes(data: bytes) -> str | None:
    """The image format of an ISO base media file by its brands (ISO/IEC 23008-12).

    Videos use the same container with other brands.
    """
    length = min(int.from_bytes(data[:4], "big"), MAX_BRANDS)
    brands = {data[8:12], *(data[i : i + 4] for i in range(16, length, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & HEIC_BRANDS else None


def is_icon(data: bytes) -> bool:
    """Whether ``data`` starts with a valid icon directory.

    The four signature bytes alone are too common in binary data.
    """
    if not data.startswith(b"\0\0\x01\0") or len(data) < 22:
        return False
    count, bits = int.from_bytes(data[4:6], "little"), int.from_bytes(data[12:14], "little")
    first = int.from_bytes(data[18:22], "little")
    return data[9] == 0 and bits in ICON_BITS and count > 0 and first >= 6 + 16 * count


TESTS = (
    ("WebP", is_webp),
    ("BMP", is_bmp),
    ("PNM", is_pnm),
    ("ICO", is_icon),
    ("JPEG", is_late_jpeg),
)


def format_from_name(name: str) -> str | None:
    """The image format that a file name's extension denotes, or None."""
    dot = name.rfind(".")
    known = EXTENSIONS.get(name[dot:].lower())
    if known is not None and (dot == 0 or name[dot - 1] in "./\\"):
        # Dots at the start of a file's name begin no extension.
        return EXTENSIONS.get(os.path.splitext(name)[1].lower())  # noqa: PTH122  (much faster)
    return known


def find_title(page: bytes) -> str:
    """The title of an HTML page, which often says what went wrong: "403 Forbidden"."""
    from html import unescape  # noqa: PLC0415  (seldom needed, and slow to load)

    found = re.search(TITLE, page[:MAX_TITLE_OFFSET])
    return "" if found is None else " ".join(unescape(found[1].decode("utf-8", "replace")).split())


def describe_content(data: bytes) -> str:
    """Describe data that is not an image: the detail of ``not-an-image``."""
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        title = find_title(data)
        return f"the page {title!r}" if title else "looks like an HTML page"
    if head.startswith((b"<?xml", b"<svg")):
        return "looks like XML or SVG"
    if data.startswith(LFS_POINTER):
        return "a Git LFS pointer: the image is not here (git lfs pull)"
    if data.startswith(APPLE_DOUBLE):
        return "file metadata written by macOS (AppleDouble)"
    if not any(data[:512]):
        return "starts with zeros"
    return f"starts with {data[:12]!r}"


class ImageHeader(NamedTuple):
    """What the structure of an image says about it, read without decoding.

    ``end``: the offset of its end, None if unknown. ``frames``: their number, None if unknown.
    ``exif``: the EXIF block. ``damage``: what is wrong with the structure, None if nothing is.
    ``size``: width and height in pixels of the largest frame, None if only the decoder knows.
    ``is_cut``: whether the file ends before its image. ``is_scalable``: whether a decoder may
    reduce the image. ``unsupported``: the variant, if the decoder lacks it. ``components``: of a
    JPEG. ``stray``: spans of bytes between the segments of its header that belong to none.
    ``palette``: the number of its colours. ``notes``: what is wrong with metadata.
    """

    end: int | None = None
    frames: int | None = None
    exif: bytes = b""
    damage: str | None = None
    size: tuple[int, int] | None = None
    is_cut: bool = False
    is_scalable: bool = True
    unsupported: str | None = None
    components: int = 0
    stray: tuple[tuple[int, int], ...] = ()
    palette: int | None = None
    notes: tuple[str, ...] = ()
