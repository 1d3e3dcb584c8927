"""Rotation tags that many loaders ignore."""

from __future__ import annotations

from PIL import Image

from datascan.checks.exif_orientation import ExifOrientation
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import encode, pixels, write_tree
from tests.builders.sessions import findings_of


def tagged(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(pixels(orientation), "JPEG", exif=exif)


def test_rotated_and_mirrored_images(tmp_path):
    files = {f"{tag}.jpg": tagged(tag) for tag in (1, 3, 6)}
    (found,) = findings_of(write_tree(tmp_path, files), "exif-orientation")
    assert (found.severity, found.records) == ("info", 2)
    assert found.message == "2 of 3 records have a rotation tag"
    assert [(e.index, e.key) for e in found.examples] == [(1, "3.jpg"), (2, "6.jpg")]
    assert found.examples[1].detail == "orientation 6: rotated by 90 degrees"


def test_upright_images_are_healthy(tmp_path):
    files = {"tag.jpg": tagged(1), "none.jpg": encode(pixels(), "JPEG")}
    assert findings_of(write_tree(tmp_path, files), "exif-orientation") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "exif-orientation", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "exif-orientation", "how"), Fault(1, "exif-orientation", "so")]
    )
    found = finding(ExifOrientation, first, second)
    assert (found.severity, found.records) == ("info", 2)
    assert found.message == "2 of 5 records have a rotation tag"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "exif-orientation", "why")])
    assert finding(ExifOrientation, block).message == "1 of 1 records has a rotation tag"


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(ExifOrientation, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "trailing-bytes", "why")])
    assert findings(ExifOrientation, other) == []
