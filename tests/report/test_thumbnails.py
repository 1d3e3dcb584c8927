"""Thumbnails are small, made of all that can be decoded, and never break the scan."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageFile

from datascan.report import thumbnails
from datascan.report.thumbnails import (
    EDGE,
    PINK,
    picture_of,
    pixels,
    thumbnail,
    thumbnail_of_array,
    to_viewable,
    uri,
)
from tests.builders.images import (
    encode,
    gif_bomb,
    photo,
    png_bomb,
    tiff_bomb,
    webp_bomb,
)
from tests.builders.images import pixels as picture
from tests.builders.odd_images import TILE_BOMB, bombs, tiff_of

LIMIT = 178_956_970
LARGE = photo(3, height=300, width=400)


def open_uri(uri):
    """The picture that a data: URI holds."""
    head, _, body = uri.partition(",")
    assert head in {"data:image/png;base64", "data:image/jpeg;base64"}
    return Image.open(io.BytesIO(base64.b64decode(body)))


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F"])
def test_every_mode_is_shown(mode):
    kind = "JPEG" if mode == "CMYK" else "TIFF"
    image = picture(1, 150, 200).convert(mode if mode != "I;16" else "I").convert(mode)
    shown = open_uri(thumbnail(encode(image, kind), LIMIT))
    assert shown.size == (96, 72)
    assert shown.mode in {"L", "RGB"}


def test_small_pictures_are_kept_exactly():
    image = picture(1, 20, 30)
    shown = open_uri(thumbnail(encode(image, "PNG"), LIMIT))
    assert shown.format == "PNG"
    assert np.array_equal(np.asarray(shown), np.asarray(image))


def large(kind, **options):
    return encode(picture(1, 300, 400), kind, **options)


@pytest.mark.parametrize(
    ("whole", "kept"),
    [
        (LARGE, len(LARGE) // 2),
        (large("PNG"), 4000),
        (large("GIF", interlace=0), 8000),
        (large("BMP"), 100_000),
        (large("TIFF"), 100_000),
    ],
)
def test_of_damaged_images_what_could_be_decoded_is_shown(whole, kept):
    healthy = np.asarray(open_uri(thumbnail(whole, LIMIT)).convert("RGB")).astype(int)
    shown = np.asarray(open_uri(thumbnail(whole[:kept], LIMIT)).convert("RGB")).astype(int)
    differing = np.abs(healthy - shown).mean(axis=(1, 2))
    assert differing.min() < 10
    assert differing.max() > 3 * differing.min() + 1
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"<html>", LARGE[:300], b"II*\0" + bytes(9)]
)
def test_of_nothing_nothing_is_shown(data):
    assert thumbnail(data, LIMIT) is None


BOMBS = {**bombs(), "gif": gif_bomb(), "tiff of one strip": tiff_bomb(), "webp": webp_bomb()}


@pytest.mark.parametrize("name", [*BOMBS])
def test_bombs_are_not_decoded(name, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    assert thumbnail(BOMBS[name], LIMIT) is None


def never(*_):
    pytest.fail("a bomb was decoded")


def test_tiles_may_be_bombs_too():
    thumbnail(tiff_of(TILE_BOMB), LIMIT)
    assert thumbnail(tiff_of({**TILE_BOMB, 256: 60_000, 257: 60_000}), LIMIT) is None


def test_the_limit_of_pixels_is_kept():
    assert thumbnail(LARGE, 300 * 400) is not None
    assert thumbnail(LARGE, 300 * 400 - 1) is None
    assert thumbnail(png_bomb(), 1 << 40) is None


def test_pixels_are_those_of_whole_images_only():
    image = picture(1, 20, 30)
    assert np.array_equal(pixels(encode(image, "PNG"), LIMIT), np.asarray(image))
    assert pixels(encode(image, "PNG")[:500], LIMIT) is None


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((3, 20, 30), (30, 20)),
        ((1, 20, 30), (30, 20)),
        ((20, 30), (30, 20)),
        ((20, 30, 3), (30, 20)),
        ((20, 30, 1), (30, 20)),
        ((3, 1000, 2000), (96, 48)),
    ],
)
def test_arrays_like_pictures_are_shown(shape, size):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert open_uri(thumbnail_of_array(values)).size == size


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 20, 30), (20, 30, 4), (1, 3, 20, 30)])
def test_other_arrays_are_not(shape):
    assert thumbnail_of_array(np.zeros(shape)) is None


def test_floats_are_scaled():
    values = np.array([np.linspace(-1, 1, 16)] * 16)
    shown = np.asarray(open_uri(thumbnail_of_array(values)))
    assert shown[5, [0, -1]].tolist() == [0, 255]
    assert (np.diff(shown[5].astype(int)) > 0).all()


def test_what_is_not_finite_is_marked():
    values = np.array([np.linspace(-1, 1, 16)] * 16)
    values[3, 5], values[7, 8] = np.nan, np.inf
    shown = np.asarray(open_uri(thumbnail_of_array(values)))
    assert shown.shape == (96, 96, 3)
    marked = (shown == PINK).all(axis=2)
    assert marked.sum() == 2 * 6 * 6
    assert marked[3 * 6 : 4 * 6, 5 * 6 : 6 * 6].all()


@pytest.mark.parametrize("shape", [(3, 512, 400), (900, 700), (1, 500, 500), (300_000,), (9, 8, 7)])
def test_one_value_among_many_is_marked_in_its_place(shape):
    values = np.random.default_rng(0).random(shape)
    values[(0,) * len(shape)] = np.nan
    shown = np.asarray(open_uri(thumbnail_of_array(values))).astype(int)
    assert max(shown.shape[:2]) == EDGE
    pink = (np.abs(shown - PINK).max(axis=2) < 90).nonzero()
    assert len(pink[0])
    # A value of a record that is not an image is a cell of its row.
    assert max(pink[0]) < 16
    assert max(pink[1]) < 16


@given(arrays.arrays(st.sampled_from(["f2", "f4", "f8", "i8", "u8", "?"]), (5, 6)))
def test_no_values_are_too_much(values):
    is_marked = not np.isfinite(values).all()
    assert open_uri(thumbnail_of_array(values)).size == ((96, 80) if is_marked else (6, 5))


@given(
    st.binary(max_size=400), st.sampled_from([b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
)
def test_no_bytes_are_too_much(data, head):
    shown = thumbnail(head + data, LIMIT)
    assert shown is None or max(open_uri(shown).size) <= EDGE


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [
        ("L", 7, 7),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("1", 1, 255),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 0), (128, 128, 128)),
        ("RGBA", (0, 0, 0, 51), (102, 102, 102)),
        ("LA", (200, 0), (128, 128, 128)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("I", 70_000, 0),
    ],
)
def test_what_is_shown_of_a_colour(mode, colour, shown):
    image = Image.new(mode, (2, 2), colour)
    viewed = to_viewable(image)
    assert viewed.mode in {"L", "RGB"}
    assert viewed.getpixel((1, 1)) == shown
    assert viewed is not image


@pytest.mark.parametrize(
    ("size", "kind", "shown"),
    [
        ((32, 32), "PNG", (32, 32)),
        ((33, 5), "JPEG", (33, 5)),
        ((5, 33), "JPEG", (5, 33)),
        ((96, 96), "JPEG", (96, 96)),
        ((97, 96), "JPEG", (96, 95)),
        ((192, 96), "JPEG", (96, 48)),
    ],
)
def test_small_pictures_are_exact_and_large_ones_are_not(size, kind, shown):
    made = open_uri(uri(Image.new("RGB", size)))
    assert (made.format, made.size) == (kind, shown)


def noise(edge: int = 96) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (edge, edge, 3), np.uint8))


def size_of(made: str) -> int:
    return len(base64.b64decode(made.partition(",")[2]))


def test_a_picture_is_as_good_as_its_size_allows(monkeypatch):
    sizes = []
    for limit in (1 << 20, 9000, 6000):
        monkeypatch.setattr(thumbnails, "MAX_BYTES", limit)
        made = uri(noise())
        sizes.append(size_of(made))
        assert sizes[-1] <= limit
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) > 1
    monkeypatch.setattr(thumbnails, "MAX_BYTES", sizes[-1])
    assert size_of(uri(noise())) == sizes[-1]
    monkeypatch.setattr(thumbnails, "MAX_BYTES", 100)
    assert uri(noise()) is None


@pytest.mark.parametrize(
    ("shape", "dtype", "shown"),
    [
        ((4, 4), np.uint8, (4, 4)),
        ((3, 4), np.uint8, None),
        ((4, 3), np.uint8, None),
        ((4, 4), np.complex64, None),
        ((4, 4), "U1", None),
        ((4, 4), np.bool_, (4, 4)),
        ((3, 5, 6), np.float32, (5, 6, 3)),
        ((3, 4, 3), np.uint8, None),
        ((191, 10), np.uint8, (191, 10)),
        ((384, 10), np.uint8, (192, 5)),
        ((40, 577), np.uint8, (14, 193)),
    ],
)
def test_which_arrays_are_pictures(shape, dtype, shown):
    made = picture_of(np.zeros(shape, dtype))
    assert (made is None) if shown is None else (made.shape == shown)


def test_the_channels_of_opencv_are_turned():
    values = np.zeros((3, 8, 8), np.uint8)
    values[0] = 255
    assert open_uri(thumbnail_of_array(values)).getpixel((0, 0)) == (255, 0, 0)
    assert open_uri(thumbnail_of_array(values, bgr=True)).getpixel((0, 0)) == (0, 0, 255)
    grey = np.full((8, 8), 9, np.uint8)
    assert open_uri(thumbnail_of_array(grey, bgr=True)).getpixel((0, 0)) == 9


def test_few_pixels_are_decoded(monkeypatch):
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 20 * 30)
    for kind in ("PNG", "BMP", "TIFF"):
        assert thumbnail(encode(picture(1, 20, 30), kind), LIMIT) is not None
        assert thumbnail(encode(picture(1, 20, 31), kind), LIMIT) is None
    # At a reduced scale, a large JPEG has few.
    assert thumbnail(encode(picture(1, 160, 240), "JPEG"), LIMIT) is None
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 96 * 96 * 4)
    assert thumbnail(encode(picture(1, 800, 800), "JPEG"), LIMIT) is not None
    assert thumbnail(encode(picture(1, 800, 800), "JPEG", progressive=True), LIMIT) is None
