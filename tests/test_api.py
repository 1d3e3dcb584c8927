"""Scanning from Python: paths in any form, checked options, closed datasets."""

from __future__ import annotations

import numpy as np
import pytest

import datascan
from datascan import api
from tests.builders.caffe import inner, layer, softmax_loss, write_net
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


@pytest.fixture
def net(tmp_path):
    """A net whose source has a bad record."""
    values = np.ones((6, 2), np.float32)
    values[4, 1] = np.nan
    write_hdf5(tmp_path / "train.h5", data=values, label=np.arange(6) % 2)
    (tmp_path / "train.txt").write_text("train.h5\n")
    param = 'hdf5_data_param { source: "train.txt" batch_size: 2 }'
    source = layer("data", "HDF5Data", "", "data label", param)
    return write_net(tmp_path, source, inner("ip", "data", 2), softmax_loss())


def test_a_net_is_scanned_with_its_data_unless_it_is_not_wanted(net):
    scanned = datascan.scan_net(net, workers=0)
    assert [source.dataset.records for source in scanned.sources] == [6]
    assert scanned.sources[0].histogram is not None
    plain = datascan.scan_net(net, workers=0, thumbnails=False)
    assert plain.sources[0].histogram is None
    assert not datascan.scan_net(net, workers=0, data=False).sources


def test_a_net_is_judged_with_its_solver(net, tmp_path):
    text = 'base_lr: nan lr_policy: "fixed" max_iter: 10'
    solver = write_net(tmp_path, text, name="s.prototxt")
    found = datascan.scan_net(net, solver, tmp_path, workers=0, data=False).findings
    assert "lr-not-finite" in [finding.rule for finding in found]


def test_a_log_names_the_records_of_its_net(net, tmp_path):
    log = tmp_path / "loss.csv"
    log.write_text("iteration,loss\n0,2.3\n1,2.2\n2,nan\n")
    alone = datascan.scan_log(log, workers=0)
    assert (alone.log.cause, alone.log.culprits) == ("sudden-nan", None)
    assert not alone.sources
    named = datascan.scan_log(str(log), str(net), workers=0)
    assert named.log.culprits == [4]
    assert named.sources[0].histogram is not None
    plain = datascan.scan_log(log, net, root=tmp_path, workers=0, thumbnails=False)
    assert plain.sources[0].histogram is None
