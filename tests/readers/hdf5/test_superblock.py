"""HDF5 files that consist of several files are not damaged, but cannot be read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datascan
from datascan.readers.hdf5.superblock import find_driver, read_driver
from tests.builders.hdf5 import numbers, write_hdf5

LIBVERS = ["earliest", "latest"]


def fill(file):
    file["data"] = numbers(2000, 40)
    file["label"] = np.arange(2000) % 4


def family(folder, name="train-%05d.h5", libver="latest", size=1 << 16):
    with h5py.File(folder / name, "w", driver="family", memb_size=size, libver=libver) as file:
        fill(file)
    return sorted(folder.glob("train-*.h5"))


def split(folder, libver="latest"):
    with h5py.File(folder / "train", "w", driver="split", libver=libver) as file:
        fill(file)
    return sorted(folder.glob("train-*.h5"))


@pytest.mark.parametrize("libver", LIBVERS)
@pytest.mark.parametrize("size", [1 << 16, 1 << 26])
@pytest.mark.parametrize("name", ["train-%05d.h5", "train-%d.h5"])
def test_members_of_a_family(tmp_path, libver, size, name):
    files = family(tmp_path, name, libver, size)
    assert len(files) == (6 if size == 1 << 16 else 1)
    assert {find_driver(path) for path in files} == {"family"}
    assert read_driver(files[0]) == "family"


@pytest.mark.parametrize("libver", LIBVERS)
def test_both_files_of_split(tmp_path, libver):
    assert [find_driver(path) for path in split(tmp_path, libver)] == ["multi", "multi"]


@pytest.mark.parametrize("libver", LIBVERS)
def test_other_files_have_no_driver(tmp_path, libver):
    with h5py.File(tmp_path / "a-0.h5", "w", libver=libver) as file:
        fill(file)
    (tmp_path / "a-1.h5").write_bytes(b"something else")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "cut-0.h5").write_bytes((tmp_path / "a-0.h5").read_bytes()[:40])
    for path in (*tmp_path.iterdir(), tmp_path / "no such file"):
        assert find_driver(path) is None


@pytest.mark.parametrize("make", [family, split])
def test_they_are_not_inspected_rather_than_damaged(tmp_path, make):
    paths = make(tmp_path)
    for given in (paths[:1], paths):
        report = datascan.scan(given, backend="hdf5")
        (found,) = report.findings
        assert (found.rule, found.severity) == ("not-inspected", "error")
        assert f"{paths[0].name}: one of several files that make up one" in found.message
        assert found.message.startswith(f"{len(given)} file")


def test_other_files_of_the_dataset_are_read(tmp_path):
    one = write_hdf5(tmp_path / "a.h5", data=numbers(20, 40), label=np.arange(20) % 2)
    report = datascan.scan([one, family(tmp_path)[0]], backend="hdf5")
    (found,) = [found for found in report.findings if found.rule == "not-inspected"]
    assert (report.dataset.records, found.severity) == (20, "warning")
