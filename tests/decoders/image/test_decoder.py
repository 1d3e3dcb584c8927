"""Images of every kind: whole ones raise nothing, damaged ones are found, bombs cost nothing."""

from __future__ import annotations

import random
import tempfile
import tracemalloc

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from datascan.decoders.image.decoder import inspect_images
from tests.builders.images import (
    chunk,
    encode,
    gif_bomb,
    photo,
    pixels,
    png_bomb,
    tiff_bomb,
    webp_bomb,
)

LIMIT = 178_956_970


def look(*images: bytes, names: list[str] | None = None, limit: int = LIMIT):
    marks = []
    rows = range(len(images))
    seen = inspect_images(
        images, rows, max_pixels=limit, track=lambda i, n: marks.append((i, n)), names=names
    )
    assert marks == [(i, 1) for i in rows]
    return seen


def said(*images: bytes, **options) -> list[tuple[str, str]]:
    return [(fault.rule, fault.detail) for fault in look(*images, **options).faults]


HEALTHY = {
    "jpeg": encode(pixels(), "JPEG"),
    "jpeg progressive": encode(pixels(), "JPEG", progressive=True),
    "jpeg grey": encode(pixels(mode="L"), "JPEG"),
    "jpeg cmyk": encode(pixels(mode="CMYK"), "JPEG"),
    "jpeg restarts": encode(pixels(), "JPEG", restart_marker_rows=1),
    "png": encode(pixels(), "PNG"),
    "png grey": encode(pixels(mode="L"), "PNG"),
    "png alpha": encode(pixels(mode="RGBA"), "PNG"),
    "png palette": encode(pixels().quantize(16), "PNG"),
    "png bits": encode(pixels(mode="1"), "PNG"),
    "png 16 bits": encode(Image.fromarray(np.arange(768, dtype=np.uint16).reshape(24, 32)), "PNG"),
    "gif": encode(pixels(), "GIF"),
    "bmp": encode(pixels(), "BMP"),
    "webp": encode(pixels(), "WEBP"),
    "webp lossless": encode(pixels(), "WEBP", lossless=True),
    "tiff": encode(pixels(), "TIFF"),
    "tiff lzw": encode(pixels(), "TIFF", compression="tiff_lzw"),
    "ppm": encode(pixels(), "PPM"),
    "jpeg 2000": encode(pixels(), "JPEG2000"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_images_raise_nothing(name, capfd):
    seen = look(HEALTHY[name])
    assert seen.faults == ()
    assert (seen.images.height[0], seen.images.width[0]) == (24, 32)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", sorted(set(HEALTHY) - {"bmp", "ppm", "jpeg 2000"}))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_images_are_corrupt(name, share, capfd):
    data = HEALTHY[name]
    ((rule, _),) = said(data[: int(len(data) * share)])
    assert rule == "corrupt-image"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["bmp", "ppm", "jpeg 2000"])
def test_cut_images_of_plain_formats_are_corrupt(name):
    data = HEALTHY[name]
    assert [rule for rule, _ in said(data[: len(data) // 2])] == ["corrupt-image"]


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
            assert [rule for rule, _ in said(broken)] == ["corrupt-image"], seed
    assert noticed > 200


def test_every_byte_of_a_png_is_checked():
    data = HEALTHY["png"]
    for at in range(8, len(data), 5):
        broken = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        assert said(broken)[0][0] == "corrupt-image", at


@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb, tiff_bomb, webp_bomb])
def test_bombs_cost_no_memory(bomb):
    data = bomb()
    tracemalloc.start()
    found = said(data, limit=10_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [rule for rule, _ in found] == ["oversized-image"]
    assert "the limit is 10,000,000" in found[0][1]
    assert peak < 8 << 20


def test_a_jpeg_over_the_limit_is_not_decoded():
    assert said(photo(), limit=24 * 32 - 1) == [
        ("oversized-image", "32 x 24 = 768 pixels, the limit is 767")
    ]
    assert said(photo(), limit=24 * 32) == []


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"<!DOCTYPE html><title>404</title>", "looks like an HTML page"),
        (b"  <HTML>", "looks like an HTML page"),
        (b'<?xml version="1.0"?><svg/>', "looks like XML or SVG"),
        (bytes(100), "begins with zeros"),
        (b"BM is a text", "begins with b'BM is a text'"),
        (b"x", "begins with b'x'"),
    ],
)
def test_what_is_no_image(content, detail):
    assert said(content) == [("not-an-image", detail)]


