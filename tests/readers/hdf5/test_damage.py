"""Whatever can be wrong with HDF5 files: the rows that it touches, and all others read."""

from __future__ import annotations

import os
import shutil
import signal

import h5py
import numpy as np
import pytest

import datascan
from datascan.errors import DatasetError
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.readers.hdf5 import files, plan_task, planning
from tests.builders.hdf5 import (
    GZIP,
    STORAGE,
    damage_chunk,
    gathered,
    needs_filter,
    numbers,
    place_faults,
    reader_of,
    row_faults,
    rules,
    scanned,
    write_hdf5,
)

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


def plan_or_crash(query, plan=planning.plan_file):
    """Plan a file, unless it is b.h5."""
    if query.source.shown == "b.h5":
        os.kill(os.getpid(), signal.SIGSEGV)
    return plan(query)


@pytest.mark.parametrize("shard_bytes", [1, 32 << 20])
@pytest.mark.parametrize("chunks", [(16, 3, 4), (16, 2, 4)])
def test_a_damaged_chunk_costs_its_rows(tmp_path, shard_bytes, chunks):
    values = numbers(100, 3, 4)
    path = write_hdf5(
        tmp_path / "a.h5",
        data=(values, {"chunks": chunks, "fletcher32": True}),
        label=np.arange(100) % 2,
    )
    corner = damage_chunk(path, "data", 3)
    result = scanned(path, shard_bytes=shard_bytes, checks=CHECKS)
    assert result.summary.records == 100
    found = row_faults(result, "damaged-store")
    assert sorted(found) == list(range(corner[0], corner[0] + 16))
    (detail,) = set(found.values())
    assert detail.startswith(f"chunk {corner} of data: ")
    assert rules(result) == {"damaged-store"}
    whole = np.delete(values, sorted(found), axis=0)
    np.testing.assert_array_equal(gathered(reader_of(path, shard_bytes=shard_bytes))[0], whole)


@pytest.mark.parametrize("storage", ["gzip", "lzf", "blosc", "zstd", "bitshuffle"])
def test_damage_inside_every_compression(tmp_path, storage):
    kept = {**STORAGE[storage], "chunks": (16, 500)}
    path = write_hdf5(tmp_path / "a.h5", data=(numbers(64, 500), kept), label=np.arange(64))
    with h5py.File(path, "r") as file:
        chunk = file["data"].id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    path.write_bytes(content)
    found = row_faults(scanned(path), "damaged-store")
    assert sorted(found) == list(range(32, 48))
    assert set(found.values()) != {""}


def test_the_last_chunk_is_partly_used(tmp_path):
    path = write_hdf5(
        tmp_path / "a.h5", data=(numbers(50, 3), {"chunks": (16, 3), "fletcher32": True})
    )
    damage_chunk(path, "data", 3)
    assert sorted(row_faults(scanned(path), "damaged-store")) == [48, 49]


def test_a_damaged_chunk_of_labels(tmp_path):
    path = write_hdf5(
        tmp_path / "a.h5",
        data=numbers(60, 3),
        label=(np.arange(60), {"chunks": (20,), "fletcher32": True}),
    )
    damage_chunk(path, "label", 1)
    found = row_faults(scanned(path, shard_bytes=100), "damaged-store")
    assert sorted(found) == list(range(20, 40))
    assert found[20].startswith("chunk (20,) of label: ")
    read, _, labels = gathered(reader_of(path))
    assert len(read) == 60
    assert labels == [*range(20), *[None] * 20, *range(40, 60)]


def test_a_damaged_chunk_of_a_further_column(tmp_path):
    path = write_hdf5(
        tmp_path / "a.h5",
        data=numbers(60, 3),
        extra=(numbers(60, 2), {"chunks": (25, 2), "fletcher32": True}),
    )
    damage_chunk(path, "extra", 1)
    found = row_faults(scanned(path), "damaged-store")
    assert sorted(found) == list(range(25, 50))
    assert found[25].startswith("chunk (25, 0) of extra: ")
    assert len(gathered(reader_of(path))[0]) == 60


