"""Chunks whose filters make another number of bytes of them than a chunk holds."""

from __future__ import annotations

import struct
import zlib

import h5py
import numpy as np
import pytest

import datascan
from datascan.readers.hdf5 import filters
from datascan.readers.hdf5.filters import ChunkGuard, WrongSizeError, claimed_bytes, unshuffle
from tests.builders.hdf5 import STORAGE, hdf5plugin, numbers, row_faults, rules, scanned, write_hdf5
from tests.builders.hdf5_bombs import packed

HEALTHY = {
    **{name: storage for name, storage in STORAGE.items() if name not in {"contiguous", "chunked"}},
    "lzf, checksum": {"compression": "lzf", "shuffle": True, "fletcher32": True},
    "gzip, checksum": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "scaleoffset": {"scaleoffset": 0},
}
if hdf5plugin is not None:
    HEALTHY |= {
        "bzip2": dict(hdf5plugin.BZip2()),
        "lz4": dict(hdf5plugin.LZ4()),
        "blosc2": dict(hdf5plugin.Blosc2()),
        "bitshuffle alone": dict(hdf5plugin.Bitshuffle(cname="none")),
        "bitshuffle, zstd": dict(hdf5plugin.Bitshuffle(cname="zstd")),
    }
ROWS = {
    "random": np.random.default_rng(0).integers(-(2**31), 2**31, (20, 64)),
    "zeros": np.zeros((20, 64)),
    "small": numbers(20, 64),
}


@pytest.mark.parametrize("values", ROWS)
@pytest.mark.parametrize("storage", HEALTHY)
def test_healthy_chunks_have_their_size(tmp_path, storage, values):
    rows = ROWS[values].astype("i4")
    path = write_hdf5(tmp_path / "a.h5", data=(rows, {"chunks": (7, 33), **HEALTHY[storage]}))
    with h5py.File(path) as file:
        guard = ChunkGuard.of(file["data"])
        guard.require(0, 20)
        plain = guard.undo(*guard.read((0, 0)), (0, 0))
    if {code for code, _ in guard.filters} <= filters.UNDONE:
        assert plain == rows[:7, :33].tobytes()
    assert "damaged-store" not in rules(scanned(path))


