"""Where images end, their sizes, and their orientation."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from datascan.decoders.image.structure import read_orientation
from tests.builders.images import encode, photo, pixels
from tests.builders.odd_images import gif_of_frames, icon_of
from tests.decoders.image.support import HEALTHY, find_faults


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "png", "gif", "webp", "bmp"])
def test_trailing_bytes(name):
    expected = [("trailing-bytes", "3 bytes after the end of the image")]
    assert find_faults(HEALTHY[name] + b"abc") == expected
    assert find_faults(HEALTHY[name] + b"a") == [
        ("trailing-bytes", "1 byte after the end of the image")
    ]


def test_a_thumbnail_is_not_the_end():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(pixels(), "JPEG", exif=exif.tobytes() + photo(9))
    assert find_faults(data) == [("exif-orientation", "orientation 6: rotated by 90 degrees")]


def test_frames_of_gifs_may_widen_the_screen():
    # Within the limit it is decoded, and has too little data for its six pixels.
    assert find_faults(gif_of_frames((3, 2), screen=(1, 1)), limit=6)[0][0] == "corrupt-image"
    assert find_faults(gif_of_frames((3, 2), screen=(1, 1)), limit=5) == [
        ("oversized-image", "3 x 2 = 6 pixels exceed the limit of 5")
    ]


def test_icons():
    icon = encode(pixels(mode="RGBA", height=64, width=64), "ICO")
    assert find_faults(icon) == []
    assert find_faults(icon + b"ab") == [("trailing-bytes", "2 bytes after the end of the image")]
    for cut in (1, 4, 16, len(icon) // 2):
        assert find_faults(icon[:-cut])[0][0] == "corrupt-image", cut
    png = encode(pixels(height=16, width=16, mode="RGBA"), "PNG")
    assert find_faults(icon_of(png)) == []
    broken = png[:60] + bytes([png[60] ^ 1]) + png[61:]
    assert "CRC error" in find_faults(icon_of(broken))[0][1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turned", [1, 3, 8])
def test_orientation(kind, turned):
    exif = Image.Exif()
    exif[0x0112] = turned
    found = find_faults(encode(pixels(), kind, exif=exif))
    assert [rule for rule, _ in found] == ([] if turned == 1 else ["exif-orientation"])


@pytest.mark.parametrize("big", [False, True])
def test_orientation_of_tiffs(big):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(pixels(), "TIFF", exif=exif, big_tiff=big)
    assert find_faults(data) == [("exif-orientation", "orientation 6: rotated by 90 degrees")]


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_either_byte_order(order):
    mark = {"<": b"II", ">": b"MM"}[order]
    exif = mark + np.array([42], order + "u2").tobytes() + np.array([8], order + "u4").tobytes()
    exif += np.array([1, 0x0112, 3], order + "u2").tobytes()
    exif += np.array([1], order + "u4").tobytes() + np.array([8, 0], order + "u2").tobytes()
    assert read_orientation(exif) == 8
    for end in range(len(exif) - 2):
        assert read_orientation(exif[:end]) == 1


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_metadata_that_is_broken_is_no_damage_of_the_image(kind):
    assert find_faults(encode(pixels(), kind, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f junk")) == []