def test_a_truncated_file(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=(numbers(100, 50), GZIP), label=np.arange(100))
    whole = write_hdf5(tmp_path / "b.h5", data=numbers(7, 50), label=np.arange(7))
    content = path.read_bytes()
    path.write_bytes(content[:-1000])
    result = scanned(path, whole)
    assert result.summary.records == 7
    sizes = f"{len(content) - 1000:,} bytes, but its superblock says {len(content):,}"
    assert place_faults(result, "truncated-store") == [(f"a.h5 has {sizes}", 0)]


@pytest.mark.parametrize("userblock", [0, 1024])
def test_a_truncated_file_with_and_without_a_user_block(tmp_path, userblock):
    path = write_hdf5(tmp_path / "a.h5", userblock, data=numbers(100, 50))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    ((detail, _),) = place_faults(scanned(path), "truncated-store")
    assert detail == f"a.h5 has {size - 1:,} bytes, but its superblock says {size:,}"


def test_a_file_whose_bookkeeping_is_destroyed(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(100, 50))
    content = bytearray(path.read_bytes())
    content[8:2000] = b"\xee" * 1992
    path.write_bytes(content)
    ((detail, _),) = place_faults(scanned(path), "damaged-store")
    assert detail.startswith("a.h5 cannot be opened: ")


