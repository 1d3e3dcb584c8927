"""Files that somebody else has made: only regular ones are opened."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from threading import Thread

import pytest

import datascan
from datascan import files
from datascan.files import (
    MIB,
    NotRegularError,
    OutsideError,
    is_special,
    open_descriptor,
    open_regular,
    open_typed,
    read_descriptor,
    read_regular,
    read_typed,
    real_path,
)


def test_a_file(tmp_path):
    (tmp_path / "f").write_bytes(b"content")
    with open_regular(tmp_path / "f") as file:
        assert file.read() == b"content"
    assert read_regular(tmp_path / "f", max_bytes=7) == b"content"


def test_a_file_that_is_too_large(tmp_path):
    (tmp_path / "f").write_bytes(b"content!")
    with pytest.raises(OSError, match="more than 7 bytes"):
        read_regular(tmp_path / "f", max_bytes=7)


def test_what_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero", "/dev/null"):
        with pytest.raises(NotRegularError):
            open_regular(path if path != "/dev/zero" else tmp_path.__class__(path))


def test_what_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


def test_links_inside_and_out_of_a_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "real").write_bytes(b"mine")
    (tmp_path / "secret").write_bytes(b"secret")
    (home / "inside").symlink_to("real")
    (home / "outside").symlink_to(tmp_path / "secret")
    (home / "beside").symlink_to("../home2/x")
    (tmp_path / "home2").mkdir()
    (tmp_path / "home2" / "x").write_bytes(b"secret")
    assert read_regular(home / "inside", max_bytes=9, inside=home) == b"mine"
    assert read_regular(home / "outside", max_bytes=9) == b"secret"
    for name in ("outside", "beside"):
        with pytest.raises(OutsideError):
            read_regular(home / name, max_bytes=9, inside=home)


def test_the_folder_may_be_a_link_itself(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("real")
    path = tmp_path / "link" / "f"
    assert read_regular(path, max_bytes=9, inside=tmp_path / "link") == b"mine"


def test_a_folder_is_named_as_such(tmp_path):
    with pytest.raises(NotRegularError, match="Is a directory") as failure:
        open_regular(tmp_path)
    assert failure.value.errno == 21
    assert failure.value.filename == str(tmp_path)


def test_no_descriptor_is_left_open(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(NotRegularError, match="it is not a regular file"):
            open_regular(tmp_path / "pipe")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_large_file_is_read_in_pieces(tmp_path):
    content = os.urandom(2 * MIB + 5)
    (tmp_path / "f").write_bytes(content)
    assert read_regular(tmp_path / "f", max_bytes=2 * MIB + 5) == content
    with pytest.raises(OSError, match="more than 2,097,156 bytes"):
        read_regular(tmp_path / "f", max_bytes=2 * MIB + 4)


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 4096])
def test_a_file_of_another_size_than_when_it_was_opened(tmp_path, size):
    (tmp_path / "f").write_bytes(b"content")
    for limit in (6, 7, 8):
        descriptor, _ = open_descriptor(tmp_path / "f")
        try:
            if limit == 6:
                with pytest.raises(OSError, match="more than 6 bytes"):
                    read_descriptor(descriptor, size, limit, "f")
            else:
                assert read_descriptor(descriptor, size, limit, "f") == b"content"
        finally:
            os.close(descriptor)


def test_an_ordinary_file_is_read_by_one_call(tmp_path, monkeypatch):
    (tmp_path / "f").write_bytes(b"content")
    descriptor, found = open_descriptor(tmp_path / "f")
    calls = []
    read = os.read
    monkeypatch.setattr(os, "read", lambda *arguments: calls.append(1) or read(*arguments))
    try:
        assert read_descriptor(descriptor, found.st_size, 99, "f") == b"content"
    finally:
        os.close(descriptor)
    assert calls == [1]


def test_a_typed_file_can_be_sought(tmp_path):
    (tmp_path / "f").write_bytes(b"content")
    with open_typed(tmp_path / "f", max_bytes=7) as file:
        assert file.read(3) == b"con"
        file.seek(0)
        assert file.read() == b"content"
    assert read_typed(tmp_path / "f", max_bytes=7) == b"content"
    with pytest.raises(OSError, match="more than 6 bytes"):
        open_typed(tmp_path / "f", max_bytes=6)


def piped(content: bytes) -> int:
    """The end of a pipe from which this can be read."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


