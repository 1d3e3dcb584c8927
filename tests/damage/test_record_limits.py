"""Records that take all time or memory, or crash: each costs itself, in every scan and reader.

The image decoder is replaced by one that misbehaves on images with a certain comment. Workers are
forked, so they inherit it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest

from datascan.config.options import Options
from datascan.decoders.image import inspection
from datascan.decoders.image.decoder import ImageDecoder
from datascan.decoders.raw import RawDecoder
from datascan.executors.process_pool import worker_group
from datascan.session import ScanSession
from tests.builders.images import photo
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import datum, write_lmdb

RECORDS, BAD = 5, 2
TIMEOUT, MEMORY = 2.5, 400_000_000
TOO_SLOW = "took longer than 2.5 seconds (--timeout)"
TOO_LARGE = "needed more than 400 MB of memory (--max-memory)"
REASONS = {
    "sleep": TOO_SLOW,
    "progress": TOO_SLOW,
    "spin": TOO_SLOW,
    "allocate": TOO_LARGE,
    "array": TOO_LARGE,
    "MemoryError": TOO_LARGE,
    "segfault": "killed by SIGSEGV",
    "abort": "killed by SIGABRT",
    "exit": "ended with status 7",
    "stop": "stopped by a signal",
}


def misbehave(kind: str) -> None:
    if kind in {"sleep", "progress"}:
        time.sleep(60)
    while kind == "spin":
        pass
    if kind == "allocate":
        bytearray(8 << 30)
    if kind == "array":
        np.ones(1 << 30, np.float64)
    if kind == "MemoryError":
        raise MemoryError
    if kind == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "abort":
        os.abort()
    if kind == "exit":
        os._exit(7)
    if kind == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)


@pytest.fixture(autouse=True)
def _workers_inherit_what_is_replaced(monkeypatch):
    monkeypatch.setattr(worker_group, "start_method", lambda: "fork")


def replace_decoder(monkeypatch, kind: str) -> None:
    decode = inspection.decode_image

    def replaced(image_format, data, *arguments):
        if b"misbehave" in data:
            misbehave(kind)
        return decode(image_format, data, *arguments)

    monkeypatch.setattr(inspection, "decode_image", replaced)


def image(number: int) -> bytes:
    plain = photo(number, height=8, width=9)
    comment = b"misbehave" if number == BAD else b"behave_%02d" % number
    return plain[:2] + b"\xff\xfe\x00\x0b" + comment + plain[2:]


def write_images(path: Path) -> Path:
    path.mkdir()
    for i in range(RECORDS):
        (path / f"{i}.jpg").write_bytes(image(i))
    return path


def write_lmdb_images(path: Path) -> Path:
    return write_lmdb(path, {b"%d" % i: image(i) for i in range(RECORDS)})


def write_lmdb_datums(path: Path) -> Path:
    none = np.empty(0)
    return write_lmdb(path, {b"%d" % i: datum(none, 1, encoded=image(i)) for i in range(RECORDS)})


def write_leveldb_images(path: Path) -> Path:
    return write_leveldb(path, {b"%d" % i: image(i) for i in range(RECORDS)}, in_tables=False)


def write_hdf5_images(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (RECORDS,), h5py.vlen_dtype(np.uint8))
        for i in range(RECORDS):
            data[i] = np.frombuffer(image(i), np.uint8)
        file["label"] = np.arange(RECORDS) % 2
    return path


STORES = [
    write_images,
    write_lmdb_images,
    write_lmdb_datums,
    write_leveldb_images,
    write_hdf5_images,
]


def scanned(path: Path, **options):
    """The examples and records of all findings of ``reader-crash``, and the number of records."""
    limits = {"timeout": TIMEOUT, "max_memory": MEMORY, "select": ("reader-crash",), **options}
    with ScanSession(path, Options().replace(**limits)) as session:
        report = session.report(charts=True)
    assert multiprocessing.active_children() == []
    crashes = {e.index: e.detail for finding in report.findings for e in finding.examples}
    return crashes, report.dataset.records


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("workers", [None, 1, 2])
def test_a_record_that_exceeds_a_limit_costs_itself(tmp_path, monkeypatch, kind, workers):
    replace_decoder(monkeypatch, kind)
    path = write_lmdb_images(tmp_path / "store")
    assert scanned(path, workers=workers) == ({BAD: REASONS[kind]}, RECORDS)


@pytest.mark.parametrize("kind", ["sleep", "allocate", "segfault"])
@pytest.mark.parametrize("write", STORES)
def test_limits_hold_for_every_reader(tmp_path, monkeypatch, write, kind):
    replace_decoder(monkeypatch, kind)
    path = write(tmp_path / "dataset")
    assert scanned(path) == ({BAD: REASONS[kind]}, RECORDS)


@pytest.mark.parametrize("write", STORES)
def test_without_workers_a_lack_of_memory_is_still_a_finding(tmp_path, monkeypatch, write):
    replace_decoder(monkeypatch, "MemoryError")
    path = write(tmp_path / "dataset")
    assert scanned(path, workers=0) == ({BAD: "needed more memory than there is"}, RECORDS)


class EndlessProgress(RawDecoder):
    """Marks a row, and the first one, again and again."""

    def decode(self, start, values, track, *, decode_images=True):
        for row in range(len(values)):
            track(row, 1)
            while values[row] == b"endless":
                track(0, row + 1)
                track(row, 1)
                time.sleep(0.01)
        return super().decode(start, values, track, decode_images=decode_images)


def test_progress_is_no_excuse(tmp_path, monkeypatch):
    monkeypatch.setattr("datascan.decoders.base.load_decoder", lambda name: EndlessProgress)
    monkeypatch.setattr(EndlessProgress, "matches", classmethod(lambda cls, value: True))
    values = {b"%d" % i: b"endless" if i == BAD else b"%d" % i for i in range(RECORDS)}
    path = write_lmdb(tmp_path / "store", values)
    assert scanned(path, timeout=1)[1] == RECORDS
    assert scanned(path, timeout=1)[0] == {BAD: "took longer than 1 second (--timeout)"}


class SlowBatches(RawDecoder):
    """Takes a tenth of a second for each value, and marks none of them."""

    def decode(self, start, values, track, *, decode_images=True):
        track(0, len(values))
        time.sleep(0.1 * len(values))
        return super().decode(start, values, track, decode_images=decode_images)


def test_many_slow_records_are_no_hang(tmp_path, monkeypatch):
    monkeypatch.setattr("datascan.decoders.base.load_decoder", lambda name: SlowBatches)
    monkeypatch.setattr(SlowBatches, "matches", classmethod(lambda cls, value: True))
    path = write_lmdb(tmp_path / "store", {b"%02d" % i: b"%02d" % i for i in range(16)})
    assert scanned(path, timeout=1) == ({}, 16)


def detect_and_misbehave(monkeypatch, kind: str) -> None:
    matches = ImageDecoder.matches

    def replaced(value):
        if b"behave" in value:
            misbehave(kind)
        return matches(value)

    monkeypatch.setattr(ImageDecoder, "matches", staticmethod(replaced))


@pytest.mark.parametrize("kind", REASONS)
def test_planning_that_exceeds_a_limit_is_a_finding(tmp_path, monkeypatch, kind):
    detect_and_misbehave(monkeypatch, kind)
    path = write_lmdb_images(tmp_path / "store")
    why = REASONS[kind]
    assert scanned(path) == ({None: f"{path} could not be planned: {why}"}, 0)


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (write_leveldb_images, "sleep"),
        (write_leveldb_images, "allocate"),
        (write_leveldb_images, "segfault"),
        (write_hdf5_images, "sleep"),
        (write_hdf5_images, "segfault"),
    ],
)
def test_planning_is_limited_in_every_reader(tmp_path, monkeypatch, write, kind):
    detect_and_misbehave(monkeypatch, kind)
    crashes, records = scanned(write(tmp_path / "dataset"))
    ((row, why),) = crashes.items()
    assert (row, records) == (None, 0)
    assert REASONS[kind] in why


def test_a_large_store_is_read_with_little_memory(tmp_path):
    """The file is mapped, which does not count."""
    path = tmp_path / "store"
    values = {b"%d" % i: image(1) for i in range(RECORDS)}
    write_lmdb(path, values)
    with (path / "data.mdb").open("r+b") as file:
        file.truncate(100 << 30)
    with lmdb.open(str(path), readonly=True, lock=False) as store:
        assert store.stat()["entries"] == RECORDS
    for workers in (None, 1, 2):
        assert scanned(path, workers=workers, max_memory=100_000_000) == ({}, RECORDS)


SCRIPT = """
import sys, time
from datascan.decoders.image import {module}
{module}.{target} = lambda *_: {act}
from datascan.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "target"),
    [("inspection", "decode_image"), ("decoder", "ImageDecoder.matches")],
)
def test_a_signal_ends_a_scan_whose_worker_ignores_everything(tmp_path, number, module, target):
    path = write_lmdb_images(tmp_path / "store")
    act = "[open('{0}', 'w').close(), signal.signal(15, signal.SIG_IGN), time.sleep(60)]"
    act = act.format(tmp_path / "begun").replace("signal.", "__import__('signal').")
    script = SCRIPT.format(module=module, target=target, act=act)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", script, "scan", str(path), "-qq"],
        # With threads of NumPy, workers would be spawned, without what the script replaces.
        env={**os.environ, "TMPDIR": str(scratch), "OPENBLAS_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert errors in {"", "datascan: interrupted\n"} or "start it with --resume FILE" in errors
    assert not [pid for pid in children if Path("/proc", pid).exists()]
    assert list(scratch.iterdir()) == []
