"""Cameras and days of images: planted ones are found, random ones not."""

from __future__ import annotations

import io
import os
import struct

import numpy as np
import pytest
from PIL import Image

from datascan.config.options import Options
from datascan.report.patterns.pictures import find_value, read_exif
from datascan.report.patterns.survey import Concerned
from datascan.session import ScanSession

NIKON, CANON = ("NIKON CORPORATION", "NIKON D90"), ("Canon", "Canon EOS 5D")


def image_of(make, model, day, kind="JPEG"):
    tags = Image.Exif()
    tags[0x10F], tags[0x110] = make, model
    tags.get_ifd(0x8769)[0x9003] = day
    file = io.BytesIO()
    pixels = np.random.default_rng().integers(0, 255, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind, exif=tags)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP"])
def test_camera_and_day_are_read(kind):
    day = "" if kind == "TIFF" else "2024-03-07"  # Pillow does not write it in a TIFF
    assert read_exif(image_of(*CANON, "2024:03:07 10:11:12", kind)) == ("Canon EOS 5D", day)


def test_a_damaged_block_warns_nobody(recwarn):
    exif = b"MM\0*" + struct.pack(">IH", 8, 5) + b"\x01\x0f"
    assert read_exif(exif + bytes(8)) == ("", "")
    assert not recwarn.list


def test_what_is_not_known_is_empty():
    assert read_exif(b"") == read_exif(b"<html>") == read_exif(b"\xff\xd8\xff") == ("", "")
    assert read_exif(image_of("Sony", "DSC-1", "yesterday")) == ("Sony DSC-1", "")
    assert read_exif(image_of("  ", "\0\0", "0000:00")) == ("", "")


def test_damaged_blocks_raise_nothing():
    whole = image_of(*CANON, "2024:03:07 10:11:12")
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(4, 200, 6).tolist():
            damaged[place] = int(random.integers(0, 256))
        read_exif(bytes(damaged[: int(random.integers(1, len(whole)))]))
    read_exif(b"II*\0" + struct.pack("<I", 8) + b"\xff" * 400)


def planted(folder, camera=CANON, day="2024:01:02 00:00:00"):
    for number in range(120):
        data = image_of(*(camera if number % 6 == 1 else NIKON), day)
        file = folder / "abc"[number // 40] / f"{number:03d}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data[:-40] if number % 6 == 1 else data)
        os.utime(file, (10**9, 10**9))


def pattern_of(folder, rule="corrupt-image", workers=1):
    with ScanSession(folder, Options().replace(workers=workers)) as session:
        report = session.report(charts=False)
    return next(found for found in report.findings if found.rule == rule).pattern


def test_the_camera_of_damaged_images_is_said(tmp_path):
    planted(tmp_path)
    said = {pattern_of(tmp_path, workers=workers) for workers in (0, 1, 2)}
    assert said == {"all taken with Canon EOS 5D"}


def test_the_day_of_change_is_said(tmp_path):
    planted(tmp_path, camera=NIKON)
    for file in tmp_path.rglob("*.jpg"):
        if int(file.stem) % 6 == 1:
            os.utime(file, (1_700_000_000, 1_700_000_000))
    assert pattern_of(tmp_path).startswith("all last changed on 2023-11-1")


def test_random_images_have_no_value_in_common():
    random = np.random.default_rng(1)
    for _ in range(1_000):
        count, kinds = int(random.integers(5, 100)), int(random.integers(1, 9))
        values = np.array([f"camera {i}" for i in range(kinds)])[random.integers(0, kinds, 300)]
        mine = np.sort(random.choice(300, count, replace=False))
        others = np.setdiff1d(np.arange(300), mine)
        concerned = Concerned(mine, mine, others, 300)
        found = find_value(concerned, "camera", "", values[mine].tolist(), values[others].tolist())
        assert found is None


def test_random_damaged_images_have_no_pattern(tmp_path):
    planted(tmp_path)
    random = np.random.default_rng(4)
    files = sorted(tmp_path.rglob("*.jpg"))
    for place, file in enumerate(files):
        os.utime(file, (10**9 + place % 5 * 86_400,) * 2)
    bad = [file for file in files if int(file.stem) % 6 == 1]
    for file in bad:
        file.write_bytes(image_of(*CANON, "2024:01:02 00:00:00"))
    for file in random.choice(files, 25, replace=False).tolist():
        state = file.stat()
        file.write_bytes(file.read_bytes()[:-40])
        os.utime(file, (state.st_atime, state.st_mtime))
    assert pattern_of(tmp_path) is None
