"""Images that cannot be decoded in full."""

from __future__ import annotations

from datascan.checks.corrupt_image import CorruptImage
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.sessions import findings_of


def test_a_truncated_jpeg_and_a_png_with_a_bad_checksum(tmp_path):
    png = bytearray(encode(pixels(1), "PNG"))
    png[-20] ^= 1
    files = {
        "a.jpg": photo(0),
        "b.jpg": photo(1)[:-300],
        "c.png": bytes(png),
        "d.png": encode(pixels(2), "PNG"),
    }
    (found,) = findings_of(write_tree(tmp_path, files), "corrupt-image")
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 4 records cannot be decoded in full"
    assert [(e.index, e.key) for e in found.examples] == [(1, "b.jpg"), (2, "c.png")]
    assert found.examples[0].detail.startswith("JPEG: ")
    assert found.examples[1].detail.startswith("PNG: ")


def test_whole_images_are_healthy(tmp_path):
    files = {f"{i}.jpg": photo(i) for i in range(3)}
    assert findings_of(write_tree(tmp_path, files), "corrupt-image") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "corrupt-image", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "corrupt-image", "how"), Fault(1, "corrupt-image", "so")]
    )
    found = finding(CorruptImage, first, second)
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 5 records cannot be decoded in full"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert finding(CorruptImage, block).message == "1 of 1 records cannot be decoded in full"


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(CorruptImage, block_of(records=0)) == []
    assert (
        findings(CorruptImage, block_of(records=1, faults=[Fault(0, "not-an-image", "why")])) == []
    )
