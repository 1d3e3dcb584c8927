"""Keys that are not records."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zlib

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.outputs.terminal.render import render
from datascan.session import ScanSession
from tests.builders.images import photo
from tests.builders.lmdb import write_lmdb


def npy(i, count=12):
    file = io.BytesIO()
    np.save(file, np.arange(i, i + count, dtype=np.float32))
    return file.getvalue()


def record(i):
    return pickle.dumps({"pos": np.arange(i, i + 30.0), "y": i})


def scan(tmp_path, entries, **read):
    write_lmdb(tmp_path / "store", entries)
    with ScanSession(tmp_path / "store", Options().replace(**read)) as session:
        return session.report(charts=False)


NUMBERS = {b"%d" % i: record(i) for i in range(40)}
JSON = {b"%d" % (i + 1): zlib.compress(json.dumps({"energy": i}).encode()) for i in range(40)}
LAYOUTS = {
    "TAPE": (NUMBERS, {b"num_examples": pickle.dumps(40)}),
    "OC20": (NUMBERS, {b"length": pickle.dumps(40)}),
    "ViLBERT": (NUMBERS, {b"keys": pickle.dumps([*NUMBERS])}),
    "aselmdb": (
        JSON,
        {
            b"nextid": zlib.compress(b"41"),
            b"deleted_ids": zlib.compress(b"[]"),
            b"metadata": zlib.compress(b"{}"),
        },
    ),
    "ATOM3D": (
        {b"%d" % i: gzip.compress(b'{"atoms": %d}' % i) for i in range(40)},
        {
            b"num_examples": b"40",
            b"serialization_format": b"json",
            b"id_to_idx": gzip.compress(b"{}"),
        },
    ),
    "Self-Forcing": (
        {b"latents_%d_data" % i: bytes([i, 255 - i]) * 40 for i in range(40)},
        {b"latents_shape": b"40 2 20"},
    ),
    "UNITER": (
        {b"coco_%012d.npz" % i: b"\x82\xa4" + bytes([i, 7]) * 30 for i in range(40)},
        {b"__keys__": b'["a"]'},
    ),
    "unknown names": (
        {b"%05d" % i: npy(i) for i in range(40)},
        {b"created_by": b"someone", b"checksum": b"0123456789abcdef"},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bookkeeping_is_no_record(tmp_path, layout):
    records, others = LAYOUTS[layout]
    seen = scan(tmp_path, records | others)
    assert seen.dataset.records == len(records)
    assert {finding.rule for finding in seen.findings} <= {"not-inspected"}
    text = render([seen], colour=False, width=200)
    assert all(key.decode() in text for key in others)


@pytest.mark.parametrize("shard_bytes", [1, 4096, 1 << 30])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_parts_of_a_store_agree(tmp_path, shard_bytes, workers):
    others = LAYOUTS["aselmdb"][1]
    many = {b"%d" % i: b"x" * 200 + b"%d" % i for i in range(2000)}
    seen = scan(tmp_path, many | others, shard_bytes=shard_bytes, workers=workers)
    assert seen.dataset.records == len(many)


MIXED = {
    "images with names": {b"%05d" % i: photo(i) for i in range(20)}
    | {name: photo(30 + i) for i, name in enumerate([b"cat", b"dog", b"index"])},
    "pickles with names": NUMBERS | {b"alpha": record(50), b"beta": record(51)},
    "words": {name: b"%d" % i * 30 for i, name in enumerate([b"apple", b"keys", b"size", b"tree"])},
    "more words than numbers": {b"w" + b"x" * i: b"%d" % i * 30 for i in range(30)}
    | {b"%d" % i: npy(i) for i in range(20)},
}


@pytest.mark.parametrize("name", MIXED)
def test_a_record_with_an_odd_key_is_one(tmp_path, name):
    assert scan(tmp_path, MIXED[name]).dataset.records == len(MIXED[name])


@pytest.mark.parametrize(("pictures", "found"), [(10, []), (11, ["record-count-mismatch"])])
def test_pictures_in_several_sizes(tmp_path, pictures, found):
    images = {
        b"%d-%05d" % (size, i): photo(i, height=size, width=size)
        for size in (16, 32, 128)
        for i in range(10)
    }
    seen = scan(tmp_path, images | {b"length": b"%d" % pictures})
    rules = [finding.rule for finding in seen.findings if finding.severity == "error"]
    assert rules == found
    if found:
        assert (
            "length (11 in 3 sizes) says 33, but there are 30 records" in seen.findings[0].message
        )


@pytest.mark.parametrize("wrong", ["num-samples", "__len__", None])
def test_of_several_stated_numbers_the_wrong_one_is_named(tmp_path, wrong):
    stated = {"num-samples": b"20", "__len__": b"20"} | ({wrong: b"21"} if wrong else {})
    entries = {b"%04d" % i: npy(i) for i in range(20)}
    write_lmdb(tmp_path, entries | {name.encode(): number for name, number in stated.items()})
    with ScanSession(tmp_path, Options()) as session:
        report = session.report(charts=False)
    said = [one.message for one in report.findings if one.rule == "record-count-mismatch"]
    assert said == ([f"{wrong} says 21, but there are 20 records"] if wrong else [])
