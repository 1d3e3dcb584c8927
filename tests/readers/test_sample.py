"""Samples: evenly spread, deterministic, and every record keeps its index and key."""

from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
from PIL import Image

import datascan
from datascan.readers.sample import MAX_BLOCKS, sample_spans
from datascan.report.summary import count_records
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import datum, write_lmdb

COUNT = 3000


def values(i):
    """Record ``i``: every tenth has a NaN."""
    found = np.random.default_rng(i).random(6).astype(np.float32)
    if i % 10 == 0:
        found[2] = np.nan
    return found


@pytest.mark.parametrize("total", [1, 2, 7, 511, 512, 513, 1000, 2999])
@pytest.mark.parametrize("most", [1, 3, MAX_BLOCKS])
def test_spans_have_the_sample_and_equal_gaps(total, most):
    for sample in {1, 2, 3, total // 3 or 1, total - 1, total, total + 1} - {0}:
        spans = sample_spans(sample, total, most)
        if sample >= total:
            assert spans is None
            continue
        assert len(spans) == min(sample, most)
        edges = [0, *(edge for span in spans for edge in span), total]
        gaps, sizes = np.diff(edges)[::2], np.diff(edges)[1::2]
        assert sizes.sum() == sample
        assert (gaps >= 0).all()
        assert (sizes > 0).all()
        assert np.ptp(sizes) <= 1
        assert np.ptp(gaps[1:-1]) <= 1 if len(gaps) > 3 else True
        assert abs(int(gaps[0]) - int(gaps[-1])) <= 1 + np.ptp(gaps[1:-1]) if len(spans) > 1 else 1


def test_no_sample_reads_everything():
    assert sample_spans(None, 10) is None


def write_dataset(kind, folder):
    path = folder / kind
    if kind == "lmdb":
        return write_lmdb(
            path, {b"%08d" % i: datum(values(i).reshape(1, 2, 3), i % 3) for i in range(COUNT)}
        )
    if kind == "lmdb-backward":
        entries = {int(i).to_bytes(4, "little"): npy(values(i)) for i in range(COUNT)}
        return write_lmdb(path, entries, db="numbers", integerkey=True)
    if kind == "leveldb":
        entries = [(b"%08d" % i, datum(values(i).reshape(1, 2, 3), i % 3)) for i in range(COUNT)]
        sessions = [dict(entries[first : first + 500]) for first in range(0, COUNT, 500)]
        return write_leveldb(path, *sessions, in_tables=False)
    parts = (path.with_suffix(".a.h5"), path.with_suffix(".b.h5"))
    for part, span in zip(parts, (range(1100), range(1100, COUNT)), strict=True):
        with h5py.File(part, "w") as file:
            file["data"] = np.array([values(i) for i in span])
            file["label"] = np.array([i % 3 for i in span])
    return list(parts)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["lmdb", "leveldb", "hdf5"])
@pytest.mark.parametrize("sample", [1, 40, 1700])
def test_records_keep_index_and_key(tmp_path, kind, sample):
    path = write_dataset(kind, tmp_path)
    whole = datascan.scan(path, workers=0)
    reports = [datascan.scan(path, sample=sample, workers=workers) for workers in (0, 1, 2)]
    spans = sample_spans(sample, COUNT)
    read = {i for first, stop in spans for i in range(first, stop)}
    expected = sorted(i for i in read if i % 10 == 0)
    for report in reports:
        assert report.dataset.records == sample
        assert report.dataset.sample == sample
        assert report.dataset.total == COUNT
        assert report.bad_indices(["nan-value"]).tolist() == expected
        found = [f for f in report.findings if f.rule == "nan-value"]
        for example in found[0].examples if found else ():
            assert example.key == key_of(kind, example.index)
    assert whole.dataset.sample is None
    assert not {"damaged-store", "key-gap", "record-count-mismatch"} & {
        finding.rule for finding in reports[0].findings
    }


def key_of(kind, index):
    if kind != "hdf5":
        return f"{index:08}"
    return f"hdf5.a.h5:data[{index}]" if index < 1100 else f"hdf5.b.h5:data[{index - 1100}]"