def test_a_file_that_was_never_closed(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["data"] = numbers(10, 3)
        file.flush()
        shutil.copy(path, tmp_path / "b.h5")
    (found,) = datascan.scan(tmp_path / "b.h5", workers=0).findings
    assert (found.rule, found.severity) == ("live-writer", "error")
    assert "h5clear -s removes the mark" in found.message
    assert "was not closed by the program that wrote it" in found.examples[0].detail


def test_an_object_that_cannot_be_opened(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(10, 3), label=np.arange(10), z=np.arange(4))
    with h5py.File(path, "r") as file:
        address = h5py.h5o.get_info(file["z"].id).addr
    content = bytearray(path.read_bytes())
    content[address : address + 16] = b"\xee" * 16
    path.write_bytes(content)
    result = scanned(path)
    assert result.summary.records == 10
    ((detail, _),) = place_faults(result, "damaged-store")
    assert detail.startswith("a.h5:z cannot be read: ")


@pytest.mark.parametrize(
    ("code", "called", "remedy"),
    [(32099, "32099", "set HDF5_PLUGIN_PATH"), (305, "305 (lzo)", "set HDF5_PLUGIN_PATH")],
)
def test_a_filter_that_nobody_has(tmp_path, code, called, remedy):
    path = needs_filter(tmp_path / "a.h5", code)
    other = write_hdf5(tmp_path / "b.h5", data=numbers(10, 3), label=np.arange(10))
    result = scanned(path, other)
    assert result.summary.records == 10
    assert "damaged-store" not in rules(result)
    (part,) = result.summary.plan.uninspected
    encoding = f"compressed with filter {called}, which is not installed"
    assert (part.name, part.encoding, part.records) == ("data", encoding, 20)
    assert part.remedy.startswith(remedy)


def test_damage_that_hangs_or_crashes_hdf5_costs_no_more_than_its_file(tmp_path, monkeypatch):
    paths = [write_hdf5(tmp_path / name, data=numbers(6, 3)) for name in ("a.h5", "b.h5", "c.h5")]
    # The patch reaches the worker as the task itself, however the worker is started.
    monkeypatch.setattr(plan_task, "plan_file", plan_or_crash)
    result = scanned(*paths, workers=1, timeout=5)
    assert result.summary.records == 12
    assert place_faults(result, "reader-crash") == [
        ("b.h5 cannot be opened: HDF5 was killed by SIGSEGV", 0)
    ]


def test_what_hdf5_decodes_is_read_in_a_worker(tmp_path):
    plain = write_hdf5(tmp_path / "a.h5", data=numbers(6, 3), label=np.arange(6))
    packed = write_hdf5(tmp_path / "b.h5", data=(numbers(6, 3), GZIP), label=np.arange(6))
    assert not reader_of(plain).plan().needs_isolation
    assert reader_of(packed).plan().needs_isolation
    assert reader_of(plain, packed).plan().needs_isolation
    assert scanned(packed, workers=None).summary.records == 6


def test_data_and_label_of_different_lengths(tmp_path):
    path = write_hdf5(tmp_path / "train.h5", data=numbers(100, 3), label=np.arange(90))
    result = scanned(path, checks=CHECKS)
    (judged,) = (j for j in result.issues if j.rule == "length-mismatch")
    assert judged.severity == "error"
    assert judged.details == ("train.h5: data has 100 rows, label has 90",)
    assert judged.message == "train.h5: data has 100 rows, label has 90"
    assert gathered(reader_of(path))[2] == [*range(90), *[None] * 10]
    assert gathered(reader_of(path, shard_bytes=1))[2] == [*range(90), *[None] * 10]


def test_more_labels_than_data(tmp_path):
    path = write_hdf5(tmp_path / "train.h5", data=numbers(90, 3), label=np.arange(100))
    result = scanned(path)
    assert place_faults(result, "length-mismatch") == [
        ("train.h5: data has 90 rows, label has 100", 0)
    ]
    assert gathered(reader_of(path))[2] == list(range(90))


def test_equal_lengths_are_no_finding(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(9, 3), label=np.arange(9), mean=numbers(1, 3))
    assert not rules(scanned(path))


def test_listed_files_that_cannot_be_had(tmp_path):
    write_hdf5(tmp_path / "a.h5", data=numbers(4, 3))
    write_hdf5(tmp_path / "c.h5", data=numbers(5, 3))
    (tmp_path / "empty.h5").write_bytes(b"")
    (tmp_path / "text.h5").write_text("no")
    (tmp_path / "list.txt").write_text("gone.h5\na.h5\nempty.h5\ntext.h5\nc.h5\n")
    result = scanned(tmp_path / "list.txt")
    assert result.summary.records == 9
    assert place_faults(result, "missing-file") == [
        ("gone.h5, listed in list.txt, does not exist", 0)
    ]
    assert place_faults(result, "truncated-store") == [
        ("empty.h5, listed in list.txt, has 0 bytes", 0)
    ]
    assert place_faults(result, "damaged-store") == [
        ("text.h5, listed in list.txt, is not an HDF5 file", 0)
    ]


def test_a_list_of_nothing_but_missing_files(tmp_path):
    (tmp_path / "list.txt").write_text("gone.h5\nlost.h5\n")
    result = scanned(tmp_path / "list.txt")
    assert result.summary.records == 0
    assert place_faults(result, "missing-file") == [
        ("none of the 2 lines of list.txt names an existing file", 0)
    ]


NO_HDF5 = {
    b"": ("truncated-store", "has 0 bytes"),
    b"<html>\n<body>404</body>\n": ("damaged-store", "is not an HDF5 file"),
    b"\x00" * 4000: ("damaged-store", "is not an HDF5 file"),
}


@pytest.mark.parametrize("content", NO_HDF5)
@pytest.mark.parametrize("name", ["b.h5", "B.HDF5"])
def test_a_file_that_should_be_hdf5_costs_no_others(tmp_path, content, name):
    rule, what = NO_HDF5[content]
    good = write_hdf5(tmp_path / "a.h5", data=numbers(4, 3))
    bad = tmp_path / name
    bad.write_bytes(content)
    for paths, records in (((bad,), 0), ((good, bad), 4), ((bad, good), 4)):
        result = scanned(*paths)
        assert result.summary.records == records
        assert rules(result) == {rule}
        assert place_faults(result, rule) == [(f"{bad} {what}", 0)]


def test_one_of_several_files_needs_no_name(tmp_path):
    good = write_hdf5(tmp_path / "a.h5", data=numbers(4, 3))
    (tmp_path / "part-1").write_bytes(b"\x00\x01" * 2000)
    (tmp_path / "part-2").write_bytes(b"")
    result = scanned(good, tmp_path / "part-1", tmp_path / "part-2")
    assert result.summary.records == 4
    assert rules(result) == {"damaged-store", "truncated-store"}


def test_a_file_whose_signature_is_lost(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(100, 3))
    path.write_bytes(bytes(8) + path.read_bytes()[8:])
    assert place_faults(scanned(path), "damaged-store") == [(f"{path} is not an HDF5 file", 0)]


def test_one_of_several_files_that_may_not_be_read(tmp_path, monkeypatch):
    good = write_hdf5(tmp_path / "a.h5", data=numbers(4, 3))
    bad = write_hdf5(tmp_path / "b.h5", data=numbers(4, 3))
    (tmp_path / "list.txt").write_text("a.h5\nb.h5\n")
    monkeypatch.setattr(files, "is_hdf5", lambda path, ask=files.is_hdf5: path != bad and ask(path))
    state = files.get_state
    denied = "Permission denied"
    monkeypatch.setattr(files, "get_state", lambda path: denied if path == bad else state(path))
    for paths, called in (
        ((good, bad), str(bad)),
        ((tmp_path / "list.txt",), "b.h5, listed in list.txt,"),
    ):
        result = scanned(*paths)
        assert result.summary.records == 4
        assert place_faults(result, "missing-file") == [(f"{called} cannot be read: {denied}", 0)]
    with pytest.raises(DatasetError, match=f"cannot read {bad}: {denied}"):
        scanned(bad)


def virtual(path, *, rows=slice(None), sources=4, name="data"):
    """A virtual dataset over s0.h5, s1.h5, ...: ``rows(i)`` of it come from file i."""
    for i in range(sources):
        write_hdf5(path.parent / f"s{i}.h5", data=np.full((5, 3), i + 1.0))
    layout = h5py.VirtualLayout((5 * sources, 3), "f8")
    for i in range(sources):
        layout[rows(i)] = h5py.VirtualSource(f"s{i}.h5", "data", (5, 3))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset(name, layout)
        file["label"] = np.arange(5 * sources)
    return path


def one_after_the_other(i):
    return slice(5 * i, 5 * i + 5)


def in_turns(i):
    return slice(i, None, 4)


@pytest.mark.parametrize("rows", [one_after_the_other, in_turns])
@pytest.mark.parametrize("shard_bytes", [1, 32 << 20])
def test_a_virtual_dataset_without_one_of_its_sources(tmp_path, rows, shard_bytes):
    path = virtual(tmp_path / "a.h5", rows=rows)
    assert not rules(scanned(path))
    (tmp_path / "s2.h5").unlink()
    result = scanned(path, checks=CHECKS, shard_bytes=shard_bytes)
    found = row_faults(result, "damaged-store")
    assert sorted(found) == list(range(20))[rows(2)]
    assert set(found.values()) == {"data: source s2.h5:data is missing: no such file"}
    assert rules(result) == {"damaged-store"}
    values = gathered(reader_of(path))[0]
    assert sorted(set(values[:, 0])) == [1, 2, 4]
    assert len(values) == 15


def test_a_virtual_dataset_over_damaged_sources(tmp_path):
    path = virtual(tmp_path / "a.h5", rows=one_after_the_other)
    write_hdf5(tmp_path / "s0.h5", other=numbers(5, 3))
    content = (tmp_path / "s1.h5").read_bytes()
    (tmp_path / "s1.h5").write_bytes(content[:-8])
    write_hdf5(tmp_path / "s3.h5", data=numbers(4, 3))
    found = row_faults(scanned(path), "damaged-store")
    assert sorted(found) == [*range(10), *range(15, 20)]
    assert found[0] == "data: source s0.h5:data is missing: no such dataset"
    assert found[5].startswith("data: source s1.h5:data cannot be opened: truncated file")
    assert "s3.h5:data has shape (4, 3), but more than that is mapped" in found[15]


def test_a_virtual_dataset_over_a_virtual_dataset(tmp_path):
    virtual(tmp_path / "inner.h5", rows=one_after_the_other)
    layout = h5py.VirtualLayout((25, 3), "f8")
    layout[:20] = h5py.VirtualSource("inner.h5", "data", (20, 3))
    layout[20:] = h5py.VirtualSource(".", "own", (5, 3))
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
        file["own"] = numbers(5, 3)
    assert not rules(scanned(path))
    (tmp_path / "s1.h5").unlink()
    found = row_faults(scanned(path), "damaged-store")
    assert sorted(found) == list(range(20))


def test_a_virtual_dataset_that_grows_with_a_missing_source(tmp_path):
    source = tmp_path / "s.h5"
    write_hdf5(source, data=(numbers(5, 3), {"maxshape": (None, 3)}))
    layout = h5py.VirtualLayout((5, 3), "f4", maxshape=(None, 3))
    grows = h5py.h5s.UNLIMITED
    layout[:grows] = h5py.VirtualSource("s.h5", "data", (5, 3), maxshape=(None, 3))[:grows]
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
    result = scanned(path)
    assert result.summary.records == 5
    assert not rules(result)
    source.unlink()
    assert rules(scanned(path)) == {"damaged-store"}


def test_chunks_of_a_source_of_a_virtual_dataset(tmp_path):
    path = virtual(tmp_path / "a.h5", rows=one_after_the_other)
    write_hdf5(tmp_path / "s1.h5", data=(numbers(5, 3), {"chunks": (2, 3), "fletcher32": True}))
    damage_chunk(tmp_path / "s1.h5", "data", 1)
    assert sorted(row_faults(scanned(path), "damaged-store")) == [7, 8]


def external(path, *files):
    with h5py.File(path, "w") as file:
        stored = [(str(name), 0, size) for name, size in files]
        file.create_dataset("data", (10, 4), "f8", external=stored)[...] = numbers(
            10, 4, dtype="f8"
        )
        file["label"] = np.arange(10)
    return path


def test_external_storage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = external(tmp_path / "a.h5", ("one.raw", 160), ("two.raw", 160))
    np.testing.assert_array_equal(gathered(reader_of(path))[0], numbers(10, 4))
    raw = (tmp_path / "two.raw").read_bytes()
    (tmp_path / "two.raw").write_bytes(raw[:70])
    result = scanned(path, checks=CHECKS)
    found = row_faults(result, "damaged-store")
    assert sorted(found) == [7, 8, 9]
    assert found[7] == "data: external file two.raw has 70 of 160 bytes"
    (tmp_path / "one.raw").unlink()
    found = row_faults(scanned(path), "damaged-store")
    assert sorted(found) == [0, 1, 2, 3, 4, 7, 8, 9]
    assert found[0] == "data: external file one.raw does not exist"


def test_external_storage_beside_the_file(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    path = external(tmp_path / "data" / "a.h5", ("one.raw", 320))
    monkeypatch.chdir(tmp_path)
    read = gathered(reader_of(path))[0]
    np.testing.assert_array_equal(read, numbers(10, 4))


@pytest.mark.parametrize("name", ["data", "train/X"])
@pytest.mark.parametrize("key", [None, "own"])
@pytest.mark.parametrize("link", [h5py.SoftLink("/gone"), h5py.ExternalLink("gone.h5", "/d")])
def test_labels_are_no_data_where_the_data_is_a_broken_link(tmp_path, name, key, link):
    path = write_hdf5(tmp_path / "a.h5", label=np.arange(10))
    other = write_hdf5(tmp_path / "b.h5", **{name.replace("/", "__"): numbers(10, 3)})
    with h5py.File(path, "a") as file:
        file[name] = link
    for paths, records in (((path,), 0), ((path, other), 10), ((other, path), 10)):
        result = scanned(*paths, data_key=key and name)
        assert result.summary.records == records
        assert rules(result) == {"missing-file"}
        ((detail, _),) = place_faults(result, "missing-file")
        assert detail.startswith(f"a.h5:{name} links to ")


def test_labels_are_no_data_where_the_data_is_damaged(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(10, 3), label=np.arange(10))
    with h5py.File(path, "r") as file:
        address = h5py.h5o.get_info(file["data"].id).addr
    content = bytearray(path.read_bytes())
    content[address : address + 16] = b"\xee" * 16
    path.write_bytes(content)
    result = scanned(path)
    assert result.summary.records == 0
    ((detail, _),) = place_faults(result, "damaged-store")
    assert detail.startswith("a.h5:data cannot be read: ")
