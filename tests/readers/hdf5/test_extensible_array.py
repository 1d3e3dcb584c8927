"""Offsets of chunks whose unlimited axis is not the first: HDF5 reports wrong ones."""

from __future__ import annotations

import itertools

import h5py
import numpy as np
import pytest

from datascan.readers.hdf5.chunks import inspect_chunks, read_entries
from tests.builders.hdf5 import numbers, place_faults, row_faults, scanned

SHAPE, CHUNKS = (20, 6, 5), (8, 3, 2)


def written(path, maxshape, libver="latest", shape=SHAPE, chunks=CHUNKS, **storage):
    values = 1 + numbers(*shape)
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("data", data=values, chunks=chunks, maxshape=maxshape, **storage)
        file["label"] = np.arange(shape[0]) % 4
    return path


MAXSHAPES = [
    tuple(given)
    for given in itertools.product(*((n, None, 3 * n + 1) for n in SHAPE))
    if given.count(None) == 1
]


@pytest.mark.parametrize("libver", ["earliest", "v110", "latest"])
@pytest.mark.parametrize("maxshape", MAXSHAPES, ids=str)
def test_every_unlimited_axis_is_healthy(tmp_path, maxshape, libver):
    path = written(tmp_path / "a.h5", maxshape, libver)
    with h5py.File(path) as file:
        offsets = read_entries(file["data"])[:, :-3].astype(int).tolist()
    grid = itertools.product(*(range(0, n, c) for n, c in zip(SHAPE, CHUNKS, strict=True)))
    assert sorted(map(tuple, offsets)) == sorted(grid)
    result = scanned(path)
    assert (place_faults(result, "damaged-store"), row_faults(result, "damaged-store")) == ([], {})


@pytest.mark.parametrize("storage", [{}, {"compression": "gzip"}, {"compression": "lzf"}], ids=str)
def test_a_missing_chunk_is_the_one_that_is_missing(tmp_path, storage):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset(
            "data", (40, 6), "f4", maxshape=(40, None), chunks=(8, 3), **storage
        )
        for row, column in itertools.product(range(0, 40, 8), (0, 3)):
            if (row, column) != (16, 3):
                data[row : row + 8, column : column + 3] = 1 + numbers(8, 3, seed=row + column)
    faults = row_faults(scanned(path), "damaged-store")
    assert list(faults) == list(range(16, 24))
    assert faults[16].startswith("data: chunk (16, 3) was lost or never written")


def test_only_the_first_band_was_written(tmp_path):
    """The reported offsets would also fit an index that lists them rightly."""
    for libver in ("earliest", "latest"):
        path = tmp_path / f"{libver}.h5"
        with h5py.File(path, "w", libver=libver) as file:
            data = file.create_dataset("data", (40, 6), "f4", maxshape=(40, None), chunks=(8, 3))
            data[:8] = 1 + numbers(8, 6)
        with h5py.File(path) as file:
            found = inspect_chunks(file["data"])
        assert [(hole.first, hole.stop) for hole in found.holes] == [(8, 40)]
        assert found.error == ""
