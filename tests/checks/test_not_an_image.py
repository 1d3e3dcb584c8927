"""Files without an image signature."""

from __future__ import annotations

from datascan.checks.not_an_image import NotAnImage
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import photo, write_tree
from tests.builders.sessions import findings_of


def test_web_pages_and_zeros(tmp_path):
    files = {"a.jpg": photo(), "b.jpg": b"<!DOCTYPE html><html></html>", "c.png": bytes(500)}
    (found,) = findings_of(write_tree(tmp_path, files), "not-an-image")
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 3 records are not images"
    assert [(e.index, e.key) for e in found.examples] == [(1, "b.jpg"), (2, "c.png")]
    assert "HTML" in found.examples[0].detail


def test_images_are_healthy(tmp_path):
    assert findings_of(write_tree(tmp_path, {"a.jpg": photo()}), "not-an-image") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "not-an-image", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "not-an-image", "how"), Fault(1, "not-an-image", "so")]
    )
    found = finding(NotAnImage, first, second)
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 5 records are not images"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "not-an-image", "why")])
    assert finding(NotAnImage, block).message == "1 of 1 records is not an image"


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(NotAnImage, block_of(records=0)) == []
    assert (
        findings(NotAnImage, block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])) == []
    )
