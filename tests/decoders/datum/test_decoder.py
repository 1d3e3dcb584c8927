"""Datums of several kinds in one store."""

from __future__ import annotations

import numpy as np
import pytest

import datascan
from datascan.config.options import ReadOptions
from datascan.decoders.datum.decoder import DatumDecoder
from datascan.decoders.datum.template import datum_error
from datascan.records.buffers import BytesColumn
from tests.builders.images import encode, pixels
from tests.builders.lmdb import datum, numbered, write_lmdb


def test_copies_among_floats_of_two_shapes(tmp_path):
    first = [datum(np.arange(i, i + 3, dtype=np.float32).reshape(1, 1, 3), 0) for i in range(8)]
    second = [datum(np.arange(4, dtype=np.float32).reshape(1, 1, 4), 0) for _ in range(8)]
    report = datascan.scan(write_lmdb(tmp_path / "store", numbered([*first, *second])), workers=0)
    found = {finding.rule: finding.records for finding in report.findings}
    assert (found["duplicate-record"], found["shape-mismatch"]) == (7, 8)


def decode(*values: bytes, **options):
    """A block of these Datums, and the rows that were announced."""
    announced = []
    made = DatumDecoder(ReadOptions(**options.pop("read", {}))).decode(
        5 << 32, BytesColumn.of(values), lambda *rows: announced.append(rows), **options
    )
    return made, announced


def bytes_datum(*shape: int, label: int | None = 3, fill: int = 7) -> bytes:
    return datum(np.full(shape, fill, np.uint8), label)


def test_columns_by_shape_and_dtype():
    values = [bytes_datum(1, 2, 2), bytes_datum(1, 1, 4), datum(np.ones((1, 2, 2)), 9)]
    made, _ = decode(*values)
    assert [(column.rows.tolist(), column.shape) for column in made.arrays] == [
        ([0], (1, 2, 2)),
        ([1], (1, 1, 4)),
        ([2], (1, 2, 2)),
    ]
    assert made.labels.values.tolist() == [3, 3, 9]
    assert made.labels.present.all()
    assert (made.start, made.records, made.nbytes) == (5 << 32, 3, sum(map(len, values)))
    assert len(set(made.fingerprints.tolist())) == 3
    assert not made.has_exact_fingerprints


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_records_of_many_or_few_of_a_length_are_the_same(count):
    values = [bytes_datum(1, 2, 2, label=i, fill=i) for i in range(count)]
    made, _ = decode(*values)
    rows = {row: column for column in made.arrays for row in column.rows.tolist()}
    assert sorted(rows) == list(range(count))
    assert made.labels.values.tolist() == list(range(count))
    assert {int(column.stats.low[0]) for column in made.arrays} >= {0}


def test_encoded_images_are_decoded_or_kept():
    image = encode(pixels(1), "PNG")
    encoded = datum(np.zeros((0, 0, 0), np.uint8), 1, encoded=image)
    values = [bytes_datum(1, 2, 2), encoded, encoded, bytes_datum(1, 2, 2)]
    made, announced = decode(*values)
    assert made.images.rows.tolist() == [1, 2]
    assert announced == [(1, 1), (2, 1)]
    assert made.fingerprints[1] == made.fingerprints[2] != made.fingerprints[0] != 0
    digests = made.digests(np.arange(4))
    assert digests[1] == digests[2] != digests[0] == digests[3]
    kept, announced = decode(*values, decode_images=False)
    assert {row: bytes(content) for row, content in kept.encoded.items()} == {1: image, 2: image}
    assert (kept.images, announced) == (None, [])
    assert kept.nbytes == made.nbytes
    assert sum(len(column.rows) for column in kept.arrays) == 2


def test_images_are_limited():
    image = encode(pixels(1), "PNG")
    made, _ = decode(datum(np.zeros(3), 1, encoded=image), read={"max_pixels": 9})
    assert [fault.rule for fault in made.faults] == ["oversized-image"]


def test_only_images_have_exact_fingerprints():
    made, _ = decode(datum(np.zeros(3), 1, encoded=encode(pixels(1), "PNG")))
    assert made.has_exact_fingerprints


def test_faults_are_in_the_order_of_rows():
    broken = datum(np.zeros(3), 4, encoded=b"no image")
    wrong = bytes_datum(1, 2, 2) + b"\x08\x09"
    made, _ = decode(b"\xff\xff", broken, wrong, bytes_datum(1, 2, 2), b"\x28\x05")
    assert [(fault.row, fault.rule) for fault in made.faults] == [
        (0, "malformed-record"),
        (1, "not-an-image"),
        (2, "malformed-record"),
        (4, "malformed-record"),
    ]
    assert made.faults[2].detail == "4 bytes of data, but shape 9x2x2 needs 36"
    assert made.faults[3].detail == "has neither data nor float_data"
    assert made.labels.present.tolist() == [False, True, True, True, True]
    assert made.labels.values.tolist() == [0, 4, 3, 3, 5]


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        (bytes_datum(1, 2, 2), True),
        (datum(np.ones((1, 1, 2)), 1), True),
        (b"\x08\x01", False),
        (b"", False),
        (b"\xff\xff", False),
        (bytes_datum(1, 2, 2) + b"\x42\x01x", True),
        (b"\x08\x01\x42\x01x", False),
        (b"\x08" + b"\xff" * 9 + b"\x01\x42\x01x\x22\x01a", False),
    ],
)
def test_what_is_a_datum(value, matches):
    assert DatumDecoder.matches(value) == matches


@pytest.mark.parametrize(
    ("shape", "data", "floats", "encoded", "why"),
    [
        ((1, 2, 3), 6, 0, False, None),
        ((1, 2, 3), 0, 6, False, None),
        ((0, 0, 0), 9, 0, True, None),
        ((1, 2, 3), 6, 1, False, "has both data (6 bytes) and float_data (1 values)"),
        ((1, 2, 3), 0, 0, True, "has neither data nor float_data"),
        ((1, 2, 3), 0, 6, True, "is marked as encoded but has no data"),
        ((1, 2, 3), 0, 7, False, "7 values of float_data, but shape 1x2x3 needs 6"),
        ((-1, -2, 3), 6, 0, False, "6 bytes of data, but shape -1x-2x3 has a negative size"),
        ((0, 2, 3), 1, 0, False, "1 bytes of data, but shape 0x2x3 needs 0"),
    ],
)
def test_why_a_datum_is_malformed(shape, data, floats, encoded, why):
    assert datum_error(shape, data, floats, encoded=encoded) == why
