"""Records of variable length: encoded images, and bytes of no known meaning."""

from __future__ import annotations

import io

import h5py
import numpy as np
from PIL import Image

from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.testing.reader_laws import untracked
from tests.builders.hdf5 import reader_of, row_faults, rules, scanned

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


def png(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write(path, records, **storage):
    with h5py.File(path, "w") as file:
        octets = h5py.vlen_dtype(np.uint8)
        data = file.create_dataset("data", (len(records),), octets, **storage)
        for row, record in enumerate(records):
            data[row] = np.frombuffer(record, np.uint8)
        file["label"] = np.arange(len(records)) % 3
    return path


def test_images(tmp_path):
    records = [png(i) for i in range(40)]
    for storage in ({}, {"chunks": (7,), "compression": "gzip"}):
        path = write(tmp_path / "a.h5", records, **storage)
        for shard_bytes in (1, 32 << 20):
            result = scanned(path, checks=CHECKS, shard_bytes=shard_bytes)
            assert result.summary.records == 40
            assert result.nbytes == sum(map(len, records))
            assert not rules(result)
    (shard,) = (reader := reader_of(path)).plan().shards
    (block,) = reader.read(shard, untracked)
    reader.close()
    assert block.images.height.tolist() == [9] * 40
    assert block.images.channels.tolist() == [3] * 40
    assert block.labels.values.tolist() == [i % 3 for i in range(40)]
    assert block.has_exact_fingerprints
    assert not block.unreadable.any()


def test_damaged_images(tmp_path):
    records = [png(i) for i in range(20)]
    records[3] = records[3][:-30]
    records[11] = b""
    records[13] = b"<html>404</html>"
    records[17] = records[2]
    path = write(tmp_path / "a.h5", records)
    for shard_bytes in (1, 32 << 20):
        result = scanned(path, checks=CHECKS, shard_bytes=shard_bytes)
        assert list(row_faults(result, "corrupt-image")) == [3]
        assert row_faults(result, "empty-record") == {11: "the record has 0 bytes"}
        assert list(row_faults(result, "not-an-image")) == [13]
        assert rules(result) == {"corrupt-image", "empty-record", "not-an-image"}


def test_bytes_of_no_known_meaning(tmp_path):
    records = [b"%d" % (i % 9) * 20 for i in range(10)]
    records[4] = b""
    result = scanned(write(tmp_path / "a.h5", records), checks=CHECKS)
    assert result.summary.records == 10
    assert rules(result) == {"empty-record"}
    (shard,) = result.summary.plan.shards
    (block,) = result.reader.read(shard, untracked)
    result.reader.close()
    assert block.is_opaque
    assert block.fingerprints[0] == block.fingerprints[9] != 0
    assert len(set(block.fingerprints.tolist())) == 9


def test_marks_the_rows_of_images(tmp_path):
    records = [png(i) for i in range(6)]
    records[1] = b""
    reader = reader_of(write(tmp_path / "a.h5", records))
    marks = []
    (shard,) = reader.plan().shards
    list(reader.read(shard, lambda row, count: marks.append(row)))
    reader.close()
    assert set(marks) >= {0, 2, 3, 4, 5}
    assert 1 not in marks
