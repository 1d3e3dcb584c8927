"""Images of every format: healthy ones raise no fault, damaged and hostile ones do."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tests.builders.images import encode, gif_bomb, photo, pixels, png_bomb, tiff_bomb, webp_bomb
from tests.decoders.image.support import HEALTHY, find_faults, inspect


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_images_raise_nothing(name, capfd):
    seen = inspect(HEALTHY[name])
    assert seen.faults == ()
    assert (seen.images.height[0], seen.images.width[0]) == (24, 32)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", sorted(set(HEALTHY) - {"bmp", "ppm", "jpeg 2000"}))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_images_are_corrupt(name, share, capfd):
    data = HEALTHY[name]
    ((rule, _),) = find_faults(data[: int(len(data) * share)])
    assert rule == "corrupt-image"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["bmp", "ppm", "jpeg 2000"])
def test_cut_images_of_plain_formats_are_corrupt(name):
    data = HEALTHY[name]
    assert [rule for rule, _ in find_faults(data[: len(data) // 2])] == ["corrupt-image"]


def damaged(data: bytes, seed: int) -> bytes:
    """A photo after one of the accidents that happen to files."""
    chance = random.Random(seed)
    at = chance.randrange(200, len(data) - 600)
    length = chance.randrange(16, 512)
    kind = seed % 5
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes(length) + data[at + length :]
    if kind == 2:
        return data[:at] + data[at + length :]
    if kind == 3:
        return data[:at] + data[at - 100 : at - 100 + length] + data[at:]
    return data[:at] + chance.randbytes(16) + data[at + 16 :]


def test_all_damage_that_a_strict_decoder_notices_is_found():
    data = photo(3, height=120, width=160)
    noticed = 0
    for seed in range(300):
        broken = damaged(data, seed)
        try:
            simplejpeg.decode_jpeg(broken, "RGB", strict=True)
        except ValueError:
            noticed += 1
            assert [rule for rule, _ in find_faults(broken)] == ["corrupt-image"], seed
    assert noticed > 200


@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb, tiff_bomb, webp_bomb])
def test_bombs_cost_no_memory(bomb):
    data = bomb()
    tracemalloc.start()
    found = find_faults(data, limit=10_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [rule for rule, _ in found] == ["oversized-image"]
    assert "the limit of 10,000,000" in found[0][1]
    assert peak < 8 << 20


def test_misnamed():
    images = [HEALTHY["png"], HEALTHY["jpeg"], HEALTHY["jpeg"], HEALTHY["webp"]]
    names = ["a.jpg", "b.JPEG", "c.txt", "d.d/e.PNG"]
    assert find_faults(*images, names=names) == [
        ("misnamed-image", "PNG named .jpg"),
        ("misnamed-image", "WebP named .PNG"),
    ]


def test_columns_of_exact_formats():
    image = pixels()
    values = np.asarray(image)
    seen = inspect(HEALTHY["png"]).images
    assert seen.low[0, :3].tolist() == values.min(axis=(0, 1)).tolist()
    assert seen.high[0, :3].tolist() == values.max(axis=(0, 1)).tolist()
    assert np.isnan(seen.low[0, 3])
    assert seen.totals[0] == values.sum()
    assert seen.squares[0] == (values.astype(int) ** 2).sum()
    assert seen.counts[0] == values.size
    assert not seen.approximate[0]
    assert (seen.mode[0], seen.format[0], seen.dtype[0]) == ("RGB", "PNG", "uint8")


def test_float_pixels_become_parts():
    values = np.ones((5, 4), np.float32)
    values[2, 1] = np.nan
    seen = inspect(encode(Image.fromarray(values), "TIFF"))
    (part,) = seen.arrays
    assert np.isnan(part.ranges[0][0])
    assert not part.primary


def test_random_bytes_behind_a_signature():
    chance = random.Random(5)
    for head in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"P6\n", b"BM"):
        for length in (0, 1, 10, 300):
            found = find_faults(head + chance.randbytes(length))
            assert found[0][0] in {"corrupt-image", "not-an-image", "oversized-image"}


def test_floats_that_are_not_finite_do_not_count():
    values = np.array([[2, np.nan], [np.inf, 3]], np.float32)
    seen = inspect(encode(Image.fromarray(values), "TIFF")).images
    assert (seen.low[0, 0], seen.high[0, 0]) == (2, 3)
    assert (seen.totals[0], seen.squares[0], seen.counts[0]) == (5, 13, 2)
    nothing = np.full((2, 2), np.nan, np.float32)
    seen = inspect(encode(Image.fromarray(nothing), "TIFF")).images
    assert (seen.totals[0], seen.counts[0]) == (0, 0)


def test_pixels_are_not_kept():
    images = [encode(pixels(i, height=600, width=800), "PNG") for i in range(8)]
    inspect(images[0])
    tracemalloc.start()
    inspect(*images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # At most the pixels of one image and of the next, as an array and as planes.
    assert peak < 5 * 600 * 800 * 3
