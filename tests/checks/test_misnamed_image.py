"""Images whose content is another type than their name says."""

from __future__ import annotations

from datascan.checks.misnamed_image import MisnamedImage
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.sessions import findings_of


def test_names_that_do_not_match_the_content(tmp_path):
    files = {"a.jpg": photo(), "b.jpg": encode(pixels(1), "PNG"), "c.png": photo(2)}
    (found,) = findings_of(write_tree(tmp_path, files), "misnamed-image")
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == "2 of 3 records have another image type than their names"
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (1, "b.jpg", "PNG named .jpg"),
        (2, "c.png", "JPEG named .png"),
    ]


def test_other_spellings_of_a_type_are_healthy(tmp_path):
    files = {"a.jpeg": photo(), "b.JPG": photo(1), "c.tif": encode(pixels(2), "TIFF")}
    assert findings_of(write_tree(tmp_path, files), "misnamed-image") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "misnamed-image", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "misnamed-image", "how"), Fault(1, "misnamed-image", "so")]
    )
    found = finding(MisnamedImage, first, second)
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == "2 of 5 records have another image type than their names"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "misnamed-image", "why")])
    assert (
        finding(MisnamedImage, block).message
        == "1 of 1 records has another image type than its name"
    )


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(MisnamedImage, block_of(records=0)) == []
    assert (
        findings(MisnamedImage, block_of(records=1, faults=[Fault(0, "not-an-image", "why")])) == []
    )
