"""What a dataset contains that cannot be read as data of records."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datascan
from datascan.readers.hdf5.inventory import describe_unsupported
from tests.builders.hdf5 import numbers, write_hdf5

BYTES = h5py.vlen_dtype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "dtype", "is_supported"),
    [
        ((3,), "f4", True),
        ((3, 2), "u1", True),
        ((3,), "?", True),
        ((3,), "c8", True),
        ((), "f4", False),
        ((), "S3", False),
        ((3,), "S3", False),
        ((3,), h5py.string_dtype(), False),
        ((3,), [("a", "i4")], False),
        ((3,), h5py.ref_dtype, False),
        ((3,), h5py.vlen_dtype(np.int32), False),
        ((3,), BYTES, True),
        ((3, 1), BYTES, True),
        ((3, 2), BYTES, False),
        ((), BYTES, False),
    ],
)
def test_what_can_be_read(tmp_path, shape, dtype, is_supported):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("data", shape, dtype)
        assert (describe_unsupported(dataset) is None) == is_supported


def test_a_dataset_without_values(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = h5py.Empty("f4")
        assert describe_unsupported(file["data"])


FOREIGN = {
    "UNIX_D32LE": "times",
    "UNIX_D64BE": "times",
    "IEEE_F128LE": "floats",
    "IEEE_F128BE": "floats",
}


@pytest.mark.parametrize("name", [name for name in FOREIGN if hasattr(h5py.h5t, name)])
def test_types_that_h5py_cannot_read_are_not_damage(tmp_path, name):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(20, 3), label=np.arange(20) % 2)
    with h5py.File(path, "a") as file:
        space = h5py.h5s.create_simple((20,))
        h5py.h5d.create(file.id, b"odd", getattr(h5py.h5t, name), space)
    report = datascan.scan(path)
    (found,) = [found for found in report.findings if found.rule == "not-inspected"]
    assert f"odd: {FOREIGN[name]} of a type that NumPy does not have" in found.message
    assert "damaged-store" not in {found.rule for found in report.findings}
    assert report.dataset.records == 20
