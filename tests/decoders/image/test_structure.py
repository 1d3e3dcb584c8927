"""Where images end, their sizes, and their orientation."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from datascan.decoders.image.header import ImageHeader
from datascan.decoders.image.structure import (
    ORIENTATIONS,
    read_bmp_header,
    read_gif_header,
    read_header,
    read_ico_header,
    read_jpeg_header,
    read_orientation,
    read_webp_header,
    read_webp_size,
)
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
    data = encode(pixels(), kind, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f junk")
    text = "the EXIF block ends before its first directory"
    name = {"WEBP": "WebP"}.get(kind, kind)
    assert find_faults(data) == [("damaged-metadata", f"{name}: {text}")]


def segment(marker: int, body: bytes = b"") -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = segment(0xDA, b"\x01") + b"abc\xff\x00\xff\xd3x"


class TestJpeg:
    def test_ends_after_its_last_scan(self):
        data = START + segment(0xE0, b"JFIF") + SCAN + SCAN + END
        assert read_jpeg_header(data + b"more").end == len(data)
        assert read_jpeg_header(START + END).end == 4

    def test_bare_markers_and_fill_bytes_have_no_length(self):
        data = START + b"\xff\x01\xff\xd0\xff\xd7\xff\xd8\xff\xff\xff" + SCAN[1:] + END
        assert read_jpeg_header(data).end == len(data)

    @pytest.mark.parametrize("marker", [0xCF, 0xDB, 0xDD, 0xFE, 0x02, 0xC0])
    def test_other_markers_have_a_length(self, marker):
        data = START + segment(marker, b"\xff\xd9") + SCAN + END
        assert read_jpeg_header(data).end == len(data)

    def test_first_exif_only(self):
        exifs = [segment(0xE1, b"Exif\0\0" + text) for text in (b"first", b"second")]
        other = segment(0xE1, b"http://ns.adobe.com/")
        data = START + other + exifs[0] + exifs[1] + SCAN + END
        assert read_jpeg_header(data).exif == b"first"
        assert read_jpeg_header(START + segment(0xE2, b"Exif\0\0x") + END).exif == b""

    def test_the_end_of_several_pictures_is_unknown(self):
        for tail in (SCAN + END, END):
            assert read_jpeg_header(START + segment(0xE2, b"MPF\0") + tail).end is None
        assert read_jpeg_header(START + segment(0xE3, b"MPF\0") + SCAN + END).end is not None
        assert read_jpeg_header(START + segment(0xE2, b"ICC_PROFILE") + END).end is not None

    def test_without_an_end(self):
        exif = segment(0xE1, b"Exif\0\0x")
        for rest in (b"", SCAN, b"no marker", SCAN + b"\xff"):
            header = read_jpeg_header(START + exif + rest)
            assert (header.end, header.exif, header.damage) == (None, b"x", None)

    def test_a_hundred_scans_are_enough(self):
        assert read_jpeg_header(START + SCAN * 100 + END).damage is None
        assert read_jpeg_header(START + SCAN * 101 + END).damage == "more than 100 scans"


def gif(*blocks: bytes, screen=(5, 4), flags=0) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, flags, 0, 0)
    return head + (bytes(3 << (flags & 7) + 1) if flags & 0x80 else b"") + b"".join(blocks)


def frame(left=0, top=0, width=5, height=4, flags=0) -> bytes:
    table = bytes(3 << (flags & 7) + 1) if flags & 0x80 else b""
    return (
        b"\x2c" + struct.pack("<HHHHB", left, top, width, height, flags) + table + b"\2\3abc\1d\0"
    )


class TestGif:
    @pytest.mark.parametrize("flags", [0, 7, 0x80, 0x83, 0x87, 0xF0])
    def test_ends_with_its_trailer(self, flags):
        data = gif(b"\x21\xf9\4abcd\0", frame(flags=flags), b"\x3b", flags=flags)
        header = read_gif_header(data + b"\x3bmore")
        assert (header.end, header.size, header.damage) == (len(data), (5, 4), None)

    def test_frames_outside_of_the_screen_enlarge_it(self):
        assert read_gif_header(gif(frame(left=3, top=1), b"\x3b")).size == (8, 5)
        assert read_gif_header(gif(frame(width=2, height=9), b"\x3b")).size == (5, 9)

    def test_damage(self):
        assert read_gif_header(gif(frame())).damage == "the file ends without a trailer"
        assert read_gif_header(gif(frame()[:9])).damage == "the file ends without a trailer"
        assert read_gif_header(gif(frame(), b"\x99")).damage == "invalid block type 153 at byte 31"
        assert read_gif_header(gif(frame(), b"\x99")).size == (5, 4)
        broken = gif(frame(), b"\x99" + bytes(20))
        assert read_gif_header(broken).damage == "invalid block type 153 at byte 31"


def webp(*chunks: bytes, size=None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


VP8X = riff(b"VP8X", bytes(4) + b"\x0f\1\0\x07\0\1")
VP8L = riff(b"VP8L", b"\x2f" + (0b11 << 28 | 299 << 14 | 1000).to_bytes(4, "little") + b"x")
VP8 = riff(b"VP8 ", bytes(6) + struct.pack("<HH", 0x4000 | 700, 0x8000 | 16383) + b"x")


class TestWebp:
    @pytest.mark.parametrize(
        ("first", "size"),
        [
            (VP8X, (272, 65544)),
            (VP8L, (1001, 300)),
            (VP8, (700, 16383)),
            (VP8X[:16], None),
            (VP8L[:12], None),
            (VP8[:17], None),
            (riff(b"ALPH", bytes(30)), None),
        ],
    )
    def test_size(self, first, size):
        assert read_webp_header(webp(first)).size == size

    def test_the_shortest_chunks_that_have_a_size(self):
        assert read_webp_size(webp(VP8X)[:30]) == (272, 65544)
        assert read_webp_size(webp(VP8L)[:25]) == (1001, 300)
        assert read_webp_size(webp(VP8)[:30]) == (700, 16383)
        assert read_webp_size(webp(VP8X)[:29]) is None
        assert read_webp_size(webp(VP8L)[:24]) is None
        assert read_webp_size(webp(VP8)[:29]) is None

    def test_end_and_exif(self):
        data = webp(VP8X, riff(b"ICCP", b"odd"), riff(b"EXIF", b"Exif\0\0II*"))
        header = read_webp_header(data + b"more")
        assert (header.end, header.exif) == (len(data), b"II*")
        assert read_webp_header(webp(VP8X, riff(b"EXIF", b"II*"))).exif == b"II*"
        # Nothing after the end of the outer chunk belongs to it.
        assert read_webp_header(webp(VP8X) + riff(b"EXIF", b"II*")).exif == b""

    def test_an_odd_length_needs_no_padding_at_the_end(self):
        data = webp(b"x")
        assert read_webp_header(data).end == len(data)
        assert read_webp_header(data + b"\0").end == len(data) + 1
        assert read_webp_header(data).damage is None

    def test_truncation(self):
        data = webp(VP8X, size=1000)
        header = read_webp_header(data)
        assert header.damage == f"truncated: {len(data)} of 1,008 bytes"
        assert header.size == (272, 65544)


def test_sizes_of_bitmaps_may_be_wrong():
    for size, end in ((60, 60), (100, 100), (101, None), (54, None), (0, None)):
        data = b"BM" + struct.pack("<III", size, 0, 54) + bytes(86)
        assert read_bmp_header(data).end == end


def bitmap(width: int, height: int) -> bytes:
    """The beginning of an icon's bitmap, whose height counts its mask."""
    return struct.pack("<iii", 40, width, 2 * height) + bytes(28)


