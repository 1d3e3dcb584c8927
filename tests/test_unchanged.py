"""No byte, name or time stamp of a dataset changes by being scanned."""

from __future__ import annotations

import pytest

import datascan
from datascan.testing.reader_laws import snapshot
from tests.builders.demo import DATASETS


@pytest.mark.parametrize(("name", "write", "classes"), DATASETS)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_stays_as_it_is(tmp_path, name, write, classes, workers):
    path = tmp_path / name
    write(path)
    before = snapshot(tmp_path)
    report = datascan.scan(path, num_classes=classes, workers=workers)
    assert report.dataset.records > 0
    assert snapshot(tmp_path) == before


def test_real_datasets_stay_as_they_are(shared_data):
    for name in ("caffe_uint8_lmdb", "caffe_png_leveldb", "sample_data_2_gzip.h5"):
        before = snapshot(shared_data / name)
        datascan.scan(shared_data / name)
        assert snapshot(shared_data / name) == before
