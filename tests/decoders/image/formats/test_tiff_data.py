"""Strips and tiles of TIFFs are verified to their end."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest

from datascan.decoders.image.formats import tiff_data
from datascan.decoders.image.formats.tiff import read_pages
from tests.builders.images import encode, photo, pixels
from tests.builders.tiff import grey, tiff
from tests.decoders.image.support import find_faults

WIDTH, HEIGHT = 64, 48
ROWS = np.random.default_rng(0).integers(0, 4, WIDTH * HEIGHT, np.uint8).tobytes()


def test_every_overwrite_of_deflated_data_is_found():
    """libtiff finds 23 of 40, as it stops before the checksum."""
    data = encode(pixels(3, height=200, width=300), "TIFF", compression="tiff_adobe_deflate")
    assert find_faults(data) == []
    (page,) = read_pages(data)
    chance = random.Random(1)
    for _ in range(40):
        strip = chance.randrange(len(page.values[273]))
        start, count = int(page.values[273][strip]), int(page.values[279][strip])
        at = start + chance.randrange(count)
        broken = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        ((rule, detail),) = find_faults(broken)
        assert rule == "corrupt-image"
        assert f"strip {strip + 1} of" in detail


@pytest.mark.parametrize("compression", [8, 32946])
def test_deflated_strips(compression):
    tags = grey(WIDTH, HEIGHT, compression=compression, rows=20)
    parts = [ROWS[: 20 * WIDTH], ROWS[20 * WIDTH : 40 * WIDTH], ROWS[40 * WIDTH :]]
    good = [zlib.compress(part) for part in parts]
    assert find_faults(tiff(tags, *good)) == []
    # The last strip may hold more rows than the image has.
    padded = [*good[:2], zlib.compress(parts[2] + bytes(12 * WIDTH))]
    assert find_faults(tiff(tags, *padded)) == []
    early = [good[0], good[1][:-6], good[2]]
    text = "TIFF: strip 2 of 3: the deflated data ends early: "
    ((rule, detail),) = find_faults(tiff(tags, *early))
    assert (rule, detail[: len(text)]) == ("corrupt-image", text)
    short = [good[0], zlib.compress(parts[1][:-1]), good[2]]
    text = "TIFF: strip 2 of 3: inflates to 1,279 of 1,280 bytes"
    assert find_faults(tiff(tags, *short)) == [("corrupt-image", text)]


def test_tiles():
    tags = grey(WIDTH, HEIGHT, compression=8, tile_width=32, tile_height=32)
    tile = zlib.compress(bytes(range(256)) * 4)
    assert find_faults(tiff(tags, *[tile] * 4, offset_tag=324)) == []
    broken = tile[:-1] + bytes([tile[-1] ^ 4])
    ((rule, detail),) = find_faults(tiff(tags, *[tile] * 3, broken, offset_tag=324))
    assert rule == "corrupt-image"
    assert detail.startswith("TIFF: tile 4 of 4: ")


def packbits(data: bytes) -> bytes:
    """All bytes as literal runs, of at most 128."""
    runs = [data[i : i + 128] for i in range(0, len(data), 128)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def test_lengths_of_packbits():
    tags = grey(WIDTH, HEIGHT, compression=32773)
    good = packbits(ROWS)
    assert find_faults(tiff(tags, good)) == []
    assert find_faults(tiff(tags, good + b"\x80\0")) == []  # no operation, and padding
    runs = b"\x81\7" * (len(ROWS) // 128)
    assert [rule for rule, _ in find_faults(tiff(tags, runs))] in ([], ["constant"])
    for broken, why in (
        (bytes([good[0] - 1]) + good[1:], "PackBits"),
        (good[:-129], "PackBits ends early: 2,944 of 3,072 bytes"),
        (good[:-9], "the last run of PackBits is cut off"),
        (runs[:-2] + b"\x82\7\xff\7", "PackBits is too long: 3,073 of 3,072 bytes"),
    ):
        ((rule, detail),) = find_faults(tiff(tags, broken))
        assert rule == "corrupt-image"
        assert why in detail, why


def test_packbits_are_verified_up_to_a_limit():
    good = packbits(ROWS)
    (page,) = read_pages(tiff(grey(WIDTH, HEIGHT, compression=32773), good[:-129]))
    data = tiff(grey(WIDTH, HEIGHT, compression=32773), good[:-129])
    assert tiff_data.find_tiff_damage(data, 1 << 20) is not None
    budget = tiff_data.Budget(1 << 20, 1 << 20, 100)
    assert tiff_data.find_page_damage(data, page, budget) is None


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpegs_inside_are_decoded_strictly(mode):
    data = encode(pixels(2, height=160, width=200, mode=mode), "TIFF", compression="jpeg")
    assert find_faults(data) == []
    (page,) = read_pages(data)
    start, count = int(page.values[273][0]), int(page.values[279][0])
    at = start + count * 2 // 3
    broken = data[:at] + bytes(byte ^ 0x5A for byte in data[at : at + 30]) + data[at + 30 :]
    ((rule, detail),) = find_faults(broken)
    assert rule == "corrupt-image"
    assert detail.startswith("TIFF: strip 1 of ")


def test_a_jpeg_inside_that_is_larger_than_its_strip():
    jpeg = photo(height=1600, width=1600)
    tags = grey(32, 32, compression=7, photometric=6, bits=[8] * 3, samples=3)
    ((rule, detail),) = find_faults(tiff(tags, jpeg))
    assert rule == "corrupt-image"
    assert "a JPEG of 1,600 x 1,600 pixels" in detail


def test_strips_beyond_the_end():
    data = tiff(grey(WIDTH, HEIGHT), ROWS)
    at = data.index(ROWS)
    moved = data.replace((at).to_bytes(4, "little"), (at + 2000).to_bytes(4, "little"), 2)
    assert [rule for rule, _ in find_faults(moved)] == ["corrupt-image"]


def test_planes_and_shared_strips():
    planes = [zlib.compress(bytes([i]) * (WIDTH * HEIGHT)) for i in range(3)]
    tags = grey(WIDTH, HEIGHT, compression=8, bits=[8] * 3, samples=3, photometric=2, planar=2)
    assert find_faults(tiff(tags, *planes)) == []
    budget = tiff_data.Budget(1 << 30, 1 << 30)
    data = tiff(tags, *planes)
    for _ in range(3):
        assert tiff_data.find_page_damage(data, next(read_pages(data)), budget) is None
    assert budget.inflated == (1 << 30) - 3 * WIDTH * HEIGHT


def test_reversed_bits_are_left_to_the_decoder():
    tags = grey(WIDTH, HEIGHT, compression=8, fill_order=2)
    flipped = bytes(int(f"{byte:08b}"[::-1], 2) for byte in zlib.compress(ROWS))
    assert find_faults(tiff(tags, flipped)) in ([], [("corrupt-image", "TIFF: decoder error -2")])


def test_strips_that_overlap_are_read_up_to_a_limit():
    """A thousand strips of a megabyte each, in a file of one."""
    body = zlib.compress(np.random.default_rng(0).bytes(1_000_000))
    data = tiff(grey(1000, 1000, compression=8, rows=1), body)
    at = data.index(body)
    places = [at + i for i in range(1000)]
    count = len(body) - 1000
    tags = grey(1000, 1000, compression=7, rows=1)
    (page,) = read_pages(tiff(tags, body))
    page.values[273], page.values[279] = np.array(places), np.full(1000, count)
    budget = tiff_data.Budget(1 << 30, 4 * len(data))
    tiff_data.find_page_damage(data, page, budget)
    assert len(budget.seen) < 6


def test_tables_of_jpeg_are_not_large():
    tags = grey(32, 32, compression=7, tables=b"\xff\xd8" + bytes(70_000))
    text = "TIFF: strip 1 of 1: tables for JPEG of 70,002 bytes"
    assert find_faults(tiff(tags, photo(height=32, width=32))) == [("corrupt-image", text)]
