"""Images with more than one frame: animations and pages."""

from __future__ import annotations

from datascan.checks.animated_image import AnimatedImage
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import encode, pixels, write_tree
from tests.builders.sessions import findings_of


def test_animations_and_pages(tmp_path):
    frames = [pixels(seed) for seed in range(3)]
    several = {"save_all": True, "append_images": frames[1:]}
    files = {
        "a.gif": encode(frames[0], "GIF"),
        "b.gif": encode(frames[0], "GIF", **several),
        "c.png": encode(frames[0], "PNG"),
        "d.tiff": encode(frames[0], "TIFF", **several),
    }
    (found,) = findings_of(write_tree(tmp_path, files), "animated-image")
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == "2 of 4 records have several frames"
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (1, "b.gif", "3 frames"),
        (3, "d.tiff", "3 pages"),
    ]


def test_single_frames_are_healthy(tmp_path):
    files = {f"{kind}.{kind}": encode(pixels(), kind) for kind in ("GIF", "TIFF", "WEBP")}
    assert findings_of(write_tree(tmp_path, files), "animated-image") == []


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "animated-image", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "animated-image", "how"), Fault(1, "animated-image", "so")]
    )
    found = finding(AnimatedImage, first, second)
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == "2 of 5 records have several frames"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "animated-image", "why")])
    assert finding(AnimatedImage, block).message == "1 of 1 records has several frames"


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(AnimatedImage, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert findings(AnimatedImage, other) == []