def icon(*images: bytes, gap=b"") -> bytes:
    offset = 6 + 16 * len(images)
    head, body = struct.pack("<HHH", 0, 1, len(images)), gap
    for image in images:
        head += bytes(8) + struct.pack("<II", len(image), offset + len(body))
        body += image
    return head + body


class TestIcon:
    def test_the_largest_image_counts(self):
        images = [bitmap(16, 16), encode(pixels(height=20, width=30), "PNG"), bitmap(-8, 8)]
        data = icon(*images)
        header = read_ico_header(data + b"more")
        assert (header.end, header.size, header.damage) == (len(data), (30, 20), None)
        assert read_ico_header(icon(*images, bitmap(40, -40), gap=b"xy")).size == (40, 40)

    def test_truncation(self):
        data = icon(bitmap(16, 16))
        header = read_ico_header(data[:-3])
        assert (header.damage, header.size) == (
            f"truncated: {len(data) - 3} of {len(data)} bytes",
            (16, 16),
        )

    def test_an_image_without_bytes(self):
        assert read_ico_header(icon(b"") + bitmap(3, 5)).end == 22

    def test_images_that_claim_more_than_the_file(self):
        data = struct.pack("<HHH", 0, 1, 2)
        data += bytes(8) + struct.pack("<II", 70, 38) + bytes(8) + struct.pack("<II", 71, 38)
        assert "overlap" in read_ico_header(data + bytes(32)).damage
        assert read_ico_header(data + bytes(33)).damage == "truncated: 71 of 109 bytes"

    def test_a_damaged_png_is_damage_of_the_icon(self):
        png = encode(pixels(height=20, width=30), "PNG")
        header = read_ico_header(icon(bitmap(64, 64), png[:-4] + b"!!!!"))
        assert header.damage.startswith("CRC error in chunk IEND")
        assert header.size == (64, 64)
        assert read_ico_header(icon(png[:-4] + b"!!!!")).size == (30, 20)


