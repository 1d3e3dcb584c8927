"""Colour profiles and EXIF blocks that are damaged."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, ImageCms

from datascan.decoders.image.formats.metadata import describe_exif, describe_profile
from tests.builders.images import encode, pixels
from tests.decoders.image.support import find_faults

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_profiles():
    assert describe_profile(PROFILE) is None
    assert describe_profile(PROFILE + b"padding") is None
    assert describe_profile(b"") == "the ICC profile has 0 bytes, less than its header"
    cut = f"the ICC profile is cut off: {len(PROFILE) - 1:,} of {len(PROFILE):,} bytes"
    assert describe_profile(PROFILE[:-1]) == cut
    other = PROFILE[:36] + b"bcsp" + PROFILE[40:]
    assert describe_profile(other) == "the ICC profile has no signature"


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WebP")])
def test_profiles_in_images(kind, name):
    assert find_faults(encode(pixels(), kind, icc_profile=PROFILE)) == []
    ((rule, detail),) = find_faults(encode(pixels(), kind, icc_profile=PROFILE[:200]))
    assert (rule, detail[: len(name)]) == ("damaged-metadata", name)
    assert "the ICC profile is cut off: 200 of" in detail


@pytest.mark.parametrize("order", "<>")
def test_exif_blocks(order):
    magic = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, 1, 0)
    block = magic + struct.pack(order + "IH", 8, 1) + entry + bytes(4)
    assert describe_exif(block) is None
    assert describe_exif(block[:-4]) is None
    assert describe_exif(block[:-5]) == "the EXIF block ends within its first directory"
    assert describe_exif(block[:9]) == "the EXIF block ends before its first directory"
    assert describe_exif(block[:6]) == "the EXIF block ends before its first directory"
    assert describe_exif(b"XX" + block[2:]) == f"the EXIF block starts with {b'XX' + block[2:4]!r}"
    assert describe_exif(b"") is None
    assert describe_exif(bytes(8)) is None


def test_damaged_segments_of_a_jpeg_do_not_touch_the_pixels():
    good = encode(pixels(), "JPEG", icc_profile=PROFILE)
    at = good.index(b"ICC_PROFILE\0") + 12
    # The number of the part and how many there are.
    broken = good[:at] + b"\x09\x02" + good[at + 2 :]
    assert find_faults(broken) == [("damaged-metadata", "JPEG: Corrupt JPEG data: bad ICC marker")]
    half = len(broken) * 9 // 10
    assert [rule for rule, _ in find_faults(broken[:half])] == ["corrupt-image"]


def test_an_unknown_transform_of_adobe():
    plain = encode(pixels(), "JPEG")
    plain = plain[:2] + plain[plain.index(b"\xff\xdb") :]  # JFIF would say enough
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x02"
    ((rule, detail),) = find_faults(plain[:2] + adobe + plain[2:])
    assert rule == "damaged-metadata"
    assert "Unknown Adobe color transform code 2" in detail
    assert Image.MAX_IMAGE_PIXELS is not None  # restored after decoding
