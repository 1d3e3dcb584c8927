"""Images with more pixels than --max-pixels."""

from __future__ import annotations

from datascan.checks.oversized_image import OversizedImage
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import encode, pixels, png_bomb, write_tree
from tests.builders.sessions import findings_of


def test_a_decompression_bomb(tmp_path):
    files = {"a.png": encode(pixels(), "PNG"), "b.png": png_bomb()}
    (found,) = findings_of(write_tree(tmp_path, files), "oversized-image")
    assert (found.severity, found.records) == ("error", 1)
    assert found.message == "1 of 2 records has too many pixels to be decoded"
    (example,) = found.examples
    assert (example.index, example.key) == (1, "b.png")
    assert "60,000 x 60,000 = 3,600,000,000 pixels" in example.detail


def test_the_limit_itself_is_allowed(tmp_path):
    folder = write_tree(tmp_path, {"a.png": encode(pixels(height=20, width=30), "PNG")})
    assert findings_of(folder, "oversized-image", max_pixels=600) == []
    assert len(findings_of(folder, "oversized-image", max_pixels=599)) == 1


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "oversized-image", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "oversized-image", "how"), Fault(1, "oversized-image", "so")]
    )
    found = finding(OversizedImage, first, second)
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 5 records have too many pixels to be decoded"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "oversized-image", "why")])
    assert (
        finding(OversizedImage, block).message == "1 of 1 records has too many pixels to be decoded"
    )


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(OversizedImage, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert findings(OversizedImage, other) == []
