"""What kind of image some bytes are, by their first ones; and what kind a file name promises."""

from __future__ import annotations

from pathlib import PurePosixPath

HEADS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"8BPS\0\x01", "PSD"),
    (0, b"\0\0\x01\0", "ICO"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
)

BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
"""Sizes of a BMP's second header; "BM" alone begins many a text."""

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
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
}


def kind_of(data: bytes) -> str | None:
    """The kind of image that ``data`` begins as; None for anything else."""
    for at, head, kind in HEADS:
        if data.startswith(head, at):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in (b"\n", b" ", b"\t", b"\r"):
        return "PNM"
    return None


def promised(name: str) -> str | None:
    """The kind of image that a file name's extension promises."""
    return EXTENSIONS.get(PurePosixPath(name).suffix.lower())


def first_bytes(data: bytes) -> str:
    """What data that is no image looks like, for people."""
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "looks like an HTML page"
    if head.startswith((b"<?xml", b"<svg")):
        return "looks like XML or SVG"
    if not any(data[:512]):
        return "begins with zeros"
    return f"begins with {data[:12]!r}"
