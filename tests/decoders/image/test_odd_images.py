"""Images that no encoder writes: bombs, missing rows, frames that are none, borrowed brands."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datascan.decoders.image.header import format_from_name, sniff_format
from datascan.decoders.image.structure import read_orientation
from tests.builders.images import encode, pixels
from tests.builders.odd_images import (
    TILE_BOMB,
    bombs,
    gif_of_frames,
    icon_of,
    interlaced_rows,
    layered_psd,
    png_file,
    tiff_of,
)
from tests.decoders.image.test_decoder import look, said

ROOT = Path(__file__).resolve().parents[3]
MEGABYTES = 150

GROWTH = """
import resource, sys
from datascan.decoders.image.decoder import inspect_images
from tests.builders.images import encode, pixels
from tests.builders.odd_images import bombs
from tests.builders.tracking import untracked

def look(data):
    return inspect_images([data], [0], max_pixels=178_956_970, track=untracked)

for kind in ("PNG", "GIF", "WEBP", "TIFF", "PPM"):
    look(encode(pixels(), kind))
data = bombs()[sys.argv[1]]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(fault,) = look(data).faults
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(fault.rule, grown // 1024)
"""


@pytest.mark.parametrize("name", bombs())
def test_bombs_cost_no_memory_of_native_code_either(name):
    run = [sys.executable, "-c", GROWTH, name]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    rule, grown = done.stdout.split()
    assert rule == "oversized-image"
    assert int(grown) < MEGABYTES
    assert done.stderr == ""


def test_a_huge_tile_in_a_small_tiff_is_corrupt():
    assert [rule for rule, _ in said(tiff_of(TILE_BOMB))] == ["corrupt-image"]


def test_a_png_whose_rows_end_early():
    rows = (b"\0" + b"\x09" * 30) * 10
    assert said(png_file(10, 10, rows)) == []
    expected = [("corrupt-image", "PNG: its pixels end early: 155 of 310 bytes")]
    assert said(png_file(10, 10, rows[:155])) == expected
    assert said(png_file(10, 10, rows[:-1]))[0][0] == "corrupt-image"


def test_a_png_that_is_black_below_is_whole():
    rows = (b"\0" + b"\x09" * 30) * 9 + bytes(31)
    assert said(png_file(10, 10, rows)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 1), (3, 2), (11, 13)])
def test_interlaced_pngs(size):
    height, width = size
    values = np.random.default_rng(1).integers(1, 256, size).astype(np.uint8)
    rows = interlaced_rows(values)
    image = png_file(width, height, rows, colour=0, interlaced=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(image))), values)
    assert said(image) == []
    for kept in range(0, len(rows), 7):
        cut = png_file(width, height, rows[:kept], colour=0, interlaced=True)
        assert [rule for rule, _ in said(cut)] == ["corrupt-image"], kept


def test_frames_of_gifs_may_widen_the_screen():
    # Within the limit it is decoded, and has too little data for its six pixels.
    assert said(gif_of_frames((3, 2), screen=(1, 1)), limit=6)[0][0] == "corrupt-image"
    assert said(gif_of_frames((3, 2), screen=(1, 1)), limit=5) == [
        ("oversized-image", "3 x 2 = 6 pixels, the limit is 5")
    ]


def test_layers_are_no_frames():
    assert said(layered_psd(3)) == []


def test_icons():
    icon = encode(pixels(mode="RGBA", height=64, width=64), "ICO")
    assert said(icon) == []
    assert said(icon + b"ab") == [("trailing-bytes", "2 bytes after the end of the image")]
    for cut in (1, 4, 16, len(icon) // 2):
        assert said(icon[:-cut])[0][0] == "corrupt-image", cut
    png = encode(pixels(height=16, width=16, mode="RGBA"), "PNG")
    assert said(icon_of(png)) == []
    broken = png[:60] + bytes([png[60] ^ 1]) + png[61:]
    assert "CRC error" in said(icon_of(broken))[0][1]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\1\0", None),
        (b"\0\0\1\0" * 8, None),
        (b"\0\0\1\xb3" + bytes(30), None),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1miaf" + bytes(9), "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmiaf" + bytes(9), "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0heicmiaf" + bytes(9), "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41mp42" + bytes(9), None),
        (b"\0\0\0\x08ftyp", None),
    ],
)
def test_heads_that_several_formats_share(head, kind):
    assert sniff_format(head) == kind


def test_formats_without_a_decoder():
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)
    assert said(heic) == [("corrupt-image", "HEIC: no decoder for HEIC")]
    assert said(b"\xff\x0a" + bytes(40)) == [("corrupt-image", "JPEG XL: no decoder for JPEG XL")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.JPE", "JPEG"), ("a.jfif", "JPEG"), ("b/c.TIF", "TIFF"), ("x.pgm", "PNM"), ("jpg", None)],
)
def test_what_names_promise(name, kind):
    assert format_from_name(name) == kind


def test_sixteen_bits_of_either_byte_order_are_one_dtype():
    values = np.arange(768).reshape(24, 32)
    pair = [encode(Image.fromarray(values.astype(order + "u2")), "TIFF") for order in "<>"]
    seen = look(*pair).images
    assert seen.dtype.tolist() == ["uint16", "uint16"]
    assert seen.high[:, 0].tolist() == [767, 767]


def test_floats_that_are_not_finite_do_not_count():
    values = np.array([[2, np.nan], [np.inf, 3]], np.float32)
    seen = look(encode(Image.fromarray(values), "TIFF")).images
    assert (seen.low[0, 0], seen.high[0, 0]) == (2, 3)
    assert (seen.totals[0], seen.squares[0], seen.counts[0]) == (5, 13, 2)
    nothing = np.full((2, 2), np.nan, np.float32)
    seen = look(encode(Image.fromarray(nothing), "TIFF")).images
    assert (seen.totals[0], seen.counts[0]) == (0, 0)


@pytest.mark.parametrize("big", [False, True])
def test_orientation_of_tiffs(big):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(pixels(), "TIFF", exif=exif, big_tiff=big)
    assert said(data) == [("exif-orientation", "orientation 6: turned by 90 degrees")]


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
    assert said(encode(pixels(), kind, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f junk")) == []


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "packbits", "jpeg", "tiff_lzw"])
def test_tiffs_of_every_compression(compression, capfd):
    data = encode(pixels(), "TIFF", compression=compression)
    assert said(data) == []
    for share in (0.2, 0.5, 0.8):
        assert said(data[: int(len(data) * share)])[0][0] == "corrupt-image"
    assert capfd.readouterr() == ("", "")


def test_a_fax_that_only_its_library_finds_damaged(capfd):
    data = encode(pixels(height=96, width=128, mode="1"), "TIFF", compression="group4")
    assert said(data) == []
    for cut in (1, 4, 16):
        assert said(data[:-cut])[0][0] == "corrupt-image"
    chance = random.Random(0)
    places = range(20, len(data) - 400, 20)
    found = sum(said(data[:at] + chance.randbytes(16) + data[at + 16 :]) != [] for at in places)
    assert found > 0.9 * len(places)
    assert capfd.readouterr() == ("", "")


LOGGED = """
from datascan.decoders.image.decoder import inspect_images
from tests.builders.odd_images import tiff_of
from tests.builders.tracking import untracked

tags = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 9_999, 279: 16}
(fault,) = inspect_images([tiff_of(tags)], [0], max_pixels=99, track=untracked).faults
print(fault.rule)
"""


def test_what_pillow_logs_is_not_shown():
    # A process of its own: pytest takes all that is logged.
    run = [sys.executable, "-c", LOGGED]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    assert (done.stdout, done.stderr) == ("corrupt-image\n", "")


def test_pixels_are_not_kept():
    images = [encode(pixels(i, height=600, width=800), "PNG") for i in range(8)]
    look(images[0])
    tracemalloc.start()
    look(*images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # At most the pixels of one image and of the next, as an array and as planes.
    assert peak < 5 * 600 * 800 * 3
