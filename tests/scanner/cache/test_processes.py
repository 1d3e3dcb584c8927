"""Several scans at once, scans that are stopped or killed, full disks and folders of others."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from datascan import api
from datascan.config.options import Options
from datascan.executors.base import ScanCancelled
from datascan.readers.image_folder import reader
from datascan.scanner.cache import cached_parts, folder, part_file
from datascan.session import ScanSession
from tests.builders.images import photo, write_tree

COMMAND = [sys.executable, "-m", "datascan"]


@pytest.fixture
def data(tmp_path):
    write_tree(tmp_path / "data", {f"{i % 3}/{i:03d}.jpg": photo(i % 40) for i in range(120)})
    time.sleep(0.2)  # files that were changed just now are not kept
    return tmp_path / "data"


def start(data, cache, *more):
    return subprocess.Popen(
        [*COMMAND, "images", str(data), f"--cache={cache}", "--json", "-", "--no-progress", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    report = json.loads(out)
    use = report.pop("cache", None)
    for name in ("elapsed_seconds", "started", "command"):
        report.pop(name, None)
    return report, use, err


def test_two_scans_at_once(data, tmp_path):
    cache = tmp_path / "cache"
    expected, none, _ = finish(start(data, tmp_path / "other"))
    assert none["reused"] == 0
    for turn in range(3):
        found = [start(data, cache) for _ in range(2)]
        for process in found:
            report, _, err = finish(process)
            assert report == expected
            assert err == ""
        (file,) = cache.iterdir()
        if turn == 1:  # another state of the dataset: both write again
            file.unlink()
    report, use, err = finish(start(data, cache))
    assert (report, use["read"], err) == (expected, 0, "")


def test_many_writers_leave_a_whole_file(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from datascan.scanner.cache.part_file import *\n"
        "path, mine = Path(sys.argv[1]), bytes([int(sys.argv[2])])\n"
        "parts = [StoredPart.of(mine * 32, 1, mine * 50000) for _ in range(20)]\n"
        "for _ in range(60): write_parts(path, b'f' * 32, parts)\n"
    )
    path = tmp_path / "x.parts"
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), n]) for n in "12"]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            wanted = frozenset({b"\1" * 32, b"\2" * 32})
            found = list(part_file.read_parts(path, b"f" * 32, wanted))
            assert len(found) == 20
            assert len({part.digest for part in found}) == 1
            reads += 1
    assert [writer.wait() for writer in writers] == [0, 0]
    assert reads > 5
    assert [file.name for file in tmp_path.iterdir()] == ["x.parts"]


class Stop:
    """Sends this process a signal's worth of cancelling after some records."""

    def __init__(self, most):
        self.most, self.said = most, []

    def start(self, plan):
        pass

    def update(self, records, nbytes):

        if records >= self.most:
            raise ScanCancelled

    def notify(self, text):
        self.said.append(text)

    def fail_output(self, error):
        raise error


def test_what_a_stopped_scan_has_read_is_not_read_again(data, tmp_path, monkeypatch):

    monkeypatch.setattr(reader, "FILES_PER_SHARD", 8)
    options = Options.from_keywords(cache=tmp_path / "cache", workers=0)
    with ScanSession(data, options, progress=Stop(50)) as session:
        report = session.report(charts=False)
    assert not report.complete
    again = api.scan(data, cache=tmp_path / "cache", workers=0, thumbnails=False)
    assert again.cache.reused >= 4
    assert again.cache.read >= 4
    # A scan that is stopped at once drops nothing.
    with ScanSession(data, options, progress=Stop(1)) as session:
        session.report(charts=False)
    assert api.scan(data, cache=tmp_path / "cache", thumbnails=False).cache.read == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_leaves_a_file_that_can_be_used_or_none(data, tmp_path, number):
    cache = tmp_path / "cache"
    for seconds in (0.2, 0.4, 0.6):
        process = start(data, cache, "--workers", "1")
        time.sleep(seconds)
        process.send_signal(number)
        process.communicate(timeout=60)
    _, _, err = finish(start(data, cache))
    assert err == ""
    _, use, err = finish(start(data, cache))
    assert (use["read"], err) == (0, "")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_cannot_be_written_costs_the_cache(data, tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    cache = tmp_path / "cache"
    monkeypatch.setattr(part_file.os, "fsync", fail)
    stop = Stop(10**9)

    with ScanSession(data, Options.from_keywords(cache=cache), progress=stop) as session:
        report = session.report(charts=False)
    assert report.complete
    assert report.cache.reused == 0
    why = os.strerror(number)
    assert stop.said == [f"the cache keeps nothing of this scan: cannot write to {cache}: {why}"]
    assert list(cache.iterdir()) == []


def test_files_that_are_not_used_any_more_are_dropped(data, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    old = time.time() - 100 * folder.DAY
    names = ["0" * 16 + "-" + "1" * 32 + ".parts", "2" * 32 + ".unfinished", "mine.txt"]
    for name in names:
        (cache / name).write_text("")
        os.utime(cache / name, (old, old))
    for number in range(1, 8):
        api.scan(data, cache=cache, num_classes=number, thumbnails=False)
    assert (cache / "mine.txt").exists()
    assert not any((cache / name).exists() for name in names[:2])
    assert len(list(cache.glob("*.parts"))) == folder.MAX_FILES


def test_a_file_of_another_user_is_not_read(data, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    api.scan(data, cache=cache, thumbnails=False)
    assert api.scan(data, cache=cache, thumbnails=False).cache.reused > 0
    monkeypatch.setattr(part_file, "user_id", lambda: os.getuid() + 1)
    (file,) = cache.iterdir()
    if os.getuid() == 0:
        os.chown(file, 12345, -1)
    stop = Stop(10**9)

    with ScanSession(data, Options.from_keywords(cache=cache), progress=stop) as session:
        assert session.report(charts=False).cache.reused == 0
    assert stop.said[0].endswith("cannot be read (it belongs to another user)")


def test_a_huge_file_is_not_read(data, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    api.scan(data, cache=cache, thumbnails=False)
    (file,) = cache.iterdir()
    monkeypatch.setattr(part_file, "MAX_BYTES", file.stat().st_size - 1)
    assert api.scan(data, cache=cache, thumbnails=False).cache.reused == 0
    monkeypatch.setattr(cached_parts, "MAX_BYTES", 200)
    stop = Stop(10**9)

    with ScanSession(data, Options.from_keywords(cache=cache), progress=stop) as session:
        session.report(charts=False)
    assert stop.said[-1] == "the cache keeps only a part of this scan: more than 200 bytes"
