"""Files are read and inspected once, however many names they have."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datascan
from datascan.readers.image_folder import image_files
from datascan.readers.image_folder.image_files import (
    InspectedFiles,
    open_file,
    read_image,
    read_once,
)
from datascan.records.buffers import hash_bytes
from tests.builders.images import encode, photo

ROOT = Path("/")


@pytest.fixture
def read(monkeypatch):
    """The paths that have been read, in order."""
    paths = []

    def reading(descriptor, status, path):
        paths.append(Path(path).name)
        return read_image(descriptor, status, path)

    monkeypatch.setattr(image_files, "read_image", reading)
    return paths


def write(folder, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def inspect(files: InspectedFiles, *paths: str):
    return [files.inspect(path, Path(path).name) for path in paths]


def test_a_result(tmp_path, read):
    files = InspectedFiles(ROOT, 1 << 20)
    content = photo(0)
    path = write(tmp_path, "a.jpg", content)
    first, second = inspect(files, path, path)
    assert first is second
    assert (first.nbytes, first.fingerprint) == (len(content), hash_bytes(content))
    assert first.image.faults == ()
    assert first.image.stats.format == "JPEG"
    assert first.pixel_bytes == 0
    assert read == ["a.jpg"]


def test_an_empty_file_has_no_fingerprint(tmp_path):
    (empty,) = inspect(InspectedFiles(ROOT, 9), write(tmp_path, "a.jpg", b""))
    assert (empty.nbytes, empty.fingerprint) == (0, 0)
    assert (empty.image.stats, empty.image.faults) == (None, ())


def test_links_are_the_same_file(tmp_path, read):
    path = write(tmp_path, "a.jpg", photo(0))
    os.link(path, tmp_path / "b.jpeg")
    (tmp_path / "c.JPG").symlink_to("a.jpg")
    results = inspect(
        InspectedFiles(ROOT, 1 << 20), path, *(str(tmp_path / n) for n in ("b.jpeg", "c.JPG"))
    )
    assert results == [results[0]] * 3
    assert read == ["a.jpg"]


def test_another_extension_may_be_wrong(tmp_path):
    path = write(tmp_path, "a.jpg", photo(0))
    os.link(path, tmp_path / "a.png")
    right, wrong = inspect(InspectedFiles(ROOT, 1 << 20), path, str(tmp_path / "a.png"))
    assert right.image.faults == ()
    assert [rule for rule, _ in wrong.image.faults] == ["misnamed-image"]


def test_a_file_that_changes_is_read_again(tmp_path, read):
    files = InspectedFiles(ROOT, 1 << 20)
    path = write(tmp_path, "a.jpg", photo(0))
    inspect(files, path)
    write(tmp_path, "a.jpg", photo(1))
    os.utime(path, ns=(0, 1))
    inspect(files, path)
    os.utime(path, ns=(0, 2))
    inspect(files, path)
    assert read == ["a.jpg"] * 3


def test_pixels_are_limited(tmp_path):
    (result,) = inspect(InspectedFiles(ROOT, 24 * 32 - 1), write(tmp_path, "a.jpg", photo(0)))
    assert [rule for rule, _ in result.image.faults] == ["oversized-image"]


def test_the_least_recent_results_are_forgotten(tmp_path, read, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_FILES", 2)
    files = InspectedFiles(ROOT, 1 << 20)
    one, two, three = (write(tmp_path, f"{i}.jpg", photo(i)) for i in range(3))
    inspect(files, one, two, one, three, one, two)
    assert read == ["0.jpg", "1.jpg", "2.jpg", "1.jpg"]


def floats(value: float) -> bytes:
    """A float image of 1,600 bytes."""
    return encode(Image.fromarray(np.full((20, 20), value, np.float32)), "TIFF")


def test_few_pixels_are_kept(tmp_path, read, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXEL_BYTES", 3200)
    files = InspectedFiles(ROOT, 1 << 20)
    paths = [write(tmp_path, f"{i}.tif", floats(i)) for i in range(3)]
    assert inspect(files, paths[0])[0].pixel_bytes == 1600
    inspect(files, paths[1], paths[0], paths[1])
    assert read == ["0.tif", "1.tif"]
    inspect(files, paths[2], paths[1], paths[2], paths[0], paths[2])
    assert read == ["0.tif", "1.tif", "2.tif", "0.tif"]


def test_the_latest_image_is_kept_however_large(tmp_path, read, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXEL_BYTES", 100)
    files = InspectedFiles(ROOT, 1 << 20)
    one, two = (write(tmp_path, f"{i}.tif", floats(i)) for i in range(2))
    inspect(files, one, one, two, two, one)
    assert read == ["0.tif", "1.tif", "0.tif"]


def test_what_cannot_be_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = count_descriptors()
    for name, why in (
        ("absent", "No such file"),
        ("a\0b", "embedded null"),
        ("pipe", "not a regular file"),
        (".", "not a regular file"),
    ):
        for read in (open_file, lambda path: read_once(path, {})):
            with pytest.raises(OSError, match=why):
                read(str(tmp_path / name))
    assert count_descriptors() == before


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_IMAGE_BYTES", 6)
    assert read_once(write(tmp_path, "a", b"123456"), {}) == b"123456"
    with pytest.raises(OSError, match="more than 6 bytes"):
        read_once(write(tmp_path, "a", b"1234567"), {})


def test_links_are_read_once(tmp_path, read):
    path = write(tmp_path, "a.jpg", b"1")
    os.link(path, tmp_path / "b.jpg")
    known = {}
    assert [read_once(str(tmp_path / name), known) for name in ("a.jpg", "b.jpg")] == [b"1"] * 2
    assert read == ["a.jpg"]


def test_no_descriptor_is_left_open(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(image_files, "read_descriptor", fail)
    path = write(tmp_path, "a.jpg", photo(0))
    before = count_descriptors()
    for _ in range(3):
        with pytest.raises(OSError, match="Input"):
            inspect(InspectedFiles(ROOT, 9), path)
    assert count_descriptors() == before


def test_a_link_to_a_file_outside_is_not_quoted(tmp_path):
    (tmp_path / "secret").write_text("SECRET-KEY-7 of the user")
    (tmp_path / "page.html").write_text("<html><title>SECRET-KEY-7</title></html>")
    folder = tmp_path / "images" / "a"
    folder.mkdir(parents=True)
    (folder / "inside.jpg").write_text("inside text")
    (folder / "key.jpg").symlink_to(tmp_path / "secret")
    (folder / "page.jpg").symlink_to(tmp_path / "page.html")
    (folder / "same.jpg").symlink_to(folder / "inside.jpg")
    report = datascan.scan(tmp_path / "images", workers=0)
    (found,) = (one for one in report.findings if one.rule == "not-an-image")
    assert [example.detail for example in found.examples] == [
        "starts with b'inside text'",
        "a file outside of the folder",
        "a file outside of the folder",
        "starts with b'inside text'",
    ]
    assert "SECRET" not in report.to_json()