@pytest.mark.parametrize("level", [1, 3])
@pytest.mark.parametrize("codes", [(1,), (2, 1), (1, 3), (1, 1), (307,)])
def test_a_chunk_that_is_too_short_is_not_read(tmp_path, codes, level):
    """HDF5 2.0 reads memory past the end of the chunk as values."""
    rows = np.random.default_rng(0).integers(1, 255, (4, 3000), np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = packed(file, "data", rows.shape, (1, 3000), codes=codes)
        dataset = h5py.Dataset(data)
        dataset[...] = rows
        whole = data.read_direct_chunk((0, 0))[1]
        other = packed(file, "other", (4, 3000 >> level), (1, 3000 >> level), codes=codes)
        h5py.Dataset(other)[...] = rows[:, : 3000 >> level]
        short = other.read_direct_chunk((2, 0))[1]
        del file["other"]
        data.write_direct_chunk((2, 0), short)
        assert len(short) < len(whole)
    result = scanned(tmp_path / "a.h5")
    faults = row_faults(result, "damaged-store")
    assert list(faults) == [2]
    assert f"chunk (2, 0) holds {3000 >> level:,} bytes instead of 3,000 bytes" in faults[2]


@pytest.mark.parametrize(
    ("code", "values", "octets", "size"),
    [
        (filters.LZF, (4, 261, 4000), b"", 4000),
        (filters.LZF, (), b"", None),
        (filters.SZIP, (), struct.pack("<I", 4000), 4000),
        (filters.BLOSC, (), struct.pack("<III", 2, 4000, 16), 4000),
        (filters.LZ4, (), struct.pack(">QI", 4000, 16), 4000),
        (filters.BITSHUFFLE, (0, 3, 1, 0, 2), struct.pack(">QI", 4000, 16), 4000),
        (filters.BITSHUFFLE, (0, 3, 1, 0, 0), bytes(70), 70),
        (filters.NBIT, (8, 0, 1000, 1, 4), b"", 4000),
        (filters.NBIT, (8, 1, 1000, 1, 4), bytes(70), 70),
        (filters.SCALEOFFSET, (2, 0, 1000, 0, 4), b"", 4000),
        (filters.ZSTD, (), b"\x28\xb5\x2f\xfd\x20\xc8\x00\x00", 200),
        (filters.ZSTD, (), b"\x28\xb5\x2f\xfd\x60\xa0\x0e\x00", 4000),
        (filters.ZSTD, (), b"\x28\xb5\x2f\xfd\xa0\xa0\x0f\x00\x00", 4000),
        (filters.ZSTD, (), b"\x28\xb5\x2f\xfd\xc1\x50\x07" + struct.pack("<Q", 4000), 4000),
        (filters.ZSTD, (), b"\x28\xb5\x2f\xfd\x00\x50\x01\x00", None),
        (filters.ZSTD, (), b"no zstd at all", None),
        (32013, (), bytes(70), None),
    ],
)
def test_what_the_header_of_a_chunk_claims(code, values, octets, size):
    assert claimed_bytes(code, values, octets) == size


@pytest.mark.parametrize(
    ("code", "octets", "size"),
    [
        (filters.SZIP, b"\1\2\3\4rest", 0x04030201),
        (filters.BLOSC, b"head\1\2\3\4rest", 0x04030201),
        (filters.LZ4, b"\0\0\0\0\1\2\3\4rest", 0x01020304),
    ],
)
def test_every_byte_of_a_claim_counts(code, octets, size):
    assert claimed_bytes(code, (), octets) == size


@pytest.mark.parametrize(("claim", "is_read"), [(8 << 30, False), (999, False), (1000, True)])
def test_claims_are_compared_with_the_chunk(tmp_path, claim, is_read):
    frame = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", claim) + b"\x03\x00\x00\x00"
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = h5py.Dataset(packed(file, "data", (4, 1000), (1, 1000), codes=(filters.ZSTD,)))
        data.id.write_direct_chunk((0, 0), frame)
        guard = ChunkGuard.of(data)
        if is_read:
            guard.require(0, 1)
        else:
            with pytest.raises(WrongSizeError, match=r"chunk \(0, 0\) holds"):
                guard.require(0, 1)


def test_masked_filters_were_not_applied(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = h5py.Dataset(packed(file, "data", (4, 1000), (1, 1000), codes=(2, 1)))
        data.id.write_direct_chunk((0, 0), bytes(1000), 3)
        data.id.write_direct_chunk((1, 0), bytes(999), 3)
        data.id.write_direct_chunk((2, 0), zlib.compress(bytes(1000)), 1)
        guard = ChunkGuard.of(data)
        guard.require(0, 1)
        guard.require(2, 4)
        with pytest.raises(WrongSizeError, match="999 bytes instead of 1,000"):
            guard.require(0, 2)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 8, 200])
def test_unshuffle_is_what_hdf5_does(tmp_path, size):
    rows = np.random.default_rng(1).integers(0, 255, 67, np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((67,))
        plist.set_filter(2, h5py.h5z.FLAG_OPTIONAL, (max(1, size),))
        space = h5py.h5s.create_simple((67,))
        data = h5py.h5d.create(file.id, b"data", h5py.h5t.STD_U8LE, space, plist)
        h5py.Dataset(data)[...] = rows
        file.flush()
        _, octets = data.read_direct_chunk((0,))
        _, values = ChunkGuard.of(h5py.Dataset(data)).filters[0]
    assert unshuffle(octets, values[0]) == rows.tobytes()


def test_a_source_of_a_virtual_dataset_with_a_short_chunk(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = packed(file, "source", (4, 1000), (1, 1000))
        for row in range(4):
            data.write_direct_chunk((row, 0), zlib.compress(bytes(1000 - row)))
        layout = h5py.VirtualLayout((4, 1000), "u1")
        layout[:] = h5py.VirtualSource(".", "source", (4, 1000))
        file.create_virtual_dataset("data", layout)
    report = datascan.scan(tmp_path / "a.h5", data_key="data", workers=0)
    (found,) = [one for one in report.findings if one.rule == "damaged-store"]
    assert found.records == 4
    assert "999 bytes instead of 1,000 bytes" in str(found)
