"""Ctrl-C, SIGTERM and killed workers: nothing is left behind, and the report is correct."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.builders.images import photo
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums

FILES = 10_000
RESUMPTION = (
    "datascan: to be able to continue a scan that is interrupted, start it with --resume FILE\n"
)
READ_SOME = 60 << 20
"""Bytes: more than a scan reads to start, less than the size of the images."""


@pytest.fixture(scope="module")
def many_images(tmp_path_factory):
    """A folder that takes some seconds to scan: one photo, with its own comment in each file."""
    folder = tmp_path_factory.mktemp("images")
    content = photo(1, height=375, width=500)
    for i in range(FILES):
        comment = b"\xff\xfe\x00\x06%04d" % i
        (folder / f"{i:05}.jpg").write_bytes(content[:2] + comment + content[2:])
    return folder


class Scan:
    """A scan that runs in a separate process."""

    def __init__(self, folder: Path, scratch: Path, *options: object) -> None:
        self.scratch, self.output = scratch, scratch.parent / "report.json"
        scratch.mkdir()
        arguments = [folder, "--json", self.output, "-q", "--ignore", "duplicate-record"]
        arguments += ["--ignore", "conflicting-label", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "datascan", "scan", *map(str, arguments)],
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def children(self) -> list[int]:
        """Its worker processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def wait_for_workers(self, count: int) -> list[int]:
        until = time.monotonic() + 30
        while len(found := self.children()) < count:
            assert time.monotonic() < until
            assert self.process.poll() is None
            time.sleep(0.01)
        return found

    def wait_until_reading(self) -> None:
        """Wait until it has read some of the images, not only its own modules."""
        until = time.monotonic() + 60
        while self.bytes_read() < READ_SOME:
            assert time.monotonic() < until
            assert self.process.poll() is None
            time.sleep(0.01)

    def bytes_read(self) -> int:
        """The number of bytes that it and its workers have read so far."""
        counters = [Path(f"/proc/{pid}/io") for pid in (self.process.pid, *self.children())]
        return sum(int(path.read_text().split()[1]) for path in counters)

    def end(self) -> tuple[int, str]:
        """Exit status and standard error; checks that nothing is left behind."""
        children = self.children() if self.process.poll() is None else []
        _, errors = self.process.communicate(timeout=60)
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
        assert list(self.scratch.iterdir()) == []
        return self.process.returncode, errors

    def report(self) -> dict:
        return json.loads(self.output.read_text())


def test_after_a_signal_the_same_command_goes_on_from_the_cache(many_images, tmp_path):
    scan = Scan(many_images, tmp_path / "scratch", "--workers", 1, f"--cache={tmp_path / 'c'}")
    scan.wait_until_reading()
    scan.process.send_signal(signal.SIGINT)
    code, errors = scan.end()
    assert code == 130
    assert errors.startswith("datascan: what was read is in the cache; continue with: datascan ")
    assert "--resume" not in errors


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_ends_the_scan_with_a_report(many_images, tmp_path, number, status, workers):
    scan = Scan(many_images, tmp_path / "scratch", "--workers", workers)
    if workers:
        scan.wait_for_workers(workers)
    scan.wait_until_reading()
    scan.process.send_signal(number)
    code, errors = scan.end()
    assert code == status
    assert errors == RESUMPTION
    report = scan.report()
    assert report["complete"] is False
    assert report["dataset"]["records"] < FILES


def test_killed_workers_cost_nothing(many_images, tmp_path):
    scan = Scan(many_images, tmp_path / "scratch", "--workers", 2)
    killed = 0
    while scan.process.poll() is None and killed < 4:
        for pid in scan.children()[:1]:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        time.sleep(0.25)
    code, errors = scan.end()
    assert (code, errors) == (0, "")
    assert killed > 1
    report = scan.report()
    assert report["complete"] is True
    assert report["dataset"]["records"] == FILES
    assert report["findings"] == []


def test_a_signal_at_any_moment_of_a_leveldb_scan(tmp_path):
    entries = numbered(random_datums(3000, (3, 32, 32)))
    write_leveldb(tmp_path / "store", entries, in_tables=False)
    for delay in (0.1, 0.3, 0.5, 0.7, 0.9):
        home = tmp_path / str(delay)
        home.mkdir()
        scan = Scan(tmp_path / "store", home / "scratch", "--workers", 2)
        time.sleep(delay)
        scan.process.send_signal(signal.SIGINT)
        code, errors = scan.end()
        # Until the command handles it, SIGINT ends the process in silence. A scan that has begun
        # ends with a report, and with how it could have been continued.
        assert code in {0, 130, -signal.SIGINT}
        assert errors in {"", "datascan: interrupted\n", RESUMPTION}


def test_too_few_open_files_for_the_workers(many_images):
    command = [sys.executable, "-m", "datascan", "scan", str(many_images), "-qq"]
    ended = subprocess.run(
        [*command, "--workers", "40"],
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (24, 24)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    why = "cannot start a worker process (Too many open files); try --workers 0"
    assert (ended.returncode, ended.stderr) == (2, f"datascan: {why}\n")
