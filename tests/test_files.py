"""Files that somebody else has made: only regular ones are opened."""

from __future__ import annotations

import os

import pytest

from datascan.files import NotRegularError, OutsideError, open_regular, read_regular


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
