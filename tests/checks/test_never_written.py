"""HDF5 datasets that were created but never written."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datascan
from datascan.checks.never_written import NeverWritten
from datascan.records.block import Fault
from datascan.report.summary import count_records
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.hdf5 import numbers

DIMENSION = b"This is a netCDF dimension but not a netCDF variable.%10d"


def test_fires_and_passes():
    block = block_of(records=4, faults=(Fault(None, "never-written", "why", 9),))
    found = finding(NeverWritten, block)
    assert (found.records, found.message) == (9, "why")
    assert findings(NeverWritten, block_of(records=4)) == []


@pytest.mark.parametrize("storage", [{}, {"chunks": (10, 4)}, {"compression": "gzip"}], ids=str)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_one_cause_is_one_finding(tmp_path, storage, libver):
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        file.create_dataset("data", (100, 4), "f4", **storage)
        file["label"] = np.arange(100) % 4
    report = datascan.scan(tmp_path / "a.h5")
    (found,) = report.findings
    assert (found.rule, found.severity, found.records) == ("never-written", "error", 100)
    assert "a.h5:data was never written" in found.message
    assert "disk" not in found.fix
    assert (report.dataset.records, report.dataset.total) == (0, 100)
    assert count_records(report.dataset) == "0 of 100 records"


def test_labels_that_were_never_written(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = numbers(100, 4)
        file.create_dataset("label", (100,), "i8")
    report = datascan.scan(tmp_path / "a.h5")
    assert [found.rule for found in report.findings if found.severity == "error"] == [
        "never-written"
    ]
    assert report.dataset.records == 100


@pytest.mark.parametrize("storage", [{}, {"chunks": (10, 4)}], ids=str)
def test_a_fill_value_of_the_writer_may_be_intended(tmp_path, storage):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = numbers(100, 4)
        file.create_dataset("mask", (100, 4), "i4", fillvalue=7, **storage)
    report = datascan.scan(tmp_path / "a.h5", data_key="data")
    (found,) = [found for found in report.findings if found.rule == "not-inspected"]
    assert found.severity == "warning"
    assert "mask: never written, all rows are the fill value 7" in found.message
    assert not [found for found in report.findings if found.severity == "error"]


def test_nothing_but_fill_values_is_an_error(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (100, 4), "f4", fillvalue=-1)
    (found,) = datascan.scan(tmp_path / "a.h5").findings
    assert (found.rule, found.severity) == ("not-inspected", "error")


@pytest.mark.parametrize("early", [True, False])
def test_space_that_was_reserved_at_once_is_read(tmp_path, early):
    """HDF5 has written zeros there: nothing tells them from data."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.CONTIGUOUS if early else h5py.h5d.COMPACT)
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple((20, 4))
        h5py.h5d.create(file.id, b"data", h5py.h5t.IEEE_F32LE, space, plist)
    report = datascan.scan(tmp_path / "a.h5")
    assert report.dataset.records == 20
    assert "constant-record" in {found.rule for found in report.findings}
    assert "never-written" not in {found.rule for found in report.findings}


def dimension(file, name, length):
    """A dimension without values, as netCDF-4 writes it."""
    scale = file.create_dataset(name, (length,), ">f4")
    scale.attrs.create("CLASS", np.bytes_(b"DIMENSION_SCALE"))
    scale.attrs.create("NAME", np.bytes_(DIMENSION % length))


def test_dimensions_of_netcdf_are_not_data(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        dimension(file, "time", 100)
        dimension(file, "channel", 4)
        file["t2m"] = numbers(100, 4)
    report = datascan.scan(tmp_path / "a.nc", backend="hdf5")
    assert report.dataset.records == 100
    assert {found.rule for found in report.findings} <= {"duplicate-record", "constant-feature"}


def test_a_file_of_nothing_but_a_dimension(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        dimension(file, "lat", 4_500_000_000)
    (found,) = datascan.scan(tmp_path / "a.nc", backend="hdf5").findings
    assert (found.rule, found.records) == ("never-written", 4_500_000_000)
