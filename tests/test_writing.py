"""Output files are tried before the scan, and written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from datascan.errors import OutputError
from datascan.writing import check_writable, write


def test_a_new_file(tmp_path):
    path = tmp_path / "report.json"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    write(path, ["a", "ä\n"])
    assert path.read_text() == "aä\n"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o640)
    check_writable(path)
    assert path.read_text() == "old"
    write(path, ["new"])
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(tmp_path / "link", ["x"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")

    def chunks():
        yield "half"
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"cannot write .*: No space left on device"):
        write(path, chunks())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["absent/file", ".", "", "file/below", "nul\0"])
def test_what_cannot_be_written(tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        check_writable(Path(tmp_path, name) if name else Path())


def test_devices_are_written_directly():
    check_writable(Path("/dev/null"))
    write(Path("/dev/null"), ["x"])
    with pytest.raises(OutputError, match="No space left on device"):
        write(Path("/dev/full"), ["x"])
