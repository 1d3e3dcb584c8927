"""What a dataset contains that cannot be read as data of records."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datascan.readers.hdf5.inventory import describe_unsupported

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
