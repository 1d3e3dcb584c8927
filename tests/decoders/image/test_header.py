"""Formats by first bytes and by file name."""

from __future__ import annotations

import pytest

from datascan.decoders.image.header import format_from_name, sniff_format
from tests.decoders.image.support import find_faults


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
    [("a.JPE", "JPEG"), ("a.jfif", "JPEG"), ("b/c.TIF", "TIFF"), ("x.pgm", "PNM"), ("jpg", None)],
)
def test_what_names_promise(name, kind):
    assert format_from_name(name) == kind


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"<!DOCTYPE html><title>404</title>", "looks like an HTML page"),
        (b"  <HTML>", "looks like an HTML page"),
        (b'<?xml version="1.0"?><svg/>', "looks like XML or SVG"),
        (bytes(100), "starts with zeros"),
        (b"BM is a text", "starts with b'BM is a text'"),
        (b"x", "starts with b'x'"),
    ],
)
def test_what_is_no_image(content, detail):
    assert find_faults(content) == [("not-an-image", detail)]
