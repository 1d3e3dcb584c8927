"""Variants of TIFF that Pillow lacks, and metadata that is damaged."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from datascan.decoders.image.formats.tiff import read_pages
from tests.builders.images import encode, pixels
from tests.builders.jpeg import lossless_jpeg
from tests.builders.tiff import grey, tiff
from tests.decoders.image.support import find_faults

WIDTH, HEIGHT = 32, 24


def strip(bits: int, samples: int = 1) -> bytes:
    """The bytes of all rows."""
    return np.random.default_rng(bits).bytes((WIDTH * bits * samples + 7) // 8 * HEIGHT)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("changes", "bits", "samples", "why"),
    [
        ({"bits": 10}, 10, 1, "10 bits per sample, grey"),
        ({"bits": 14}, 14, 1, "14 bits per sample, grey"),
        ({"bits": 24}, 24, 1, "24 bits per sample, grey"),
        ({"bits": 64, "format": 3}, 64, 1, "64 bits per float sample, grey"),
        ({"bits": 16, "format": 3}, 16, 1, "16 bits per float sample, grey"),
        (
            {"bits": [12] * 3, "samples": 3, "photometric": 2},
            12,
            3,
            "3 x 12 bits per sample, RGB",
        ),
        (
            {"bits": [32] * 3, "samples": 3, "photometric": 2, "format": [3] * 3},
            32,
            3,
            "3 x 32 bits per float sample, RGB",
        ),
        ({"bits": 16, "photometric": 32803}, 16, 1, "16 bits per sample, raw sensor data"),
        ({"bits": 16, "compression": 34676, "photometric": 32844}, 8, 1, "LogLuv compression"),
        ({"compression": 34712}, 8, 1, "JPEG 2000 compression"),
        ({"compression": 65432}, 8, 1, "compression 65432"),
    ],
)
def test_variants_that_pillow_lacks(order, changes, bits, samples, why):
    data = tiff(grey(WIDTH, HEIGHT, **changes), strip(bits, samples), order=order)
    assert find_faults(data) == [("unsupported-image", f"TIFF: {why}")]
    # Cut short, it is damaged whatever the variant is.
    at = data.index(strip(bits, samples))
    cut = tiff(grey(WIDTH, HEIGHT, **changes), strip(bits, samples), order=order)[: at + 40]
    assert [rule for rule, _ in find_faults(cut)] == ["corrupt-image"]


def test_twelve_bits_of_little_endian_are_supported_by_pillow_only():
    data = tiff(grey(WIDTH, HEIGHT, bits=12), strip(12))
    assert find_faults(data) in ([], [("unsupported-image", "TIFF: 12 bits per sample, grey")])


def test_big_endian_bigtiff():
    data = encode(pixels(), "TIFF", big_tiff=True)
    assert find_faults(data) == []
    page = next(read_pages(data))
    assert (page.is_big, page.order, page.one(256)) == (True, "<", 32)


def test_lossless_jpeg_inside():
    values = np.arange(WIDTH * HEIGHT, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    jpeg = lossless_jpeg(values, 16)
    data = tiff(grey(WIDTH, HEIGHT, bits=16, compression=7), jpeg)
    assert find_faults(data) == [("unsupported-image", "TIFF: lossless, 16 bits per sample")]


def test_deflated_data_of_an_unsupported_variant_is_verified():
    good = zlib.compress(strip(24))
    data = tiff(grey(WIDTH, HEIGHT, bits=24, compression=8), good)
    assert find_faults(data) == [("unsupported-image", "TIFF: 24 bits per sample, grey")]
    bad = good[:-1] + bytes([good[-1] ^ 1])
    data = tiff(grey(WIDTH, HEIGHT, bits=24, compression=8), bad)
    ((rule, detail),) = find_faults(data)
    assert rule == "corrupt-image"
    assert "incorrect data check" in detail


def test_private_tags_are_not_damage():
    tags = {**grey(compression=5), 65000: b"private", 37680: [1, 2]}
    plain = encode(pixels(mode="L"), "TIFF", compression="tiff_lzw")
    ((offset, count),) = [
        (int(page.values[273][0]), int(page.values[279][0])) for page in read_pages(plain)
    ]
    assert find_faults(tiff(tags, plain[offset : offset + count])) == []


def test_a_tag_of_an_impossible_type_is_damaged_metadata():
    plain = encode(pixels(mode="L"), "TIFF", compression="tiff_lzw")
    (page,) = read_pages(plain)
    lzw = plain[page.values[273][0] : page.values[273][0] + page.values[279][0]]
    data = tiff({**grey(compression=5), 305: [7, 7, 7]}, lzw)  # a name of numbers
    faults = find_faults(data)
    assert [rule for rule, _ in faults] in ([], ["damaged-metadata"])
    assert all("TIFF" in detail for _, detail in faults)


def test_a_file_that_ends_within_its_directory():
    data = tiff(grey(WIDTH, HEIGHT), strip(8))
    for cut in (1, 3, 4):
        assert find_faults(data[:-cut])[0][0] == "corrupt-image"
    far = tiff({**grey(WIDTH, HEIGHT), 305: b"x" * 50}, strip(8))
    text = "TIFF: the value of tag 305 is beyond the end of the file"
    assert find_faults(far[:-9]) == [("corrupt-image", text)]


def test_pages_that_share_large_tables_cost_little():
    tags = {**grey(8, 8), 320: [0] * 768}
    page = tiff(tags, bytes(64))
    assert len(list(read_pages(page * 1))) == 1
    # The next directory is the same one again.
    at = int.from_bytes(page[4:8], "little")
    count = int.from_bytes(page[at : at + 2], "little")
    end = at + 2 + 12 * count
    looped = page[:end] + at.to_bytes(4, "little") + page[end + 4 :]
    assert len(list(read_pages(looped))) == 1


def test_tags_that_libtiff_warns_of():
    plain = tiff({**grey(WIDTH, HEIGHT), 305: b"name", 270: b"text"}, strip(8))
    assert find_faults(plain) == []
    at = int.from_bytes(plain[4:8], "little") + 2
    entries = [plain[at + 12 * i : at + 12 * i + 12] for i in range(3)]
    swapped = plain[:at] + entries[1] + entries[0] + plain[at + 24 :]
    text = "TIFF: the tags of a directory are not in ascending order"
    assert find_faults(swapped) == [("damaged-metadata", text)]
    place = plain.index((305).to_bytes(2, "little") + b"\x07\0")
    unknown = plain[: place + 2] + b"\x63\0" + plain[place + 4 :]
    text = "TIFF: tag 305 has values of the unknown type 99"
    assert find_faults(unknown) == [("damaged-metadata", text)]


def test_directories_that_overlap_are_read_up_to_a_limit():
    """Ten thousand directories of 30,000 entries in a file of half a megabyte."""
    count, entries, step = 10_000, 30_000, 20
    data = bytearray(b"II*\0" + (8).to_bytes(4, "little") + bytes(step * count + 12 * entries))
    for i in range(count):
        at = 8 + step * i
        data[at : at + 2] = entries.to_bytes(2, "little")
        end = at + 2 + 12 * entries
        data[end : end + 4] = (at + step).to_bytes(4, "little")
    pages = list(read_pages(bytes(data)))
    assert 1 <= len(pages) < 12
    assert all(len(page.notes) == 10 for page in pages)
    assert [rule for rule, _ in find_faults(bytes(data))] == ["corrupt-image"]
