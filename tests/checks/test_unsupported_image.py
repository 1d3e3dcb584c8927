"""Images whose variant cannot be decoded here."""

from __future__ import annotations

from datascan.checks.unsupported_image import UnsupportedImage
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import photo, write_tree
from tests.builders.jpeg import replace_frame
from tests.builders.sessions import findings_of

RULE = "unsupported-image"
PHRASES = (
    "is an image of a variant that cannot be decoded here",
    "are images of a variant that cannot be decoded here",
)


def test_an_intact_image_that_cannot_be_decoded(tmp_path):
    unsupported = replace_frame(photo(1), precision=12)
    files = {"a.jpg": photo(), "b.jpg": unsupported, "c.jpg": unsupported[:-2]}
    folder = write_tree(tmp_path, files)
    (found,) = findings_of(folder, RULE)
    assert (found.severity, found.records) == ("warning", 1)
    assert found.message == f"1 of 3 records {PHRASES[0]}"
    (example,) = found.examples
    assert (example.key, example.detail) == ("b.jpg", "JPEG: 12 bits per sample")
    (damaged,) = findings_of(folder, "corrupt-image")
    assert [one.key for one in damaged.examples] == ["c.jpg"]


def test_it_takes_no_part_in_comparisons(tmp_path):
    unsupported = replace_frame(photo(1), precision=12)
    files = {
        "a/1.jpg": unsupported,
        "b/2.jpg": unsupported,
        "a/3.jpg": photo(),
        "b/4.jpg": photo(2),
    }
    folder = write_tree(tmp_path, files)
    assert findings_of(folder, RULE)[0].records == 2
    assert findings_of(folder, "duplicate-record") == []
    assert findings_of(folder, "conflicting-label") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(records=3, faults=[Fault(2, RULE, "why"), Fault(0, "empty-record", "x")])
    second = block_of(records=2, faults=[Fault(1, RULE, "how"), Fault(1, RULE, "so")])
    found = finding(UnsupportedImage, first, second)
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == f"2 of 5 records {PHRASES[1]}"
    assert found.named == {2: "why", 4: "how; so"}


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(UnsupportedImage, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert findings(UnsupportedImage, other) == []
