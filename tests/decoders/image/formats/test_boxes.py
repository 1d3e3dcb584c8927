"""Boxes at the top of a file, and the size of the images in it."""

from __future__ import annotations

import struct

import pytest
from PIL import features

from datascan.decoders.image.formats.boxes import find_box, iter_boxes, read_boxes_header
from tests.builders.images import encode, pixels
from tests.decoders.image.support import find_faults


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def test_boxes_of_all_sizes():
    large = struct.pack(">I4sQ", 1, b"wide", 16 + 3) + b"abc"
    data = box(b"ftyp", b"avif") + large + struct.pack(">I4s", 0, b"mdat") + b"rest"
    assert list(iter_boxes(data)) == [(b"ftyp", 8, 12), (b"wide", 28, 31), (b"mdat", 39, 43)]
    assert find_box(data, b"wide") == (28, 31)
    assert find_box(data, b"none") is None


def test_boxes_that_are_too_small_or_cut_off_end_the_walk():
    assert list(iter_boxes(struct.pack(">I4s", 7, b"tiny") + b"more" * 9)) == []
    assert list(iter_boxes(box(b"ftyp", b"avif") + b"\0\0\0")) == [(b"ftyp", 8, 12)]
    cut = box(b"mdat", b"abcdef")[:-1]
    assert read_boxes_header(cut).is_cut
    assert not read_boxes_header(cut + b"!").is_cut


def test_the_largest_image_counts():
    sizes = [(30, 20), (300, 200), (90, 80)]
    body = b"".join(box(b"ispe", struct.pack(">III", 0, *size)) for size in sizes)
    assert read_boxes_header(box(b"meta", body)).size == (300, 200)
    assert read_boxes_header(box(b"meta")).size is None
    assert read_boxes_header(box(b"meta", b"ispe")).size is None


@pytest.mark.skipif(not features.check("avif"), reason="Pillow was built without AVIF")
def test_an_avif_over_the_limit_is_not_decoded():
    data = encode(pixels(), "AVIF")
    assert find_faults(data) == []
    assert read_boxes_header(data).size == (32, 24)
    ((rule, detail),) = find_faults(data, limit=32 * 24 - 1)
    assert rule == "oversized-image"
    assert "32 x 24" in detail
