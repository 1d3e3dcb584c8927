"""Scans of datasets that another process writes to: that is said, and nothing else is blamed."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from PIL import Image

import datascan
from datascan.scanner import scan as scanning
from datascan.testing.reader_laws import snapshot
from tests.builders.demo import DATASETS
from tests.builders.leveldb import open_leveldb
from tests.builders.lmdb import write_lmdb
from tests.builders.writers import HDF5, LEVELDB, LMDB, writing

DAMAGE = {"damaged-store", "truncated-store", "reader-crash", "missing-file", "malformed-record"}
SCANS = 20


def rules_of(report):
    return {finding.rule for finding in report.findings}


def live(report):
    (finding,) = (finding for finding in report.findings if finding.rule == "live-writer")
    return finding


def assert_only_the_writer_is_blamed(report):
    rules = rules_of(report)
    assert not rules & DAMAGE, report.findings
    assert all("disk" not in finding.fix for finding in report.findings)
    return live(report)


def write_values(path, count=4000):
    rng = np.random.default_rng(1)
    return write_lmdb(path, {b"%08d" % i: rng.bytes(3000) for i in range(count)})


@pytest.mark.parametrize("workers", [0, 2])
def test_an_lmdb_under_a_writer_is_never_called_damaged(tmp_path, workers):
    path = write_values(tmp_path / "store")
    with writing(LMDB, path):
        for _ in range(SCANS // 2):
            report = datascan.scan(path, workers=workers)
            finding = assert_only_the_writer_is_blamed(report)
            assert "data.mdb" in finding.message
            assert finding.fix == "scan again when the writer is done, or scan a copy"


def test_a_held_write_lock_is_a_note_and_stays_as_it_is(tmp_path):
    path = write_values(tmp_path / "store", count=50)
    with writing(LMDB, path, "hold"):
        lock = (path / "lock.mdb").read_bytes()
        before = snapshot(tmp_path)
        for _ in range(3):
            report = datascan.scan(path, ignore="not-inspected")
            assert live(report).severity == "info"
            assert "holds the write lock of data.mdb" in live(report).message
            assert report.verdict == "pass"
            assert not rules_of(report) & DAMAGE
        assert (path / "lock.mdb").read_bytes() == lock
        assert snapshot(tmp_path) == before
    # The process is gone, but its number is still in the lock file.
    assert "live-writer" not in rules_of(datascan.scan(path))


def test_one_transaction_leaves_the_snapshot_intact(tmp_path, monkeypatch):
    path = write_values(tmp_path / "store", count=50)
    report = scan_and_change(monkeypatch, path, lambda: write_lmdb(path, {b"x": b"later"}))
    assert live(report).severity == "info"
    assert "committed a transaction" in live(report).message
    assert report.dataset.records == 50


def test_damage_under_a_writer_that_has_not_caused_it_is_still_damage(tmp_path, monkeypatch):
    path = write_values(tmp_path / "store", count=500)
    with (path / "data.mdb").open("r+b") as file:
        file.seek(20 * 4096)
        file.write(bytes(4096))
    with writing(LMDB, path, "hold"):
        report = datascan.scan(path)
    assert live(report).severity == "info"
    assert "damaged-store" in rules_of(report)


def test_a_replaced_store_is_said(tmp_path, monkeypatch):
    path = write_values(tmp_path / "store", count=50)
    other = write_values(tmp_path / "other", count=60)
    report = scan_and_change(
        monkeypatch, path, lambda: (other / "data.mdb").replace(path / "data.mdb")
    )
    assert "was replaced or removed" in live(report).message
    assert not rules_of(report) & DAMAGE


@pytest.mark.parametrize("workers", [0, 2])
def test_a_leveldb_under_a_writer_is_never_called_damaged(tmp_path, workers):
    path = tmp_path / "store"
    with writing(LEVELDB, path):
        for _ in range(SCANS // 2):
            assert_only_the_writer_is_blamed(datascan.scan(path, workers=workers))


def test_an_open_leveldb_is_a_note(tmp_path):
    path = tmp_path / "store"
    with open_leveldb(path, create_if_missing=True) as store:
        for i in range(100):
            store.put(b"%04d" % i, b"value %d" % i)
        # Asking for the lock of a store that this process has open would release it.
        assert "live-writer" not in rules_of(datascan.scan(path, workers=0))
    with writing(LEVELDB, path, "hold") as writer:
        before = snapshot(tmp_path)
        report = datascan.scan(path, ignore="not-inspected")
        assert live(report).severity == "info"
        assert "it holds LOCK" in live(report).message
        assert report.verdict == "pass"
        assert snapshot(tmp_path) == before
        with pytest.raises(OSError, match="lock"):
            open_leveldb(path)
        assert writer
    assert "live-writer" not in rules_of(datascan.scan(path))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("way", ["changes", "is open"])
def test_an_hdf5_file_that_is_open_for_writing(tmp_path, libver, way):
    path = write_hdf5(tmp_path / "train.h5", libver)
    with writing(HDF5, path, libver, way):
        for _ in range(5):
            finding = assert_only_the_writer_is_blamed(datascan.scan(path))
            assert "train.h5" in finding.message


def test_a_mark_that_was_left_behind(tmp_path):
    path = write_hdf5(tmp_path / "train.h5", "latest")
    with writing(HDF5, path, "latest", "is open"):
        pass
    finding = assert_only_the_writer_is_blamed(datascan.scan(path))
    assert "h5clear -s" in finding.message
    assert finding.severity == "error"


def write_hdf5(path, libver):
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset(
            "data", data=np.random.default_rng(0).random((500, 8)), maxshape=(None, 8)
        )
    return path


def test_images_that_vanish_or_change_during_the_scan(tmp_path, monkeypatch):
    write_images(tmp_path, 40)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n broken")

    def change():
        (tmp_path / "003.png").unlink()
        (tmp_path / "005.png").write_bytes(b"\x89PNG\r\n\x1a\n half")

    report = scan_and_change(monkeypatch, tmp_path, change)
    finding = live(report)
    assert [example.key for example in finding.examples] == ["003.png", "005.png"]
    assert finding.severity == "error"
    assert finding.records == 2
    (corrupt,) = (found for found in report.findings if found.rule == "corrupt-image")
    assert [example.key for example in corrupt.examples] == ["bad.png"]
    assert "missing-file" not in rules_of(report)


def write_images(folder, count):
    rng = np.random.default_rng(3)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(folder / f"{i:03}.png")


def scan_and_change(monkeypatch, path, change):
    """The report of a scan without workers, during which ``change`` is called once."""
    planned = scanning.plan_or_stop

    def plan_and_change(*arguments):
        plan = planned(*arguments)
        change()
        return plan

    monkeypatch.setattr(scanning, "plan_or_stop", plan_and_change)
    return datascan.scan(path, workers=0)


@pytest.mark.parametrize(("name", "write", "classes"), DATASETS)
def test_no_writer_is_seen_where_there_is_none(tmp_path, name, write, classes):
    path = tmp_path / name
    write(path)
    assert "live-writer" not in rules_of(datascan.scan(path, num_classes=classes))


def test_no_writer_is_seen_in_real_datasets(shared_data):
    for name in ("caffe_uint8_lmdb", "caffe_png_leveldb", "sample_data.h5", "images_wrong"):
        assert "live-writer" not in rules_of(datascan.scan(shared_data / name))
