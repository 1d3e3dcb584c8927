"""JPEGs of every process: what libjpeg-turbo cannot reduce, and what it does not have."""

from __future__ import annotations

import numpy as np
import pytest

import datascan
from datascan.decoders.image.decode import decode
from datascan.decoders.image.formats.jpeg import read_jpeg_header
from datascan.report.thumbnails import pixels as sampled_pixels
from datascan.report.thumbnails import thumbnail
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.jpeg import lossless_jpeg, replace_frame, segment
from tests.builders.lmdb import datum, write_lmdb
from tests.decoders.image.support import find_faults

LARGE = np.add.outer(np.arange(160) * 3, np.arange(200)).astype(np.uint8)
"""More pixels than are decoded in full otherwise."""

LOSSLESS = lossless_jpeg(LARGE)
COLOURED = lossless_jpeg(np.stack([LARGE, LARGE[::-1], LARGE[:, ::-1]], axis=-1))


@pytest.mark.parametrize("data", [LOSSLESS, COLOURED])
def test_lossless_jpegs_are_decoded_in_full(data):
    header = read_jpeg_header(data)
    assert (header.is_scalable, header.size, header.end) == (False, (200, 160), len(data))
    decoded = decode("JPEG", data, 1 << 20, header)
    assert not decoded.approximate
    assert decoded.planes.shape == (3 if data is COLOURED else 1, LARGE.size)
    assert (decoded.planes[0] == LARGE.ravel()).all()
    assert find_faults(data) == []


def test_samples_of_lossless_jpegs():
    assert thumbnail(LOSSLESS, 1 << 20).startswith("data:image/")
    assert (sampled_pixels(LOSSLESS, 1 << 20) == LARGE).all()


def test_lossless_jpegs_in_every_kind_of_dataset(tmp_path, capfd):
    none = np.empty(0)
    paths = [
        write_tree(tmp_path / "folder", {"a.jpg": LOSSLESS, "b.jpg": COLOURED}),
        write_lmdb(tmp_path / "values", {b"a": LOSSLESS, b"b": COLOURED}),
        write_lmdb(
            tmp_path / "datums",
            {b"a": datum(none, 0, encoded=LOSSLESS), b"b": datum(none, 1, encoded=COLOURED)},
        ),
    ]
    for path in paths:
        for workers in (None, 0):
            report = datascan.scan(path, workers=workers)
            assert {one.rule for one in report.findings} <= {"mixed-channels"}
            assert report.dataset.records == 2
    assert capfd.readouterr() == ("", "")


def test_a_damaged_lossless_jpeg():
    cut = LOSSLESS[: len(LOSSLESS) // 2]
    ((rule, detail),) = find_faults(cut)
    assert rule == "corrupt-image"
    assert "Premature end" in detail


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (replace_frame(photo(), precision=12), "12 bits per sample"),
        (
            replace_frame(encode(pixels(), "JPEG", progressive=True), precision=12),
            "12 bits per sample",
        ),
        (lossless_jpeg(LARGE.astype(np.uint16) * 16, 12), "lossless, 12 bits per sample"),
        (lossless_jpeg(LARGE.astype(np.uint16) * 257, 16), "lossless, 16 bits per sample"),
        (replace_frame(photo(), marker=0xC5), "hierarchical"),
        (replace_frame(photo(), marker=0xF7), "JPEG-LS"),
    ],
)
def test_processes_that_libjpeg_lacks(data, why):
    assert find_faults(data) == [("unsupported-image", f"JPEG: {why}")]
    text = f"JPEG: the file ends before its image ({why})"
    assert find_faults(data[:-2]) == [("corrupt-image", text)]


@pytest.mark.parametrize("name", ["valid_441.jpg", "valid_410.jpg", "valid_lossless8.jpg"])
def test_valid_files_that_were_reported(name, shared_data):
    faults = find_faults((shared_data / "images_wrong" / name).read_bytes())
    assert [rule for rule, _ in faults if rule != "trailing-bytes"] == []


def test_damage_of_unusual_sampling_factors_is_found(shared_data):
    data = (shared_data / "images_wrong" / "valid_441.jpg").read_bytes()
    half = len(data) // 2
    broken = data[:half] + bytes(byte ^ 0x5A for byte in data[half : half + 40]) + data[half + 40 :]
    assert [rule for rule, _ in find_faults(broken)] == ["corrupt-image"]


# Bytes between segments ----------------------------------------------------------------------


@pytest.mark.parametrize("stray", [b"\0", b"\0\xff\0 and more", b"\r\n" * 9])
@pytest.mark.parametrize("progressive", [False, True])
def test_bytes_between_header_segments_do_not_touch_pixels(stray, progressive):
    plain = encode(pixels(3), "JPEG", progressive=progressive)
    end = 4 + int.from_bytes(plain[4:6], "big")
    data = plain[:end] + stray + plain[end:]
    count = f"{len(stray)} byte{'s' * (len(stray) > 1)}"
    text = f"JPEG: {count} before byte {end + len(stray)} belong to no segment"
    assert find_faults(data) == [("damaged-metadata", text)]
    given = decode("JPEG", data, 1 << 20, read_jpeg_header(data))
    assert (given.planes == decode("JPEG", plain, 1 << 20, read_jpeg_header(plain)).planes).all()
    # The pixels are decoded as strictly as those of any other image.
    half = len(data) * 3 // 4
    assert [rule for rule, _ in find_faults(data[:half])] == ["corrupt-image"]


@pytest.mark.parametrize("marker", [0xDB, 0xC4, 0xC0])
def test_a_segment_that_has_lost_its_marker_is_damage(marker):
    data = photo()
    for lost in (0, 1):
        at = data.index(bytes((0xFF, marker)))
        broken = data[: at + lost] + b"\x12" + data[at + lost + 1 :]
        assert [rule for rule, _ in find_faults(broken)] == ["corrupt-image"], lost


@pytest.mark.parametrize("marker", [0xDB, 0xC4])
def test_a_table_that_is_too_short_is_damage(marker):
    data = photo()
    at = data.index(bytes((0xFF, marker)))
    for length in (2, 3, 19):
        broken = data[: at + 2] + length.to_bytes(2, "big") + data[at + 4 :]
        assert [rule for rule, _ in find_faults(broken)] == ["corrupt-image"], length


def test_a_missing_table_is_damage_even_if_a_decoder_has_a_default():
    data = photo()
    at = data.index(b"\xff\xc4")
    end = data.index(b"\xff\xda")
    stray = segment(0xFE, b"text") + b"\0\0\0"
    broken = data[:2] + stray + data[2:at] + data[end:]
    assert [rule for rule, _ in find_faults(broken)] == ["corrupt-image"]
