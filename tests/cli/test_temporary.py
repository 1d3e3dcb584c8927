"""Temporary files in a shared folder, and what killed runs leave in it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datascan.cli import temporary
from datascan.cli.files import check_writable, write
from datascan.cli.temporary import temporary_folder, unfinished_file
from datascan.errors import OutputError
from datascan.files import resolve_own_links
from datascan.scanner.checkpoint import open_file

STRANGER = 4711
GUESSED = "0" * 32

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


@pytest.fixture
def shared(monkeypatch, tmp_path_factory) -> Iterator[Path]:
    """A folder like /tmp, in which anyone can create files."""
    tmp_path_factory.getbasetemp()  # outside of it
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def run_in(shared: Path, code: str) -> subprocess.Popen[str]:
    """A process that runs ``code``, which prints a line when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(shared)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(shared)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


HOLD_FOLDER = """
import time
from datascan.cli.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "data").mkdir()
    (folder / "data/x").write_text("x")
    print("ready", flush=True)
    time.sleep(60)
"""
HOLD_FILE = """
import sys, time
from pathlib import Path
from datascan.cli.temporary import unfinished_file
with unfinished_file(Path(sys.argv[1], "report.json")):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_names_cannot_be_guessed_and_modes_are_private(shared):
    before = os.umask(0)
    try:
        with temporary_folder() as one, temporary_folder() as other:
            assert len({one.name, other.name}) == 2
            assert all(temporary.FOLDER.fullmatch(path.name) for path in (one, other))
            assert mode(one) == mode(other) == 0o700
        with unfinished_file(shared / "report.json") as (descriptor, path):
            assert temporary.FILE.fullmatch(path.name)
            assert mode(path) == 0o600
            assert os.get_inheritable(descriptor) is False
    finally:
        os.umask(before)
    assert list(shared.iterdir()) == []


def test_names_that_are_taken_are_not_used(shared, monkeypatch, tmp_path):
    """Not even if a stranger guesses them: a link is neither followed nor replaced."""
    monkeypatch.setattr(temporary, "unguessable", lambda: GUESSED)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (shared / f".datascan-{GUESSED}").symlink_to(victim)
    (shared / f"datascan-demo-{GUESSED}").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="File exists"):
        write(shared / "report.json", ["x"])
    with pytest.raises(FileExistsError), temporary_folder():
        pass
    assert victim.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [victim]


@pytest.mark.parametrize("code", [HOLD_FOLDER, HOLD_FILE])
def test_what_a_killed_run_has_left_is_removed_by_the_next(shared, code):
    process = run_in(shared, code)
    (left,) = shared.iterdir()
    use_both(shared)
    assert left.exists(), "it is still in use"
    process.kill()
    process.communicate(timeout=60)
    assert left.exists()
    use_both(shared)
    assert list(shared.iterdir()) == []


def use_both(shared: Path) -> None:
    """A run that needs a temporary file and folder."""
    with temporary_folder():
        pass
    with unfinished_file(shared / "report.json"):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_interrupted(shared, tmp_path, number):
    def demo() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "datascan", "demo"],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(shared)},
            stdout=subprocess.DEVNULL,
        )

    process = demo()
    until = time.monotonic() + 60
    while not list(shared.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(number)
    status = process.wait(60)
    if number == signal.SIGKILL:
        assert len(list(shared.iterdir())) == 1
        assert demo().wait(60) == 0
    else:
        assert status == 128 + number
    assert list(shared.iterdir()) == []
    assert not list(tmp_path.rglob(".datascan-*"))


def test_only_what_is_surely_left_behind_is_removed(shared, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "x").write_text("precious")
    (shared / f"datascan-demo-{GUESSED}").symlink_to(victim)
    (shared / f".datascan-{GUESSED}").symlink_to(victim / "x")
    for name in ("datascan-demo-mine", "datascan-projects", f"datascan-demo-{'1' * 31}"):
        (shared / name).mkdir(mode=0o700)
    public = shared / f"datascan-demo-{'2' * 32}"
    public.mkdir()
    public.chmod(0o755)
    pipe = shared / f".datascan-{'3' * 32}"
    os.mkfifo(pipe, 0o600)
    before = sorted(shared.iterdir())
    use_both(shared)
    assert sorted(shared.iterdir()) == before
    assert (victim / "x").read_text() == "precious"


@needs_root
def test_what_another_user_has_left_stays(shared):
    other = shared / f"datascan-demo-{GUESSED}"
    other.mkdir(mode=0o700)
    os.chown(other, STRANGER, STRANGER)
    use_both(shared)
    assert other.exists()


def test_links_within_what_is_left_are_not_followed(shared, tmp_path):
    (tmp_path / "x").write_text("precious")
    left = shared / f"datascan-demo-{GUESSED}"
    left.mkdir(mode=0o700)
    (left / "link").symlink_to(tmp_path)
    use_both(shared)
    assert not left.exists()
    assert (tmp_path / "x").read_text() == "precious"


@needs_root
@pytest.mark.parametrize("there", [True, False])
def test_a_link_of_another_user_is_not_an_output(shared, tmp_path, there):
    victim = tmp_path / "victim"
    if there:
        victim.write_text("precious")
    link = shared / "report.json"
    link.symlink_to(victim)
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    own = shared / "own.json"
    own.symlink_to(link)
    for path in (link, own):
        for attempt in (check_writable, lambda path: write(path, ["x"])):
            with pytest.raises(OutputError, match="it is a link of another user"):
                attempt(path)
        with pytest.raises(OSError, match="it is a link of another user"):
            open_file(path)
    assert victim.exists() == there
    assert not there or victim.read_text() == "precious"


@needs_root
def test_a_file_that_another_user_has_prepared_lends_no_permissions(shared):
    report = shared / "report.json"
    report.write_text("")
    report.chmod(0o666)
    os.chown(report, STRANGER, STRANGER)
    write(report, ["x"])
    assert report.stat().st_uid == os.geteuid()
    assert mode(report) & 0o022 == 0


@needs_root
def test_a_pipe_of_another_user_is_not_an_output(shared):
    pipe = shared / "report.json"
    os.mkfifo(pipe)
    os.chown(pipe, STRANGER, STRANGER)
    with pytest.raises(OutputError, match="it is a pipe of another user"):
        check_writable(pipe)


def test_links_of_ones_own_are_followed(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to(tmp_path / "c")
    assert resolve_own_links(tmp_path / "a") == tmp_path / "c"
    (tmp_path / "c").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        resolve_own_links(tmp_path / "a")


def test_a_new_file_that_another_run_removes_is_made_again(shared, monkeypatch):
    removed = []
    lock = temporary.fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        if not removed and operation == temporary.fcntl.LOCK_EX:
            removed.append(next(shared.iterdir()))
            removed[0].unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(temporary.fcntl, "flock", slow)
    with unfinished_file(shared / "report.json") as (_, path):
        assert path.exists()
        assert removed != [path]


def test_without_locks_nothing_is_removed(shared, monkeypatch):
    left = shared / f".datascan-{GUESSED}"
    left.touch(mode=0o600)

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(temporary.fcntl, "flock", refuse)
    write(shared / "report.json", ["x"])
    assert left.exists()
    assert (shared / "report.json").read_text() == "x"
