"""Whatever a decoder raises is a finding for its record, in every reader, with and without workers.

The image decoder is replaced by one that raises on images with a certain comment.
"""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest

from datascan.decoders.datum import decoder as datum_decoder
from datascan.decoders.image import inspection
from datascan.decoders.raw import RawDecoder
from datascan.executors.process_pool import worker_group
from datascan.readers.hdf5 import rows as hdf5_rows
from tests.builders.lmdb import datum, write_lmdb
from tests.damage.test_record_limits import BAD, RECORDS, STORES, image, scanned

ERRORS = (
    KeyError(6),
    SystemError("tile cannot extend outside image"),
    RecursionError("maximum recursion depth exceeded"),
    struct.error("unpack requires a buffer of 4 bytes"),
    AssertionError(),
    StopIteration(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
)
WORKERS = [None, 0, 2]


@pytest.fixture(autouse=True)
def _workers_inherit_what_is_replaced(monkeypatch):
    monkeypatch.setattr(worker_group, "start_method", lambda: "fork")


def check(path, error, workers):
    crashes, records = scanned(path, workers=workers)
    assert records == RECORDS
    ((row, detail),) = crashes.items()
    assert row == BAD
    assert detail.startswith(type(error).__name__)
    assert "(damage/test_decoder_exceptions.py, line " in detail


def replace(monkeypatch, target, name, error, sign=b"misbehave"):
    original = getattr(target, name)

    def replaced(*arguments, **options):
        if any(isinstance(one, bytes | memoryview) and sign in bytes(one) for one in arguments):
            raise error
        return original(*arguments, **options)

    monkeypatch.setattr(target, name, replaced)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("write", STORES)
def test_an_exception_of_the_image_decoder(tmp_path, monkeypatch, write, error):
    replace(monkeypatch, inspection, "decode_image", error)
    path = write(tmp_path / "dataset")
    for workers in WORKERS:
        check(path, error, workers)


@pytest.mark.parametrize("target", ["read_header", "sniff_format", "describe_content"])
def test_an_exception_before_and_after_decoding(tmp_path, monkeypatch, target):
    error = KeyError("x")
    replace(monkeypatch, inspection, target, error)
    values = {b"%d" % i: image(i) for i in range(RECORDS)}
    if target == "describe_content":
        values[b"%d" % BAD] = b"misbehave"
    path = write_lmdb(tmp_path / "store", values)
    for workers in WORKERS:
        check(path, error, workers)


def test_records_of_text_recognition(tmp_path, monkeypatch):
    error = SystemError("x")
    replace(monkeypatch, inspection, "decode_image", error)
    values = {b"image-%09d" % (i + 1): image(i) for i in range(RECORDS)}
    values |= {b"label-%09d" % (i + 1): b"text" for i in range(RECORDS)}
    path = write_lmdb(tmp_path / "store", values | {b"num-samples": b"%d" % RECORDS})
    for workers in WORKERS:
        check(path, error, workers)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_exception_of_a_decoder_of_many_values(tmp_path, monkeypatch, error):
    """The decoder gets a whole batch, so its values are decoded in halves."""
    sign = b"\x07\x06\x05\x04"
    original = datum_decoder.DatumDecoder._decode_by_templates

    def replaced(self, batch):
        if any(sign in batch.values[row] for row in range(len(batch.values))):
            raise error
        return original(self, batch)

    monkeypatch.setattr(datum_decoder.DatumDecoder, "_decode_by_templates", replaced)
    values = {b"%d" % i: datum(np.full((1, 4, 4), i + 1.0), i % 2) for i in range(RECORDS)}
    bad = np.frombuffer(sign * 4, np.uint8).reshape(1, 4, 4)
    values = {b"%d" % i: datum(np.full((1, 4, 4), 9, np.uint8), 0) for i in range(RECORDS)}
    values[b"%d" % BAD] = datum(bad, 1)
    path = write_lmdb(tmp_path / "store", values)
    for workers in WORKERS:
        check(path, error, workers)


def test_an_exception_for_every_value(tmp_path, monkeypatch):
    def decode(self, start, values, track, *, decode_images=True):
        raise KeyError(6)

    monkeypatch.setattr(RawDecoder, "decode", decode)
    path = write_lmdb(tmp_path / "store", {b"%04d" % i: b"v%04d" % i for i in range(2000)})
    for workers in WORKERS:
        crashes, records = scanned(path, workers=workers)
        assert records == 2000
        assert len(crashes) == 20  # examples


def test_an_exception_of_the_reader_of_hdf5(tmp_path, monkeypatch):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(RECORDS, 4))
        file["label"] = np.arange(RECORDS) % 2

    def take(self, first, stop):
        if first <= BAD < stop:
            raise KeyError(6)
        return original(self, first, stop)

    original = hdf5_rows.RowCursor.take
    monkeypatch.setattr(hdf5_rows.RowCursor, "take", take)
    for workers in WORKERS:
        check(path, KeyError(6), workers)
