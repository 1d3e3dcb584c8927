"""Compression filters that are not installed are not damage."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from tests.builders.hdf5 import hdf5plugin, numbers, write_hdf5
from tests.builders.hidden import hiding, scan_in

ZSTD = "compressed with filter 32015 (zstd), which is not installed"
INSTALL = 'pip install "datascan[hdf5-filters]"'

pytestmark = pytest.mark.skipif(
    hdf5plugin is None, reason="hdf5plugin, which writes the files, is not installed"
)


@pytest.fixture
def without(tmp_path):
    return hiding(tmp_path / "hidden", "hdf5plugin")


def zstd(rows, **more):
    return rows, {"chunks": (5, *rows.shape[1:]), **hdf5plugin.Zstd(), **more}


def finding_of(report):
    """The only finding of an HDF5 file that is not damaged."""
    assert "damaged-store" not in str(report["findings"])
    (finding,) = [one for one in report["findings"] if one["rule"] == "not-inspected"]
    assert ZSTD in finding["message"]
    assert INSTALL in finding["fix"]
    return finding


@pytest.mark.parametrize("workers", [0, 2])
def test_a_missing_filter_fails_if_nothing_else_was_inspected(tmp_path, without, workers):
    path = write_hdf5(tmp_path / "a.h5", data=zstd(numbers(20, 3)), label=np.arange(20) % 2)
    report = scan_in(without, path, "--workers", str(workers))
    finding = finding_of(report)
    assert finding["severity"] == "error"
    assert finding["message"] == f"1 field was not inspected: data: {ZSTD}"
    assert [one["rule"] for one in report["findings"]] == ["not-inspected"]
    report = scan_in(hiding(tmp_path / "nothing"), path)
    assert "not-inspected" not in str(report["findings"])
    assert report["dataset"]["records"] == 20


def test_a_missing_filter_of_another_column_is_a_warning(tmp_path, without):
    columns = {"data": numbers(20, 3), "label": zstd(np.arange(20) % 2)}
    report = scan_in(without, write_hdf5(tmp_path / "a.h5", **columns))
    assert report["dataset"]["records"] == 20
    assert finding_of(report)["severity"] == "warning"


def test_a_source_of_a_virtual_dataset(tmp_path, without):
    write_hdf5(tmp_path / "source.h5", data=zstd(numbers(20, 3)))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        layout = h5py.VirtualLayout((20, 3), "f4")
        layout[:] = h5py.VirtualSource("source.h5", "data", (20, 3))
        file.create_virtual_dataset("data", layout)
    message = finding_of(scan_in(without, tmp_path / "a.h5"))["message"]
    assert f"data: mapped to source source.h5:data, {ZSTD}" in message


@pytest.mark.parametrize("plain", [20, 5])
def test_chunks_that_were_written_without_an_optional_filter(tmp_path, without, plain):
    path = write_hdf5(tmp_path / "a.h5", data=zstd(numbers(20, 3)))
    with h5py.File(path, "a") as file:
        for first in range(0, plain, 5):
            octets = np.full((5, 3), first, "f4").tobytes()
            file["data"].id.write_direct_chunk((first, 0), octets, 1)
    report = scan_in(without, path)
    if plain == 20:
        assert report["dataset"]["records"] == 20
        assert "not-inspected" not in str(report["findings"])
    else:
        finding_of(report)
