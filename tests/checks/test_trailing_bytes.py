"""Bytes after the end of an image."""

from __future__ import annotations

from datascan.checks.trailing_bytes import TrailingBytes
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.sessions import findings_of


def test_appended_bytes(tmp_path):
    files = {
        "a.jpg": photo() + bytes(512),
        "b.jpg": photo(1),
        "c.png": encode(pixels(2), "PNG") + b"PK\3\4",
    }
    (found,) = findings_of(write_tree(tmp_path, files), "trailing-bytes")
    assert (found.severity, found.records) == ("info", 2)
    assert found.message == "2 of 3 records have bytes after the end of their image"
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (0, "a.jpg", "512 bytes after the end of the image"),
        (2, "c.png", "4 bytes after the end of the image"),
    ]


def test_images_that_end_at_their_end_are_healthy(tmp_path):
    files = {"a.jpg": photo(), "b.png": encode(pixels(1), "PNG")}
    assert findings_of(write_tree(tmp_path, files), "trailing-bytes") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "trailing-bytes", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "trailing-bytes", "how"), Fault(1, "trailing-bytes", "so")]
    )
    found = finding(TrailingBytes, first, second)
    assert (found.severity, found.records) == ("info", 2)
    assert found.message == "2 of 5 records have bytes after the end of their image"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "trailing-bytes", "why")])
    assert (
        finding(TrailingBytes, block).message
        == "1 of 1 records has bytes after the end of its image"
    )


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(TrailingBytes, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert findings(TrailingBytes, other) == []
