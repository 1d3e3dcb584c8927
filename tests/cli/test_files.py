"""Output files are tried before the scan, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datascan.cli.files import check_writable, write
from datascan.errors import OutputError
from datascan.text import escape_control

NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom permissions bind, also where root runs the tests."""
    owner = os.geteuid()
    if owner == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(owner)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody can reach and write to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def state(path: Path) -> tuple[object, ...]:
    """All that a careless look at a file would change."""
    found = path.stat()
    content = path.read_bytes()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, content


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


def test_looking_changes_nothing(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    before = state(path)
    check_writable(path)
    assert state(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_permissions(folder):
    closed = folder / "closed"
    closed.mkdir()
    old = closed / "old.json"
    old.write_text("old")
    old.chmod(0o444)
    fixed = folder / "fixed.json"
    fixed.write_text("old")
    fixed.chmod(0o444)
    closed.chmod(0o555)
    with without_privileges():
        check_writable(folder / "new.json")
        for path in (closed / "new.json", old, fixed):
            with pytest.raises(OutputError, match=rf"^cannot write {path}: Permission denied$"):
                check_writable(path)
        with pytest.raises(OutputError, match="Permission denied"):
            write(closed / "new.json", ["x"])
    assert sorted(p.name for p in folder.rglob("*")) == ["closed", "fixed.json", "old.json"]
    assert old.read_text() == "old"


def test_a_folder_that_cannot_be_entered(folder):
    (folder / "secret").mkdir(mode=0o700)
    (folder / "secret").chmod(0 if os.geteuid() else 0o700)
    with without_privileges(), pytest.raises(OutputError, match="Permission denied"):
        check_writable(folder / "secret" / "report.json")
    (folder / "secret").chmod(0o700)


def test_reasons_are_told_apart(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "astray").symlink_to(tmp_path / "absent" / "file")
    reasons = {
        "absent/report.json": "absent does not exist",
        "file/report.json": "is not a folder",
        ".": "it is a folder",
        "loop": "symbolic links",
        "x" * 300: "File name too long",
        "nul\0": "null",
        "astray": "does not exist",
    }
    for name, reason in reasons.items():
        path = tmp_path / name
        with pytest.raises(OutputError) as failure:
            check_writable(path)
        assert reason in str(failure.value)
        assert str(failure.value).startswith(f"cannot write {escape_control(str(path))}: ")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "loop", "astray"}
    with pytest.raises(OutputError, match="without a file name"):
        check_writable(Path())


def test_links_to_nothing_yet(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(Path("folder") / "target")
    check_writable(tmp_path / "link")
    assert not (tmp_path / "folder" / "target").exists()
    write(tmp_path / "link", ["x"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "target").read_text() == "x"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["target"]


def test_the_longest_name_there_is(tmp_path):
    path = tmp_path / ("€" * 85)
    check_writable(path)
    write(path, ["x"])
    assert path.read_text() == "x"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_follows_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "report.json", ["x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("old", ["old", None])
def test_a_disk_that_takes_no_more(tmp_path, old):
    path = tmp_path / "report.json"
    if old is not None:
        path.write_text(old)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(OutputError) as failure:
            write(path, ("x" * 1000 for _ in range(1000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(failure.value) == f"cannot write {path}: {os.strerror(errno.EFBIG)}"
    assert (path.read_text() if path.exists() else None) == old
    assert len(list(tmp_path.iterdir())) == (old is not None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_whatever_happens_nothing_is_left(tmp_path, error):
    def chunks():
        yield "half"
        raise error

    with pytest.raises(error):
        write(tmp_path / "report.json", chunks())
    assert list(tmp_path.iterdir()) == []


def test_a_lone_surrogate_is_written_as_its_escape(tmp_path):
    write(tmp_path / "report.json", ["a\udcffé\r\n"])
    assert (tmp_path / "report.json").read_bytes() == b"a\\udcff\xc3\xa9\r\n"


def test_a_pipe_is_written_directly(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    check_writable(path)  # and does not wait for a reader
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    write(path, ["a", "b"])
    reader.join()
    assert read == ["ab"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_pipe_that_nobody_reads(tmp_path, monkeypatch):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    monkeypatch.setattr("datascan.cli.files.READER_SECONDS", 0.1)
    with pytest.raises(OutputError, match="no process reads this pipe"):
        write(path, ["a"])


def test_open_files_by_number(tmp_path):
    path = tmp_path / "out"
    with path.open("w") as file:
        name = Path(f"/dev/fd/{file.fileno()}")
        file.write("before\n")
        file.flush()
        check_writable(name)
        write(name, ["report\n"])
        file.write("after\n")
    assert path.read_text() == "before\nreport\nafter\n"
    assert list(tmp_path.iterdir()) == [path]
    with path.open() as file, pytest.raises(OutputError, match="reading only"):
        check_writable(Path(f"/dev/fd/{file.fileno()}"))
    with pytest.raises(OutputError, match="Bad file descriptor"):
        check_writable(Path("/dev/fd/987654"))


def test_a_redirected_standard_output_keeps_all_that_is_written(tmp_path):
    program = (
        "from pathlib import Path; from datascan.cli.files import check_writable, write\n"
        "check_writable(Path('/dev/stdout')); write(Path('/dev/stdout'), ['report\\n'])\n"
        "print('the end')\n"
    )
    path = tmp_path / "out"
    with path.open("w") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, check=True)
    assert path.read_text() == "report\nthe end\n"


def test_a_pipe_that_nobody_reads_any_more():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(OutputError, match="Broken pipe"):
            write(Path(f"/dev/fd/{writing}"), ["x" * 100_000])
    finally:
        os.close(writing)
