"""HDF5 files of every form, healthy ones."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest

from datascan.errors import DatasetError
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.readers.hdf5.reader import Hdf5Reader
from datascan.report.build import build_report
from datascan.testing.blocks import array_of
from datascan.testing.reader_laws import untracked
from tests.builders.hdf5 import (
    GZIP,
    STORAGE,
    gathered,
    numbers,
    place_faults,
    reader_of,
    rules,
    scanned,
    write_hdf5,
)

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


INTEGERS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">u4", ">i8"]


FLOATS = ["f2", "f4", "f8", ">f2", ">f4", ">f8"]


def findings(result):
    return {judged.rule: judged for judged in result.issues}


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, "?"])
def test_every_dtype_in_every_storage(tmp_path, dtype, storage):
    values = numbers(50, 3, 4, dtype=dtype)
    path = write_hdf5(tmp_path / "a.h5", data=(values, STORAGE[storage]), label=np.arange(50))
    read, keys, labels = gathered(reader_of(path, shard_bytes=1))
    expected = values.astype("u1" if dtype == "?" else values.dtype.newbyteorder("="))
    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read, expected)
    assert keys == [f"a.h5:data[{row}]" for row in range(50)]
    assert labels == list(range(50))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["i1", ">i4", "u8", "f2", "f4", "?"])
def test_labels_of_every_shape_are_numbers(tmp_path, shape, dtype):
    values = (np.arange(40) % 2).astype(dtype)
    path = write_hdf5(tmp_path / "a.h5", data=numbers(40, 3), label=values.reshape(40, *shape))
    (shard,) = (reader := reader_of(path)).plan().shards
    (block,) = reader.read(shard, untracked)
    reader.close()
    assert block.labels.values.shape == (40,)
    assert block.labels.values.dtype == (
        "u1" if dtype == "?" else np.dtype(dtype).newbyteorder("=")
    )
    assert block.labels.values.tolist() == values.tolist()
    assert block.labels.present.all()


def test_vector_labels_stay_vectors(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(40, 3), label=numbers(40, 2, 3, seed=1))
    (shard,) = (reader := reader_of(path)).plan().shards
    (block,) = reader.read(shard, untracked)
    reader.close()
    assert block.labels.values.shape == (40, 6)


def test_large_unsigned_labels_stay_unsigned(tmp_path):
    labels = np.array([0, 2**63 + 5, 2**64 - 1], np.uint64)
    path = write_hdf5(tmp_path / "a.h5", data=numbers(3, 3), label=labels)
    assert gathered(reader_of(path))[2] == labels.tolist()


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("dtype", ["c8", ">c8", "c16", ">c16", "g"])
def test_complex_numbers_are_pairs(tmp_path, dtype, storage):
    values = numbers(50, 3, 4, 2, dtype={"c8": "f4", "c16": "f8", "g": "g"}[dtype.strip(">")])
    values[7, 1, 2, 1], values[31, 0, 0, 0] = np.nan, np.inf
    stored = (values[..., 0] + np.zeros(1, values.dtype)).astype(f"c{2 * values.itemsize}")
    stored.imag = values[..., 1]
    stored.real = values[..., 0]
    given = stored.astype(dtype) if dtype != "g" else stored
    path = write_hdf5(tmp_path / "a.h5", data=(given, STORAGE[storage]), label=np.arange(50) % 2)
    result = scanned(path, checks=CHECKS)
    assert result.summary.records == 50
    assert findings(result)["inf-value"].records == 1
    nan = findings(result)["nan-value"]
    assert result.summary.indices(nan.flagged.addresses.array).tolist() == [7]
    assert nan.describe(nan.flagged.facts.array[0]) == "1 of 24 values, first nan at [1, 2, 1]"
    read, _, labels = gathered(reader_of(path, shard_bytes=1))
    np.testing.assert_array_equal(read, values)
    assert read.dtype == (np.float64 if dtype == "g" else values.dtype)
    assert labels == [0, 1] * 25


def test_a_complex_column_goes_along(tmp_path):
    waves = np.zeros(5, "c8")
    waves[3] = complex(1, np.inf)
    result = scanned(write_hdf5(tmp_path / "a.h5", data=numbers(5, 3), waves=waves), checks=CHECKS)
    found = findings(result)["inf-value"]
    assert found.records == 1
    assert found.describe(found.flagged.facts.array[0]).startswith("waves: 1 of 2 values")


def ragged(file, name):
    file.create_dataset(name, (5,), h5py.vlen_dtype("f4"))


def opaque(file, name):
    file.create_dataset(name, data=np.array([b"1234"] * 5, "V4"))


def compound(file, name):
    file[name] = np.zeros(5, [("a", "i4"), ("b", "f4")])


def text(file, name):
    file[name] = ["a"] * 5


def nothing(file, name):
    file[name] = h5py.Empty("f4")


UNREAD = {
    ragged: "variable-length sequences",
    opaque: "opaque data",
    compound: "compound records",
    text: "strings",
    nothing: "no values",
}


def test_a_label_that_cannot_be_one_is_refused(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(5, 3), none=np.empty((5, 0)), name="x")
    with h5py.File(path, "a") as file:
        compound(file, "pairs")
    reasons = {
        "pairs": "contains compound records",
        "none": "has no numbers",
        "name": "contains a single",
    }
    for key, why in reasons.items():
        with pytest.raises(DatasetError, match=f"dataset '{key}' of a.h5 {why}"):
            scanned(path, label_key=key)


@pytest.mark.parametrize("write", UNREAD)
@pytest.mark.parametrize("name", ["data", "X", "train/images"])
@pytest.mark.parametrize("beside", [["label"], ["train/label", "y"]])
def test_data_of_a_type_that_is_not_read_is_refused(tmp_path, write, name, beside):
    path = write_hdf5(tmp_path / "a.h5", **{at: np.arange(5) for at in beside})
    with h5py.File(path, "a") as file:
        write(file, name)
    with pytest.raises(DatasetError, match=f"^a.h5: {name} contains {UNREAD[write]}, which cannot"):
        scanned(path)
    assert scanned(path, data_key=beside[0]).summary.records == 5


@pytest.mark.parametrize("write", [ragged, opaque, compound])
def test_unread_data_of_any_name_is_not_replaced_by_labels(tmp_path, write):
    path = write_hdf5(tmp_path / "a.h5", label=np.arange(5))
    with h5py.File(path, "a") as file:
        write(file, "points")
    with pytest.raises(
        DatasetError, match=f"points contains {UNREAD[write]}, which cannot be read"
    ):
        scanned(path)


@pytest.mark.parametrize("write", UNREAD)
def test_unread_data_beside_data_that_is_read(tmp_path, write):
    path = write_hdf5(tmp_path / "a.h5", features=numbers(5, 3), label=np.arange(5))
    with h5py.File(path, "a") as file:
        write(file, "data")
    result = scanned(path)
    assert not rules(result)
    assert gathered(reader_of(path))[2] == list(range(5))


def test_what_tells_of_the_file_is_not_its_data(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", points=numbers(5, 3), label=np.arange(5), x=3.0, data="v1")
    assert not rules(scanned(path))
    assert gathered(reader_of(path))[2] == list(range(5))
    path = write_hdf5(tmp_path / "b.h5", label=np.arange(5), names=["a"] * 5)
    assert scanned(path).summary.records == 5


@pytest.mark.parametrize("storage", ["contiguous", "gzip"])
def test_a_user_block_before_the_data(tmp_path, storage):
    values = numbers(50, 3)
    path = write_hdf5(tmp_path / "a.h5", 2048, data=(values, STORAGE[storage]), label=np.arange(50))
    assert Hdf5Reader.accepts(path)
    np.testing.assert_array_equal(gathered(reader_of(path))[0], values)


@pytest.mark.parametrize("name", ["data", "label"])
def test_values_that_were_never_written_are_not_read(tmp_path, name):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["data" if name == "label" else "label"] = np.arange(9)
        file.create_dataset(name, (9,), "f4")
    result = scanned(path)
    assert result.summary.records == (9 if name == "label" else 0)
    assert f"a.h5:{name} was never written" in result.summary.plan.faults[0].detail


def test_types_that_numpy_does_not_have(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        brain = h5py.h5t.IEEE_F32LE.copy()
        brain.set_fields(15, 7, 8, 0, 7)
        brain.set_size(2)
        space = h5py.h5s.create_simple((4, 2))
        dataset = h5py.h5d.create(file.id, b"data", brain, space)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(8, dtype="f4").reshape(4, 2))
        colours = h5py.enum_dtype({"red": 3, "green": 5}, "i2")
        file.create_dataset("label", data=np.array([3, 5, 3, 5], "i2"), dtype=colours)
        file.create_dataset("pairs", (4,), np.dtype((np.float32, (2,))))[...] = np.ones((4, 2))
    read, _, labels = gathered(reader_of(path))
    np.testing.assert_array_equal(read, np.arange(8).reshape(4, 2))
    assert labels == [3, 5, 3, 5]
    assert scanned(path).nbytes == read.nbytes + 4 * 2 * 4


def test_long_doubles_are_checked_as_doubles(tmp_path):
    values = numbers(6, 2, dtype=np.longdouble)
    values[4, 1] = np.nan
    result = scanned(write_hdf5(tmp_path / "a.h5", data=values), checks=CHECKS)
    assert findings(result)["nan-value"].records == 1


@pytest.mark.parametrize("storage", STORAGE)
def test_names_the_record_with_a_nan(tmp_path, storage):
    values = numbers(300, 3, 4)
    values[[7, 255, 299], 1, 2] = np.nan
    path = write_hdf5(tmp_path / "a.h5", data=(values, STORAGE[storage]), label=np.arange(300) % 3)
    for shard_bytes in (1, 32 << 20):
        result = scanned(path, checks=CHECKS, shard_bytes=shard_bytes)
        nan = findings(result)["nan-value"]
        addresses = nan.flagged.addresses.array
        assert result.summary.indices(addresses).tolist() == [7, 255, 299]
        assert nan.describe(nan.flagged.facts.array[0]) == "1 of 12 values, first nan at [1, 2]"


def test_checks_other_datasets_of_as_many_rows_along(tmp_path):
    weights = np.ones((30, 2))
    weights[11, 1] = np.nan
    other = np.full(31, np.nan)
    path = write_hdf5(
        tmp_path / "a.h5", data=numbers(30, 3), label=np.arange(30), weights=weights, other=other
    )
    result = scanned(path, checks=CHECKS)
    nan = findings(result)["nan-value"]
    assert nan.records == 1
    assert nan.describe(nan.flagged.facts.array[0]) == "weights: 1 of 2 values, first nan at [1]"
    assert result.nbytes == result.summary.plan.nbytes == 30 * 3 * 4 + 30 * 2 * 8


def test_a_further_column_with_chunks_of_its_own(tmp_path):
    extra = numbers(1000, 2, dtype="f8", seed=3)
    path = write_hdf5(
        tmp_path / "a.h5",
        data=(numbers(1000, 3), {"chunks": (7, 3)}),
        extra=(extra, {"chunks": (300, 1), **GZIP}),
    )
    for shard_bytes in (1, 3000, 32 << 20):
        reader = reader_of(path, shard_bytes=shard_bytes)
        blocks = [
            block for shard in reader.plan().shards for block in reader.read(shard, untracked)
        ]
        reader.close()
        read = np.concatenate([array_of(block.arrays[1]) for block in blocks])
        np.testing.assert_array_equal(read, extra)


def test_records_without_values_are_empty(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.empty((4, 0)), label=np.arange(4))
    result = scanned(path, checks=CHECKS)
    assert result.summary.records == 4
    assert rules(result) == {"empty-record"}


def test_other_types_beside_the_data_are_left_alone(tmp_path):
    path = write_hdf5(
        tmp_path / "a.h5",
        data=numbers(5, 3),
        names=["a", "b", "c", "d", "e"],
        compound=np.zeros(5, [("a", "i4"), ("b", "f4")]),
        version=3.0,
        nothing=h5py.Empty("f4"),
    )
    with h5py.File(path, "a") as file:
        file.create_dataset("refs", data=[file["data"].ref] * 5, dtype=h5py.ref_dtype)
        file.create_dataset("opaque", data=np.array([b"1234"] * 5, "V4"))
        file.create_dataset("ragged", (5,), h5py.vlen_dtype("f4"))
    result = scanned(path, checks=CHECKS)
    assert result.summary.records == 5
    assert not rules(result)
    assert result.nbytes == 5 * 3 * 4


@pytest.mark.parametrize("limit", [1, 7, 100, 101, 150, 1000])
def test_limit(tmp_path, limit):
    paths = [
        write_hdf5(tmp_path / name, data=numbers(100, 3), label=np.arange(100)) for name in "ab"
    ]
    for shard_bytes in (1, 100, 32 << 20):
        result = scanned(*paths, limit=limit, shard_bytes=shard_bytes)
        assert result.summary.records == result.summary.plan.records == min(limit, 200)


def test_several_files_are_one_dataset(tmp_path):
    values = numbers(30, 3)
    values[3] = np.nan
    first = write_hdf5(tmp_path / "a.h5", data=numbers(20, 3, seed=1), label=np.arange(20))
    second = write_hdf5(tmp_path / "b.h5", data=values, label=np.arange(30))
    result = scanned(second, first, checks=CHECKS)
    nan = findings(result)["nan-value"].flagged.addresses.array
    assert result.summary.indices(nan).tolist() == [3]
    result = scanned(first, second, checks=CHECKS)
    nan = findings(result)["nan-value"].flagged.addresses.array
    assert result.summary.indices(nan).tolist() == [23]
    shard, row = result.summary.plan.shards[nan[0] >> 32], int(nan[0] & 0xFFFFFFFF)
    assert result.reader.keys(shard, [row]) == ["b.h5:data[3]"]


def test_nested_groups_are_scanned_whole(tmp_path):
    path = tmp_path / "demos.h5"
    with h5py.File(path, "w") as file:
        for i, rows in enumerate((5, 3)):
            group = file.create_group(f"data/demo_{i}")
            group["actions"] = numbers(rows, 7, seed=i)
            group["obs/image"] = numbers(rows, 4, 4, 3, dtype="u1", seed=i)
            group.attrs["num_samples"] = rows
        file["data/demo_1/actions"][2, 4] = np.nan
        file["data/again"] = h5py.SoftLink("/data/demo_0/actions")
        file["data/demo_0/self"] = file["data"]
    result = scanned(path, checks=CHECKS)
    plan = result.summary.plan
    assert plan.layout == "hdf5-datasets"
    assert result.summary.records == 5 + 5 + 3 + 3
    nan = findings(result)["nan-value"].flagged.addresses.array
    assert result.summary.indices(nan).tolist() == [5 + 5 + 2]
    keys = [key for shard in plan.shards for key in result.reader.keys(shard, [0])]
    assert keys == [
        "demos.h5:data/demo_0/actions[0]",
        "demos.h5:data/demo_0/obs/image[0]",
        "demos.h5:data/demo_1/actions[0]",
        "demos.h5:data/demo_1/obs/image[0]",
    ]
    (block,) = result.reader.read(plan.shards[1], untracked)
    result.reader.close()
    assert block.arrays[0].name == "data/demo_0/obs/image"
    assert block.arrays[0].primary


def test_external_links_are_followed(tmp_path):
    write_hdf5(tmp_path / "a.h5", data=numbers(4, 3), label=np.arange(4))
    path = tmp_path / "master.h5"
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink("a.h5", "data")
        file["label"] = h5py.ExternalLink("a.h5", "label")
        file["gone"] = h5py.ExternalLink("b.h5", "data")
    read, keys, labels = gathered(reader_of(path))
    np.testing.assert_array_equal(read, numbers(4, 3))
    assert (keys[0], labels) == ("master.h5:data[0]", [0, 1, 2, 3])
    assert rules(scanned(path)) == {"missing-file"}


def test_names_that_are_not_utf8(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = numbers(4, 3)
        file[b"\xfflabel"] = np.full(4, np.nan)
        file.id.links.create_soft(b"gone", b"\xfe")
    result = scanned(path, checks=CHECKS)
    assert place_faults(result, "missing-file") == [
        ("a.h5:gone links to \\xfe, which cannot be opened", 0)
    ]
    nan = findings(result)["nan-value"]
    expected = "\\xfflabel: 1 of 1 values, first nan"
    assert nan.describe(nan.flagged.facts.array[0]) == expected


@pytest.mark.parametrize("shard_bytes", [1, 1000, 32 << 20])
@pytest.mark.parametrize("chunks", [None, (1, 3, 4), (7, 2, 4), (300, 3, 1)])
def test_shards_hold_every_record_once_in_order(tmp_path, shard_bytes, chunks):
    values = numbers(300, 3, 4)
    path = write_hdf5(tmp_path / "a.h5", data=(values, {"chunks": chunks}), label=np.arange(300))
    reader = reader_of(path, shard_bytes=shard_bytes)
    read, keys, labels = gathered(reader)
    np.testing.assert_array_equal(read, values)
    assert labels == list(range(300))
    assert keys == [f"a.h5:data[{row}]" for row in range(300)]
    for shard in reader.plan().shards:
        assert shard.span.first % (chunks[0] if chunks else 1) == 0


def test_a_shard_is_read_in_pieces(tmp_path):
    values = numbers(100, 3)
    path = write_hdf5(tmp_path / "a.h5", data=(values, {"chunks": (8, 3)}), label=np.arange(100))
    reader = reader_of(path)
    marks = []
    (shard,) = reader.plan().shards
    (block,) = reader.read(shard.slice(7, 31), lambda row, count: marks.append((row, count)))
    reader.close()
    assert (block.start, block.records) == (7, 24)
    assert block.labels.values.tolist() == list(range(7, 31))
    np.testing.assert_array_equal(array_of(block.arrays[0]), values[7:31])
    assert marks == [(7, 24), (7, 24)]


def test_marks_count_from_the_shard(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=(numbers(100, 3), {"chunks": (10, 3)}))
    reader = reader_of(path, shard_bytes=1)
    marks = []
    for shard in reader.plan().shards:
        assert list(reader.read(shard, lambda row, count: marks.append((row, count))))
    reader.close()
    assert marks == [(0, 10)] * 10


def test_the_report_does_not_depend_on_shards_or_workers(tmp_path):
    values = numbers(500, 3, 4)
    values[[3, 77], 0, 0] = np.inf
    values[400] = values[20]
    values[450] = 0
    path = write_hdf5(
        tmp_path / "a.h5",
        data=(values, {"chunks": (16, 3, 4), **GZIP}),
        label=np.arange(500) % 3,
        extra=(values[:, 0], {"chunks": (33, 2)}),
    )

    def lines(**options):
        result = scanned(path, checks=CHECKS, **options)
        text = build_report(result, version="test").to_json()
        result.reader.close()
        return [line for line in text.splitlines() if "elapsed_seconds" not in line]

    alone = lines(workers=0, shard_bytes=32 << 20)
    assert any('"a.h5:data[77]"' in line for line in alone)
    assert lines(workers=0, shard_bytes=1) == alone
    assert lines(workers=2, shard_bytes=5000) == alone


def test_a_reader_crosses_processes_while_a_file_is_open(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(5, 3))
    reader = reader_of(path)
    (shard,) = reader.plan().shards
    list(reader.read(shard, untracked))
    (block,) = pickle.loads(pickle.dumps(reader)).read(shard, untracked)
    assert block.records == 5
    reader.close()


def test_zero_rows(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.empty((0, 3)), label=np.empty(0))
    result = scanned(path)
    assert result.summary.records == 0
    assert result.summary.plan.shards == ()


def test_nothing_on_disk_changes(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    path = write_hdf5(
        folder / "a.h5", data=(numbers(100, 3), GZIP), label=np.arange(100), x=numbers(100, 2)
    )
    before = path.read_bytes(), path.stat().st_mtime_ns, folder.stat().st_mtime_ns
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        scanned(path, checks=CHECKS, workers=1).reader.close()
        assert [entry.name for entry in folder.iterdir()] == ["a.h5"]
        assert (path.read_bytes(), path.stat().st_mtime_ns, folder.stat().st_mtime_ns) == before
    finally:
        folder.chmod(0o755)


def test_a_file_that_this_process_has_open(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(5, 3))
    with h5py.File(path, "r", locking=True) as file:
        result = scanned(path)
        assert result.summary.records == 5
        result.reader.close()
        assert file["data"].shape == (5, 3)


def test_a_file_without_numbers_is_refused(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", names=["x"], version=1, empty=h5py.Empty("f4"))
    message = r"only: empty \(no values\), names \(strings\), version \(a single number\)"
    with pytest.raises(DatasetError, match=message):
        scanned(path)
    with pytest.raises(DatasetError, match="only: no datasets"):
        scanned(write_hdf5(tmp_path / "b.h5"))


@pytest.mark.parametrize("name", ["sample_data.h5", "sample_data_2_gzip.h5"])
def test_files_of_caffe_are_clean(shared_data, name):
    result = scanned(shared_data / name, checks=CHECKS)
    assert result.summary.records == 10
    assert not rules(result)
    assert not [judged for judged in result.issues if judged.severity == "error"]
