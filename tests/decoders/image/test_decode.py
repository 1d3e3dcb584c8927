"""Strict decoding: damage is found, bombs cost nothing, and nothing is printed."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from datascan.decoders.image import structure
from datascan.decoders.image.decode import decode as decode_with_header
from datascan.decoders.image.formats.png import read_png_header
from datascan.decoders.image.header import sniff_format
from datascan.decoders.image.outcomes import (
    CorruptImageError,
    OversizedImageError,
    UnsupportedImageError,
    check_bytes,
    one_line,
)
from datascan.decoders.image.pillow import PLUGINS
from datascan.report.thumbnails import thumbnail
from tests.builders.images import encode, photo, pixels
from tests.builders.odd_images import TILE_BOMB, bombs, layered_psd, tiff_of
from tests.decoders.image.support import HEALTHY, find_faults, inspect


def decode(image_format, data, limit):
    return decode_with_header(image_format, data, limit, structure.read_header(image_format, data))


ROOT = Path(__file__).resolve().parents[3]
MEGABYTES = 150
GROWTH = """
import resource, sys
from datascan.decoders.image.inspection import inspect_images
from tests.builders.images import encode, pixels
from tests.builders.odd_images import bombs
from datascan.testing.reader_laws import untracked

def inspect(data):
    return inspect_images([data], [0], max_pixels=178_956_970, track=untracked)

for kind in ("PNG", "GIF", "WEBP", "TIFF", "PPM"):
    inspect(encode(pixels(), kind))
data = bombs()[sys.argv[1]]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(fault,) = inspect(data).faults
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
    assert [rule for rule, _ in find_faults(tiff_of(TILE_BOMB))] == ["corrupt-image"]


def test_a_jpeg_over_the_limit_is_not_decoded():
    assert find_faults(photo(), limit=24 * 32 - 1) == [
        ("oversized-image", "32 x 24 = 768 pixels exceed the limit of 767")
    ]
    assert find_faults(photo(), limit=24 * 32) == []


def test_blank_jpegs_are_known_exactly():
    blank = encode(Image.new("RGB", (640, 480), (7, 7, 7)), "JPEG")
    seen = inspect(blank, photo(height=480, width=640)).images
    assert seen.approximate.tolist() == [False, True]
    assert seen.low[0, :3].tolist() == seen.high[0, :3].tolist() == [7, 7, 7]


