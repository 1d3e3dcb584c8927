"""Scanning from Python: paths in any form, checked options, closed datasets."""

from __future__ import annotations

import numpy as np
import pytest

import datascan
from datascan import api
from tests.builders.hdf5 import write_hdf5


@pytest.fixture
def file(tmp_path):
    return write_hdf5(tmp_path / "a.h5", data=np.ones((3, 2), np.float32), label=np.arange(3))


def test_the_functions_of_the_package_are_those_of_the_api():
    assert datascan.scan is api.scan
    assert datascan.scan_net is api.scan_net
    assert datascan.scan_log is api.scan_log


def test_a_path_may_be_a_string_a_path_or_several(file):
    reports = [datascan.scan(path, workers=0) for path in (file, str(file), [file])]
    assert [report.dataset.records for report in reports] == [3, 3, 3]
    assert datascan.scan([file, str(file)], workers=0).dataset.records == 6


def test_the_backend_can_be_named(file):
    assert datascan.scan(file, backend="hdf5", workers=0).dataset.records == 3
    with pytest.raises(datascan.UsageError, match="backend"):
        datascan.scan(file, backend="zip")


def test_thumbnails_and_samples_can_be_left_out(file):
    assert datascan.scan(file, workers=0).histogram is not None
    assert datascan.scan(file, workers=0, thumbnails=False).histogram is None


def test_options_are_checked_before_anything_is_read(tmp_path):
    for scan in (datascan.scan, datascan.scan_net, datascan.scan_log):
        with pytest.raises(datascan.UsageError, match="num_classes"):
            scan(tmp_path / "absent", num_clases=3)


def test_what_does_not_exist(tmp_path):
    for scan in (datascan.scan, datascan.scan_net, datascan.scan_log):
        with pytest.raises(datascan.DatasetError):
            scan(tmp_path / "absent")
