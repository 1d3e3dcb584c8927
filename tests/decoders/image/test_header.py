"""Formats by first bytes and by file name."""

from __future__ import annotations

import pytest

from datascan.decoders.image.header import describe_content, format_from_name, sniff_format
from tests.builders.images import encode, pixels
from tests.decoders.image.support import find_faults

BRANDS = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
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
        (b"RIFF....WEBP", "WebP"),
        *((b"P%d%c" % (i, end), "PNM") for i in range(1, 7) for end in b"\n \t\r"),
        *((b"BM" + bytes(12) + b"%c\0\0\0" % size, "BMP") for size in (12, 16, 40, 52, 56)),
        *((b"BM" + bytes(12) + b"%c\0\0\0" % size, "BMP") for size in (64, 108, 124)),
        *((b"\0\0\0\x10ftyp" + brand + bytes(4), "HEIC") for brand in BRANDS),
        (b"\0\0\0\x10ftypavis" + bytes(4), "AVIF"),
    ],
)
def test_first_bytes(head, kind):
    assert sniff_format(head) == kind
    assert sniff_format(head + bytes(99)) == kind
    assert sniff_format(head[:-1]) != kind or kind in {"PNM", "HEIC", "AVIF", "BMP"}


@pytest.mark.parametrize(
    "head",
    [b"RIFF....WAVE", b"P7\n", b"P0\n", b"P1x", b"P", b"BM" + bytes(12) + b"\x0d\0\0\0", b"Q1\n"],
)
def test_first_bytes_of_no_image(head):
    assert sniff_format(head) is None


def icon(count=1, reserved=0, bits=32, offset=None, mark=b"\0\0\1\0") -> bytes:
    """The directory of an icon; its first image follows it unless ``offset`` is given."""
    entry = bytes([16, 16, 0, reserved]) + b"\1\0" + bits.to_bytes(2, "little") + bytes(4)
    start = 6 + 16 * count if offset is None else offset
    return mark + count.to_bytes(2, "little") + entry + start.to_bytes(4, "little")


@pytest.mark.parametrize("bits", [0, 1, 2, 4, 8, 16, 24, 32])
def test_icons_of_every_depth(bits):
    assert sniff_format(icon(bits=bits)) == "ICO"


def test_directories_that_are_not_those_of_icons():
    assert sniff_format(icon(count=300)) == "ICO"
    assert sniff_format(icon(offset=23)) == "ICO"
    assert sniff_format(icon(offset=1 << 24)) == "ICO"
    wrong = [
        icon(count=0),
        icon(reserved=1),
        icon(bits=3),
        icon(offset=21),
        icon(count=2, offset=37),
        icon(mark=b"\0\0\2\0"),
        icon()[:-1],
    ]
    assert [sniff_format(head) for head in wrong] == [None] * len(wrong)


def test_a_brand_beyond_the_end_of_the_box_does_not_count():
    head = b"\0\0\0\x14ftypisom\0\0\0\0mp41"
    assert sniff_format(head + b"avif") is None
    assert sniff_format(b"\0\0\0\x18" + head[4:] + b"avif") == "AVIF"
    # The field before the list is a version.
    assert sniff_format(b"\0\0\0\x14ftypisomavifmp41") is None
    # Of a box that claims to be huge, the first brands count.
    many = b"\x7f\xff\xff\xffftypisom" + bytes(4) + b"mp41" * 59
    assert sniff_format(many + b"avif") == "AVIF"
    assert sniff_format(many + b"mp41avif") is None


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\1\0", None),
        (b"\0\0\1\0" * 8, None),
        (b"\0\0\1\xb3" + bytes(30), None),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1miaf" + bytes(9), "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmiaf" + bytes(9), "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0heicmiaf" + bytes(9), "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41mp42" + bytes(9), None),
        (b"\0\0\0\x08ftyp", None),
    ],
)
def test_heads_that_several_formats_share(head, kind):
    assert sniff_format(head) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((f"a.{end}", "JPEG") for end in ("jpg", "jpeg", "JPE", "jfif")),
        *((f"a.{end}", "PNG") for end in ("png", "apng")),
        *((f"a.{end}", "BMP") for end in ("bmp", "dib")),
        *((f"b/c.{end}", "TIFF") for end in ("TIF", "tiff")),
        *((f"a.{end}", "PNM") for end in ("pbm", "pgm", "ppm", "pnm")),
        *((f"a.{end}", "JPEG 2000") for end in ("jp2", "j2k", "j2c", "jpc", "jpx")),
        *((f"a.{end}", "HEIC") for end in ("heic", "heif")),
        *((f"a.{end}", end.upper()) for end in ("gif", "ico", "psd", "avif")),
        ("a.webp", "WebP"),
        ("a.jxl", "JPEG XL"),
        ("jpg", None),
        ("a.jpg.txt", None),
        (".jpg", None),
        ("..jpg", None),
        ("b/.jpg", None),
        ("a.jpg/b", None),
        ("a..jpg", "JPEG"),
        ("a.", None),
        ("", None),
    ],
)
def test_what_names_promise(name, kind):
    assert format_from_name(name) == kind


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"<!DOCTYPE html><title>404</title>", "the page '404'"),
        (b"  <HTML>", "looks like an HTML page"),
        (b'<?xml version="1.0"?><svg/>', "looks like XML or SVG"),
        (bytes(100), "starts with zeros"),
        (b"BM is a text", "starts with b'BM is a text'"),
        (b"x", "starts with b'x'"),
    ],
)
def test_what_is_no_image(content, detail):
    assert find_faults(content) == [("not-an-image", detail)]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\n <html>", "looks like an HTML page"),
        (b"<SVG/>", "looks like XML or SVG"),
        (b"\0\5\x16\7" + bytes(9), "file metadata written by macOS (AppleDouble)"),
        (bytes(512) + b"x", "starts with zeros"),
        (bytes(511) + b"x", "starts with b'" + "\\x00" * 12 + "'"),
        (b"0123456789abcdef", "starts with b'0123456789ab'"),
    ],
)
def test_descriptions(data, text):
    assert describe_content(data) == text


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bitmaps_without_a_file_header(mode):
    """As the clipboard of Windows holds them: only the extension says what they are."""
    data = encode(pixels(mode=mode), "DIB")
    assert sniff_format(data) is None
    assert find_faults(data, names=["a.DIB"]) == []
    assert [rule for rule, _ in find_faults(data, names=["a.png"])] == ["not-an-image"]
    assert [rule for rule, _ in find_faults(data[:-30], names=["a.dib"])] == ["corrupt-image"]
    for junk in (b"", b"junk", data[:39], bytes(60)):
        assert [rule for rule, _ in find_faults(junk, names=["a.dib"])] == ["not-an-image"], junk