@pytest.mark.parametrize(("height", "width"), [(136, 200), (129, 1001)])
def test_large_jpegs_are_decoded_at_an_eighth(height, width):
    decoded = decode("JPEG", photo(height=height, width=width), 1 << 30)
    assert decoded.approximate
    assert decoded.planes.shape == (3, -(-height // 8) * -(-width // 8))
    small = decode("JPEG", photo(height=128, width=128), 1 << 30)
    assert not small.approximate
    assert small.planes.shape == (3, 128 * 128)


def test_layers_are_no_frames():
    assert find_faults(layered_psd(3)) == []


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations(kind):
    frames = [pixels(seed) for seed in range(3)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    word = "pages" if kind == "TIFF" else "frames"
    assert find_faults(data) == [("animated-image", f"3 {word}")]
    assert find_faults(encode(frames[0], kind, save_all=True)) == []


def test_a_broken_later_frame_is_found():
    frames = [pixels(seed) for seed in range(3)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert find_faults(data[: len(data) * 3 // 4])[0][0] == "corrupt-image"


def test_formats_without_a_decoder():
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x63mdat" + bytes(91)
    lacking = "no decoder for this format"
    assert find_faults(heic) == [("unsupported-image", f"HEIC: {lacking}")]
    jxl = b"\xff\x0a" + bytes(40)
    assert find_faults(jxl) == [("unsupported-image", f"JPEG XL: {lacking}")]
    boxed = b"\0\0\0\x0cJXL \r\n\x87\n" + (99).to_bytes(4, "big") + b"jxlc" + bytes(91)
    assert find_faults(boxed) == [("unsupported-image", f"JPEG XL: {lacking}")]
    for cut in (boxed[:-1], heic[:24] + (999).to_bytes(4, "big") + heic[28:]):
        assert [rule for rule, _ in find_faults(cut)] == ["corrupt-image"]


def test_sixteen_bits_of_either_byte_order_are_one_dtype():
    values = np.arange(768).reshape(24, 32)
    pair = [encode(Image.fromarray(values.astype(order + "u2")), "TIFF") for order in "<>"]
    seen = inspect(*pair).images
    assert seen.dtype.tolist() == ["uint16", "uint16"]
    assert seen.high[:, 0].tolist() == [767, 767]


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "packbits", "jpeg", "tiff_lzw"])
def test_tiffs_of_every_compression(compression, capfd):
    data = encode(pixels(), "TIFF", compression=compression)
    assert find_faults(data) == []
    for share in (0.2, 0.5, 0.8):
        assert find_faults(data[: int(len(data) * share)])[0][0] == "corrupt-image"
    assert capfd.readouterr() == ("", "")


def test_a_fax_that_only_its_library_finds_damaged(capfd):
    data = encode(pixels(height=96, width=128, mode="1"), "TIFF", compression="group4")
    assert find_faults(data) == []
    for cut in (1, 4, 16):
        assert find_faults(data[:-cut])[0][0] == "corrupt-image"
    chance = random.Random(0)
    places = range(20, len(data) - 400, 20)
    found = sum(
        find_faults(data[:at] + chance.randbytes(16) + data[at + 16 :]) != [] for at in places
    )
    assert found > 0.9 * len(places)
    assert capfd.readouterr() == ("", "")


def test_libtiff_prints_nothing(capfd):
    data = HEALTHY["tiff lzw"]
    for seed in range(150):
        chance = random.Random(seed)
        at = chance.randrange(len(data) - 40)
        find_faults(data[:at] + chance.randbytes(32) + data[at + 32 :])
    assert capfd.readouterr() == ("", "")


def test_a_tiff_needs_no_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    assert find_faults(HEALTHY["tiff lzw"]) == []


LOGGED = """
from datascan.decoders.image.inspection import inspect_images
from tests.builders.odd_images import tiff_of
from datascan.testing.reader_laws import untracked

tags = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 9_999, 279: 16}
(fault,) = inspect_images([tiff_of(tags)], [0], max_pixels=99, track=untracked).faults
print(fault.rule)
"""


def test_what_pillow_logs_is_not_shown():
    # A process of its own: pytest takes all that is logged.
    run = [sys.executable, "-c", LOGGED]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    assert (done.stdout, done.stderr) == ("corrupt-image\n", "")


@pytest.mark.parametrize("data", [b"\xff\x0a" + b"x" * 600, b"II*\0" + b"x" * 600, b"8BPS\0\x01"])
def test_only_the_plugin_of_the_format_sees_the_bytes(monkeypatch, data):
    Image.init()
    asked = []
    for name, (factory, _) in list(Image.OPEN.items()):
        monkeypatch.setitem(
            Image.OPEN, name, (factory, lambda _, name=name: asked.append(name) or False)
        )
    kind = sniff_format(data)
    with pytest.raises((CorruptImageError, UnsupportedImageError)):
        decode(kind, data, 1 << 20)
    assert thumbnail(data, 1 << 20) is None
    assert set(asked) <= {PLUGINS[kind][0]} if kind in PLUGINS else not asked


@pytest.mark.parametrize(
    "data",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"%PDF-1.4\n", b"\xd7\xcd\xc6\x9a"],
)
def test_formats_that_need_other_programs_are_not_images(data):
    assert sniff_format(data) is None


def test_pages_behind_a_small_one_count(monkeypatch):
    pages = [Image.new("L", (1, 1)), *(Image.new("L", (64, 64)) for _ in range(40))]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    loaded = []
    load = TiffImagePlugin.TiffImageFile.load
    monkeypatch.setattr(
        TiffImagePlugin.TiffImageFile,
        "load",
        lambda self: (loaded.append(self.size), load(self))[1],
    )
    decoded = decode("TIFF", stream.getvalue(), 64 * 64 * 2)
    assert decoded.frames == 41
    # Pillow calls it twice for a page.
    assert loaded.count((64, 64)) == 2


@pytest.mark.parametrize(
    ("mode", "fits"), [("RGB", True), ("RGBA", False), ("P", False), ("F", False)]
)
def test_bytes_are_limited_too(mode, fits):
    limit = 1 << 25
    if fits:
        check_bytes("PNG", 1 << 12, 1 << 13, mode, limit)
        return
    with pytest.raises(OversizedImageError, match="take 134,217,728 bytes"):
        check_bytes("PNG", 1 << 12, 1 << 13, mode, limit)


@pytest.mark.parametrize(("image_format", "fits"), [("PNG", True), ("WebP", False)])
def test_formats_whose_decoders_need_more_memory_get_fewer_pixels(image_format, fits):
    if fits:
        check_bytes(image_format, 1 << 12, 1 << 13, "RGB", 1 << 25)
        return
    with pytest.raises(OversizedImageError, match="take 171,127,603 bytes"):
        check_bytes(image_format, 1 << 12, 1 << 13, "RGB", 1 << 25)


def test_a_jpeg_of_many_scans_is_not_decoded():
    stream = io.BytesIO()
    pixels(1).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    assert find_faults(data) == []
    start = data.rindex(b"\xff\xda")
    many = data[:start] + data[start:-2] * 101 + b"\xff\xd9"
    ((rule, detail),) = find_faults(many)
    assert (rule, detail) == ("corrupt-image", "JPEG: more than 100 scans")
    assert thumbnail(many, 1 << 20) is None


def test_equal_entries_of_an_icon_are_read_once(monkeypatch):
    image = encode(pixels(1), "PNG")
    count = 1000
    entry = struct.pack("<BBBBHHII", 8, 8, 0, 0, 1, 32, len(image), 6 + 16 * count)
    data = struct.pack("<HHH", 0, 1, count) + entry * count + image
    read = []
    monkeypatch.setattr(
        structure, "read_png_header", lambda png: read.append(png) or read_png_header(png)
    )
    assert structure.read_header("ICO", data).end == len(data)
    assert len(read) == 1


@pytest.mark.parametrize("name", ["valid_441.jpg", "valid_410.jpg"])
def test_rare_sampling_factors(shared_data, name):
    content = (shared_data / "images_wrong" / name).read_bytes()
    decoded = decode("JPEG", content, 1 << 30)
    with Image.open(io.BytesIO(content)) as image:
        assert (decoded.width, decoded.height, decoded.mode) == (*image.size, image.mode)


def test_messages_are_one_short_line():
    assert one_line(ValueError(" two\n\tlines ")) == "two lines"
    assert one_line(ValueError()) == "ValueError"
    assert one_line("cannot identify image file <_io.BytesIO object at 0x7f>") == (
        "cannot identify image file"
    )
    assert one_line("x" * 300) == "x" * 200


def test_a_page_over_the_limit_behind_a_small_one():
    pages = [Image.new("L", (1, 1)), Image.new("L", (64, 64))]
    data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert decode("TIFF", data, 64 * 64).frames == 2
    with pytest.raises(OversizedImageError, match="64 x 64 = 4,096 pixels exceed"):
        decode("TIFF", data, 64 * 64 - 1)