def test_misnamed():
    images = [HEALTHY["png"], HEALTHY["jpeg"], HEALTHY["jpeg"], HEALTHY["webp"]]
    names = ["a.jpg", "b.JPEG", "c.txt", "d.d/e.PNG"]
    assert said(*images, names=names) == [
        ("misnamed-image", "PNG named .jpg"),
        ("misnamed-image", "WebP named .PNG"),
    ]


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "png", "gif", "webp", "bmp"])
def test_trailing_bytes(name):
    expected = [("trailing-bytes", "3 bytes after the end of the image")]
    assert said(HEALTHY[name] + b"abc") == expected
    assert said(HEALTHY[name] + b"a") == [("trailing-bytes", "1 byte after the end of the image")]


def test_a_thumbnail_is_not_the_end():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(pixels(), "JPEG", exif=exif.tobytes() + photo(9))
    assert said(data) == [("exif-orientation", "orientation 6: turned by 90 degrees")]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turned", [1, 3, 8])
def test_orientation(kind, turned):
    exif = Image.Exif()
    exif[0x0112] = turned
    found = said(encode(pixels(), kind, exif=exif))
    assert [rule for rule, _ in found] == ([] if turned == 1 else ["exif-orientation"])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations(kind):
    frames = [pixels(seed) for seed in range(3)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    word = "pages" if kind == "TIFF" else "frames"
    assert said(data) == [("animated-image", f"3 {word}")]
    assert said(encode(frames[0], kind, save_all=True)) == []


def test_a_broken_later_frame_is_found():
    frames = [pixels(seed) for seed in range(3)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert said(data[: len(data) * 3 // 4])[0][0] == "corrupt-image"


def test_columns_of_exact_formats():
    image = pixels()
    values = np.asarray(image)
    seen = look(HEALTHY["png"]).images
    assert seen.low[0, :3].tolist() == values.min(axis=(0, 1)).tolist()
    assert seen.high[0, :3].tolist() == values.max(axis=(0, 1)).tolist()
    assert np.isnan(seen.low[0, 3])
    assert seen.totals[0] == values.sum()
    assert seen.squares[0] == (values.astype(int) ** 2).sum()
    assert seen.counts[0] == values.size
    assert not seen.approximate[0]
    assert (seen.mode[0], seen.format[0], seen.dtype[0]) == ("RGB", "PNG", "uint8")


def test_blank_jpegs_are_known_exactly():
    blank = encode(Image.new("RGB", (640, 480), (7, 7, 7)), "JPEG")
    seen = look(blank, photo(height=480, width=640)).images
    assert seen.approximate.tolist() == [False, True]
    assert seen.low[0, :3].tolist() == seen.high[0, :3].tolist() == [7, 7, 7]


def test_float_pixels_become_parts():
    values = np.ones((5, 4), np.float32)
    values[2, 1] = np.nan
    seen = look(encode(Image.fromarray(values), "TIFF"))
    (part,) = seen.arrays
    assert np.isnan(part.ranges[0][0])
    assert not part.primary


def test_a_chunk_that_lies_about_its_length():
    data = HEALTHY["png"]
    lying = data[:33] + (0x7FFFFFFF).to_bytes(4, "big") + data[37:]
    assert said(lying)[0][0] == "corrupt-image"
    assert said(data[:8] + chunk(b"IEND", b""))[0][0] == "corrupt-image"


def test_random_bytes_behind_a_signature():
    chance = random.Random(5)
    for head in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"P6\n", b"BM"):
        for length in (0, 1, 10, 300):
            found = said(head + chance.randbytes(length))
            assert found[0][0] in {"corrupt-image", "not-an-image", "oversized-image"}


def test_libtiff_prints_nothing(capfd):
    data = HEALTHY["tiff lzw"]
    for seed in range(150):
        chance = random.Random(seed)
        at = chance.randrange(len(data) - 40)
        said(data[:at] + chance.randbytes(32) + data[at + 32 :])
    assert capfd.readouterr() == ("", "")


def test_a_tiff_needs_no_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    assert said(HEALTHY["tiff lzw"]) == []