@pytest.mark.parametrize(("size", "fits"), [(7, True), (6, False)])
def test_a_typed_pipe_is_read_to_its_end(size, fits):
    reading = piped(b"content")
    try:
        if fits:
            with open_typed(Path(f"/dev/fd/{reading}"), max_bytes=size) as file:
                assert file.read() == b"content"
                assert file.seek(0) == 0
        else:
            with pytest.raises(OSError, match="more than 6 bytes"):
                open_typed(Path(f"/dev/fd/{reading}"), max_bytes=size)
    finally:
        os.close(reading)


def test_a_writer_that_is_slow_is_waited_for():
    reading, writing = os.pipe()

    def write():
        for part in (b"con", b"tent"):
            time.sleep(0.1)
            os.write(writing, part)
        os.close(writing)

    writer = Thread(target=write)
    writer.start()
    try:
        assert read_typed(Path(f"/dev/fd/{reading}"), max_bytes=9) == b"content"
    finally:
        writer.join()
        os.close(reading)


def test_a_pipe_has_a_limit_of_its_own(monkeypatch):
    monkeypatch.setattr(files, "MAX_PIPE_BYTES", 6)
    reading = piped(b"content")
    try:
        with pytest.raises(OSError, match="more than 6 bytes"):
            open_typed(Path(f"/dev/fd/{reading}"), max_bytes=100)
    finally:
        os.close(reading)


def test_a_pipe_without_a_writer_is_empty(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert read_typed(tmp_path / "pipe", max_bytes=9) == b""


def test_typed_devices_and_folders_are_refused_by_name(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(NotRegularError) as failure:
            open_typed(path, max_bytes=9)
        assert failure.value.filename == str(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_special(tmp_path):
    (tmp_path / "f").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    names = {"f": False, ".": False, "absent": False, "pipe": True, "link": True, "a\0b": False}
    assert {name: is_special(tmp_path / name) for name in names} == names
    assert is_special(Path("/dev/null"))


def test_the_limits_are_those_of_the_documentation():
    text = (Path(__file__).parents[1] / "docs" / "limits.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| (\d+) MiB", text, re.MULTILINE))
    limits = {
        "`datascan.toml`, `pyproject.toml`": files.MAX_CONFIG_BYTES,
        "expectations, baseline": files.MAX_TOML_BYTES,
        "net, solver": files.MAX_PROTOTXT_BYTES,
        "matrix of an InfogainLoss": files.MAX_MATRIX_BYTES,
        "list of images": files.MAX_LIST_BYTES,
        "log": files.MAX_LOG_BYTES,
        "saved report": files.MAX_REPORT_BYTES,
        "anything from a pipe": files.MAX_PIPE_BYTES,
        "image file in a folder or list": files.MAX_IMAGE_BYTES,
    }
    assert {name: int(rows[name]) * MIB for name in limits} == limits
    assert MIB == 1024 * 1024


def test_real_paths_never_raise(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("folder")
    assert real_path(tmp_path / "link" / "x") == Path(os.path.realpath(tmp_path)) / "folder" / "x"
    assert real_path(tmp_path / "loop").name == "loop"
    assert real_path(tmp_path / "a\0b").name == "a\0b"


def test_nothing_else_resolves_paths():
    """``Path.resolve`` raises for links that lead back to themselves."""
    package = Path(datascan.__file__).parent
    calls = [file.name for file in package.rglob("*.py") if ".resolve(" in file.read_text()]
    assert calls == []
