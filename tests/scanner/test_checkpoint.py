"""A scan that was stopped or killed goes on where it was."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from datascan.config.baseline import Baseline
from datascan.config.expectations import Expectations
from datascan.config.options import Options, Severity
from datascan.errors import OutputError
from datascan.executors.base import NullProgress, ScanCancelled
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.readers.hdf5.reader import Hdf5Reader
from datascan.readers.image_folder.reader import ImageFolderReader
from datascan.report.build import build_report
from datascan.scanner import checkpoint
from datascan.scanner.checkpoint import ENTRY, HEADER, Checkpoint, fingerprint
from datascan.scanner.scan import scan
from datascan.scanner.stored_results import ResultForms
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.plain import PlainReader

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


class Notes:
    """Counts what is read, and ends the scan after so many records."""

    def __init__(self, most=10**9):
        self.most, self.read, self.said = most, 0, []

    def start(self, plan):
        pass

    def update(self, records, nbytes):
        self.read = max(self.read, records)
        if records >= self.most:
            raise ScanCancelled

    def notify(self, text):
        self.said.append(text)

    def fail_output(self, error):
        self.said.append(str(error))


class Counting(PlainReader):
    """Notes which shards are read."""

    def read(self, shard, track, *, decode=True):
        self.seen.append(shard.index)
        yield from super().read(shard, track, decode=decode)

    seen: list[int]


def reader(resume=None, **options):
    random = np.random.default_rng(1)
    values = random.normal(size=(100, 4)).astype(np.float32)
    values[[3, 55, 93], 1] = np.nan
    options = {"workers": 0, "resume": resume, **options}
    made = Counting(values, np.arange(100) % 3, rows=10, **options)
    made.seen = []
    return made


def text(result):
    lines = build_report(result, version="1").to_json().splitlines()
    return [line for line in lines if "elapsed" not in line]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_scan_goes_on(tmp_path, workers):
    file = tmp_path / "resume"
    first = scan(reader(file, workers=workers), CHECKS, Notes(45))
    assert not first.summary.is_complete
    notes, second = Notes(), reader(file, workers=0)
    again = scan(second, CHECKS, notes)
    assert text(again) == text(scan(reader(), CHECKS))
    done = 10 - len(second.seen)
    assert done >= 4
    assert notes.said == [f"resuming from {file}: {done} of 10 parts are done"]
    third = reader(file)
    assert text(scan(third, CHECKS)) == text(again)
    assert third.seen == []


def test_a_torn_entry_is_read_again(tmp_path):
    file = tmp_path / "resume"
    scan(reader(file), CHECKS)
    whole = file.read_bytes()
    for cut in (1, 7, 100, 400):
        file.write_bytes(whole[:-cut])
        notes, again = Notes(), reader(file)
        assert text(scan(again, CHECKS, notes)) == text(scan(reader(), CHECKS))
        assert again.seen == [9]
        done = "9 of 10 parts are done; the last entry is incomplete and is read again"
        assert notes.said == [f"resuming from {file}: {done}"]
    file.write_bytes(whole[:-50] + bytes(50))
    assert text(scan(reader(file), CHECKS)) == text(scan(reader(), CHECKS))


def test_other_options_start_anew(tmp_path):
    file = tmp_path / "resume"
    scan(reader(file), CHECKS)
    notes, other = Notes(), reader(file, max_pixels=5)
    scan(other, CHECKS, notes)
    assert "read from the beginning" in notes.said[0]
    assert other.seen == list(range(10))


def test_a_changed_dataset_starts_anew(tmp_path):
    data = tmp_path / "data"
    data.write_text("x")
    made = reader(tmp_path / "resume")
    made.paths = (data,)
    scan(made, CHECKS)
    os.utime(data, ns=(1, 1))
    made = reader(tmp_path / "resume")
    made.paths, notes = (data,), Notes()
    scan(made, CHECKS, notes)
    assert "read from the beginning" in notes.said[0]


def blank(path):
    """A checkpoint of a scan without metrics."""
    return Checkpoint(path, b"f" * 32, ResultForms({}, 10), Notes())


def test_a_changed_list_of_images_starts_anew(tmp_path):
    write_tree(tmp_path / "data", {"1.jpg": photo(1), "2.jpg": photo(2)})
    lines = tmp_path / "list.txt"

    def identify(text):
        lines.write_text(text)
        made = ImageFolderReader((tmp_path / "data",), Options().replace(list_file=lines))
        return fingerprint(made, made.plan(), [], "1")

    first = identify("1.jpg 0\n2.jpg 1\n")
    os.utime(lines, ns=(0, 0))
    assert identify("1.jpg 1\n2.jpg 0\n") != first


def test_a_changed_file_that_a_list_names_starts_anew(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    file, lines = tmp_path / "elsewhere" / "a.h5", tmp_path / "list.txt"
    write_hdf5(file, data=numbers(20, 4), label=np.arange(20) % 2)
    lines.write_text(f"{file}\n")

    def identify():
        made = Hdf5Reader((lines,), Options())
        return fingerprint(made, made.plan(), [], "1")

    first = identify()
    assert identify() == first
    write_hdf5(file, data=numbers(20, 4) + 1, label=np.arange(20) % 2)
    os.utime(file, ns=(0, 0))
    assert identify() != first


def test_what_cannot_be_kept(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        blank(tmp_path / "absent" / "file")
    with pytest.raises(OutputError, match="cannot write"):
        blank(tmp_path)
    (tmp_path / "other").write_text("my thesis")
    with pytest.raises(OutputError, match="was not written by datascan"):
        blank(tmp_path / "other")
    assert (tmp_path / "other").read_text() == "my thesis"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="not a regular file"):
        blank(tmp_path / "pipe")


def test_a_full_disk_ends_the_file_and_not_the_scan(tmp_path):
    kept, progress = blank(tmp_path / "file"), Notes()
    kept.progress = progress
    kept.file.close()
    kept.file = open("/dev/full", "wb")  # noqa: PTH123, SIM115  (a device that is always full)
    kept.keep(0, [])
    kept.keep(1, [])
    assert progress.said == [f"cannot write {tmp_path / 'file'}: No space left on device"]
    kept.close()
    assert kept.file.closed
    kept = blank(tmp_path / "file")
    kept.file.close()
    kept.progress = NullProgress()
    kept.file = open("/dev/full", "wb")  # noqa: PTH123, SIM115  (a device that is always full)
    with pytest.raises(OutputError, match="No space left"):
        kept.keep(0, [])
    kept.close()


def always_full(path):
    """A new file, of which no byte can be written. Closing it tries that again."""

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return io.BufferedRandom(Full(path, "w+b"))


def refused(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def closing_fails(path):
    """A new file that is written, but of which a network drive says at the end that it is not."""

    class Late(io.FileIO):
        def close(self):
            if not self.closed:
                super().close()
                raise OSError(errno.EDQUOT, os.strerror(errno.ENOSPC))

    return io.BufferedRandom(Late(path, "w+b"))


@pytest.mark.parametrize("opener", [always_full, refused, closing_fails])
def test_a_disk_that_is_full_from_the_start_costs_the_file_only(tmp_path, monkeypatch, opener):
    monkeypatch.setattr(checkpoint, "open_file", opener)
    notes = Notes()
    assert text(scan(reader(tmp_path / "file"), CHECKS, notes)) == text(scan(reader(), CHECKS))
    assert notes.said == [f"cannot write {tmp_path / 'file'}: No space left on device"]
    with pytest.raises(OutputError, match=r"cannot write .*file: No space left"):
        scan(reader(tmp_path / "file"), CHECKS)


def test_an_error_before_the_scan_that_is_not_a_full_disk_ends_it(tmp_path, monkeypatch):
    def broken(path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(checkpoint, "open_file", broken)
    with pytest.raises(OutputError, match="Read-only file system"):
        scan(reader(tmp_path / "file"), CHECKS, Notes())


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_file_of_another_version_starts_anew(tmp_path, version):
    file = tmp_path / "resume"
    file.write_bytes(b"datascan resume %d\n" % version + b"f" * 32 + b"\x80\x04." * 100)
    notes, again = Notes(), reader(file)
    assert text(scan(again, CHECKS, notes)) == text(scan(reader(), CHECKS))
    why = "is from another version of datascan; it is kept as "
    assert notes.said == [f"{file} {why}{file}.old, and all is read from the beginning"]
    assert again.seen == list(range(10))
    third = reader(file)
    scan(third, CHECKS)
    assert third.seen == []


def test_a_wrong_checksum_starts_anew(tmp_path):
    file = tmp_path / "resume"
    scan(reader(file), CHECKS)
    octets = bytearray(file.read_bytes())
    octets[-1] ^= 1
    file.write_bytes(octets)
    notes, again = Notes(), reader(file)
    assert text(scan(again, CHECKS, notes)) == text(scan(reader(), CHECKS))
    why = "is damaged (an entry has the wrong checksum); it is kept as "
    assert notes.said == [f"{file} {why}{file}.old, and all is read from the beginning"]
    assert again.seen == list(range(10))


def test_a_checkpoint_that_is_not_used_is_kept(tmp_path):
    file, kept = tmp_path / "resume", tmp_path / "resume.old"
    scan(reader(file), CHECKS)
    octets = file.read_bytes()
    scan(reader(file, limit=50), CHECKS)
    assert kept.read_bytes() == octets
    newer = file.read_bytes()
    assert newer != octets
    scan(reader(file), CHECKS)  # an older one is replaced by a newer one
    assert kept.read_bytes() == newer
    assert file.read_bytes() == octets


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_nothing_but_a_checkpoint_is_replaced_by_one_that_is_kept(tmp_path, what):
    file, kept = tmp_path / "resume", tmp_path / "resume.old"
    scan(reader(file), CHECKS)
    octets = file.read_bytes()
    if what == "file":
        kept.write_bytes(b"mine")
    elif what == "folder":
        kept.mkdir()
    else:
        (tmp_path / "mine").write_bytes(octets)
        kept.symlink_to(tmp_path / "mine")
    with pytest.raises(OutputError, match=r"resume\.old, which exists and is not a checkpoint"):
        scan(reader(file, limit=50), CHECKS)
    assert file.read_bytes() == octets


def test_an_entry_longer_than_the_file_is_not_read(tmp_path):
    file = tmp_path / "resume"
    file.write_bytes(HEADER + b"f" * 32 + ENTRY.pack(1 << 62, 0) + bytes(100))
    kept = blank(file)
    kept.close()
    assert (kept.finished, kept.replaced, kept.incomplete) == ({}, "", True)
    assert file.stat().st_size == len(HEADER) + 32


def test_kill_9_costs_no_more_than_the_shards_under_way(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from tests.scanner.test_checkpoint import *\n"
        "class Slow(Counting):\n"
        "    def read(self, shard, track, *, decode=True):\n"
        "        time.sleep(0.1); yield from super().read(shard, track, decode=decode)\n"
        "made = reader(Path(sys.argv[1])); made.__class__ = Slow; scan(made, CHECKS)\n"
    )
    file = tmp_path / "resume"
    process = subprocess.Popen([sys.executable, "-c", script, str(file)])
    while not file.exists() or file.stat().st_size < 1500:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = reader(file)
    assert text(scan(again, CHECKS)) == text(scan(reader(), CHECKS))
    assert again.seen[0] >= 1


OTHER = {
    "db": "other",
    "data_key": "other",
    "label_key": "other",
    "list_file": Path("other"),
    "exclude": ("other",),
    "limit": 7,
    "sample": 7,
    "follow_links": True,
    "max_pixels": 7,
    "num_classes": 7,
    "batch_sizes": (7,),
    "label_type": "class",
    "select": ("nan-value",),
    "ignore": ("nan-value",),
    "expect": Expectations("datascan-expectations/1"),
    "workers": 1,
    "max_memory": 5_000_000_000,
    "timeout": 7.0,
    "resume": Path("other"),
    "nice": 7,
    "fail_fast": True,
    "max_time": 7.0,
    "cache": Path("other"),
    "no_thumbnails": True,
    "severity": (("nan-value", Severity.INFO),),
    "tolerance": (("nan-value", "7"),),
    "fail_on": "never",
    "bad_records_severity": "info",
    "baseline": Baseline(Path("other"), (), date(2020, 1, 1)),
}
"""Another value for every option."""


@pytest.mark.parametrize("field", Options.fields(), ids=lambda field: field.name)
def test_options_about_what_is_measured_are_in_the_fingerprint(field):
    one, other = reader(), reader(**{field.name: OTHER[field.name]})
    plan = one.plan()
    prints = {fingerprint(made, plan, ("a",), "1") for made in (one, other)}
    assert (len(prints) == 2) == (field.group in {"read", "check"})
