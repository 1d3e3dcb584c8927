"""Values that are read without the library are those that it reads."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest

import datascan
from datascan.executors.process_pool import worker_group
from datascan.readers.hdf5 import direct_read
from datascan.readers.hdf5.direct_read import DirectReader
from datascan.readers.hdf5.inventory import read_info


def direct(dataset):
    return DirectReader.of(dataset, read_info(b"data", dataset))


@pytest.mark.parametrize("dtype", ["?", "u1", "<i2", ">i4", "f2", "<f4", ">f8", "c8"])
def test_values_of_every_type(tmp_path, dtype):
    values = np.random.default_rng(0).integers(0, 2, (7, 3)).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = values
    with h5py.File(tmp_path / "a.h5") as file:
        reader = direct(file["data"])
        found = reader.read(2, 6)
    expected = values[2:6]
    if expected.dtype.kind == "c":
        expected = expected.view("f4").reshape(4, 3, 2)
    assert found.tolist() == expected.astype(found.dtype).tolist()


@pytest.mark.parametrize("storage", [{"chunks": (2, 3)}, {"compression": "gzip"}])
def test_chunks_are_left_to_the_library(tmp_path, storage):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=np.zeros((7, 3)), **storage)
        file.flush()
        assert direct(file["data"]) is None


def cut_after(path, offset, calls):
    """Measures, and cuts the file after a number of pieces."""
    measure, done = direct_read.compute_stats_into, []

    def measure_and_cut(*arguments):
        measure(*arguments)
        done.append(None)
        if len(done) == calls:
            os.truncate(path, offset)

    return measure_and_cut


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("calls", [1, 3, 6])
@pytest.mark.parametrize("left", [0, 1, 700, 1535])
def test_a_file_that_is_cut_while_it_is_read(tmp_path, monkeypatch, workers, calls, left):
    """Rows that could not be read, or not again, are counted; the others are measured.

    The last piece is the sixth: then all were read, and metrics read some again.
    """
    path = tmp_path / "a.h5"
    values = np.random.default_rng(0).normal(size=(1536, 1024)).astype("f")
    values[left - 1 : left, 7] = np.nan
    with h5py.File(path, "w") as file:
        file["label"] = np.arange(1536) % 3
        file["data"] = values
        offset = file["data"].id.get_offset()
    cut = cut_after(path, offset + left * values[0].nbytes + 100, calls)
    monkeypatch.setattr(direct_read, "compute_stats_into", cut)
    monkeypatch.setattr(worker_group, "start_method", lambda: "fork")
    report = datascan.scan(path, workers=workers)
    assert report.dataset.records == 1536
    found = {finding.rule: finding.records for finding in report.findings}
    assert found == {"live-writer": 1536 - left} | ({"nan-value": 1} if left else {})
