"""Chunks that are missing, and an index that hides them: rows that HDF5 would make up."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.readers.hdf5.chunks import find_index_error, inspect_chunks, is_fill
from tests.builders.hdf5 import (
    gathered,
    numbers,
    place_faults,
    reader_of,
    row_faults,
    rules,
    scanned,
    write_hdf5,
)

INDICES = [
    {"libver": libver, "maxshape": maxshape}
    for libver in ("earliest", "latest")
    for maxshape in (None, (None, 8), (100, 8), (None, None))
]
PACKED = {"none": {}, "gzip": {"compression": "gzip"}, "lzf": {"compression": "lzf"}}
TREE = b"TREE\x01"
HEAD, KEY, CHILD = 24, 32, 8
"""Bytes of a node before its keys, of a key of two axes (size, mask, offsets), of an address."""


def written(path, kept, rows=60, libver="earliest", grown=0, early=False, **storage):
    """A dataset of chunks of 10 rows and 4 of 8 columns, of which ``kept`` are written."""
    values = 1 + numbers(rows, 8)
    with h5py.File(path, "w", libver=libver) as file:
        data = file.create_dataset("data", (rows, 8), "f4", chunks=(10, 4), **storage)
        for row, column in kept:
            part = (slice(row, row + 10), slice(column, column + 4))
            data[part] = values[part]
        if grown:
            data.resize(rows + grown, 0)
    return path


def all_chunks(rows=60):
    return [(row, column) for row in range(0, rows, 10) for column in (0, 4)]


def without(*corners):
    return [corner for corner in all_chunks() if corner not in corners]


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("packed", PACKED)
def test_a_full_grid_has_no_gaps(tmp_path, index, packed):
    path = written(tmp_path / "a.h5", all_chunks(), **index, **PACKED[packed])
    result = scanned(path)
    assert result.summary.records == 60
    assert not rules(result)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("shard_bytes", [1, 32 << 20])
def test_holes_cost_their_rows(tmp_path, index, packed, shard_bytes):
    kept = without((20, 0), (20, 4), (30, 4), (50, 0))
    path = written(tmp_path / "a.h5", kept, **index, **PACKED[packed])
    result = scanned(path, shard_bytes=shard_bytes)
    found = row_faults(result, "damaged-store")
    assert sorted(found) == [*range(20, 40), *range(50, 60)]
    made_up = "lost or never written, so HDF5 returns fill values"
    assert found[39] == f"data: chunk (20, 0) and 2 more were {made_up}"
    assert found[50] == f"data: chunk (50, 0) was {made_up}"
    assert rules(result) == {"damaged-store"}
    read = gathered(reader_of(path, shard_bytes=shard_bytes))[0]
    np.testing.assert_array_equal(read, np.delete(1 + numbers(60, 8), sorted(found), axis=0))


@pytest.mark.parametrize("index", [index for index in INDICES if index["maxshape"]])
@pytest.mark.parametrize("packed", PACKED)
def test_rows_that_were_added_and_not_written_yet_are_no_gap(tmp_path, index, packed):
    path = written(tmp_path / "a.h5", all_chunks(), grown=25, **index, **PACKED[packed])
    result = scanned(path)
    assert result.summary.records == 85
    assert not rules(result)
    assert not gathered(reader_of(path))[0][60:].any()


def test_the_end_of_a_dataset_that_cannot_grow_should_be_written(tmp_path):
    path = written(tmp_path / "a.h5", all_chunks(40))
    assert sorted(row_faults(scanned(path), "damaged-store")) == list(range(40, 60))


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("packed", ["none", "lzf"])
def test_a_dataset_that_was_never_written_is_reported_and_not_read(tmp_path, index, packed):
    path = written(tmp_path / "a.h5", (), **index, **PACKED[packed])
    result = scanned(path)
    assert result.summary.records == 0
    (fault,) = result.summary.plan.faults
    assert (fault.rule, fault.lost) == ("never-written", 60)
    assert fault.detail == (
        "a.h5:data was never written, so HDF5 returns fill values for all of its 60 rows"
    )


@pytest.mark.parametrize("index", [index for index in INDICES if index["maxshape"]])
def test_a_dataset_that_was_made_smaller_has_no_gaps(tmp_path, index):
    path = written(tmp_path / "a.h5", all_chunks(), **index)
    with h5py.File(path, "a") as file:
        file["data"].resize((33, 6))
    assert not rules(scanned(path))
    assert scanned(path).summary.records == 33


@pytest.mark.parametrize("fill", [0, 3, np.nan])
@pytest.mark.parametrize("packed", PACKED)
def test_chunks_of_fill_values_that_were_written_are_read(tmp_path, fill, packed):
    values = np.full((60, 8), fill, "f4")
    storage = {"chunks": (10, 4), "fillvalue": fill, **PACKED[packed]}
    path = write_hdf5(tmp_path / "a.h5", data=(values, storage), label=np.arange(60))
    assert not rules(scanned(path))
    np.testing.assert_array_equal(gathered(reader_of(path))[0], values)


def packed_file(path, **storage):
    """60 rows in 6 chunks; the file's bytes and the place of the node that lists them."""
    stored = {"chunks": (10, 4), **storage}
    write_hdf5(path, data=(1 + numbers(60, 4), stored), label=np.arange(60) % 5)
    content = bytearray(path.read_bytes())
    assert content.count(TREE) == 1
    return content, content.index(TREE)


