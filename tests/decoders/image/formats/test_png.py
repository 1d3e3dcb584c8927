"""PNG chunks and checksums, and rows that are missing."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from datascan.decoders.image.formats.png import iter_image_data, read_png_header
from tests.builders.images import chunk
from tests.builders.odd_images import interlaced_rows, png_file
from tests.decoders.image.support import HEALTHY, find_faults

NAMES = (
    "463d3570f92a6b6ecba0cc4fd9a7a384.png",
    "a1d1aafb5bca660229f8e9fc65291eab.png",
    "b583e48e218193e4c287f033931a6314.png",
    "c-m1-6bfb149151f58d124d6fa76eaad75520.png",
    "f427b6bee1acd1fea3ec953bc556a18a.png",
)


def test_every_byte_of_a_png_is_checked():
    data = HEALTHY["png"]
    for at in range(8, len(data), 5):
        broken = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        assert find_faults(broken)[0][0] == "corrupt-image", at


def test_a_chunk_that_lies_about_its_length():
    data = HEALTHY["png"]
    lying = data[:33] + (0x7FFFFFFF).to_bytes(4, "big") + data[37:]
    assert find_faults(lying)[0][0] == "corrupt-image"
    assert find_faults(data[:8] + chunk(b"IEND", b""))[0][0] == "corrupt-image"


def test_a_png_whose_rows_end_early():
    rows = (b"\0" + b"\x09" * 30) * 10
    assert find_faults(png_file(10, 10, rows)) == []
    expected = [("corrupt-image", "PNG: the pixel data ends early: 155 of 310 bytes")]
    assert find_faults(png_file(10, 10, rows[:155])) == expected
    assert find_faults(png_file(10, 10, rows[:-1]))[0][0] == "corrupt-image"


def test_a_png_that_is_black_below_is_whole():
    rows = (b"\0" + b"\x09" * 30) * 9 + bytes(31)
    assert find_faults(png_file(10, 10, rows)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 1), (3, 2), (11, 13)])
def test_interlaced_pngs(size):
    height, width = size
    values = np.random.default_rng(1).integers(1, 256, size).astype(np.uint8)
    rows = interlaced_rows(values)
    image = png_file(width, height, rows, colour=0, interlaced=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(image))), values)
    assert find_faults(image) == []
    for kept in range(0, len(rows), 7):
        cut = png_file(width, height, rows[:kept], colour=0, interlaced=True)
        assert [rule for rule, _ in find_faults(cut)] == ["corrupt-image"], kept


SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZE = chunk(b"IHDR", (7).to_bytes(4, "big") + (9).to_bytes(4, "big") + b"\x08\0\0\0\0")
DATA = chunk(b"IDAT", b"abc")
LAST = chunk(b"IEND", b"")


def test_chunks_that_say_something():
    parts = [SIZE, chunk(b"acTL", b"\0\0\1\2" + bytes(4)), chunk(b"eXIf", b"II*\0"), DATA, LAST]
    data = SIGNATURE + b"".join(parts)
    header = read_png_header(data + b"more")
    assert (header.size, header.frames, header.exif) == ((7, 9), 258, b"II*\0")
    assert (header.end, header.damage) == (len(data), None)
    # Nothing after the end counts.
    assert read_png_header(SIGNATURE + SIZE + DATA + LAST + parts[2]) == read_png_header(
        SIGNATURE + SIZE + DATA + LAST
    )


def header_with(at: int, value: int) -> bytes:
    """IHDR with another byte."""
    body = bytearray(SIZE[8:-4])
    body[at] = value
    return chunk(b"IHDR", bytes(body))


COLOURS = chunk(b"PLTE", bytes(6))
INDEXED = header_with(9, 3)


@pytest.mark.parametrize(
    ("chunks", "damage"),
    [
        ([SIZE, LAST], "no IDAT chunk"),
        ([DATA, SIZE, LAST], "chunk IDAT before IHDR"),
        ([COLOURS, SIZE, LAST], "chunk PLTE before IHDR"),
        ([SIZE, DATA, SIZE, LAST], "chunk IHDR is not the first one"),
        ([chunk(b"IHDR", SIZE[8:-5]), DATA, LAST], "chunk IHDR has 12 bytes"),
        ([header_with(3, 0), DATA, LAST], "0 x 9 pixels"),
        ([header_with(7, 0), DATA, LAST], "7 x 0 pixels"),
        ([header_with(0, 0x80), DATA, LAST], "2,147,483,655 x 9 pixels"),
        ([header_with(8, 3), DATA, LAST], "3 bits per sample with colour type 0"),
        ([header_with(9, 5), DATA, LAST], "8 bits per sample with colour type 5"),
        ([header_with(10, 128), DATA, LAST], "unknown compression method 128"),
        ([header_with(11, 1), DATA, LAST], "unknown filter method 1"),
        ([header_with(12, 2), DATA, LAST], "unknown interlace method 2"),
        ([SIZE, COLOURS, DATA, LAST], "a palette in a grey image"),
        ([header_with(9, 4), COLOURS, DATA, LAST], "a palette in a grey image"),
        ([INDEXED, DATA, LAST], "no palette before the pixel data"),
        ([INDEXED, DATA, COLOURS, LAST], "no palette before the pixel data"),
        ([header_with(9, 2), DATA, COLOURS, LAST], "a palette after the pixel data"),
        ([INDEXED, COLOURS, COLOURS, DATA, LAST], "two palettes"),
        ([INDEXED, chunk(b"PLTE", b""), DATA, LAST], "a palette of 0 bytes"),
        ([INDEXED, chunk(b"PLTE", bytes(7)), DATA, LAST], "a palette of 7 bytes"),
        ([INDEXED, chunk(b"PLTE", bytes(771)), DATA, LAST], "a palette of 771 bytes"),
        ([SIZE, chunk(b"ABCD", b""), DATA, LAST], "unknown critical chunk ABCD"),
        ([SIZE, chunk(b"a\0cd", b""), DATA, LAST], "unknown critical chunk b'a\\x00cd'"),
    ],
)
def test_chunks_that_decoders_refuse(chunks, damage):
    assert read_png_header(SIGNATURE + b"".join(chunks)).damage == damage


@pytest.mark.parametrize(
    "chunks",
    [
        [INDEXED, COLOURS, DATA, LAST],
        [INDEXED, chunk(b"PLTE", bytes(768)), DATA, LAST],
        [header_with(9, 2), COLOURS, DATA, LAST],
        [header_with(12, 1), chunk(b"gAMA", bytes(4)), DATA, chunk(b"prIv", b""), LAST],
    ],
)
def test_chunks_that_decoders_accept(chunks):
    header = read_png_header(SIGNATURE + b"".join(chunks))
    assert (header.damage, header.notes) == (None, ())


@pytest.mark.parametrize("name", [*NAMES])
def test_files_that_libpng_refuses(name, shared_data):
    data = (shared_data / "images_wrong" / name).read_bytes()
    assert [rule for rule, _ in find_faults(data)] == ["corrupt-image"]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_pixels_whose_colour_is_not_in_the_palette(bits):
    def indexed(colours: int) -> bytes:
        width = 8 // bits
        # Each row holds the indices 0 and 1 in its last pixels.
        rows = b"".join(bytes([0, *[1] * 4]) for _ in range(5))
        header = struct.pack(">IIBBBBB", 4 * width, 5, bits, 3, 0, 0, 0)
        palette = chunk(b"PLTE", bytes(range(3 * colours)))
        return b"".join(
            (SIGNATURE, chunk(b"IHDR", header), palette, chunk(b"IDAT", zlib.compress(rows)), LAST)
        )

    assert find_faults(indexed(2)) == []
    text = "PNG: pixels have colour 1, but the palette has 1 colour"
    assert find_faults(indexed(1)) == [("corrupt-image", text)]


def with_chunks(*chunks: bytes) -> bytes:
    """A healthy PNG with more chunks after its header."""
    plain = HEALTHY["png"]
    return plain[:33] + b"".join(chunks) + plain[33:]


PROFILE = (200).to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(160)


def profile_chunk(profile: bytes, method: int = 0) -> bytes:
    return chunk(b"iCCP", b"name\0" + bytes([method]) + zlib.compress(profile))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (with_chunks(profile_chunk(PROFILE)), None),
        (with_chunks(profile_chunk(b"short")), "the ICC profile has 5 bytes, less than its header"),
        (with_chunks(profile_chunk(PROFILE[:150])), "the ICC profile is cut off: 150 of 200 bytes"),
        (with_chunks(profile_chunk(PROFILE.upper())), "the ICC profile has no signature"),
        (
            with_chunks(profile_chunk(PROFILE, 1)),
            "chunk iCCP has the unknown compression method 1",
        ),
        (with_chunks(chunk(b"iCCP", b"name")), "chunk iCCP has no profile"),
        (
            with_chunks(chunk(b"iCCP", b"name\0\0junk")),
            "chunk iCCP: Error -3 while decompressing data: incorrect header check",
        ),
        (with_chunks(profile_chunk(PROFILE), profile_chunk(PROFILE)), "two chunks iCCP"),
        (with_chunks(chunk(b"gAMA", b"12345")), "chunk gAMA has 5 bytes"),
        (with_chunks(chunk(b"pHYs", b"1")), "chunk pHYs has 1 byte"),
        (with_chunks(chunk(b"tEXt", b"a\0b")[:-1] + b"!"), "CRC error in chunk tEXt at byte 33"),
        (with_chunks(chunk(b"tEXt", b"a\0b")), None),
        (
            with_chunks(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(3_000_000)))),
            "Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK",
        ),
    ],
)
def test_metadata_does_not_touch_the_pixels(data, why):
    expected = [] if why is None else [("damaged-metadata", f"PNG: {why}")]
    assert find_faults(data) == expected
    ((rule, _),) = find_faults(data[:-20])
    assert rule == "corrupt-image"


@pytest.mark.parametrize(
    ("data", "damage"),
    [
        (SIZE, "the file ends without an IEND chunk"),
        (SIZE + LAST[:-1], "the file ends without an IEND chunk"),
        (SIZE + chunk(b"IDAT", b"abc")[:-1], "chunk IDAT is truncated"),
        (SIZE + chunk(b"I\0AT", b"abc")[:-1], "chunk b'I\\x00AT' is truncated"),
        (SIZE + chunk(b"IDAT", b"abc")[:-1] + b"!", "CRC error in chunk IDAT at byte 33"),
    ],
)
def test_damaged_chunks(data, damage):
    header = read_png_header(SIGNATURE + data)
    assert (header.damage, header.size, header.end) == (damage, (7, 9), None)


def test_pixel_data_is_in_several_chunks():
    parts = [SIZE, chunk(b"IDAT", b"one"), chunk(b"IDAx", b"no"), chunk(b"IDAT", b""), LAST]
    parts.append(chunk(b"IDAT", b"two"))
    data = SIGNATURE + b"".join(parts)
    assert [bytes(content) for content in iter_image_data(data)] == [b"one", b"", b"two"]


def test_few_notes_are_kept():
    chunks = [chunk(b"gAMA", bytes(5 + i)) for i in range(50)]
    header = read_png_header(SIGNATURE + b"".join([SIZE, *chunks, DATA, LAST]))
    assert len(header.notes) == 10
    ((rule, detail),) = find_faults(with_chunks(*chunks))
    assert rule == "damaged-metadata"
    assert detail.endswith("; and 7 more")
