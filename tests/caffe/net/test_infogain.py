"""Matrices in files of BlobProto."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.caffe.net import infogain
from datascan.caffe.net.infogain import blob_class, read_matrix
from tests.builders.caffe import write_blob

MATRIX = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_matrix(tmp_path, legacy):
    assert (
        read_matrix(write_blob(tmp_path / "m", MATRIX, legacy=legacy)).tolist() == MATRIX.tolist()
    )


def write(path, shape=(), legacy=(), data=(), doubles=()):
    blob = blob_class()()
    if shape:
        blob.shape.dim.extend(shape)
    for name, length in zip(("num", "channels", "height", "width"), legacy, strict=False):
        setattr(blob, name, length)
    blob.data.extend(data)
    blob.double_data.extend(doubles)
    path.write_bytes(blob.SerializeToString())
    return path


def test_numbers_of_double_precision(tmp_path):
    path = write(tmp_path / "m", shape=(1, 2), data=[9], doubles=[0.1, 1e300])
    assert read_matrix(path).tolist() == [[0.1, 1e300]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1, 2, 3), (2, 3)),
        ((1, 6), (1, 6)),
        ((1, 1, 6), (1, 6)),
        ((6,), (6,)),
        ((2, 1, 3), (2, 1, 3)),
    ],
)
def test_leading_axes_of_length_1_are_left_out(tmp_path, shape, expected):
    path = write(tmp_path / "m", shape=shape, data=range(6))
    assert read_matrix(path).shape == expected


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"shape": (2, 3), "data": range(5)}, "holds 5 numbers, but its shape is 2x3"),
        ({"legacy": (1, 1, 2, 3), "data": range(7)}, "holds 7 numbers, but its shape is 1x1x2x3"),
        ({"shape": (0, 3)}, "holds 0 numbers, but its shape is 0x3"),
        ({}, "holds 0 numbers, but its shape is 0x0x0x0"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path, options, why):
    with pytest.raises(ValueError, match=why):
        read_matrix(write(tmp_path / "m", **options))


def test_other_files(tmp_path, monkeypatch):
    (tmp_path / "m").write_bytes(b"\xff\xff text")
    with pytest.raises(ValueError, match="is not a BlobProto: the message is truncated"):
        read_matrix(tmp_path / "m")
    with pytest.raises(FileNotFoundError):
        read_matrix(tmp_path / "absent")
    monkeypatch.setattr(infogain, "MAX_MATRIX_BYTES", 3)
    with pytest.raises(OSError, match="more than 3 bytes"):
        read_matrix(write_blob(tmp_path / "m", MATRIX))


def test_bytes_as_caffe_writes_them(tmp_path):
    numbers = np.array([1.5, -2], "<f4").tobytes()
    (tmp_path / "m").write_bytes(b"\x08\x01\x10\x01\x18\x01\x20\x02\x2a\x08" + numbers)
    assert read_matrix(tmp_path / "m").tolist() == [[1.5, -2]]
    doubles = np.array([0.1, 7], "<f8").tobytes()
    (tmp_path / "m").write_bytes(b"\x3a\x04\x0a\x02\x02\x01\x42\x10" + doubles)
    assert read_matrix(tmp_path / "m").tolist() == [[0.1], [7]]
