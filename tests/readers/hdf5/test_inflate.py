"""The quick way to inflate gives what HDF5 gives, and leaves to it whatever is odd."""

from __future__ import annotations

import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datascan
from datascan.readers.hdf5.inflate import GzipReader

DTYPES = ["u1", "<i2", ">i4", "<f4", ">f8", "<u8"]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(DTYPES), st.booleans(), st.integers(0, 9))
def test_any_rows_of_any_chunks(tmp_path_factory, data, dtype, shuffle, level):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    chunks = tuple(data.draw(st.integers(1, n)) for n in shape)
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    path = tmp_path_factory.mktemp("h5") / "a.h5"
    packing = {"compression": "gzip", "compression_opts": level, "shuffle": shuffle}
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=chunks, **packing)
    first = data.draw(st.integers(0, shape[0] - 1))
    stop = data.draw(st.integers(first + 1, shape[0]))
    with h5py.File(path) as file:
        inflater = GzipReader.of(file["x"])
        read = inflater.read(first, stop)
    assert read.dtype == values.dtype
    assert np.array_equal(read, values[first:stop])


@pytest.mark.parametrize(
    "packing",
    [
        {},
        {"compression": "lzf"},
        {"compression": "gzip", "fletcher32": True},
        {"scaleoffset": 0},
    ],
)
def test_other_pipelines_are_left_to_hdf5(tmp_path, packing):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = np.arange(100).reshape(50, 2)
        file.create_dataset("x", data=data, chunks=(10, 2), **packing)
        assert GzipReader.of(file["x"]) is None
        assert GzipReader.of(file.create_dataset("y", data=data)) is None


def test_what_is_missing_skipped_or_damaged_is_left_to_hdf5(tmp_path):
    values = np.arange(400, dtype=np.float32).reshape(40, 10)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (40, 10), "f4", chunks=(10, 10), compression="gzip")
        data[:30] = values[:30]
        data.id.write_direct_chunk((10, 0), values[10:20].tobytes(), filter_mask=1)
        where = data.id.get_chunk_info_by_coord((20, 0))
    content = bytearray(path.read_bytes())
    checksum = where.byte_offset + where.size - 4
    content[checksum : checksum + 4] = bytes(4)
    path.write_bytes(content)
    with h5py.File(path) as file:
        inflater = GzipReader.of(file["x"])
        assert np.array_equal(inflater.read(0, 10), values[:10])
        assert inflater.read(5, 15) is None
        assert inflater.read(20, 30) is None
        assert inflater.read(30, 40) is None


def test_a_packed_dataset_that_was_never_written_is_not_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        packing = {"chunks": (3, 5), "compression": "gzip", "fillvalue": 2.5}
        assert GzipReader.of(file.create_dataset("data", (20, 5), "f4", **packing)) is None
    report = datascan.scan(tmp_path / "a.h5")
    assert report.dataset.records == 0
    (found,) = report.findings
    assert found.rule == "not-inspected"
    assert "data: never written, all rows are the fill value 2.5" in found.message


@pytest.mark.parametrize("chunks", [(16, 8), (16, 4)])
def test_a_chunk_that_unpacks_to_more_than_it_holds_is_damage(tmp_path, monkeypatch, chunks):
    """HDF5 is never asked for it: it would unpack all, however much that is."""
    values = np.arange(64 * 8, dtype=np.float32).reshape(64, 8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", data=values, chunks=chunks, compression="gzip")
        data.id.write_direct_chunk((16, 8 - chunks[1]), zlib.compress(bytes(16 << 20)))
    asked = []
    monkeypatch.setattr(
        h5py.Dataset,
        "__getitem__",
        lambda _, rows: asked.append(rows) or values[rows],
    )
    report = datascan.scan(tmp_path / "a.h5", workers=0)
    (damaged,) = (f for f in report.findings if f.rule == "damaged-store")
    assert (report.dataset.records, damaged.records) == (64, 16)
    where = f"chunk (16, {8 - chunks[1]}) holds more than {16 * chunks[1] * 4} bytes"
    assert where in str(damaged)
    assert asked == []