@pytest.mark.parametrize("kind", ["GIF", "WebP", "BMP", "ICO", "PNG"])
def test_headers_that_end_early(kind):
    image = encode(pixels(mode="RGBA", height=16, width=16).convert("RGB"), kind)
    for end in range(4, 30):
        assert read_header(kind, image[:end]).end is None
    if kind != "PNG":
        assert read_header(kind, image[:7]).damage == "the file ends within its header"


def test_formats_that_only_the_decoder_reads():
    assert read_header("TIFF", b"II*\0") == ImageHeader()


def directory(*entries: tuple[int, int, int], magic=42) -> bytes:
    """A TIFF directory of (tag, type, value)."""
    sizes = ("<I", "<H", "<HHIHxx") if magic == 42 else ("<HHQ", "<Q", "<HHQHxxxxxx")
    first = (4, 0, 16) if magic == 43 else (8,)
    data = b"II" + struct.pack("<H", magic) + struct.pack(sizes[0], *first)
    data += struct.pack(sizes[1], len(entries))
    return data + b"".join(
        struct.pack(sizes[2], tag, kind, 1, value) for tag, kind, value in entries
    )


@pytest.mark.parametrize("magic", [42, 43])
def test_the_orientation_among_other_tags(magic):
    others = [(0x0100, 3, 5), (0x0112, 4, 6), (0x0111, 3, 7)]
    assert read_orientation(directory(*others, (0x0112, 3, 8), (0x0112, 3, 2), magic=magic)) == 8
    assert read_orientation(directory(*others, magic=magic)) == 1
    assert read_orientation(directory(magic=magic)) == 1


def test_orientations_that_cannot_be_read():
    assert (
        read_orientation(directory((0x0112, 3, 8))[:2] + b"\x2c" + directory((0x0112, 3, 8))[3:])
        == 1
    )
    assert read_orientation(b"XX" + directory((0x0112, 3, 8))[2:]) == 1
    assert read_orientation(b"") == 1
    assert ORIENTATIONS.keys() == set(range(2, 9))
