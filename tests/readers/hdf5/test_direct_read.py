"""Values that are read without the library are those that it reads."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

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