def test_keys_that_are_not_in_byte_order(tmp_path):
    path = write_dataset("lmdb-backward", tmp_path)
    whole = datascan.scan(path, db="numbers", workers=0)
    report = datascan.scan(path, db="numbers", sample=100, workers=0)
    assert report.dataset.records == 100
    read = {i for first, stop in sample_spans(100, COUNT, 8) for i in range(first, stop)}
    expected = sorted(read & set(whole.bad_indices(["nan-value"]).tolist()))
    assert report.bad_indices(["nan-value"]).tolist() == expected
    assert expected


def test_images(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(300):
        name = tmp_path / "abc"[i % 3] / f"{i:04}.png"
        name.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(name)
    names = sorted(tmp_path.rglob("*.png"))
    first, stop = sample_spans(20, 300)[7]
    names[first].write_bytes(b"<html>")
    names[first - 3].write_bytes(b"<html>")
    for workers in (0, 2):
        report = datascan.scan(tmp_path, sample=20, workers=workers)
        assert stop == first + 1
        assert report.bad_indices().tolist() == [first]
        assert report.dataset.records == 20
        assert count_records(report.dataset) == "sample of 20 of 300 records"


def test_duplicates_name_the_records_of_the_whole_dataset(tmp_path):
    path = write_lmdb(
        tmp_path / "store",
        {
            b"%08d" % i: datum(np.full((1, 2, 3), i % 5 + 1.0) + np.arange(6).reshape(1, 2, 3))
            for i in range(900)
        },
    )
    report = datascan.scan(path, sample=9, workers=0)
    (finding,) = [found for found in report.findings if found.rule == "duplicate-record"]
    read = [first for first, _ in sample_spans(9, 900)]
    for example in finding.examples:
        assert example.index in read
        assert example.related[0].index in read
        assert example.index % 5 == example.related[0].index % 5
        assert example.related[0].key == f"{example.related[0].index:08}"


def test_a_sample_of_the_first_records(tmp_path):
    path = write_dataset("lmdb", tmp_path)
    report = datascan.scan(path, sample=10, limit=200, workers=0)
    read = [first for first, _ in sample_spans(10, 200)]
    assert report.dataset.records == 10
    assert report.bad_indices(["nan-value"]).tolist() == [i for i in read if i % 10 == 0]
    assert count_records(report.dataset) == "sample of 10 of the first 200 records"


def test_a_sample_of_everything_is_the_whole(tmp_path):
    path = write_dataset("lmdb", tmp_path)
    report = datascan.scan(path, sample=COUNT, workers=0)
    assert report.dataset.sample is None
    assert report.dataset.records == COUNT


def test_what_only_the_whole_shows_is_not_judged(tmp_path):
    labels = [0] * 700 + [1] * 700 + [5]
    path = write_lmdb(
        tmp_path / "store",
        {
            b"%08d" % i: datum(values(i + 1 if i % 10 == 0 else i).reshape(1, 2, 3), label)
            for i, label in enumerate(labels)
        }
        | {b"length": b"7"},
    )
    whole = {finding.rule for finding in datascan.scan(path, workers=0).findings}
    assert {"empty-class", "class-imbalance", "record-count-mismatch"} <= whole
    report = datascan.scan(path, sample=200, workers=0, batch_sizes=32)
    assert not whole & {finding.rule for finding in report.findings}
    assert "store order" not in str(report.findings)
    assert not report.dataset.read_in_order


def test_a_limit_is_not_damage(tmp_path):
    path = write_dataset("lmdb", tmp_path)
    report = datascan.scan(path, limit=7, workers=0)
    assert "damaged-store" not in {finding.rule for finding in report.findings}


def test_text_lines(tmp_path):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8))
    image.save(tmp_path / "one.png")
    content = (tmp_path / "one.png").read_bytes()
    entries = {b"num-samples": b"50"}
    for i in range(1, 51):
        entries[b"image-%09d" % i] = content if i != 26 else b""
        entries[b"label-%09d" % i] = b"word"
    path = write_lmdb(tmp_path / "store", entries)
    report = datascan.scan(path, sample=25, workers=0)
    read = [first for first, _ in sample_spans(25, 50)]
    assert report.dataset.records == 25
    assert report.bad_indices(["empty-record"]).tolist() == [i for i in read if i == 25]