@pytest.mark.parametrize("packed", [{"compression": "gzip"}, {"fletcher32": True}])
@pytest.mark.parametrize("bit", [0, 3, 7])
def test_no_flipped_bit_of_the_index_makes_up_values(tmp_path, packed, bit):
    path = tmp_path / "a.h5"
    content, node = packed_file(path, **packed)
    values = gathered(reader_of(path))[0]
    hidden = 0
    places = range(node + 8, node + HEAD + 6 * (KEY + CHILD) + KEY)
    if "fletcher32" in packed:
        # The checksum of zeros is zero: an address that is changed to lead to such is believed.
        places = [at for at in places if (at - node - HEAD) % (KEY + CHILD) < KEY]
    for at in places:
        flipped = bytearray(content)
        flipped[at] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            with h5py.File(path, "r") as file:
                read = file["data"][:]
        except (OSError, RuntimeError):
            continue
        wrong = np.flatnonzero((read != values).any(1))
        hidden += len(wrong) > 0
        result = scanned(path)
        assert set(wrong) <= set(row_faults(result, "damaged-store")), at - node
        assert len(wrong) or rules(result) <= {"damaged-store"}
    assert hidden > 10


def test_a_chunk_that_the_index_lists_but_does_not_lead_to(tmp_path):
    path = tmp_path / "a.h5"
    content, node = packed_file(path, compression="lzf")
    last = node + HEAD + 6 * (KEY + CHILD)
    content[last + 8 : last + KEY] = np.array([50, 0, 0], "<u8").tobytes()
    path.write_bytes(content)
    with h5py.File(path, "r") as file:
        assert file["data"].id.get_num_chunks() == 6
    found = row_faults(scanned(path), "damaged-store")
    assert sorted(found) == list(range(50, 60))
    why = "data: chunk (50, 0) is in the index, but HDF5 cannot find it"
    assert set(found.values()) == {why}


def test_a_chunk_off_the_grid(tmp_path):
    path = tmp_path / "a.h5"
    content, node = packed_file(path, compression="lzf", maxshape=(None, 4))
    content[node + HEAD + 5 * (KEY + CHILD) + 10] = 10
    path.write_bytes(content)
    result = scanned(path)
    ((detail, _),) = place_faults(result, "damaged-store")
    assert (
        detail == f"a.h5:data: the chunk index has 1 chunk off the grid, the first at {(655410, 0)}"
    )
    assert sorted(row_faults(result, "damaged-store")) == list(range(50, 60))


def test_chunks_that_overlap_in_the_file(tmp_path):
    path = tmp_path / "a.h5"
    content, node = packed_file(path)
    content[node + HEAD + KEY] ^= 0x08
    path.write_bytes(content)
    ((detail, _),) = place_faults(scanned(path), "damaged-store")
    assert "chunks (0, 0) and (10, 0) overlap in the file" in detail


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_gaps_are_the_rows_of_missing_chunks(tmp_path_factory, data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    chunks = tuple(data.draw(st.integers(1, n)) for n in shape)
    corners = list(np.ndindex(*(-(-n // c) for n, c in zip(shape, chunks, strict=True))))
    kept = data.draw(st.lists(st.sampled_from(corners), min_size=1, unique=True))
    lacking = np.zeros(shape[0], np.bool_)
    for corner in set(corners) - set(kept):
        lacking[corner[0] * chunks[0] : (corner[0] + 1) * chunks[0]] = True
    path = tmp_path_factory.mktemp("h5") / "a.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("x", shape, "i4", chunks=chunks)
        for corner in kept:
            starts = [i * c for i, c in zip(corner, chunks, strict=True)]
            dataset[tuple(slice(i, i + c) for i, c in zip(starts, chunks, strict=True))] = 1
        found = inspect_chunks(dataset)
    rows = [row for gap in found.holes for row in range(gap.first, gap.stop)]
    assert rows == np.flatnonzero(lacking).tolist()
    assert (found.written, found.error) == (shape[0], "")


def test_fill_values_that_are_not_equal_to_themselves():
    values = np.array([np.nan, 1, 0], "f4")
    assert is_fill(values, np.array(np.nan)).tolist() == [True, False, False]
    assert is_fill(values, np.array(0.0)).tolist() == [False, False, True]
    waves = np.array([complex(np.nan, 1), 2])
    assert is_fill(waves, np.array(complex(np.nan, 0))).tolist() == [True, False]


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([(0, 10), (10, 5), (20, 5)], ""),
        ([(0, 11), (10, 5), (20, 5)], "chunks (0, 0) and (1, 0) overlap in the file"),
        ([(20, 5), (0, 11), (10, 5)], "chunks (1, 0) and (2, 0) overlap in the file"),
        ([(0, 11), (10, 11), (20, 5)], "overlap in the file, as do 1 more pairs"),
        ([], ""),
    ],
)
def test_chunks_that_overlap(places, message):
    """Entries are the coordinates of a chunk, its filters, its offset and its size."""
    entries = [(row, 0, 0, offset, size) for row, (offset, size) in enumerate(places)]
    index = np.array(entries, np.uint64).reshape(-1, 5)
    found = find_index_error(np.empty((0, 2), np.uint64), index)
    assert found.endswith(message)
    assert bool(found) == bool(message)
