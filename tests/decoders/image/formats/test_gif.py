"""Frames are counted as Pillow counts them, in linear time."""

from __future__ import annotations

import io
import struct
import time

import pytest
from PIL import Image

from datascan.decoders.image.formats.gif import count_gif_frames
from datascan.decoders.image.formats.tiff import count_tiff_pages
from datascan.decoders.image.structure import count_frames
from tests.builders.images import encode, pixels
from tests.builders.odd_images import gif_of_frames
from tests.decoders.image.support import HEALTHY, find_faults

PAGE = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
SECONDS = 20


def tiff_of_pages(count: int, back: bool = False) -> bytes:
    """A TIFF of 1x1 pages; with ``back``, the last one is followed by the first."""
    size = 2 + 12 * len(PAGE) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in PAGE.items())
    pages = []
    for i in range(count):
        following = 8 + (i + 1) * size if i + 1 < count else 8 * back
        pages.append(struct.pack("<H", len(PAGE)) + entries + struct.pack("<I", following))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


def gif_of_many_frames(count: int) -> bytes:
    """A GIF of 1x1 frames."""
    one, two = gif_of_frames((1, 1)), gif_of_frames((1, 1), (1, 1))
    frame = two[len(one) - 1 : -1]
    return one[:-1] + frame * (count - 1) + one[-1:]


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_images(name):
    data = HEALTHY[name]
    with Image.open(io.BytesIO(data)) as image:
        kind = str(image.format)
        expected = 1 if kind == "PSD" else getattr(image, "n_frames", 1)
        assert count_frames({"WEBP": "WebP"}.get(kind, kind), data, image) == expected


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_frames(kind, count):
    frames = [pixels(seed) for seed in range(count)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as image:
        assert count_frames({"WEBP": "WebP"}.get(kind, kind), data, image) == count


def test_big_tiff():
    data = encode(pixels(1), "TIFF", big_tiff=True, save_all=True, append_images=[pixels(2)])
    assert count_tiff_pages(data) == 2


def test_pages_in_a_circle_count_once():
    assert count_tiff_pages(tiff_of_pages(3, back=True)) == 3


@pytest.mark.parametrize("cut", [0, 2, 7, 9, 20, 300])
def test_truncated(cut):
    assert count_tiff_pages(tiff_of_pages(3)[:cut]) <= 3
    assert count_gif_frames(gif_of_frames((1, 1), (1, 1))[:cut]) <= 2


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (tiff_of_pages(60_000), "60,000 pages"),
        (gif_of_many_frames(400_000), "400,000 frames"),
    ],
    ids=["tiff", "gif"],
)
def test_many_frames_take_seconds(data, word):
    start = time.process_time()
    assert find_faults(data) == [("animated-image", word)]
    assert time.process_time() - start < SECONDS


def test_another_file_in_place_of_the_trailer():
    plain = HEALTHY["gif"]
    assert find_faults(plain[:-1] + plain) == [
        ("trailing-bytes", f"{len(plain):,} bytes after the end of the image")
    ]
    assert [rule for rule, _ in find_faults(plain[:-1])] == ["corrupt-image"]
    # Without a frame it is not complete.
    start = plain[:10] + b"\0\0\0GIF89a"
    assert [rule for rule, _ in find_faults(start)] == ["corrupt-image"]
