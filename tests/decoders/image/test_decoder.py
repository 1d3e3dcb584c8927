"""The decoder of values that are image files."""

from __future__ import annotations

import numpy as np
import pytest

import datascan
from datascan.config.options import ReadOptions
from datascan.decoders.image.decoder import ImageDecoder
from datascan.records.buffers import BytesColumn
from tests.builders.images import encode, photo, pixels
from tests.builders.lmdb import write_lmdb

VALUES = [photo(0), photo(1)[:400], encode(pixels(2), "PNG"), b"no image", photo(0)]


def block(values, **options):
    marks = []
    layout = ImageDecoder(ReadOptions(**options))
    made = layout.decode(7, BytesColumn.of(values), lambda row, count: marks.append((row, count)))
    assert marks == [(row, 1) for row in range(len(values))]
    return made


@pytest.mark.parametrize("value", [VALUES[0], VALUES[2], b"GIF89a", b"P6\n1 1 255\nabc"])
def test_matches_what_begins_as_an_image(value):
    assert ImageDecoder.matches(value)


@pytest.mark.parametrize("value", [b"", b"x", bytes(40), b"\x08\x03\x10\x20", b"\x93NUMPY"])
def test_matches_nothing_else(value):
    assert not ImageDecoder.matches(value)


def test_a_block():
    made = block(VALUES)
    assert (made.start, made.records, made.nbytes) == (7, 5, sum(map(len, VALUES)))
    assert made.images.rows.tolist() == [0, 2, 4]
    assert [(fault.row, fault.rule) for fault in made.faults] == [
        (1, "corrupt-image"),
        (3, "not-an-image"),
    ]
    assert made.labels is None
    assert made.has_exact_fingerprints
    assert made.unreadable.tolist() == [False, True, False, True, False]


def test_signatures_are_of_the_bytes():
    signatures = block(VALUES).fingerprints
    assert signatures[0] == signatures[4]
    assert len(np.unique(signatures)) == 4
    assert signatures.all()


def test_the_limit_of_pixels_is_obeyed():
    assert [fault.rule for fault in block(VALUES[:1], max_pixels=10).faults] == ["oversized-image"]


def test_an_lmdb_of_images(tmp_path):
    entries = {b"%03d" % i: photo(i) for i in range(8)}
    write_lmdb(tmp_path / "healthy", entries)
    report = datascan.scan(tmp_path / "healthy")
    assert (report.dataset.layout, report.findings) == ("image", [])
    write_lmdb(tmp_path / "damaged", entries | {b"005": photo(5)[:500]})
    (finding,) = datascan.scan(tmp_path / "damaged").findings
    assert finding.rule == "corrupt-image"
    assert [(e.index, e.key) for e in finding.examples] == [(5, "005")]
