from __future__ import annotations

import pytest

from tests.builders.caffe import (
    TEST,
    TRAIN,
    data,
    inner,
    net_findings,
    scan_prototxt,
    softmax_loss,
    write_datums,
)
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums

RULE = "source-mismatch"
BELOW = inner("ip", "data", 4) + softmax_loss()


def test_a_leveldb_that_is_called_an_lmdb(tmp_path):
    write_leveldb(tmp_path / "train_lmdb", numbered(random_datums(40)))
    report = scan_prototxt(tmp_path, data() + BELOW, data=True)
    assert net_findings(report, RULE) == [("data", "backend is LMDB, but train_lmdb is a LevelDB")]
    (source,) = report.sources
    assert (source.dataset.backend, source.dataset.records) == ("leveldb", 40)


@pytest.mark.parametrize("backend", ["backend: LEVELDB", ""])
def test_an_lmdb_that_is_called_a_leveldb(tmp_path, backend):
    write_datums(tmp_path / "train_lmdb")
    net = data().replace("backend: LMDB", backend) + BELOW
    ((key, detail),) = net_findings(scan_prototxt(tmp_path, net, data=True), RULE)
    assert key == "data"
    assert detail.startswith("backend is LEVELDB, but train_lmdb is an LMDB")


def test_backends_as_they_are(tmp_path):
    write_leveldb(tmp_path / "train_lmdb", numbered(random_datums(40)))
    net = data().replace("backend: LMDB", "") + BELOW
    assert net_findings(scan_prototxt(tmp_path, net, data=True), RULE) == []


def two(tmp_path, train=(3, 8, 8), test=(3, 8, 8), train_more="", test_more=""):
    write_datums(tmp_path / "train_lmdb", shape=train)
    write_datums(tmp_path / "test_lmdb", shape=test)
    net = data(f"{TRAIN} {train_more}") + data(f"{TEST} {test_more}", source="test_lmdb") + BELOW
    return net_findings(scan_prototxt(tmp_path, net, data=True), RULE)


def test_train_and_test_alike(tmp_path):
    assert two(tmp_path) == []


def test_channels_differ(tmp_path):
    ((key, detail),) = two(tmp_path, test=(1, 8, 8))
    assert key == "data"
    assert detail == (
        "TEST and TRAIN differ in channels: test_lmdb gives 1x8x8, train_lmdb gives 3x8x8"
    )


def test_shapes_differ(tmp_path):
    ((_, detail),) = two(tmp_path, test=(3, 8, 6))
    assert "differ in shape: test_lmdb gives 3x8x6, train_lmdb gives 3x8x8" in detail


def test_crops_make_shapes_equal(tmp_path):
    crop = "transform_param { crop_size: 5 }"
    assert two(tmp_path, test=(3, 8, 6), train_more=crop, test_more=crop) == []


def test_a_crop_that_is_larger_than_the_images(tmp_path):
    crop = "transform_param { crop_size: 9 }"
    found = two(tmp_path, train_more=crop, test_more=crop, test=(3, 9, 9))
    assert found == [
        (
            "data",
            (
                "crop_size 9 is larger than the 3x8x8 images of train_lmdb "
                "(200 of 200 records are too small)"
            ),
        )
    ]


def test_old_crops_in_data_param(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    net = data(settings="crop_size: 20") + BELOW
    ((_, detail),) = net_findings(scan_prototxt(tmp_path, net, data=True), RULE)
    assert detail.startswith("crop_size 20 is larger than the 3x8x8 images")
