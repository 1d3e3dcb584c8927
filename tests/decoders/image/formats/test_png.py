"""PNG chunks and checksums, and rows that are missing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datascan.decoders.image.formats.png import iter_image_data, read_png_header
from tests.builders.images import chunk
from tests.builders.odd_images import interlaced_rows, png_file
from tests.decoders.image.support import HEALTHY, find_faults


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
SIZE = chunk(b"IHDR", (7).to_bytes(4, "big") + (9).to_bytes(4, "big") + bytes(5))
LAST = chunk(b"IEND", b"")


def test_chunks_that_say_something():
    parts = [SIZE, chunk(b"acTL", b"\0\0\1\2" + bytes(4)), chunk(b"eXIf", b"II*\0"), LAST]
    data = SIGNATURE + b"".join(parts)
    header = read_png_header(data + b"more")
    assert (header.size, header.frames, header.exif) == ((7, 9), 258, b"II*\0")
    assert (header.end, header.damage) == (len(data), None)
    # Only the first size counts, and nothing after the end.
    other = chunk(b"IHDR", bytes(13))
    assert read_png_header(SIGNATURE + SIZE + other + LAST + parts[2]) == read_png_header(
        SIGNATURE + SIZE + chunk(b"tEXt", bytes(13)) + LAST
    )


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
