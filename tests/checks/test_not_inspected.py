"""What was not inspected is said in the report, whatever it is."""

from __future__ import annotations

import json
import pickle
import zlib
from dataclasses import replace

import h5py
import lmdb
import numpy as np
import pytest

import datascan
from datascan.checks.not_inspected import NotInspected
from datascan.records.block import Uninspected
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of, finding, findings
from tests.builders.hdf5 import write_hdf5
from tests.builders.images import encode, pixels

CHECKED = "only emptiness, size and duplicates were checked"
FIELDS = "box: compound records, names: strings, mean: numbers, other rows"


def store(path, values):
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as t:
        for number, value in enumerate(values):
            t.put(b"%08d" % number, value)
    return path


def opaque_block(**more):
    return replace(block_of(np.zeros((2, 2))), arrays=(), is_opaque=True, **more)


def not_inspected(path, **options):
    report = datascan.scan(path, workers=0, thumbnails=False, **options)
    found = [one for one in report.findings if one.rule == "not-inspected"]
    return report, [(one.severity, one.message) for one in found]


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (lambda i: pickle.dumps((i, "label")), "pickles"),
        (lambda i: zlib.compress(b"%d" % i), "zlib streams"),
        (lambda i: json.dumps({"positions": [i]}).encode(), "JSON texts"),
        (lambda i: b"caption %d" % i, "texts"),
        (lambda i: b"\xfe\x07\x00" * (i + 3), "bytes of an unknown encoding"),
        (lambda i: b"PK\3\4" + bytes([i] * 9), "zip files (torch.save, .npz)"),
    ],
)
def test_a_store_of_values_that_cannot_be_read_fails(tmp_path, value, encoding):
    report, found = not_inspected(store(tmp_path / "db", [value(i) for i in range(30)]))
    assert found == [
        (
            "error",
            f"30 of 30 values are {encoding}, which cannot be read: {CHECKED}",
        )
    ]
    assert report.verdict == "fail"


def test_values_of_several_encodings(tmp_path):
    values = [pickle.dumps(i) for i in range(20)] + [b"\x1f\x8b" + bytes([i]) for i in range(10)]
    _, found = not_inspected(store(tmp_path / "db", values))
    assert found == [
        (
            "error",
            f"30 of 30 values cannot be read (20 pickles, 10 gzip streams): {CHECKED}",
        )
    ]


def test_some_values_are_a_warning():
    values = block_of(np.ones((4, 3)))
    opaque = opaque_block(uninspected=(Uninspected("value", "", "p", 2),))
    said = finding(NotInspected, values, opaque)
    assert (said.severity, said.records) == ("warning", 2)
    assert said.message.startswith("2 of 6 values are p, which cannot be read")


def test_opaque_blocks_of_other_readers_are_noticed():
    said = finding(NotInspected, opaque_block())
    assert said.severity == "error"
    assert "2 of 2 values are bytes that are neither numbers nor images" in said.message


def test_healthy_data_is_inspected():
    assert findings(NotInspected, block_of(np.ones((4, 3)))) == []


def test_fields_of_hdf5_that_are_not_read(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.arange(12.0).reshape(4, 3), label=np.arange(4))
    with h5py.File(path, "a") as file:
        file["names"] = [b"a", b"b", b"c", b"d"]
        file["box"] = np.zeros(4, [("x", "f4"), ("y", "f4")])
        file["mean"] = np.zeros(3)
        file["version"] = 3
    report, found = not_inspected(path)
    assert found == [
        (
            "warning",
            f"3 fields were not inspected: {FIELDS}",
        ),
        ("info", "1 field was not inspected: version: a single number"),
    ]
    assert report.verdict == "pass"


def test_extra_columns_and_text_labels_are_read(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.arange(12.0).reshape(4, 3))
    with h5py.File(path, "a") as file:
        file["label"] = [b"cat", b"dog", b"cat", b"dog"]
        file["weight"] = np.arange(4.0)
    assert not_inspected(path)[1] == []


def test_fields_of_several_files_are_added(tmp_path):
    paths = [
        write_hdf5(tmp_path / f"{i}.h5", data=np.arange(6.0).reshape(2, 3) + i) for i in range(3)
    ]
    for path in paths:
        with h5py.File(path, "a") as file:
            file["names"] = [b"a", b"b"]
    assert not_inspected(paths)[1] == [("warning", "1 field was not inspected: names: strings")]


def test_data_files_among_images(tmp_path):
    (tmp_path / "cat").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "cat" / name).write_bytes(encode(pixels(int(name[0])), "JPEG"))
    (tmp_path / "cat" / "1.npy").write_bytes(b"")
    (tmp_path / "cat" / "2.npy").write_bytes(b"")
    (tmp_path / "features.h5").write_bytes(b"")
    (tmp_path / "cat" / "1.txt").write_text("0 0.5 0.5 1 1")
    for name in ("README.txt", "LICENSE.txt", "notes.md", ".hidden.npy", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"")
    assert not_inspected(tmp_path)[1] == [
        ("warning", "2 .npy files, 1 .h5 file among the images were not inspected"),
        ("info", "1 .txt file among the images was not inspected"),
    ]


def test_many_fields_are_one_location():
    def issue_of(count):
        fields = tuple(Uninspected("field", f"f{i}", "strings", 9) for i in range(count))
        reader = BlockReader([[block_of(np.ones((4, 3)))]], {"uninspected": fields})
        (issue,) = scan(reader, [NotInspected()]).issues
        return issue

    few = issue_of(1000)
    assert [one.name for one in few.locations][:2] == ["field f0: strings", "field f1: strings"]
    many = issue_of(1001)
    assert many.message.startswith("1,001 fields were not inspected: f0: strings, ")
    assert [one.name[:12] for one in many.locations] == ["1,001 in all"]
    assert len(many.details) == 20
